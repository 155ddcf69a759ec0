// SPDX-License-Identifier: MIT
// How a level is worked on within the memory there is: as a whole where that fits, else in the
// largest tiles that fit, with as much beside them on the device as fits.
#ifndef VKS_BUDGET_H
#define VKS_BUDGET_H

#include "context.h"
#include "schedule.h"
#include "setting.h"

typedef struct vks_budget {
    uint64_t device; // bytes a job may take on the device
    uint64_t in_all; // and with the vectors that lie in host memory
} vks_budget;

// From --memory, else from what is free less a reserve. pixels: of the largest level.
vks_budget vks_budget_of(vks_gpu *gpu, const vkstyle_params *params, double pixels);

// What a level will take as it is set (tile, resident, lean, history).
typedef struct vks_need {
    uint64_t bytes; // most at any time, without weights
    uint64_t host;  // of them in host memory
    double flops;   // of one iteration
} vks_need;
bool vks_level_need(vks_need *need, vks_network *dry, const vks_gpu_limits *limits,
                    const vks_setting *setting, const vkstyle_params *params,
                    const vks_level *level, vkstyle_error *error);

// Has the pipelines of the level's iterations compiled in the background. A hint: fails silently.
void vks_level_foretell(vks_gpu *gpu, const vkstyle_model *model, const vks_setting *setting,
                        const vkstyle_params *params, const vks_level *level);

// Sets tile, resident, lean and history of a level, unless it is `set` already (a replayed plan).
// below: tiles must be smaller than that; 0: whatever fits, a whole picture first. Fails with
// VKSTYLE_NO_MEMORY and the numbers when nothing fits.
bool vks_level_fit(vks_level *level, const vks_budget *budget, vks_gpu *gpu,
                   const vkstyle_model *model, const vks_setting *setting,
                   const vkstyle_params *params, uint32_t below, vkstyle_error *error);

// The setting for one level.
vks_setting vks_setting_at(const vks_setting *setting, const vks_level *level);

#endif
