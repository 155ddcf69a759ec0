// SPDX-License-Identifier: MIT
// The two passes of an iteration in tiles (tiles.h): what is done in one window, and what goes into
// it and out of it. And what an iteration in tiles is made of, which both files see.
#ifndef VKS_TILE_PASS_H
#define VKS_TILE_PASS_H

#include "canvas.h"
#include "tiles.h"

struct vks_tiles {
    vks_iteration *it; // while it is built
    const vks_iteration_options *options;
    const vks_gpu_limits *limits;
    vks_network *network;
    vks_gpu *gpu; // NULL: dry
    vks_grid grid;
    vks_pane pane;
    vks_vectors vectors;
    vks_block *matrices; // Gram matrices, their sums and differences; losses
    uint64_t matrix_bytes;
    vks_slice values, weights, state, contents, variations;
    vks_slice style[VKSTYLE_MAX_LAYERS], gram[VKSTYLE_MAX_LAYERS];
    vks_slice sum[VKSTYLE_MAX_LAYERS], difference[VKSTYLE_MAX_LAYERS];
    // For losses that compare more than Gram matrices (aim.h), else of 0 bytes.
    vks_slice aim[VKSTYLE_MAX_LAYERS], channel_sum[VKSTYLE_MAX_LAYERS], shift[VKSTYLE_MAX_LAYERS];
    vks_sweep measure, paint;
    vks_plan *begin, *middle; // iteration->plan is the end
    vks_block *arena;
    bool lent; // the arena is that of the picture's own size, of which this is a smaller scale
    uint64_t arena_bytes;
    vks_sequence **program; // all of an iteration, in order
    int program_count;
    int *tile_ends; // see vks_run
    uint32_t tile_count;
};

// The whole picture's Gram matrix of style layer i, from its sums, in a plan.
vks_gram vks_tile_gram(const vks_tiles *tiles, vks_plan *plan, int i);

// Forward: a window's own features are added to the sums.
vks_sweep_tasks vks_tile_measuring(vks_tiles *tiles);
// Forward and backward: the losses' gradients at its own features, added to the picture's.
vks_sweep_tasks vks_tile_painting(vks_tiles *tiles);

#endif
