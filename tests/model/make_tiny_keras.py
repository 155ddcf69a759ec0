#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes tiny_keras.h5, a VGG in Keras' layout with few channels, as h5py does it by default.

Usage: make_tiny_keras.py tiny_keras.h5          (needs python3-h5py)

Value number k of a dataset (in its own order) is ((k * 7 + layer) % 251 - 125) / 128: exact in float32, so
that the test can tell every value's place. There are groups without datasets, as Keras has for its poolings,
and more than eight groups, so that the index of the root group has several nodes.
"""
import sys
import h5py, numpy as np

CHAIN = ((1, 1, 4), (1, 2, 5), (2, 1, 6), (2, 2, 3), (3, 1, 2), (3, 2, 4), (3, 3, 3), (4, 1, 2))


def values(shape, layer):
    k = np.arange(int(np.prod(shape)))
    return (((k * 7 + layer) % 251 - 125) / 128).astype("<f4").reshape(shape)


with h5py.File(sys.argv[1], "w") as f:
    inputs = 3
    for layer, (block, conv, outputs) in enumerate(CHAIN):
        name = f"block{block}_conv{conv}"
        g = f.create_group(name)
        names = [f"{name}_W_1:0", f"{name}_b_1:0"]
        g.attrs["weight_names"] = np.array([n.encode() for n in names])
        g.create_dataset(names[0], data=values((3, 3, inputs, outputs), layer))
        g.create_dataset(names[1], data=values((outputs,), layer))
        inputs = outputs
    f.create_group("block1_pool")
    f.create_group("input_1")
