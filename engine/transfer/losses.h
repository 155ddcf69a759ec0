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
    VKS_VALUE_MOMENTS = VKS_VALUE_STYLE + VKSTYLE_MAX_LAYERS, // what aims add, factors applied
    VKS_VALUE_COARSE,                                         // the total at half the size
    VKS_VALUE_COUNT
};

// A layer's Gram matrix a position, [padded][padded] float32, padded = channels rounded up to 64.
typedef struct vks_gram {
    int buffer; // kept
    int parts;  // partial sums, for vks_style_loss
    uint32_t channels, padded, splits;
    float scale; // sum -> per position
    // Sums whose sum is the squared norm of the difference from the style's, times 1 / factor; what
    // aims add is not in it. norms = 0: unknown.
    int norm;
    uint32_t norms;
    float factor;
} vks_gram;

static inline uint32_t vks_gram_padded(uint32_t channels)
{
    return vks_round_up(channels, 64);
}

// Adds the Gram matrix of a layer over the pixels that count: partial sums only.
vks_gram vks_add_gram(vks_encoding *encoding, int layer, vks_rect rect);
// Finishes a Gram matrix without a loss (a style image's own): fills gram->buffer.
void vks_finish_gram(vks_encoding *encoding, vks_gram *gram);

// A style that acts through a mask, one of several that share a slot.
typedef struct vks_weighting {
    int mask;     // floats [plane] of the layer (vks_mask_at_layer)
    double mass;  // sum of the mask's squares over the pixels that count
    double share; // what the sum of squares counts in the slot
    bool first;   // sets the slot; the others add to it
} vks_weighting;

// What a style loss compares beside Gram matrices or in their place (aim.h makes it).
typedef struct vks_aim {
    vkstyle_style_loss loss; // never VKSTYLE_LOSS_GRAM
    int buffer; // kept, floats: means [padded], deviations [padded]; for VKSTYLE_LOSS_WASSERSTEIN
                // then the root of the covariance, as a product's source and as its weights
    double k;   // factor of the means' squared misses, or of the distance: layer weight and a
                // mask's share are in it
    double k_spread; // of the deviations'
    double floor;    // added to variances, or to the squared covariance's diagonal
    double constant; // of the distance
    double beta;     // factor of the gradient beside k
    bool first;      // sets values[VKS_VALUE_MOMENTS]; the others add to it
} vks_aim;

// Adds the loss of one style layer against the Gram matrix in `style` (a kept buffer, as
// gram->buffer): writes values[slot] = sum (g - a)^2 and adds k * weight's gradient,
// 4 k / M (g - a) F, to the layer's joining gradient. weighting NULL: everywhere. Else F is the
// features times the mask, M the mask's mass, and the gradient goes back through the mask. aim
// NULL: Gram matrices are all. Else that loss comes on top; with VKSTYLE_LOSS_WASSERSTEIN only it
// has a gradient.
void vks_add_style_loss(vks_encoding *encoding, int layer, vks_rect rect, int style, double k,
                        int values, int slot, const vks_weighting *weighting, const vks_aim *aim,
                        vks_gram *gram);

// The same in steps, for Gram matrices that are summed over tiles. Adds a tile's partial sums to
// those in `sums`, [padded / 16][4][padded] vec4.
void vks_add_gram_sum(vks_encoding *encoding, int layer, vks_rect rect, int sums);
// values[slot] = sum (g - a)^2; difference (a buffer): 4 k / M (g - a). gram's parts, scale and
// buffer are set; M is `positions`, those of the whole picture. aim (or NULL) as above, from the
// sums of features (moments.h); shift: floats [padded], which vks_add_shift takes.
void vks_add_style_difference(vks_encoding *encoding, vks_gram *gram, double positions, int style,
                              double k, int values, int slot, const vks_aim *aim, int sums,
                              int shift, int difference);
// Adds difference * F to the layer's joining gradient, at all positions.
void vks_add_style_gradient(vks_encoding *encoding, int layer, const vks_gram *gram,
                            int difference);
// Clears the layer's joining gradient outside the rectangle that a tile owns.
void vks_clip_joining(vks_encoding *encoding, int layer, vks_rect rect);

// Adds the content loss against the features in `content` (a tensor buffer): writes values[slot] =
// sum (T - C)^2 and adds 2 k (T - C) to the layer's joining gradient. weights: a buffer of floats
// whose element `slot` is another factor of that gradient, or -1.
void vks_add_content_loss(vks_encoding *encoding, int layer, vks_rect rect, int content, double k,
                          int weights, int values, int slot);

// values[slot] = factor * sum of count floats; vks_add_more: is added to what is there.
void vks_add_sum(vks_plan *plan, int partials, uint32_t count, int values, int slot, float factor);
void vks_add_more(vks_plan *plan, int partials, uint32_t count, int values, int slot, float factor);
// sums, [count] vec4, (+)= that of `splits` such arrays.
void vks_add_accumulate(vks_plan *plan, int parts, uint32_t splits, uint32_t count, int sums,
                        bool add);

#endif
