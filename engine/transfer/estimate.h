// SPDX-License-Identifier: MIT
// What a job will take, before any of it is done: bytes from its plans, built dry, and seconds from
// its work and this device's speed as the last run on it measured.
#ifndef VKS_ESTIMATE_H
#define VKS_ESTIMATE_H

#include "context.h"
#include "schedule.h"
#include "setting.h"

typedef struct vks_estimate {
    uint64_t bytes; // most device memory at any time
    uint64_t host;  // of them meant for host memory (tiles.h)
    double flops;   // of all iterations
    double seconds; // of all iterations; negative: this device has not been measured yet
} vks_estimate;

// Decides as well how each level is worked on, where that is not set. Fails with VKSTYLE_NO_MEMORY
// and the numbers when one does not fit.
bool vks_estimate_job(vks_estimate *estimate, const vkstyle_context *context,
                      const vkstyle_model *model, const vks_setting *setting,
                      vks_schedule *schedule, const vkstyle_params *params, vkstyle_error *error);

// Remembers that so much work took so long, in $XDG_CACHE_HOME/vkstyle; a cache: failures are
// silent.
void vks_calibrate(const vkstyle_context *context, const vks_setting *setting, double flops,
                   double seconds);

// The optimiser's options for a level.
struct vks_optimiser_options vks_optimiser_for(const vkstyle_params *params,
                                               const vks_level *level);

#endif
