// SPDX-License-Identifier: MIT
// Where a plan's buffers lie in its memory: those that never live at the same time share it.
#ifndef VKS_LAYOUT_H
#define VKS_LAYOUT_H

#include "plan.h"

// A buffer of a plan.
typedef struct vks_planned {
    const char *name;
    uint64_t bytes;
    vks_life life;
    bool external;
    vks_slice slice; // external from the start, others after realise
    int first, last; // steps that use it; first > last: none
    uint64_t offset; // in the arena, or in mapped memory
} vks_planned;

// Sets the buffers' offsets and how much memory they take. False for want of host memory.
bool vks_lay_out(vks_planned *buffers, int count, uint64_t *arena_bytes, uint64_t *mapped_bytes);

#endif
