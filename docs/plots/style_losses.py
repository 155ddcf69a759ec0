#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The three style losses measured against each other (docs/losses.md).

Usage: style_losses.py VKSTYLE [--size N] [--quality Q] [CONTENT:STYLE ...]

Paints every pair of pictures of docs/gallery with each of --style-loss, and prints as rows of a
table, relative to the style's size and averaged over conv1_1 to conv5_1:
  gram        |G - A|^2 / |A|^2
  content     |F - F_c|^2 / |F_c|^2, at conv4_2
  means       |m - m_s|^2 / |m_s|^2
  deviations  |d - d_s|^2 / |d_s|^2
  distance    squared Wasserstein-2 distance of Gaussians over |m_s|^2 + tr S, by eigenvalues in double
  seconds     of the painting
Needs python3-numpy and python3-pil.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "quality"))
from newton_schulz import activations, covariance, root  # noqa: E402
from residual import STYLE, residual  # noqa: E402

GALLERY = os.path.join(HERE, "..", "gallery")
PAIRS = ["astronaut:mosaic", "mountains:auvers", "cat:woodcut"]


def moments(features):
    f = features.reshape(features.shape[0], -1)
    return f.mean(axis=1), f.std(axis=1), covariance(features)


def misses(result, style):
    """Means, deviations and distance, each averaged over the layers."""
    rows = []
    for layer in STYLE:
        m, d, c = moments(result["target/" + layer])
        n, e, s = moments(style["target/" + layer])
        r = root(s)
        values = numpy.linalg.eigvalsh(r @ c @ r)
        far = ((m - n) ** 2).sum() + numpy.trace(c) + numpy.trace(s) - 2 * numpy.sqrt(numpy.maximum(values, 0)).sum()
        rows.append((((m - n) ** 2).sum() / (n ** 2).sum(), ((d - e) ** 2).sum() / (e ** 2).sum(),
                     far / ((n ** 2).sum() + numpy.trace(s))))
    return numpy.mean(rows, axis=0)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("vkstyle")
    parser.add_argument("pairs", nargs="*", default=PAIRS)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--quality", default="draft")
    options = parser.parse_args()
    print("| | | gram | content | means | deviations | distance | seconds |\n|---|---|---|---|---|---|---|---|")
    for pair in options.pairs:
        content, style = (os.path.join(GALLERY, part, name + ".jpg")
                          for part, name in zip(("contents", "styles"), pair.split(":")))
        aim = activations(options.vkstyle, style, options.size)
        for loss in ("gram", "gram-mean", "wasserstein"):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "out.png")
                begun = time.time()
                subprocess.run([options.vkstyle, "transfer", content, style, "-o", path, "--size", str(options.size),
                                "--quality", options.quality, "--style-loss", loss, "--progress", "none"], check=True)
                seconds = time.time() - begun
                seen = residual(options.vkstyle, content, style, path, options.size)
                m, d, far = misses(activations(options.vkstyle, path, options.size), aim)
            print(f"| {pair.replace(':', ' by ')} | `{loss}` | {seen['style']:.3f} | {seen['content']:.3f} | {m:.4f} | "
                  f"{d:.4f} | {far:.4f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
