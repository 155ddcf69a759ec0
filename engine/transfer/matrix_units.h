// SPDX-License-Identifier: MIT
// What matrix units do (VK_KHR_cooperative_matrix) as steps of a plan: convolutions, each from
// tensor to tensor in one dispatch (conv_coop.glsl), and the style loss' gradient (gemm_coop.comp).
// Gram matrices: product.h.
#ifndef VKS_MATRIX_UNITS_H
#define VKS_MATRIX_UNITS_H

#include "convolution.h"
#include "losses.h"

// Whether a layer's convolutions and losses can be done so: one binding spans each of their
// tensors.
bool vks_matrix_fits(const vks_encoding *encoding, int layer);

// What a convolution writes; -1: not wanted.
typedef struct vks_matrix_forward {
    int bias, activation, mask, pooled; // buffers
    vks_shape small;                    // of pooled
} vks_matrix_forward;
void vks_add_matrix_forward(vks_encoding *encoding, const vks_convolution *convolution,
                            const vks_matrix_forward *to);

typedef struct vks_matrix_backward {
    int mask, joining; // -1: none
    int gradient;
} vks_matrix_backward;
void vks_add_matrix_backward(vks_encoding *encoding, const vks_convolution *convolution,
                             const vks_matrix_backward *to);

// The first specialisation constants of a kernel for matrix units (coop.glsl).
void vks_set_matrices(const vks_gpu_limits *limits, vks_step *step);

// joining (+)= difference * F; gram has the norm of the difference.
void vks_add_matrix_style_gradient(vks_encoding *encoding, int layer, const vks_gram *gram,
                                   int difference, int joining, bool accumulate);

#endif
