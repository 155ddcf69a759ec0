// SPDX-License-Identifier: MIT
// Convolutions by matrix units (VK_KHR_cooperative_matrix) as steps of a plan, each from tensor to
// tensor in one dispatch: conv_coop.glsl.
#ifndef VKS_MATRIX_UNITS_H
#define VKS_MATRIX_UNITS_H

#include "convolution.h"

// Whether a layer's convolutions can be done so: one binding spans each of their tensors.
bool vks_matrix_fits(const vks_encoding *encoding, int layer);

// What a convolution writes; -1: not wanted.
typedef struct vks_matrix_forward {
    int bias, activation, mask, pooled; // buffers
    vks_shape small;                    // of pooled
    int spare;                          // any buffer, bound where another is not wanted
} vks_matrix_forward;
void vks_add_matrix_forward(vks_encoding *encoding, const vks_convolution *convolution,
                            const vks_matrix_forward *to);

typedef struct vks_matrix_backward {
    int mask, joining; // -1: none
    int gradient;
} vks_matrix_backward;
void vks_add_matrix_backward(vks_encoding *encoding, const vks_convolution *convolution,
                             const vks_matrix_backward *to);

#endif
