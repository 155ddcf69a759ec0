// SPDX-License-Identifier: MIT
// Where styles act: regions with masks, measured by guided Gram matrices (Gatys et al.,
// "Controlling Perceptual Factors in Neural Style Transfer", CVPR 2017, section 4): the Gram matrix
// of features times the mask, divided by the sum of the mask's squares.
#ifndef VKS_REGION_H
#define VKS_REGION_H

#include "prepare.h"

typedef struct vks_region {
    const vks_style *style;
    double strength;   // 1: as strong at a pixel as one style everywhere would be
    const float *mask; // [height][width] of the iteration, 0..1; NULL: counting bytes only
} vks_region;

typedef struct vks_regions {
    int count;
    const vks_region *at;
} vks_regions;

// Averages a mask over the area of each of a layer's pixels into `to` (shape.plane floats, 0 in the
// padding; NULL: not wanted). Returns the sum of squares; without a mask, that of ones.
double vks_mask_at_layer(const float *mask, uint32_t width, uint32_t height, vks_shape shape,
                         float *to);

// Adds to = mask * from over a layer's tensors (add: to += mask * from).
void vks_add_masked(vks_encoding *encoding, int layer, int from, int mask, int to, bool add);

#endif
