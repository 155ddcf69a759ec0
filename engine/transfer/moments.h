// SPDX-License-Identifier: MIT
// Channel means and standard deviations of a layer: their sums, and the loss that compares them
// beside Gram matrices (--style-loss gram-mean).
#ifndef VKS_MOMENTS_H
#define VKS_MOMENTS_H

#include "losses.h"

// sums, floats [padded], (+)= the sums of a layer's features over the pixels that count. mask: -1,
// or floats [plane], with features that are masked already: each then counts by the mask's square.
void vks_add_channel_sums(vks_encoding *encoding, int layer, vks_rect rect, int mask, int sums,
                          bool add);
// From a finished Gram matrix and sums over a mass of `positions`: adds to
// values[VKS_VALUE_MOMENTS] and to the diagonal of `difference`, writes `shift` (floats [padded]).
void vks_add_moments_loss(vks_encoding *encoding, const vks_gram *gram, double positions,
                          const vks_aim *aim, int sums, int values, int shift, int difference);
// Adds shift to the layer's joining gradient at all positions, through the mask (-1: none). The
// joining gradient holds something already.
void vks_add_shift(vks_encoding *encoding, int layer, int shift, int mask);

#endif
