// SPDX-License-Identifier: MIT
// The Wasserstein-2 style loss (crowsonkb's style-transfer-pytorch): a layer's features and the
// style's are taken for Gaussians, whose distance is |m - m_s|^2 + tr C + tr S - 2 tr (R C R)^1/2,
// R = S^1/2. The inverse root in its gradient comes from coupled Newton-Schulz steps.
#ifndef VKS_WASSERSTEIN_H
#define VKS_WASSERSTEIN_H

#include "losses.h"

// Added to R C R, in units of |S^2|, is the square of this: the same for value and gradient.
#define VKS_WASSERSTEIN_LEAST 0.004
// The rounding of a covariance, relative to the square of the means: some units in the last place.
#define VKS_WASSERSTEIN_ROUNDING 1e-6

// From a finished Gram matrix and sums over a mass of `positions`: adds to
// values[VKS_VALUE_MOMENTS], writes `difference` (weights of vks_add_style_gradient) and `shift`
// (floats [padded]).
void vks_add_wasserstein_loss(vks_encoding *encoding, const vks_gram *gram, double positions,
                              const vks_aim *aim, int sums, int values, int shift, int difference);

#endif
