# SPDX-License-Identifier: MIT
"""How much of a style a picture carries, by the program's own `evaluate` (VGG-19, zero padding).

All pictures are scaled to `size` pixels on the long side, the result to exactly the content's shape:
  style    mean over conv1_1 .. conv5_1 of |G - A|^2 / |A|^2, Gram matrices a position
  content  |F(result) - F(content)|^2 / |F(content)|^2 at conv4_2
Needs python3-numpy and python3-pil.
"""
import json
import os
import struct
import subprocess
import tempfile

import numpy
from PIL import Image

STYLE = ["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"]


def fitted(path, size, exact=None):
    image = Image.open(path).convert("RGB")
    scale = size / max(image.size)
    shape = exact or (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(shape, Image.LANCZOS)


def tensors(path):
    """name -> array of a .safetensors file."""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    kinds = {"F32": "<f4", "F64": "<f8"}
    return {name: numpy.frombuffer(data[slice(*about["data_offsets"])], kinds[about["dtype"]])
            .reshape(about["shape"]).astype(float)
            for name, about in header.items() if name != "__metadata__"}


def positions(shape, layer):
    """Positions of a layer: each pooling halves, rounding down."""
    halvings = int(layer[4]) - 1
    return max(1, shape[0] >> halvings) * max(1, shape[1] >> halvings)


def residual(vkstyle, content, style, result, size):
    with tempfile.TemporaryDirectory() as folder:
        names = {n: os.path.join(folder, n + ".png") for n in ("content", "style", "result")}
        c, s = fitted(content, size), fitted(style, size)
        r = fitted(result, size, c.size)
        for name, image in (("content", c), ("style", s), ("result", r)):
            image.save(names[name])
        out = os.path.join(folder, "out.safetensors")
        subprocess.run([vkstyle, "evaluate", names["content"], names["style"], names["result"],
                        "-o", out], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        t = tensors(out)
    layers = []
    for name in STYLE:
        g = t["gram_target/" + name] / positions(c.size, name)
        a = t["gram_style/" + name] / positions(s.size, name)
        layers.append(((g - a) ** 2).sum() / (a ** 2).sum())
    f, held = t["target/conv4_2"], t["content/conv4_2"]
    return {"style": float(numpy.mean(layers)), "style_l": [float(v) for v in layers],
            "content": float(((f - held) ** 2).sum() / (held ** 2).sum())}


def distance(vkstyle, a, b, style, size):
    """conv4_2 distance of two pictures, relative to the first."""
    return residual(vkstyle, a, style, b, size)["content"]
