#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How exactly Newton-Schulz steps give the gradient of the Wasserstein-2 style loss (docs/losses.md).

Usage: newton_schulz.py VKSTYLE CONTENT STYLE [--size N]

At each style layer: number of channels, share of the style's variance in its ten largest directions,
and the relative error of I - R (R C R + e I)^-1/2 R as it acts on C^1/2, for plain and scaled steps in
float32 against eigenvalues in double; R = S^1/2. Needs python3-numpy and python3-pil.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "quality"))
from residual import STYLE, fitted, tensors  # noqa: E402

LEAST = 0.004  # root of the e that is added, in units of |S^2|


def activations(vkstyle, path, size):
    with tempfile.TemporaryDirectory() as folder:
        png, out = os.path.join(folder, "in.png"), os.path.join(folder, "out.safetensors")
        fitted(path, size).save(png)
        subprocess.run([vkstyle, "evaluate", png, png, png, "-o", out], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return tensors(out)


def covariance(features):
    f = features.reshape(features.shape[-3], -1)
    f = f - f.mean(axis=1, keepdims=True)
    return f @ f.T / f.shape[1]


def root(matrix):
    values, vectors = numpy.linalg.eigh(matrix)
    return (vectors * numpy.sqrt(numpy.maximum(values, 0))) @ vectors.T


def inverse_root(matrix):
    values, vectors = numpy.linalg.eigh(matrix)
    return (vectors / numpy.sqrt(numpy.maximum(values, 1e-12 * values[-1]))) @ vectors.T


def newton_schulz(matrix, steps, least):
    """least: of the roots, relative to the largest; 0: steps are not scaled."""
    norm = numpy.linalg.norm(matrix)
    one = numpy.eye(len(matrix), dtype=numpy.float32)
    y, z = (matrix / norm).astype(numpy.float32), one
    for _ in range(steps):
        scale = numpy.sqrt(3 / (1 + least + least ** 2)) if least else 1.0
        least = 0.5 * scale * least * (3 - scale ** 2 * least ** 2)
        t = numpy.float32(0.5 * scale) * (3 * one - numpy.float32(scale ** 2) * (z @ y))
        y, z = y @ t, t @ z
    return z / numpy.sqrt(norm)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("vkstyle")
    parser.add_argument("content")
    parser.add_argument("style")
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    content = activations(options.vkstyle, options.content, options.size)
    style = activations(options.vkstyle, options.style, options.size)
    for layer in STYLE:
        s, c = covariance(style["target/" + layer]), covariance(content["target/" + layer])
        r, held, one = root(s), root(c), numpy.eye(len(s))
        values = numpy.linalg.eigvalsh(s)
        print(f"{layer}  {len(s):3}  {values[-10:].sum() / values.sum():.2f}", end="")
        for e, steps, least in ((0, 12, 0), (LEAST, 12, 0), (LEAST, 8, LEAST / 8), (LEAST, 10, LEAST / 8)):
            matrix = r @ c @ r + e ** 2 * numpy.linalg.norm(s @ s) * one
            right = (one - r @ inverse_root(matrix) @ r) @ held
            got = (one - r @ newton_schulz(matrix, steps, least) @ r) @ held
            print(f"  {numpy.linalg.norm(got - right) / numpy.linalg.norm(right):.3f}", end="")
        print(flush=True)


if __name__ == "__main__":
    main()
