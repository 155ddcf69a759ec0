// SPDX-License-Identifier: MIT
// A picture in a plan's buffer, and the runs of its rows that a device binds at once.
#ifndef VKS_RASTER_H
#define VKS_RASTER_H

#include "plan.h"

// Rows of pixels without gaps, 4 floats each ([height][width] vec4) or 3 (a canvas).
typedef struct vks_raster {
    int buffer;
    uint32_t width, height, floats;
} vks_raster;

// How many workgroups along y a dispatch may have whose workgroups each take `each` rows of the
// raster. 0: not even one can be bound, and the plan has failed.
uint32_t vks_raster_rows(vks_plan *plan, vks_raster raster, uint32_t each);
// The part that holds rows [first, first + count): *at is its first float in there.
vks_use vks_raster_part(const vks_plan *plan, vks_raster raster, uint32_t first, uint32_t count,
                        uint32_t *at);

#endif
