#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the pictures of docs/gallery.md, and that page: every style on every content at defaults, and
a strip for each knob in draft quality.

Usage: make.py VKSTYLE [--size N] [--quality Q] [--only PART] [--strip NAME]

VKSTYLE is the program, Q the quality of every style on every content. What is there already is kept (delete a picture to have it made again), so
that the script can be stopped and started. PART: table, strips or page;
NAME: strength, scale, layers, colours, colour-strength, blend, folder, regions, optimisers, start or presets.
Needs python3-pil.
"""
import argparse
import os
import subprocess
import sys
import tempfile

from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "..", "gallery.md")
STYLES = ["auvers", "cafe-terrace", "night-cafe", "harvest", "mosaic", "woodcut"]
CONTENTS = ["mountains", "cat", "astronaut", "coffee"]

# A strip: title, its file, content, style (None: the options name it), what one sees, and for each picture label and options.
STRIPS = [
    ("Strength", "strength", "mountains", "cafe-terrace",
     "`--beta` weighs the style against the content.",
     [("`--beta 3`", "--beta 3"), ("`--beta 8`", "--beta 8"), ("default, 15", ""),
      ("`--beta 60`", "--beta 60")]),
    ("Scale", "scale", "cat", "mosaic",
     "`--style-scale` is the size of the style's strokes (here: tesserae) against the picture's.",
     [("`--style-scale 0.5`", "--style-scale 0.5"), ("default, 1", ""),
      ("`--style-scale 1.6`", "--style-scale 1.6"), ("`--style-scale 2.5`", "--style-scale 2.5")]),
    ("Layers", "layers", "astronaut", "auvers",
     "`--layer-weights` says which layers of the network the style is read from: the first ones see "
     "colour and grain, the last ones shapes (losses.md).",
     [("`fine-strokes`", "--layer-weights fine-strokes"), ("default, `even`", ""),
      ("`large-shapes`", "--layer-weights large-shapes"),
      ("only conv5_1", "--layer-weights 0,0,0,0,1")]),
    ("Style losses", "style-loss", "mountains", "auvers",
     "`--style-loss` says what is compared at each layer (losses.md).",
     [("default, `gram`", ""), ("`gram-mean`", "--style-loss gram-mean"),
      ("`wasserstein`", "--style-loss wasserstein")]),
    ("Colours", "colours", "coffee", "cafe-terrace",
     "`--colour` keeps the content's colours; `--colour-strength` says how far.",
     [("default, off", ""), ("`--colour luminance`", "--colour luminance"),
      ("`--colour match`", "--colour match"), ("`--colour match-pca`", "--colour match-pca")]),
    ("How much of the colours", "colour-strength", "mountains", "night-cafe",
     "`--colour luminance` by degrees.",
     [("`--colour-strength 0`", ""),
      ("`--colour-strength 0.33`", "--colour luminance --colour-strength 0.33"),
      ("`--colour-strength 0.67`", "--colour luminance --colour-strength 0.67"),
      ("`--colour-strength 1`", "--colour luminance")]),
    ("Several styles", "blend", "mountains", "cafe-terrace",
     "Two paintings at once, `--style-weights` says how much of each.",
     [("default, one style", ""), ("and the mosaic, `--style-weights 2,1`", "{mosaic} --style-weights 2,1"),
      ("`--style-weights 1,1`", "{mosaic} --style-weights 1,1"),
      ("`--style-weights 1,2`", "{mosaic} --style-weights 1,2")]),
    ("A folder of crops", "folder", "mountains", None,
     "A style may be a folder of pictures: here parts of one painting, so that the others stay out.",
     [("the whole painting", "--style {auvers}"), ("two parts of its sky", "--style {sky}"),
      ("two of its meadow and path", "--style {ground}"), ("both folders", "--style {sky} --style {ground}")]),
    ("Regions", "regions", "astronaut", "harvest",
     "A mask says where each style acts, a strength map how strongly. Here they run from left to right.",
     [("default, everywhere", ""), ("`--style-mask ramp.pgm`", "--style-mask {ramp}"),
      ("and the night café on the other side, `--style-mask ramp.pgm,turned.pgm`",
       "{night-cafe} --style-mask {ramp},{turned}"),
      ("`--strength-map ramp.pgm`", "--strength-map {ramp}")]),
    ("Optimisers", "optimisers", "coffee", "auvers",
     "Adam with the average of its iterates, and L-BFGS (optimisers.md).",
     [("default, Adam", ""), ("`--optimizer lbfgs`", "--optimizer lbfgs"),
      ("Adam, `--iterations 30`", "--iterations 30"),
      ("`--optimizer lbfgs --iterations 30`", "--optimizer lbfgs --iterations 30")]),
    ("Where it starts", "start", "mountains", "harvest",
     "From the content, or from noise; `--alpha 0` leaves the content out.",
     [("default, the content", ""), ("`--init random`", "--init random"),
      ("`--init random --seed 7`", "--init random --seed 7"), ("`--preset texture`", "--preset texture")]),
    ("Presets", "presets", "cat", "auvers",
     "`--preset` sets several parameters at once; what you give besides wins.",
     [("gentle", "--preset gentle"), ("strong", "--preset strong"),
      ("large-shapes", "--preset large-shapes"), ("fine-strokes", "--preset fine-strokes")]),
]


def picture(kind, name):
    return os.path.join(HERE, kind, name + ".jpg")


def ramps(folder):
    """White to black across the middle quarter of the picture, and the other way round."""
    row = [min(255, max(0, round((40 - x) * 255 / 16))) for x in range(64)]
    paths = {}
    for name, values in (("ramp", row), ("turned", row[::-1])):
        paths[name] = os.path.join(folder, name + ".pgm")
        with open(paths[name], "wb") as file:
            file.write(b"P5\n64 2\n255\n" + bytes(values) * 2)
    return paths


def crops(folder):
    """Parts of The Church at Auvers, in a folder for the sky and one for the ground."""
    parts = {"sky": [(0, 0, 0.5, 0.3), (0.62, 0, 1, 0.3)], "ground": [(0, 0.68, 0.45, 1), (0.5, 0.68, 1, 1)]}
    painting = Image.open(picture("styles", "auvers")).convert("RGB")
    for name, boxes in parts.items():
        os.mkdir(os.path.join(folder, name))
        for number, box in enumerate(boxes):
            pixels = [round(box[i] * painting.size[i % 2]) for i in range(4)]
            painting.crop(pixels).save(os.path.join(folder, name, f"{number}.png"))
    return {name: os.path.join(folder, name) for name in parts}


def run(arguments):
    print(" ".join(arguments), flush=True)
    subprocess.run(arguments, check=True)


def keep(png, jpg):
    Image.open(png).convert("RGB").save(jpg, quality=85, optimize=True)


def table(options):
    """One folder run a style: the program prepares the style once."""
    for style in STYLES:
        wanted = {c: picture("results", f"{style}-{c}") for c in CONTENTS}
        missing = [c for c in CONTENTS if not os.path.exists(wanted[c])]
        if not missing:
            continue
        with tempfile.TemporaryDirectory() as folder:
            run([options.vkstyle, "transfer", *[picture("contents", c) for c in missing],
                 "--style", picture("styles", style), "-o", folder, *options.common,
                 "--quality", options.quality])
            for content in missing:
                keep(os.path.join(folder, content + ".png"), wanted[content])


def strips(options):
    for _, name, content, style, _, steps in STRIPS:
        if options.strip not in (None, name):
            continue
        for number, (_, given) in enumerate(steps):
            wanted = picture("results", f"{name}-{number}")
            if os.path.exists(wanted):
                continue
            with tempfile.TemporaryDirectory() as folder:
                png = os.path.join(folder, "out.png")
                names = {**{s: picture("styles", s) for s in STYLES}, **ramps(folder), **crops(folder)}
                given = [word.format(**names) for word in given.split()]
                run([options.vkstyle, "transfer", picture("contents", content),
                     *([picture("styles", style)] if style else []), "-o", png, *given, *options.common,
                     "--quality", "draft"])
                keep(png, wanted)


def made(names):
    return all(os.path.exists(picture("results", name)) for name in names)


def cell(kind, name, text, width):
    return f'<img src="gallery/{kind}/{name}.jpg" width="{width}" alt="{text}">'


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def page(options):
    styles = [s for s in STYLES if made(f"{s}-{c}" for c in CONTENTS)]
    draft = options.quality != "normal"
    quality = f" and `--quality {options.quality}`" if draft else ""
    again = f" --quality {options.quality}" if draft else ""
    text = ("# Gallery\n\n<!-- Written by gallery/make.py; change that. -->\n\n"
            f"Styles on contents, at the program's defaults but for `--size {options.size}`{quality}, and a "
            "strip for each knob (those in `--quality draft`). Where the pictures come from and what "
            "their licences are: [gallery/README.md](gallery/README.md). To make them again (long work in "
            "software; what is there already is kept):\n\n"
            f"    docs/gallery/styles.py docs/gallery/styles\n"
            f"    docs/gallery/make.py build/plugin/vkstyle --size {options.size}{again}\n\n"
            "## Styles by contents\n\n")
    text += row([""] + [cell("contents", c, c, 150) for c in CONTENTS])
    text += row(["---"] * (1 + len(CONTENTS)))
    for style in styles:
        text += row([cell("styles", style, style, 150)] +
                    [cell("results", f"{style}-{c}", f"{c} by {style}", 150) for c in CONTENTS])
    for title, name, content, style, about, steps in STRIPS:
        cells = []
        if not made(f"{name}-{number}" for number in range(len(steps))):
            continue
        for number, (label, _) in enumerate(steps):
            cells.append(cell("results", f"{name}-{number}", label.replace("`", ""), 190))
        text += f"\n## {title}\n\n{about}\n\n"
        text += row([label for label, _ in steps]) + row(["---"] * len(steps)) + row(cells)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("vkstyle")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--quality", default="normal")
    parser.add_argument("--only", choices=["table", "strips", "page"])
    parser.add_argument("--strip")
    options = parser.parse_args()
    options.common = ["--size", str(options.size), "--progress", "none"]
    os.makedirs(os.path.join(HERE, "results"), exist_ok=True)
    for name, part in (("table", table), ("strips", strips), ("page", page)):
        if options.only in (None, name):
            part(options)


if __name__ == "__main__":
    main()
