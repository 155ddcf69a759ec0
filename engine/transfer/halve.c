// SPDX-License-Identifier: MIT
#include "halve.h"
#include "push.h"

// In as many dispatches as the device's bindings want.
static void add(vks_plan *plan, vks_kernel kernel, vks_raster fine, vks_raster coarse,
                double factor, const char *label)
{
    uint32_t most = vks_raster_rows(plan, fine, 2);
    for (uint32_t y = 0; most && y < coarse.height; y += most) {
        uint32_t count = coarse.height - y < most ? coarse.height - y : most;
        struct vks_push_halve push = {.width = coarse.width,
                                      .fine_step = fine.floats,
                                      .fine_pitch = fine.floats * fine.width,
                                      .coarse_step = coarse.floats,
                                      .coarse_pitch = coarse.floats * coarse.width,
                                      .factor = (float)factor};
        vks_use below = vks_raster_part(plan, fine, 2 * y, 2 * count, &push.fine_first);
        vks_use above = vks_raster_part(plan, coarse, y, count, &push.coarse_first);
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
