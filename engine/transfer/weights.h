// SPDX-License-Identifier: MIT
// Weights as the kernels take them, made on the host from those of the model's file.
#ifndef VKS_WEIGHTS_H
#define VKS_WEIGHTS_H

#include "network.h"

enum { VKS_TAPS = 9, VKS_FREQUENCIES = 36, VKS_BLOCK = 16 };

// Inputs (padded to 4) and blocks of 16 outputs.
typedef struct vks_extent {
    uint64_t k, blocks;
} vks_extent;
vks_extent vks_extent_of(const vks_layer *layer, vks_direction direction);

// The nine taps of one output and one input, [out][in][9] in the file, as floats.
const float *vks_taps_at(const vks_layer *layer, size_t at, float room[VKS_TAPS]);
// [blocks][K][9][16] from [out][in][9], zero where outputs and inputs are padded.
void vks_pack_direct(const vks_layer *layer, vks_direction direction, float *to);
// [36][blocks][K][16]: the same in Winograd's domain, G g G^T, as winograd_weights.comp makes them;
// or wide: [36][blocks][K / 4][16][4].
void vks_pack_winograd(const vks_layer *layer, vks_direction direction, bool wide, float *to);

#endif
