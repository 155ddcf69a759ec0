// SPDX-License-Identifier: MIT
// A pass over all tiles of a picture. Windows that are alike share one plan, and all plans share
// one block of memory: one of them runs at a time. What differs from tile to tile, where its window
// lies in the picture, is in two small plans of its own, before and after.
#ifndef VKS_SWEEP_H
#define VKS_SWEEP_H

#include "runner.h"
#include "window.h"

typedef struct vks_sweep_tasks {
    // The plan of all windows like this one. The encoding is kept for those below.
    bool (*work)(void *user, vks_plan *plan, const vks_window *window, vks_encoding *encoding,
                 vkstyle_error *error);
    // What to do before and after it for tile `number`; may be NULL.
    void (*before)(void *user, vks_plan *plan, uint32_t number, const vks_window *window,
                   const vks_encoding *encoding);
    void (*after)(void *user, vks_plan *plan, uint32_t number, const vks_window *window,
                  const vks_encoding *encoding);
    void *user;
} vks_sweep_tasks;

typedef struct vks_sweep_shape {
    vks_window window; // one of them
    vks_plan *plan;
    vks_encoding encoding;
} vks_sweep_shape;

typedef struct vks_sweep_tile {
    int shape;
    vks_plan *before, *after; // NULL: nothing to do
} vks_sweep_tile;

typedef struct vks_sweep {
    vks_grid grid;
    uint32_t count; // tiles
    vks_sweep_tile *tiles;
    int shape_count;
    vks_sweep_shape *shapes;
} vks_sweep;

// dry: only bytes and work are asked for; there will be no plans before and after.
bool vks_sweep_build(vks_sweep *sweep, const vks_grid *grid, const vks_gpu_limits *limits,
                     vks_storage storage, const vks_sweep_tasks *tasks, bool dry,
                     vkstyle_error *error);
void vks_sweep_free(vks_sweep *sweep);
// The most bytes that a plan of it takes: the size of the arena to realise it in.
uint64_t vks_sweep_bytes(vks_sweep *sweep);
double vks_sweep_flops(const vks_sweep *sweep);
bool vks_sweep_realise(vks_sweep *sweep, vks_gpu *gpu, vks_block *arena, vkstyle_error *error);
// Appends the sequences of `count` tiles to a program of `length`, at most VKS_TILE_SEQUENCES each;
// ends[i]: the length after tile first + i. Returns the new length.
enum { VKS_TILE_SEQUENCES = 3 };
int vks_sweep_program(const vks_sweep *sweep, uint32_t first, uint32_t count,
                      vks_sequence **program, int length, int *ends);
// Runs one tile, or all of them, and waits. The network's watch looks on.
bool vks_sweep_run(const vks_sweep *sweep, uint32_t first, uint32_t count, vks_gpu *gpu,
                   const vks_watch *watch, vkstyle_error *error);

#endif
