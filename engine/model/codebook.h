// SPDX-License-Identifier: MIT
// Eight bits a weight: 256 values that stand for all values of a tensor.
#ifndef VKS_CODEBOOK_H
#define VKS_CODEBOOK_H

#include "../vkstyle.h"

// Fits 256 values, ascending, to count finite values (at least 1) and gives every value the index
// of the nearest; indices has room for count. A tensor with at most 256 different values is kept
// exactly. The same values give the same codebook on every machine. On the layers of VGG-19 the
// root of the squared error is 5 to 31 percent above the best possible (models/README.md).
bool vks_codebook_fit(const float *values, size_t count, float codebook[256], uint8_t *indices,
                      vkstyle_error *error);

#endif
