// SPDX-License-Identifier: MIT
// One 3x3 convolution as steps of a plan, forward or backward, in strips: Winograd or direct sums
// into the scratch, then whatever the caller makes of them.
#ifndef VKS_CONVOLUTION_H
#define VKS_CONVOLUTION_H

#include "encode.h"
#include "push.h"

// What all strips of one convolution share.
typedef struct vks_convolution {
    int layer;
    vks_direction direction;
    vks_form form;
    int source;        // tensor buffer
    vks_shape in, out; // of source, of what is written
    int shift;         // see vks_push_conv
    vks_slice weights;
} vks_convolution;

// A run of 4x4 tiles whose sums fit the scratch.
typedef struct vks_strip {
    uint32_t first, count;   // tiles
    uint32_t width, columns; // lanes
} vks_strip;

// Which kernels a layer uses, forward or backward.
vks_form vks_form_of(const vks_encoding *encoding, int layer, vks_direction direction);
// Whether its sums are in the Winograd domain.
static inline bool vks_form_transforms(vks_form form)
{
    return form == VKS_WINOGRAD || form == VKS_WIDE;
}
// Channel quads of the sums: outputs come in blocks of 16.
uint32_t vks_out_quads_padded(const vks_convolution *convolution);
// The push constants that input and output kernels share.
struct vks_push_tiles vks_tiles_push(vks_shape shape, vks_strip strip, uint32_t quads,
                                     uint32_t quad_first);
// Makes the scratch, as large as the encoding's largest strip; before the first convolution.
void vks_choose_strips(vks_encoding *encoding);
// Calls `finish` for each strip, when its sums are in the scratch.
void vks_add_convolution(vks_encoding *encoding, const vks_convolution *convolution,
                         void (*finish)(vks_encoding *, const vks_convolution *, vks_strip));

#endif
