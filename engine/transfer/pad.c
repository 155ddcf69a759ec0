// SPDX-License-Identifier: MIT
#include "pad.h"

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

// Copies with coordinates held inside the source.
static vkstyle_image *copy_clamped(const vkstyle_image *image, int width, int height,
                                   vkstyle_error *error)
{
    vkstyle_image *out = vkstyle_image_create(width, height, false, error);
    if (!out)
        return NULL;
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                out->rgb[((size_t)c * (size_t)height + (size_t)y) * (size_t)width + (size_t)x] =
                    image->rgb[((size_t)c * (size_t)image->height +
                                (size_t)smaller(y, image->height - 1)) *
                                   (size_t)image->width +
                               (size_t)smaller(x, image->width - 1)];
    return out;
}

void vks_padded_size(int width, int height, int *padded_width, int *padded_height)
{
    *padded_width = larger(width, VKS_SMALLEST_SIDE);
    *padded_height = larger(height, VKS_SMALLEST_SIDE);
}

vkstyle_image *vks_pad_small(const vkstyle_image *image, vkstyle_error *error)
{
    return copy_clamped(image, larger(image->width, VKS_SMALLEST_SIDE),
                        larger(image->height, VKS_SMALLEST_SIDE), error);
}

vkstyle_image *vks_crop(const vkstyle_image *image, int width, int height, vkstyle_error *error)
{
    return copy_clamped(image, width, height, error);
}
