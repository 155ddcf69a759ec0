// SPDX-License-Identifier: MIT
// Pictures with sides under 16 pixels are padded by replication, so that the deepest layer is never
// empty, and cropped at the end.
#ifndef VKS_PAD_H
#define VKS_PAD_H

#include "../vkstyle.h"

enum { VKS_SMALLEST_SIDE = 16 };

// A copy (without alpha) whose sides are at least VKS_SMALLEST_SIDE.
vkstyle_image *vks_pad_small(const vkstyle_image *image, vkstyle_error *error);
// The top left width x height pixels, without alpha.
vkstyle_image *vks_crop(const vkstyle_image *image, int width, int height, vkstyle_error *error);

// The size that vks_pad_small makes of that one.
void vks_padded_size(int width, int height, int *padded_width, int *padded_height);

#endif
