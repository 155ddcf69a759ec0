#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares a model of vkstyle with Keras' HDF5 file, layer by layer.

Usage: compare.py WEIGHTS.h5 [MODEL.safetensors]          (needs python3-h5py)

Prints for each convolution the relative L2 error of the weights, |ours - theirs| / |theirs|, the largest
difference of a bias, and the number of different values that a layer of WEIGHTS.h5 has: a few hundred or less
say that the file is itself quantised there. Exits with 1 if a layer is further off than 10 percent, as it
would be with channels in another order or kernels the other way round.
"""
import json, os, struct, sys
import h5py, numpy as np

TYPES = {"U8": np.uint8, "F16": np.float16, "F32": np.float32}


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    path = sys.argv[2] if len(sys.argv) == 3 else os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                                               "vgg19.safetensors")
    with open(path, "rb") as f:
        length, = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(length)), f.read()

    def tensor(name):
        begin, end = header[name]["data_offsets"]
        return np.frombuffer(data[begin:end], TYPES[header[name]["dtype"]]).reshape(header[name]["shape"])

    worst = 0
    print("| layer | weights, relative L2 error | largest difference of a bias | values in the other file |")
    print("|---|---|---|---|")
    with h5py.File(sys.argv[1], "r") as f:
        for layer in header["__metadata__"]["architecture"].split():
            if layer.startswith("pool"):
                continue
            block, conv = layer[4:].split("_")
            name = f"block{block}_conv{conv}"
            theirs = f[name][f"{name}_W_1:0"][...].transpose(3, 2, 0, 1).astype(np.float64)
            bias = f[name][f"{name}_b_1:0"][...].astype(np.float64)
            ours = tensor(f"{layer}.weight")
            if ours.dtype == np.uint8:
                ours = tensor(f"{layer}.codebook")[ours]
            error = np.linalg.norm(ours.astype(np.float64) - theirs) / np.linalg.norm(theirs)
            worst = max(worst, error)
            print(f"| {layer} | {error:.5f} | {np.abs(tensor(layer + '.bias') - bias).max():.2g} | "
                  f"{len(np.unique(theirs))} |")
    sys.exit(0 if worst < 0.1 else 1)


if __name__ == "__main__":
    main()
