// SPDX-License-Identifier: MIT
// A picture at half its size beside it, and the gradient's way back: what an iteration needs to
// measure its target at coarser scales as well (iteration.h).
#ifndef VKS_HALVE_H
#define VKS_HALVE_H

#include "raster.h"

// coarse, of half the width and height rounded down: each pixel the mean of four.
void vks_add_halve(vks_plan *plan, vks_raster fine, vks_raster coarse);
// The transpose, for gradients: fine += weight * (transpose of halving) coarse.
void vks_add_spread(vks_plan *plan, vks_raster coarse, vks_raster fine, double weight);

#endif
