// SPDX-License-Identifier: MIT
// Keeping the content's colours: statistics matched before the transfer, or chroma put back after
// it (Gatys, Bethge, Hertzmann, Shechtman, "Preserving Color in Neural Artistic Style Transfer",
// arXiv 1606.05897).
#ifndef VKS_RECOLOUR_H
#define VKS_RECOLOUR_H

#include "../vkstyle.h"

// Mean and covariance of the R'G'B' values of a picture; alpha weights the pixels.
typedef struct vks_colours {
    double mean[3];
    double covariance[3][3];
} vks_colours;

void vks_colours_of(vks_colours *colours, const vkstyle_image *image);

// The linear map A with A·from·Aᵀ = to, of which there are many:
//   VKSTYLE_COLOUR_MATCH      A = L_to·L_from⁻¹, by Cholesky's factors, Σ = L·Lᵀ;
//   VKSTYLE_COLOUR_MATCH_PCA  A = Σ_to^½·Σ_from^-½, by the symmetric roots.
// A variance of 1e-5 is added to both first, so that a grey picture has a map as well.
void vks_colour_map(double map[3][3], vkstyle_colour how, const double from[3][3],
                    const double to[3][3]);

// Style pictures before a transfer. Moves the picture's colours towards `to` by strength (0: not at
// all, 1: all the way): mean and covariance for the two matches, for VKSTYLE_COLOUR_LUMINANCE mean
// and deviation of luma only, by the same shift of all three channels. Clamped to 0..1, which is
// all that a target can show.
void vks_recolour_style(vkstyle_image *style, const vks_colours *to, vkstyle_colour how,
                        double strength);

// A result after a transfer: its luma (Rec. 601, of encoded values) with the chroma of `content`,
// which has its size, by strength. A chroma that luma leaves no room for is weakened, its hue kept.
void vks_restore_chroma(vkstyle_image *result, const vkstyle_image *content, double strength);

#endif
