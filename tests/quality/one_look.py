#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Does a small preview predict the large result? Paints each pair at both sizes and compares.

Usage: one_look.py VKSTYLE CONTENT STYLE [CONTENT STYLE ...] [--small N] [--large N]
                   [--options "..."] [--keep FOLDER]

The large result is scaled down to the small size. A pair passes when the two differ in style
residual by at most 0.03 and the large one is at most 0.25 from the preview at conv4_2 (relative to
the preview's own activations). One line a pair; exit status 1 if one fails. Hours in software:
--small 192 --large 768 or --options "--quality draft" are cheaper.
"""
import argparse
import os
import subprocess
import sys
import tempfile

from residual import distance, residual


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("vkstyle")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--small", type=int, default=256)
    parser.add_argument("--large", type=int, default=1024)
    parser.add_argument("--options", default="")
    parser.add_argument("--keep", help="a folder for the pictures; those there are not made again")
    a = parser.parse_args()
    failed = 0
    for content, style in zip(a.pictures[::2], a.pictures[1::2]):
        with tempfile.TemporaryDirectory() as folder:
            name = "-".join(os.path.splitext(os.path.basename(p))[0] for p in (content, style))
            out = {size: os.path.join(a.keep or folder, f"{name}-{size}.png")
                   for size in (a.small, a.large)}
            for size, path in out.items():
                if os.path.exists(path):
                    continue
                subprocess.run([a.vkstyle, "transfer", content, style, "-o", path, "--size",
                                str(size), "--progress", "none", *a.options.split()], check=True)
            small, large = (residual(a.vkstyle, content, style, out[size], a.small)
                            for size in (a.small, a.large))
            apart = distance(a.vkstyle, out[a.small], out[a.large], style, a.small)
        good = abs(small["style"] - large["style"]) <= 0.03 and apart <= 0.25
        failed += not good
        print(f"{name}: style {small['style']:.4f} at {a.small}, {large['style']:.4f} of {a.large} "
              f"scaled down; conv4_2 distance {apart:.3f}: {'alike' if good else 'APART'}",
              flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
