// SPDX-License-Identifier: MIT
// Tensors in a plan: their bytes, the slices that a binding may span, and how wide workgroups are.
#ifndef VKS_TENSOR_H
#define VKS_TENSOR_H

#include "plan.h"
#include "shape.h"

// Bytes of one texel (four values) in the plan's storage.
uint32_t vks_texel_bytes(const vks_plan *plan);
// Bytes of one tensor of that shape in the plan's storage.
uint64_t vks_tensor_bytes(const vks_plan *plan, vks_shape shape);
// The most quads of a tensor of that plane that one binding may span (at least 1).
uint32_t vks_slice_quads(const vks_plan *plan, vks_shape shape);
// The slice of quads [first, first + count) of a tensor buffer.
vks_use vks_quads(const vks_plan *plan, int buffer, vks_shape shape, uint32_t first,
                  uint32_t count);
// `use`, or some bytes of `otherwise` where there is no such buffer (< 0) and the kernel touches
// none.
static inline vks_use vks_use_or(int buffer, int otherwise, vks_use use)
{
    return buffer >= 0 ? use : (vks_use){otherwise, 0, 256};
}
// A workgroup width for `columns` lanes; *padded receives columns rounded up to it.
uint32_t vks_width_for(const vks_gpu_limits *limits, uint32_t columns, uint32_t *padded);
// The same for kernels that stage nothing, over lanes that are padded already: few widths, so that
// few pipelines have to be made.
uint32_t vks_plain_width(const vks_gpu_limits *limits, uint32_t padded, uint32_t width);
// The largest of a few widths that divides a plane (a multiple of 64).
uint32_t vks_width_dividing(const vks_gpu_limits *limits, uint32_t plane);

#endif
