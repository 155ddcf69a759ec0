#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Losses of several runs over iterations and seconds, from the reports that `--report` writes.

Usage: optimisers.py OUT.svg REPORT.json [REPORT.json ...]

Prints, for each report, when the normalised losses first reach style <= 0.04 with content <= 0.9, and
the losses at the end. Seconds are the engine's own, without start-up; runs that are to be compared in
seconds have to run one after the other on an idle machine, or side by side. Coarse pyramid levels are
dotted: their losses are those of a smaller picture. Needs python3-matplotlib.
"""
import json
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.ticker import NullFormatter, ScalarFormatter

STYLE, CONTENT = 0.04, 0.9  # the bar


def read(path):
    """Name, and per level (iteration numbers, seconds, losses by name)."""
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    options, losses = report["options"], report["losses"]
    levels, first, clock = [], 0, 0.0
    for level in report["plan"]["levels"]:
        n = level["iterations_done"]
        step = level["seconds"] / n if n else 0
        # The loss of an iteration is that of the picture before its step.
        levels.append(([first + i for i in range(n)], [clock + step * i for i in range(n)],
                       {k: losses[k][first:first + n] for k in ("total", "content", "style")}))
        first += n
        clock += level["seconds"]
    name = {"adam": "Adam", "lbfgs": "L-BFGS"}[options["optimizer"]]
    if len(levels) > 1:
        name += ", coarse to fine"
    return name, options["optimizer"], levels


def tell(path, name, levels):
    numbers, seconds, losses = levels[-1]
    reached = [i for i in range(len(numbers))
               if losses["style"][i] <= STYLE and losses["content"][i] <= CONTENT]
    when = (f"after {numbers[reached[0]]} iterations, {seconds[reached[0]]:.1f} s" if reached
            else "not reached")
    print(f"{path}: {name}: style <= {STYLE} with content <= {CONTENT}: {when}; after {numbers[-1]}: "
          f"total {losses['total'][-1]:.4f}, content {losses['content'][-1]:.4f}, "
          f"style {losses['style'][-1]:.4f}; {seconds[-1] / max(1, numbers[-1]):.4f} s an iteration")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    plt.rcParams["svg.hashsalt"] = "vkstyle"  # the same input gives the same file
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), constrained_layout=True)
    colour = {"adam": "tab:blue", "lbfgs": "tab:red"}
    for path in sys.argv[2:]:
        name, kind, levels = read(path)
        tell(path, name, levels)
        dashed = "--" if len(levels) > 1 else "-"
        for i, (numbers, seconds, losses) in enumerate(levels):
            last = i == len(levels) - 1
            look = {"color": colour[kind], "linestyle": dashed if last else ":",
                    "label": name if last else None}
            axes[0].plot(numbers, losses["total"], **look)
            axes[1].plot(seconds, losses["total"], **look)
            if last:
                axes[2].plot(losses["content"], losses["style"], marker=".", markersize=3, **look)
    axes[0].set(xlabel="iterations", ylabel="loss", yscale="log")
    axes[1].set(xlabel="seconds", ylabel="loss", yscale="log")
    axes[2].axhline(STYLE, color="grey", linewidth=0.7)
    axes[2].axvline(CONTENT, color="grey", linewidth=0.7)
    axes[2].set(xlabel="content loss", ylabel="style loss", yscale="log", xlim=(0.6, 1.6),
                ylim=(0.015, 0.2))
    axes[0].set_yticks([1, 1.5, 2, 3, 4, 6, 8])
    axes[1].set_yticks([1, 1.5, 2, 3, 4, 6, 8])
    axes[2].set_yticks([0.02, 0.03, 0.04, 0.06, 0.1, 0.2])
    for axis in axes:
        axis.yaxis.set_major_formatter(ScalarFormatter())
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(sys.argv[1], metadata={"Date": None})


if __name__ == "__main__":
    main()
