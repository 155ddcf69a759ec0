// SPDX-License-Identifier: MIT
#include "halve.h"
#include "push.h"

enum { ALIGN = 256 }; // of what is bound

// The part of a picture that holds rows [first, first + count): *at is its first float in there.
static vks_use rows_of(const vks_plan *plan, vks_raster r, uint32_t first, uint32_t count,
                       uint32_t *at)
{
    uint64_t row = 4ull * r.floats * r.width, whole = vks_plan_buffer_bytes(plan, r.buffer);
    uint64_t base = first * row / ALIGN * ALIGN, end = ((first + count) * row + 15) / 16 * 16;
    *at = (uint32_t)((first * row - base) / 4);
    return (vks_use){r.buffer, base, (end < whole ? end : whole) - base};
}

// In as many dispatches as the device's bindings want.
static void add(vks_plan *plan, vks_kernel kernel, vks_raster fine, vks_raster coarse,
                double factor, const char *label)
{
    const vks_gpu_limits *limits = vks_plan_limits(plan);
    uint64_t pair = 8ull * fine.floats * fine.width; // bytes of the two fine rows of a coarse one
    uint64_t most =
        limits->storage_range > pair + ALIGN + 16 ? (limits->storage_range - ALIGN - 16) / pair : 0;
    if (most > limits->groups[1])
        most = limits->groups[1];
    if (!most) {
        vks_plan_fail(plan, VKSTYLE_NO_DEVICE,
                      "the device binds %llu bytes at once, too few for two rows of %u pixels",
                      (unsigned long long)limits->storage_range, fine.width);
        return;
    }
    for (uint32_t y = 0; y < coarse.height; y += (uint32_t)most) {
        uint32_t count = coarse.height - y < most ? coarse.height - y : (uint32_t)most;
        struct vks_push_halve push = {.width = coarse.width,
                                      .fine_step = fine.floats,
                                      .fine_pitch = fine.floats * fine.width,
                                      .coarse_step = coarse.floats,
                                      .coarse_pitch = coarse.floats * coarse.width,
                                      .factor = (float)factor};
        vks_use below = rows_of(plan, fine, 2 * y, 2 * count, &push.fine_first);
        vks_use above = rows_of(plan, coarse, y, count, &push.coarse_first);
        bool down = kernel == VKS_KERNEL_HALVE;
        vks_plan_add(plan, &(vks_step){.kernel = kernel,
                                       .spec = {64},
                                       .spec_count = 1,
                                       .uses = {down ? below : above, down ? above : below},
                                       .use_count = 2,
                                       .push = &push,
                                       .push_bytes = sizeof push,
                                       .groups = {(coarse.width + 63) / 64, count},
                                       .label = label,
                                       .bytes = 60.0 * coarse.width * count});
    }
}

void vks_add_halve(vks_plan *plan, vks_raster fine, vks_raster coarse)
{
    add(plan, VKS_KERNEL_HALVE, fine, coarse, 0, "half size");
}

void vks_add_spread(vks_plan *plan, vks_raster coarse, vks_raster fine, double weight)
{
    add(plan, VKS_KERNEL_SPREAD, fine, coarse, weight / 4, "gradient of half size");
}
