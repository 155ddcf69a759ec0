// SPDX-License-Identifier: MIT
// The encoder's steps in a plan: forward from an image to its activations, backward from the
// gradients of losses to the pixels.
#ifndef VKS_ENCODE_H
#define VKS_ENCODE_H

#include "network.h"
#include "plan.h"
#include "tensor.h"

enum { VKS_MAX_DEPTH = 64 }; // layers of an encoder, poolings included

typedef struct vks_encode_options {
    vkstyle_pool pool;
    vkstyle_padding padding;
    vkstyle_kernels kernels; // never VKSTYLE_KERNELS_AUTO (kernel_choice.h)
    int tile;                // of tiled products (product.h)
    // The long side of the job's largest picture; 0: this one's. It decides which weights a layer
    // has, so that a job needs each of them in one form only.
    uint32_t goal;
    float scale;              // activations are stored times this (half precision needs it; else 1)
    float gradient;           // gradients are stored times this
    bool backward;            // masks are kept for the way back
    bool readable;            // kept activations live as long as the plan, for the host to read
    int depth;                // layers used: the deepest layer's index + 1
    bool keep[VKS_MAX_DEPTH]; // activations that losses read; they live as long as needed
    bool
        window; // a part of a larger picture: sums are rounded as in that, whatever this one's size
    // Of poolings: what of their result the layers behind go on with, as halos are needed no more
    // (window.h). x1 = 0: all of it.
    vks_rect crop[VKS_MAX_DEPTH];
} vks_encode_options;

// One encoder pass over one image; buffers are the plan's, -1 where there is none.
typedef struct vks_encoding {
    vks_plan *plan;
    vks_network *network;
    vks_encode_options options;
    uint32_t width, height;          // of the image
    int image;                       // [height][width] vec4
    vks_rect own;                    // pixels whose total variation counts; forward sets all
    vks_shape shape[VKS_MAX_DEPTH];  // of each layer; of a pooling: after its crop
    vks_shape pooled[VKS_MAX_DEPTH]; // of a pooling: before its crop
    int activation[VKS_MAX_DEPTH];
    int uncropped[VKS_MAX_DEPTH]; // of a pooling: what the convolution before it writes
    int mask[VKS_MAX_DEPTH];
    int joining[VKS_MAX_DEPTH]; // gradient of the losses at that layer, set by the losses
    int scratch_v, scratch_m;   // sums and transforms of the strip at work
    uint64_t strip_bytes;       // of each of the two
} vks_encoding;

// Only works out the layers' shapes; adds nothing to the plan.
bool vks_encode_shapes(vks_encoding *encoding, vks_plan *plan, vks_network *network,
                       const vks_encode_options *options, int image, uint32_t width,
                       uint32_t height, vkstyle_error *error);

// Adds the forward pass. Fails through the plan, or at once when weights cannot be uploaded.
bool vks_encode_forward(vks_encoding *encoding, vks_plan *plan, vks_network *network,
                        const vks_encode_options *options, int image, uint32_t width,
                        uint32_t height, vkstyle_error *error);

// Writes the rectangle `to_rect` of a tensor: its pixel (x, y) becomes that of `from` at (x +
// shift_x, y + shift_y), or 0 where `from` has none. Both have the same channels.
void vks_add_crop(vks_plan *plan, int from, vks_shape from_shape, int to, vks_shape to_shape,
                  vks_rect to_rect, int shift_x, int shift_y);

// Whether only a part of a pooling is gone on with.
static inline bool vks_is_cropped(const vks_encoding *encoding, int layer)
{
    return encoding->options.crop[layer].x1 != 0;
}

// Adds the backward pass: joining -> gradient [height][width] vec4. tv: weight of total variation
// for each squared difference. partials receives one float a workgroup (its number is returned in
// *partial_count): sums of squared differences.
bool vks_encode_backward(vks_encoding *encoding, int gradient, float tv, int *partials,
                         uint32_t *partial_count, vkstyle_error *error);

#endif
