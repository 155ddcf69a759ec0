// SPDX-License-Identifier: MIT
// Vectors of a picture's size that lie beside the plans of tiles, on the device as far as
// vks_setting.resident says and in host memory that the device reaches itself otherwise.
#ifndef VKS_VECTORS_H
#define VKS_VECTORS_H

#include "setting.h"

enum { VKS_VECTORS = 8 };

typedef struct vks_vectors {
    vks_gpu *gpu; // NULL: dry
    const vks_gpu_limits *limits;
    const vks_setting *setting; // while they are made
    struct {
        vks_block *block; // NULL: dry
        uint64_t bytes;
        bool host;
    } at[VKS_VECTORS];
    int count;
    vkstyle_error refused; // by the device, what vks_vectors_part asked for
} vks_vectors;

bool vks_vectors_add(vks_vectors *vectors, uint64_t bytes, const char *name, vks_slice *slice,
                     vkstyle_error *error);
// The same for an optimiser (vks_optimiser_options.part), user being the vectors.
int vks_vectors_part(void *user, vks_plan *plan, const char *name, uint64_t bytes);
void vks_vectors_free(vks_vectors *vectors);
// Bytes in all, and how many of them in host memory.
uint64_t vks_vectors_bytes(const vks_vectors *vectors, uint64_t *host);

// Where a vector of a picture's size goes: number `index` of them, counted from 0.
vks_memory vks_place(const vks_setting *setting, int index);

#endif
