// SPDX-License-Identifier: MIT
// What a level measures its target against at one of its scales: its own size, or half, a quarter
// and so on of it (schedule.h).
#ifndef VKS_SCALE_H
#define VKS_SCALE_H

#include "iteration.h"
#include "schedule.h"
#include "zone.h"

typedef struct vks_scale {
    vks_content content;
    vks_zones zones;               // where styles have masks
    vks_iteration_options options; // whose style is the context's, or of the zones
} vks_scale;

#endif
