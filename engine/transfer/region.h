// SPDX-License-Identifier: MIT
// Regions: where each style acts. Masks and the strength map become weights of pixels at a level's
// size, and of a layer's positions.
#ifndef VKS_REGION_H
#define VKS_REGION_H

#include "prepare.h"

// One region of a level: a style, or a blend, and the weights t of the target's pixels, so that the
// style's gradient at a pixel is t * weight times what it would be without masks.
typedef struct vks_region {
    vks_style style;
    float *guide;  // [height][width], 0..1; NULL: 1 everywhere
    double weight; // of its losses, besides the share of the picture that the guide covers
} vks_region;

typedef struct vks_regions {
    int count;
    vks_region *at;
    uint32_t width, height; // of the guides
    // [height][width], 0..1: how much style reaches a pixel; NULL: all of it everywhere.
    float *coverage;
} vks_regions;

// True when the job has masks or a strength map.
bool vks_job_has_masks(const vkstyle_job *job);
// How many regions the job has: 1 without masks.
int vks_job_regions(const vkstyle_job *job);
// Refuses masks that leave nothing to do.
bool vks_job_check_masks(const vkstyle_job *job, vkstyle_error *error);

// Makes the regions of a level whose target has `width` x `height` pixels, small sides padded to
// `padded_width` x `padded_height`; images are the styles at that level's size.
bool vks_regions_prepare(vks_regions *regions, vks_gpu *gpu, vks_network *network,
                         const vks_setting *setting, const vkstyle_job *job,
                         const vkstyle_image *const *images, int width, int height,
                         int padded_width, int padded_height, vkstyle_error *error);
void vks_regions_free(vks_regions *regions);

// A guide averaged over the positions of a layer, as kernels take it: [plane / 4] vec4 of four
// pixels in a fresh array (free() it), NULL for want of memory. *mass receives the weights' sum.
float *vks_guide_at(const vks_regions *regions, const vks_region *region, vks_shape shape,
                    double *mass);

// Where little or no style reaches, the picture becomes the content (both of the guides' size).
void vks_regions_blend(const vks_regions *regions, vkstyle_image *picture,
                       const vkstyle_image *content);

#endif
