// SPDX-License-Identifier: MIT
// Colours for transparent pixels by a push-pull pyramid (Gortler, Grzeszczuk, Szeliski, Cohen: The
// Lumigraph, SIGGRAPH 1996): averages of what is visible go up, and gaps are filled from above.
#include "image.h"
#include "../error.h"

#include <stdlib.h>
#include <string.h>

enum { LEVELS = 24 }; // 2^20 is the longest side

typedef struct level {
    int width, height;
    float *rgb;        // [height][width][3]
    float *confidence; // [height][width], 0..1: how much of rgb is seen, not filled
} level;

// A pixel counts in full from this visibility on.
static float confidence_of(float alpha)
{
    float value = 16 * alpha;
    return value >= 1 ? 1 : value > 0 ? value : 0;
}

// Level 0 is the picture itself; at gives its values in the shape of the others.
typedef struct pyramid {
    vkstyle_image *image; // level 0: the result
    level levels[LEVELS]; // from 1 on
    int count;
} pyramid;

static float sample(const pyramid *p, int l, int x, int y, float rgb[3])
{
    if (l) {
        const level *from = &p->levels[l];
        size_t at = (size_t)y * (size_t)from->width + (size_t)x;
        memcpy(rgb, from->rgb + 3 * at, 3 * sizeof *rgb);
        return from->confidence[at];
    }
    size_t pixels = (size_t)p->image->width * (size_t)p->image->height;
    size_t at = (size_t)y * (size_t)p->image->width + (size_t)x;
    for (size_t c = 0; c < 3; c++)
        rgb[c] = p->image->rgb[c * pixels + at];
    return confidence_of(p->image->alpha[at]);
}

static void store(pyramid *p, int l, int x, int y, const float rgb[3])
{
    if (l) {
        memcpy(p->levels[l].rgb + 3 * ((size_t)y * (size_t)p->levels[l].width + (size_t)x), rgb,
               3 * sizeof *rgb);
        return;
    }
    size_t pixels = (size_t)p->image->width * (size_t)p->image->height;
    for (size_t c = 0; c < 3; c++)
        p->image->rgb[c * pixels + (size_t)y * (size_t)p->image->width + (size_t)x] = rgb[c];
}

// Level l out of the one below: four pixels become one, weighted by confidence.
static void push(pyramid *p, int l)
{
    level *to = &p->levels[l];
    int width = p->levels[l - 1].width, height = p->levels[l - 1].height;
    for (int y = 0; y < to->height; y++)
        for (int x = 0; x < to->width; x++) {
            float sum[3] = {0}, weight = 0;
            for (int i = 0; i < 4; i++) {
                int from_x = 2 * x + i % 2, from_y = 2 * y + i / 2;
                if (from_x >= width || from_y >= height)
                    continue;
                float rgb[3], w = sample(p, l - 1, from_x, from_y, rgb);
                if (w <= 0)
                    continue; // what is hidden there is not even looked at: it may be a NaN
                weight += w;
                for (int c = 0; c < 3; c++)
                    sum[c] += w * rgb[c];
            }
            size_t at = (size_t)y * (size_t)to->width + (size_t)x;
            to->confidence[at] = weight < 1 ? weight : 1;
            for (size_t c = 0; c < 3; c++)
                to->rgb[3 * at + c] = weight > 0 ? sum[c] / weight : 0.5f;
        }
}

// Fills level l where it is not confident from the one above, bilinearly.
static void pull(pyramid *p, int l)
{
    const level *above = &p->levels[l + 1];
    for (int y = 0; y < p->levels[l].height; y++)
        for (int x = 0; x < p->levels[l].width; x++) {
            float own[3], confidence = sample(p, l, x, y, own), filled[3] = {0};
            if (confidence >= 1)
                continue;
            // A pixel lies 1/4 off the centre of its parent, towards the neighbour with weight 1/4.
            int near_x = x / 2, far_x = near_x + (x % 2 ? 1 : -1);
            int near_y = y / 2, far_y = near_y + (y % 2 ? 1 : -1);
            far_x = far_x < 0 ? 0 : far_x >= above->width ? above->width - 1 : far_x;
            far_y = far_y < 0 ? 0 : far_y >= above->height ? above->height - 1 : far_y;
            for (int i = 0; i < 4; i++) {
                float rgb[3];
                sample(p, l + 1, i % 2 ? far_x : near_x, i / 2 ? far_y : near_y, rgb);
                for (int c = 0; c < 3; c++)
                    filled[c] += rgb[c] * (i % 2 ? 0.25f : 0.75f) * (i / 2 ? 0.25f : 0.75f);
            }
            for (int c = 0; c < 3 && confidence > 0; c++)
                filled[c] += confidence * (own[c] - filled[c]);
            store(p, l, x, y, filled);
        }
}

static bool build(pyramid *p)
{
    p->levels[0].width = p->image->width;
    p->levels[0].height = p->image->height;
    for (p->count = 1; p->count < LEVELS; p->count++) {
        const level *below = &p->levels[p->count - 1];
        if (below->width == 1 && below->height == 1)
            break;
        level *l = &p->levels[p->count];
        l->width = (below->width + 1) / 2;
        l->height = (below->height + 1) / 2;
        size_t pixels = (size_t)l->width * (size_t)l->height;
        l->rgb = malloc(pixels * 3 * sizeof *l->rgb);
        l->confidence = malloc(pixels * sizeof *l->confidence);
        if (!l->rgb || !l->confidence)
            return false;
        push(p, p->count);
    }
    for (int l = p->count - 2; l >= 0; l--)
        pull(p, l);
    return true;
}

vkstyle_image *vks_image_fill_transparent(const vkstyle_image *image, vkstyle_error *error)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    pyramid p = {.image = vkstyle_image_create(image->width, image->height, image->alpha, error)};
    if (!p.image)
        return NULL;
    memcpy(p.image->rgb, image->rgb, 3 * pixels * sizeof *image->rgb);
    if (!image->alpha)
        return p.image;
    memcpy(p.image->alpha, image->alpha, pixels * sizeof *image->alpha);
    if (!build(&p)) {
        vks_fail(error, VKSTYLE_NO_MEMORY,
                 "No memory left to fill the transparent part of a picture of %dx%d pixels",
                 image->width, image->height);
        vkstyle_image_free(&p.image);
    }
    for (int l = 1; l < LEVELS; l++) {
        free(p.levels[l].rgb);
        free(p.levels[l].confidence);
    }
    // A single transparent pixel has no level above it to be filled from.
    if (p.image && pixels == 1 && confidence_of(image->alpha[0]) <= 0)
        for (int c = 0; c < 3; c++)
            p.image->rgb[c] = 0.5f;
    return p.image;
}
