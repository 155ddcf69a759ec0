// SPDX-License-Identifier: MIT
// Resampling, one axis after the other: Lanczos (3 lobes) stretched by the ratio where an axis
// shrinks, Catmull-Rom where it grows. Each output row needs a few input rows only, so that nothing
// but the result and some rows are in memory.
#include "image.h"
#include "../error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Sums below are double: the weights of a pixel add up to 1 so closely that constant pictures stay
// constant to the last bit.
typedef struct taps {
    int *first;      // per output position: the first input position
    int most;        // weights per output position; unused ones are 0
    double *weights; // [size][most]
} taps;

static double lanczos3(double x)
{
    x = fabs(x);
    if (x < 1e-8)
        return 1;
    if (x >= 3)
        return 0;
    double t = M_PI * x;
    return 3 * sin(t) * sin(t / 3) / (t * t);
}

static double catmull_rom(double x)
{
    x = fabs(x);
    if (x >= 2)
        return 0;
    return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((2.5 - 0.5 * x) * x - 4) * x + 2;
}

static void free_taps(taps *t)
{
    free(t->first);
    free(t->weights);
    *t = (taps){0};
}

static bool make_taps(taps *t, int from, int to)
{
    bool shrinks = to < from;
    double ratio = (double)from / to, stretch = shrinks ? ratio : 1;
    double reach = (shrinks ? 3 : 2) * stretch;
    t->most = from == to ? 1 : (int)ceil(2 * reach) + 1;
    t->most = t->most > from ? from : t->most;
    t->first = calloc((size_t)to, sizeof *t->first);
    t->weights = calloc((size_t)to * (size_t)t->most, sizeof *t->weights);
    if (!t->first || !t->weights)
        return false;
    for (int i = 0; i < to; i++) {
        double *w = t->weights + (size_t)i * (size_t)t->most;
        if (from == to) {
            t->first[i] = i;
            w[0] = 1;
            continue;
        }
        // Positions count pixel centres. At the ends the filter is cut off and renormalised.
        double centre = (i + 0.5) * ratio - 0.5;
        int first = (int)ceil(centre - reach);
        first = first < 0 ? 0 : first > from - t->most ? from - t->most : first;
        double sum = 0;
        for (int k = 0; k < t->most; k++) {
            double x = (first + k - centre) / stretch;
            w[k] = shrinks ? lanczos3(x) : catmull_rom(x);
            sum += w[k];
        }
        for (int k = 0; k < t->most; k++)
            w[k] /= sum;
        t->first[i] = first;
    }
    return true;
}

typedef struct resizing {
    const vkstyle_image *from;
    vkstyle_image *to;
    taps across, down;
    float low, high; // the result stays within what the picture has, and 0..1 at least
} resizing;

// The output row y of one plane (times alpha, where given) down the columns.
static void sum_rows(const resizing *r, const float *plane, const float *alpha, int y, double *sum)
{
    size_t width = (size_t)r->from->width;
    const double *w = r->down.weights + (size_t)y * (size_t)r->down.most;
    memset(sum, 0, width * sizeof *sum);
    for (int k = 0; k < r->down.most; k++) {
        double weight = w[k];
        if (weight == 0)
            continue;
        size_t at = (size_t)(r->down.first[y] + k) * width;
        const float *row = plane + at;
        if (alpha)
            for (size_t x = 0; x < width; x++)
                sum[x] += weight * ((double)row[x] * (double)alpha[at + x]);
        else
            for (size_t x = 0; x < width; x++)
                sum[x] += weight * (double)row[x];
    }
}

static double sum_across(const resizing *r, const double *row, int x)
{
    const double *w = r->across.weights + (size_t)x * (size_t)r->across.most;
    row += r->across.first[x];
    double sum = 0;
    for (int k = 0; k < r->across.most; k++)
        sum += w[k] * row[k];
    return sum;
}

static float within(double value, float low, float high)
{
    return value < low ? low : value > high ? high : (float)value;
}

static bool resize_rows(int first, int last, void *user)
{
    const resizing *r = user;
    const vkstyle_image *from = r->from;
    vkstyle_image *to = r->to;
    size_t width = (size_t)to->width, pixels = width * (size_t)to->height;
    size_t from_pixels = (size_t)from->width * (size_t)from->height;
    double *sum = malloc((size_t)from->width * sizeof *sum);
    double *alpha = malloc(width * sizeof *alpha);
    bool well = sum && alpha;
    for (int y = first; well && y < last; y++) {
        size_t at = (size_t)y * width;
        if (from->alpha) {
            sum_rows(r, from->alpha, NULL, y, sum);
            for (size_t x = 0; x < width; x++) {
                alpha[x] = sum_across(r, sum, (int)x);
                to->alpha[at + x] = within(alpha[x], 0, 1);
            }
        }
        for (size_t c = 0; c < 3; c++) {
            sum_rows(r, from->rgb + c * from_pixels, from->alpha, y, sum);
            for (size_t x = 0; x < width; x++) {
                double value = sum_across(r, sum, (int)x);
                // Far less than 16-bit files tell from transparent has no colour of its own.
                if (from->alpha && alpha[x] < 1e-6)
                    value = to->alpha[at + x] = 0;
                else if (from->alpha)
                    value /= alpha[x];
                to->rgb[c * pixels + at + x] = within(value, r->low, r->high);
            }
        }
    }
    free(sum);
    free(alpha);
    return well;
}

vkstyle_image *vkstyle_image_resize(const vkstyle_image *image, int width, int height,
                                    vkstyle_error *error)
{
    resizing r = {.from = image, .low = 0, .high = 1};
    r.to = vkstyle_image_create(width, height, image->alpha != NULL, error);
    if (!r.to)
        return NULL;
    size_t values = 3 * (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < values; i++) {
        r.low = image->rgb[i] < r.low ? image->rgb[i] : r.low;
        r.high = image->rgb[i] > r.high ? image->rgb[i] : r.high;
    }
    bool well = make_taps(&r.across, image->width, width) &&
                make_taps(&r.down, image->height, height) &&
                vks_image_rows(height, resize_rows, &r);
    free_taps(&r.across);
    free_taps(&r.down);
    if (!well) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "No memory left to scale a picture to %dx%d pixels",
                 width, height);
        vkstyle_image_free(&r.to);
    }
    return r.to;
}
