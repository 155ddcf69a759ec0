// SPDX-License-Identifier: MIT
// Coarse to fine: the sizes a job goes through and the iterations it spends at each.
#ifndef VKS_SCHEDULE_H
#define VKS_SCHEDULE_H

#include "../vkstyle.h"

enum { VKS_MAX_LEVELS = 16, VKS_MAX_SCALES = 5 };

typedef struct vks_level {
    int width, height; // of the target, before padding of small sides
    int iterations;
    // Its target counts at that many smaller scales as well, each of half the size before, by that
    // weight (vks_iteration_options.coarse): of the coarser levels, at most VKS_MAX_SCALES - 1.
    int coarser;
    double coarser_weight;
    // How it is worked on (budget.h):
    bool set;      // the following are decided
    uint32_t tile; // as in vks_setting
    int resident;
    bool lean;
    int history; // of L-BFGS; 0: as the optimiser would
} vks_level;

typedef struct vks_schedule {
    int count;
    vks_level levels[VKS_MAX_LEVELS]; // coarse to fine; the last is the goal
    int iterations;                   // over all levels
} vks_schedule;

// The schedule for a content picture of that size.
void vks_schedule_make(vks_schedule *schedule, int content_width, int content_height,
                       const vkstyle_params *params);

// The long side of the last level.
uint32_t vks_schedule_goal(const vks_schedule *schedule);

// width x height scaled so that the long side is `side`; no side becomes less than 1.
void vks_fit(int width, int height, double side, int *fit_width, int *fit_height);

#endif
