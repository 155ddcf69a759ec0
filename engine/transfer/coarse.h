// SPDX-License-Identifier: MIT
// The target at half its size as part of an iteration (vks_iteration.coarse), for iteration.c and
// tiles.c. floats: of a pixel of the targets and gradients (halve.h).
#ifndef VKS_COARSE_H
#define VKS_COARSE_H

#include "iteration.h"

// Makes it->coarse, of the same setting but without total variation; plan and buffers are still to
// come.
bool vks_coarse_make(vks_iteration *it, const vks_iteration_options *options, vkstyle_error *error);
// Adds to a plan: the coarse target from the target.
void vks_coarse_halve(const vks_iteration *it, vks_plan *plan, uint32_t floats);
// Adds to the iteration's plan: the coarse total to its values, the coarse gradient, weighted, to
// its gradient.
void vks_coarse_join(const vks_iteration *it, uint32_t floats);
void vks_coarse_free(vks_iteration *it);

#endif
