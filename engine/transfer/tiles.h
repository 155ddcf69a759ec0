// SPDX-License-Identifier: MIT
// An iteration over a picture in tiles, exactly as over the whole: style losses need of the whole
// picture its Gram matrices and channel means only, and those are sums over positions.
//
//   measure   forward, tile by tile: each adds its own features to the sums
//   then      their differences from the style's, and the style losses
//   paint     forward and backward, tile by tile: the losses' gradients at its own features (the
//             content loss and total variation are local), back through its window to the pixels;
//             windows overlap by their halos and add up
//   then      losses recorded, one step of the optimiser over the whole picture
//
// Picture, gradient and the optimiser's vectors lie beside the windows' plan (vectors.h).
#ifndef VKS_TILES_H
#define VKS_TILES_H

#include "iteration.h"
#include "sweep.h"
#include "vectors.h"

typedef struct vks_tiles vks_tiles;

// What vks_iteration_build and its fellows do where vks_setting.tile is set.
bool vks_tiles_build(vks_iteration *iteration, const vks_gpu_limits *limits, vks_network *network,
                     const vks_iteration_options *options, vkstyle_error *error);
bool vks_tiles_realise(vks_iteration *iteration, vks_gpu *gpu, vkstyle_error *error);
void vks_tiles_free(vks_tiles **tiles);
// All but the vectors goes.
void vks_tiles_rest(vks_tiles *tiles);

// Bytes beside those of iteration->plan; *host: how many of them are meant for host memory.
uint64_t vks_tiles_bytes(const vks_tiles *tiles, uint64_t *host);
double vks_tiles_flops(const vks_tiles *tiles);
// Fills in the sequences of an iteration and its tiles; both passes count.
void vks_tiles_run(const vks_tiles *tiles, vks_run *run);

#endif
