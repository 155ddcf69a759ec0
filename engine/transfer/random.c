// SPDX-License-Identifier: MIT
#include "random.h"

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): every seed gives a good sequence.
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// The sum of twelve uniform values has variance 1 and is near enough to normal; unlike logarithms
// and cosines it is the same bits with every C library.
static float normal(uint64_t *state)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (double)(next(state) >> 11) * 0x1p-53;
    return (float)sum;
}

vkstyle_image *vks_noise(int width, int height, int64_t seed, vkstyle_error *error)
{
    vkstyle_image *image = vkstyle_image_create(width, height, false, error);
    uint64_t state = (uint64_t)seed;
    if (!image)
        return NULL;
    for (size_t i = 0; i < 3 * (size_t)width * (size_t)height; i++) {
        float v = 0.5f + 0.1f * normal(&state);
        image->rgb[i] = v < 0 ? 0 : v > 1 ? 1 : v;
    }
    return image;
}
