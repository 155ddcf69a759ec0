#!/usr/bin/python3
# SPDX-License-Identifier: CC0-1.0
"""The gallery's two styles that no one painted: a mosaic and a woodcut, made of nothing but numbers.

Usage: styles.py FOLDER        writes mosaic.jpg and woodcut.jpg (384 x 384)

The same numbers each time. Needs python3-numpy and python3-pil.
"""
import os
import sys

import numpy
from PIL import Image

SIDE, FINE = 384, 2  # drawn FINE times as large, then scaled down, for smooth edges


def save(pixels, path):
    image = Image.fromarray((pixels.clip(0, 1) * 255).round().astype(numpy.uint8))
    image.resize((SIDE, SIDE), Image.LANCZOS).save(path, quality=88)


def grid():
    n = SIDE * FINE
    y, x = numpy.mgrid[0:n, 0:n] / n
    return x, y


def waves(random, x, y, count, highest):
    """A smooth random field around 0."""
    field = numpy.zeros_like(x)
    for _ in range(count):
        fx, fy, phase = random.uniform(-highest, highest, 2).tolist() + [random.uniform(0, 6.3)]
        field += numpy.sin(2 * numpy.pi * (fx * x + fy * y) + phase)
    return field / numpy.sqrt(count)


def mosaic(path):
    """Tesserae along the lines of a smooth field, with grout between them."""
    random = numpy.random.default_rng(7)
    x, y = grid()
    palette = numpy.array([[0.10, 0.22, 0.42], [0.16, 0.45, 0.55], [0.86, 0.72, 0.36],
                           [0.75, 0.28, 0.18], [0.93, 0.88, 0.76], [0.34, 0.42, 0.22]])
    cells = 34
    points = (numpy.stack(numpy.meshgrid(numpy.arange(cells), numpy.arange(cells)), -1)
              .reshape(-1, 2) + random.uniform(0.22, 0.78, (cells * cells, 2))) / cells
    near = numpy.full(x.shape, 9.0)
    second = numpy.full(x.shape, 9.0)
    owner = numpy.zeros(x.shape, int)
    cx, cy = (x * cells).astype(int), (y * cells).astype(int)
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            index = (cy + dy).clip(0, cells - 1) * cells + (cx + dx).clip(0, cells - 1)
            far = numpy.hypot(points[index, 0] - x, points[index, 1] - y)
            far = numpy.where((index == owner) & (near < 9), 9.0, far)
            closer = far < near
            second = numpy.where(closer, near, numpy.minimum(second, far))
            owner = numpy.where(closer, index, owner)
            near = numpy.minimum(near, far)
    field = waves(random, points[:, 0], points[:, 1], 7, 2.2)
    rank = numpy.floor((field - field.min()) / (field.max() - field.min()) * 5.99).astype(int)
    colour = palette[rank] + random.normal(0, 0.05, (cells * cells, 1)) + \
        random.normal(0, 0.02, (cells * cells, 3))
    edge = ((second - near) * cells / 0.16).clip(0, 1)[..., None]
    save(colour[owner] * edge + numpy.array([0.30, 0.28, 0.25]) * (1 - edge), path)


def woodcut(path):
    """Lines cut along a smooth field, wide in the light and narrow in the dark."""
    random = numpy.random.default_rng(11)
    x, y = grid()
    bend, light = waves(random, x, y, 6, 1.6), waves(random, x, y, 6, 2.2)
    cut = 0.5 + 0.5 * numpy.sin(2 * numpy.pi * (38 * (y + 0.11 * bend) + 0.5 * light))
    rough = waves(random, x, y, 40, 60)
    ink = ((cut - 0.5 - 0.32 * light + 0.05 * rough) * 9 + 0.5).clip(0, 1)[..., None]
    tint = (0.5 + 0.4 * waves(random, x, y, 4, 1.2)).clip(0, 1)[..., None]
    paper = numpy.array([0.95, 0.91, 0.80]) * (1 - tint) + numpy.array([0.90, 0.72, 0.50]) * tint
    save(paper * ink + numpy.array([0.11, 0.10, 0.14]) * (1 - ink), path)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    mosaic(os.path.join(sys.argv[1], "mosaic.jpg"))
    woodcut(os.path.join(sys.argv[1], "woodcut.jpg"))


if __name__ == "__main__":
    main()
