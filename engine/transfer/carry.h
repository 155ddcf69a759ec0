// SPDX-License-Identifier: MIT
// From one pyramid level to the next: picture and optimiser state, resized.
#ifndef VKS_CARRY_H
#define VKS_CARRY_H

#include "iteration.h"

// Adam's moments of a level, on the host. Zeroed: none.
typedef struct vks_carry {
    vkstyle_image *first, *second;
    void *state;
    uint64_t state_bytes;
} vks_carry;

// Downloads the moments; the device must be idle. L-BFGS carries nothing: its pairs belong to a
// size.
bool vks_carry_save(vks_carry *carry, const vks_iteration *iteration, vks_gpu *gpu,
                    vkstyle_error *error);
// Uploads them into another level's optimiser, resized, and frees them. The average of the iterates
// starts anew: the coarse level's would blur the fine one's.
bool vks_carry_restore(vks_carry *carry, const vks_iteration *iteration, vks_gpu *gpu,
                       vkstyle_error *error);
void vks_carry_free(vks_carry *carry);

#endif
