// SPDX-License-Identifier: MIT
// The losses' steps in a plan: Gram matrices, style loss, content loss; their values and the
// gradients that join the encoder's way back. Gatys, Ecker, Bethge, CVPR 2016, equations 1 to 7.
#ifndef VKS_LOSSES_H
#define VKS_LOSSES_H

#include "encode.h"

// Slots of the `values` buffer: what an iteration's losses are.
enum {
    VKS_VALUE_TOTAL = 0,   // what the optimiser minimises
    VKS_VALUE_CONTENT = 1, // sum of (T - C)^2, in the encoder's own scale
    VKS_VALUE_TV = 2,      // sum of squared differences of neighbours
    VKS_VALUE_STYLE = 3,   // and on, one a style layer: sum of (g - a)^2, g = F F^T / M
    VKS_VALUE_COUNT = VKS_VALUE_STYLE + VKSTYLE_MAX_LAYERS
};

// Where a loss acts, and how strongly at each pixel of a layer: guided Gram matrices of Gatys et
// al., "Controlling Perceptual Factors in Neural Style Transfer", CVPR 2017, with the square of
// their guide as the weight t: g = sum t F F^T / sum t. NULL stands for 1 everywhere.
typedef struct vks_guide {
    int buffer;  // [plane / 4] vec4 of four pixels' weights, 0 outside the picture
    double mass; // sum of the weights
} vks_guide;

// What a layer's style loss has to reach; kept buffers.
typedef struct vks_aim {
    int gram;  // as vks_gram.buffer
    int means; // [2][padded] floats, means and standard deviations; -1: Gram matrix only
    double mean_weight, deviation_weight; // of sum (mean - aim)^2 and of the deviations' sum, in
                                          // units of the Gram loss
    double least;                         // added to a variance before its root is taken
} vks_aim;

// A layer's Gram matrix a position, [padded][padded] float32, padded = channels rounded up to 64.
typedef struct vks_gram {
    int buffer; // kept
    int parts;  // partial sums, for vks_style_loss
    int means;  // kept, [padded] floats; -1 unless vks_add_means asked for them
    uint32_t channels, padded, splits;
    float scale; // sum -> per position
    double mass; // positions, or the sum of their weights
} vks_gram;

static inline uint32_t vks_gram_padded(uint32_t channels)
{
    return vks_round_up(channels, 64);
}

// Adds the Gram matrix of a layer over the pixels that count: partial sums only.
vks_gram vks_add_gram(vks_encoding *encoding, int layer, vks_rect rect, const vks_guide *guide);
// Finishes a Gram matrix without a loss (a style image's own): fills gram->buffer.
void vks_finish_gram(vks_encoding *encoding, vks_gram *gram);
// The same for the means of the features, once the Gram matrix is finished: fills gram->means.
void vks_add_means(vks_encoding *encoding, int layer, vks_rect rect, const vks_guide *guide,
                   vks_gram *gram);

// Adds the loss of one style layer: writes values[slot] = sum (g - a)^2, plus the losses of means
// and deviations where the aim has them, and adds k times the gradient, 4 k / M (g - a) F for the
// Gram matrix, to the layer's joining gradient.
void vks_add_style_loss(vks_encoding *encoding, int layer, vks_rect rect, const vks_guide *guide,
                        const vks_aim *aim, double k, int values, int slot, vks_gram *gram);

// Adds the content loss against the features in `content` (a tensor buffer): writes values[slot] =
// sum (T - C)^2 and adds 2 k (T - C) to the layer's joining gradient.
void vks_add_content_loss(vks_encoding *encoding, int layer, vks_rect rect, int content, double k,
                          int values, int slot);

// values[slot] = factor * sum of count floats.
void vks_add_sum(vks_plan *plan, int partials, uint32_t count, int values, int slot, float factor);

#endif
