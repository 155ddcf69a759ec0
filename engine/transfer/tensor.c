// SPDX-License-Identifier: MIT
#include "tensor.h"

uint32_t vks_texel_bytes(const vks_plan *plan)
{
    return vks_plan_storage(plan) == VKS_HALF ? 8 : 16;
}

uint64_t vks_tensor_bytes(const vks_plan *plan, vks_shape shape)
{
    return (uint64_t)shape.quads * shape.plane * vks_texel_bytes(plan);
}

uint32_t vks_slice_quads(const vks_plan *plan, vks_shape shape)
{
    const vks_gpu_limits *limits = vks_plan_limits(plan);
    uint64_t quads = limits->storage_range / ((uint64_t)shape.plane * vks_texel_bytes(plan));
    uint64_t texels = limits->texel ? limits->texel_elements / shape.plane : quads;
    if (texels < quads)
        quads = texels;
    if (quads < 1)
        quads = 1; // the sequence refuses it by name
    return quads < shape.quads ? (uint32_t)quads : shape.quads;
}

vks_use vks_quads(const vks_plan *plan, int buffer, vks_shape shape, uint32_t first, uint32_t count)
{
    uint64_t bytes = (uint64_t)shape.plane * vks_texel_bytes(plan);
    return (vks_use){buffer, first * bytes, count * bytes};
}

// Software Vulkan stages a block of weights once a workgroup, which costs about as much as 16 lanes
// of work; padding lanes are lost too. GPUs want whole subgroups of 32 or 64.
uint32_t vks_width_for(const vks_gpu_limits *limits, uint32_t columns, uint32_t *padded)
{
    static const uint32_t software[] = {16, 32, 48, 64, 96, 128, 192, 256};
    static const uint32_t gpu[] = {64, 128};
    const uint32_t *widths = limits->software ? software : gpu;
    int count = limits->software ? 8 : 2;
    uint32_t best = widths[0];
    uint64_t best_cost = UINT64_MAX;
    for (int i = 0; i < count; i++) {
        uint32_t w = widths[i];
        if (w > limits->invocations)
            break;
        uint64_t cost = (uint64_t)vks_round_up(columns, w) / w * (w + 16);
        if (cost < best_cost) {
            best_cost = cost;
            best = w;
        }
    }
    *padded = vks_round_up(columns, best);
    return best;
}

uint32_t vks_plain_width(const vks_gpu_limits *limits, uint32_t padded, uint32_t width)
{
    return !limits->software ? width : padded % 64 ? 16 : 64;
}

uint32_t vks_width_dividing(const vks_gpu_limits *limits, uint32_t plane)
{
    static const uint32_t widths[] = {256, 192, 128};
    for (int i = 0; i < 3; i++)
        if (plane % widths[i] == 0 && widths[i] <= limits->invocations &&
            (limits->software || widths[i] <= 128))
            return widths[i];
    return 64;
}
