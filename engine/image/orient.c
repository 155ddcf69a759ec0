// SPDX-License-Identifier: MIT
// Which way up: the one field of EXIF that changes a picture.
#include "image.h"
#include "../error.h"

#include <stdlib.h>
#include <string.h>

static uint32_t number(const uint8_t *at, int bytes, bool big)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint32_t)at[i] << 8 * (big ? bytes - 1 - i : i);
    return value;
}

int vks_exif_orientation(const uint8_t *data, size_t size)
{
    enum { ORIENTATION = 0x0112, SHORT = 3, LONG = 4, ENTRY = 12 };
    if (size < 8 || (memcmp(data, "II*\0", 4) && memcmp(data, "MM\0*", 4)))
        return 1;
    bool big = data[0] == 'M';
    size_t at = number(data + 4, 4, big);
    if (at > size || size - at < 2)
        return 1;
    size_t entries = number(data + at, 2, big);
    at += 2;
    for (; entries && size - at >= ENTRY; entries--, at += ENTRY) {
        const uint8_t *entry = data + at;
        uint32_t type = number(entry + 2, 2, big);
        if (number(entry, 2, big) != ORIENTATION || (type != SHORT && type != LONG) ||
            number(entry + 4, 4, big) != 1)
            continue;
        uint32_t value = number(entry + 8, type == SHORT ? 2 : 4, big);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

// Writes the turned plane over the old one. The stored pixel (x, y) is seen at (x, y) mirrored and
// then, for 5 to 8, with its coordinates swapped.
static void turn(float *plane, float *copy, int width, int height, int orientation)
{
    enum { TILE = 32 }; // so that the side across the rows stays in the cache
    bool swap = orientation >= 5;
    bool mirror_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool mirror_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    memcpy(copy, plane, (size_t)width * (size_t)height * sizeof *plane);
    for (int top = 0; top < height; top += TILE)
        for (int left = 0; left < width; left += TILE)
            for (int y = top; y < height && y < top + TILE; y++)
                for (int x = left; x < width && x < left + TILE; x++) {
                    size_t to_x = (size_t)(mirror_x ? width - 1 - x : x);
                    size_t to_y = (size_t)(mirror_y ? height - 1 - y : y);
                    size_t to = swap ? to_x * (size_t)height + to_y : to_y * (size_t)width + to_x;
                    plane[to] = copy[(size_t)y * (size_t)width + (size_t)x];
                }
}

bool vks_image_orient(vkstyle_image *image, int orientation, vkstyle_error *error)
{
    if (orientation < 2 || orientation > 8)
        return true;
    size_t pixels = (size_t)image->width * (size_t)image->height;
    float *copy = malloc(pixels * sizeof *copy);
    if (!copy)
        return vks_fail(error, VKSTYLE_NO_MEMORY,
                        "Turning a picture of %dx%d pixels upright takes %zu MB of memory more, "
                        "which the system does not give; make it smaller or end other programs",
                        image->width, image->height, pixels * sizeof *copy / 1000000 + 1);
    for (int c = 0; c < 4; c++) {
        float *plane = c < 3 ? image->rgb + (size_t)c * pixels : image->alpha;
        if (plane)
            turn(plane, copy, image->width, image->height, orientation);
    }
    free(copy);
    if (orientation >= 5) {
        int width = image->width;
        image->width = image->height;
        image->height = width;
    }
    return true;
}
