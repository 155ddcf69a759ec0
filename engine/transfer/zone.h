// SPDX-License-Identifier: MIT
// From a job's masks and strength map to the regions of one pyramid level.
#ifndef VKS_ZONE_H
#define VKS_ZONE_H

#include "region.h"

typedef struct vks_zones {
    vks_regions regions; // of `at`
    vks_region at[VKSTYLE_MAX_STYLES];
    vks_style style[VKSTYLE_MAX_STYLES];
    float *mask[VKSTYLE_MAX_STYLES];
} vks_zones;

// How many regions a job has: one for each mask, whichever styles share it, one for all styles
// without; 0 where there is neither mask nor strength map.
int vks_zone_count(const vkstyle_job *job);
// The first of a job's styles with the same mask as style i, or with none as it.
int vks_first_of_mask(const vkstyle_job *job, int i);

// Masks and styles of one level. `styles` are the job's at the level's size; width and height are
// the iteration's, level_width and level_height those of the picture in it. Free it also after a
// failure.
bool vks_zones_make(vks_zones *zones, const vkstyle_job *job, const vkstyle_image *const *styles,
                    int level_width, int level_height, int width, int height, vks_gpu *gpu,
                    vks_network *network, const vks_setting *setting, vkstyle_error *error);
// Gives a picture (the top left of the iteration, `width` pixels wide) the content's pixels where
// no region acts: Adam takes steps there of one length whatever the gradient, and what leaks out of
// the regions through the encoder's reach would repaint all. Where the strongest mask is above an
// eighth, nothing changes.
void vks_zones_restore(const vks_zones *zones, int width, vkstyle_image *picture,
                       const vkstyle_image *content);
void vks_zones_free(vks_zones *zones);

#endif
