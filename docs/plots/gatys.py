#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The default against plain Gatys as neural-style and its port run it, on the same device: losses
over work.

Usage: gatys.py OUT.svg FOLDER VKSTYLE CONTENT STYLE [CONTENT STYLE ...] [--size N] [--iterations N]
       gatys.py OUT.svg FOLDER                    plots what lies in FOLDER

Plain Gatys is L-BFGS at a single scale from noise, zero padding, no total variation, no clamping
(`--optimizer lbfgs --levels 1 --init random --padding zero --tv 0 --no-clamp`), and a third curve
starts it from the content, as later programs do. All minimise the same loss with the same weights.
FOLDER keeps the reports; a run whose report is there is not run again. Work is the arithmetic of the
iterations (each level's with its smaller scales, from the report) in units of one plain iteration
at the full size: unlike seconds it does not depend on what else the machine does. Coarse levels of the default are dotted: their
losses are those of a smaller picture. Prints the losses at the default's end. Needs
python3-matplotlib.
"""
import argparse
import glob
import json
import os
import subprocess

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.ticker import NullFormatter, ScalarFormatter

PLAIN = "--optimizer lbfgs --levels 1 --padding zero --tv 0 --no-clamp"
RUNS = {"default": ("default", "tab:blue", ""),
        "noise": ("L-BFGS from noise", "tab:red", PLAIN + " --init random"),
        "content": ("L-BFGS from the content", "tab:orange", PLAIN)}
ALPHA, BETA = 1, 15


def run(a):
    for content, style in zip(a.pictures[::2], a.pictures[1::2]):
        pair = "-".join(os.path.splitext(os.path.basename(p))[0] for p in (content, style))
        for name, (_, _, options) in RUNS.items():
            report = os.path.join(a.folder, f"{pair}.{name}.json")
            if os.path.exists(report):
                continue
            more = ["--iterations", str(a.iterations)] if options else []
            subprocess.run([a.vkstyle, "transfer", content, style, "-o", report[:-5] + ".png",
                            "--size", str(a.size), "--report", report, "--progress", "none",
                            *options.split(), *more], check=True)


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def curves(report, unit):
    """For each level: work done before each iteration, and the loss there."""
    losses = [ALPHA * c + BETA * s if c is not None and s is not None else float("nan")
              for c, s in zip(report["losses"]["content"], report["losses"]["style"])]
    levels, first, work = [], 0, 0.0
    for level in report["plan"]["levels"]:
        step, n = level["flops_per_iteration"] / unit, level["iterations_done"]
        levels.append(([work + step * i for i in range(n)], losses[first:first + n]))
        work += step * n
        first += n
    return levels


def at(levels, work):
    """The last loss at or before that much work, on the finest level."""
    known = [loss for w, loss in zip(*levels[-1]) if w <= work]
    return known[-1] if known else float("nan")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("out")
    parser.add_argument("folder")
    parser.add_argument("vkstyle", nargs="?")
    parser.add_argument("pictures", nargs="*")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=500)
    a = parser.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    if a.vkstyle:
        run(a)
    pairs = sorted({os.path.basename(p).rsplit(".", 2)[0]
                    for p in glob.glob(os.path.join(a.folder, "*.default.json"))})
    plt.rcParams["svg.hashsalt"] = "vkstyle"  # the same input gives the same file
    figure, axes = plt.subplots(1, len(pairs), figsize=(3.4 * len(pairs), 3.4), squeeze=False,
                                constrained_layout=True)
    for axis, pair in zip(axes[0], pairs):
        end = None
        plain = read(os.path.join(a.folder, f"{pair}.noise.json"))
        unit = plain["plan"]["levels"][-1]["flops_per_iteration"]
        for name, (label, colour, _) in RUNS.items():
            path = os.path.join(a.folder, f"{pair}.{name}.json")
            if not os.path.exists(path):
                continue
            levels = curves(read(path), unit)
            if end is None:
                end = levels[-1][0][-1]
            for number, (work, loss) in enumerate(levels):
                last = number == len(levels) - 1
                axis.plot(work, loss, color=colour, linestyle="-" if last else ":",
                          label=label if last else None)
            print(f"{pair}: {label}: loss {at(levels, end):.3f} after work {end:.1f}", flush=True)
        axis.set(title=pair, xlabel="work, iterations at full size", yscale="log",
                 xlim=(0, 1.2 * end), ylim=(0.5, 40))
        axis.set_yticks([1, 2, 4, 8, 16, 32])
        axis.yaxis.set_major_formatter(ScalarFormatter())
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.grid(alpha=0.3)
    axes[0][0].set(ylabel="content + 15 · style")
    axes[0][0].legend()
    figure.savefig(a.out, metadata={"Date": None})


if __name__ == "__main__":
    main()
