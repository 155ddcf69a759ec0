#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Do the defaults meet the bar? Paints pairs and measures them with the program's own `evaluate`.

Usage: bar.py VKSTYLE CONTENT STYLE [CONTENT STYLE ...] [--size N] [--options "..."] [--keep FOLDER]

The bar: style at most max(0.04, 0.05 x start) with content at most 0.9, where start is the style
figure of the content itself. One line a pair; exit status 1 if one misses. (residual.py says what
the figures are.)
"""
import argparse
import os
import subprocess
import sys
import tempfile

from residual import residual


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("vkstyle")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--options", default="")
    parser.add_argument("--keep")
    a = parser.parse_args()
    if len(a.pictures) % 2:
        parser.error("pictures come in pairs")
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for content, style in zip(a.pictures[::2], a.pictures[1::2]):
            name = "-".join(os.path.splitext(os.path.basename(p))[0] for p in (content, style))
            out = os.path.join(a.keep or scratch, name + ".png")
            subprocess.run([a.vkstyle, "transfer", content, style, "-o", out, "--size", str(a.size),
                            "--progress", "none", *a.options.split()], check=True)
            start = residual(a.vkstyle, content, style, content, a.size)["style"]
            got = residual(a.vkstyle, content, style, out, a.size)
            bar = max(0.04, 0.05 * start)
            good = got["style"] <= bar and got["content"] <= 0.9
            missed += not good
            print(f"{name}: style {got['style']:.4f} (bar {bar:.4f}, start {start:.3f}), content "
                  f"{got['content']:.3f}: {'met' if good else 'MISSED'}", flush=True)
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
