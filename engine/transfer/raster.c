// SPDX-License-Identifier: MIT
#include "raster.h"

enum { ALIGN = 256 }; // of what is bound

uint32_t vks_raster_rows(vks_plan *plan, vks_raster r, uint32_t each)
{
    const vks_gpu_limits *limits = vks_plan_limits(plan);
    uint64_t bytes = 4ull * r.floats * r.width * each, range = limits->storage_range;
    uint64_t most = range > bytes + ALIGN + 16 ? (range - ALIGN - 16) / bytes : 0;
    if (!most)
        vks_plan_fail(plan, VKSTYLE_NO_DEVICE,
                      "the device binds %llu bytes at once, too few for %u rows of %u pixels",
                      (unsigned long long)range, each, r.width);
    return most < limits->groups[1] ? (uint32_t)most : limits->groups[1];
}

vks_use vks_raster_part(const vks_plan *plan, vks_raster r, uint32_t first, uint32_t count,
                        uint32_t *at)
{
    uint64_t row = 4ull * r.floats * r.width, whole = vks_plan_buffer_bytes(plan, r.buffer);
    uint64_t base = first * row / ALIGN * ALIGN, end = ((first + count) * row + 15) / 16 * 16;
    *at = (uint32_t)((first * row - base) / 4);
    return (vks_use){r.buffer, base, (end < whole ? end : whole) - base};
}
