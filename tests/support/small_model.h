// SPDX-License-Identifier: MIT
// A small encoder with random weights, for tests that need a network and not VGG-19's 40 seconds.
// In a meson.build: files('../support/small_model.c'), and engine_internals as dependency.
#ifndef SMALL_MODEL_H
#define SMALL_MODEL_H

#include "vkstyle.h"

// Writes a native float32 model. chain: layers with their channels, separated by blanks, such as
// "conv1_1:8 conv1_2:8 pool1 conv2_1:12". Weights are uniform with He's variance 2 / (9 inputs), so
// that activations neither die nor explode; biases are uniform in -1..1; the preprocessing is VGG's
// (B, G, R, 0..255 less the means). The same chain and seed give the same file on every machine.
bool small_model_write(const char *path, const char *chain, unsigned seed, vkstyle_error *error);

#endif
