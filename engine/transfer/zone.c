// SPDX-License-Identifier: MIT
#include "zone.h"
#include "../error.h"
#include "pad.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const vkstyle_image *mask_of(const vkstyle_job *job, int i)
{
    return job->style_masks ? job->style_masks[i] : NULL;
}

int vks_first_of_mask(const vkstyle_job *job, int i)
{
    int first = 0;
    while (mask_of(job, first) != mask_of(job, i))
        first++;
    return first;
}

// The styles that act in one place, in the job's order.
typedef struct group {
    const vkstyle_image *styles[VKSTYLE_MAX_STYLES];
    double weights[VKSTYLE_MAX_STYLES], sum;
    int count;
} group;

// styles: the job's at the level's size.
static void gather(group *g, const vkstyle_job *job, const vkstyle_image *const *styles,
                   const vkstyle_image *mask)
{
    *g = (group){0};
    for (int i = 0; i < job->style_count; i++) {
        if (mask_of(job, i) != mask)
            continue;
        g->styles[g->count] = styles[i];
        g->weights[g->count] = job->style_weights ? job->style_weights[i] : 1;
        g->sum += g->weights[g->count++];
    }
}

// Different masks; to have none is one of them.
static int count_groups(const vkstyle_job *job)
{
    int count = 0;
    for (int i = 0; i < job->style_count; i++)
        count += vks_first_of_mask(job, i) == i;
    return count;
}

int vks_zone_count(const vkstyle_job *job)
{
    int masked = 0;
    for (int i = 0; i < job->style_count; i++)
        masked += mask_of(job, i) != NULL;
    return masked || job->strength_map ? count_groups(job) : 0;
}

void vks_zones_free(vks_zones *zones)
{
    for (int i = 0; i < VKSTYLE_MAX_STYLES; i++) {
        vks_style_free(&zones->style[i]);
        free(zones->mask[i]);
    }
    memset(zones, 0, sizeof *zones);
}

// The grey of a picture at a level's size, padded, 0..1.
static float *grey(const vkstyle_image *image, int level_width, int level_height, int width,
                   int height, vkstyle_error *error)
{
    vkstyle_image *sized = vkstyle_image_resize(image, level_width, level_height, error);
    float *plane = NULL;
    size_t n = sized ? (size_t)sized->width * (size_t)sized->height : 0;
    for (size_t i = 0; i < n; i++) {
        float v = (sized->rgb[i] + sized->rgb[n + i] + sized->rgb[2 * n + i]) / 3;
        v *= sized->alpha ? sized->alpha[i] : 1;
        sized->rgb[i] = v > 0 ? fminf(v, 1) : 0; // NaN is black
    }
    vkstyle_image *padded = sized ? vks_pad_small(sized, error) : NULL;
    if (padded && (padded->width != width || padded->height != height))
        vks_fail(error, VKSTYLE_FAILED, "a mask of %dx%d pixels for a level of %dx%d",
                 padded->width, padded->height, width, height);
    else if (padded && !(plane = malloc((size_t)width * (size_t)height * sizeof *plane)))
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a mask");
    else if (padded)
        memcpy(plane, padded->rgb, (size_t)width * (size_t)height * sizeof *plane);
    vkstyle_image_free(&sized);
    vkstyle_image_free(&padded);
    return plane;
}

void vks_zones_restore(const vks_zones *z, int width, vkstyle_image *picture,
                       const vkstyle_image *content)
{
    size_t n = (size_t)picture->width * (size_t)picture->height;
    for (size_t i = 0; i < n; i++) {
        size_t at = i / (size_t)picture->width * (size_t)width + i % (size_t)picture->width;
        float most = 0;
        for (int r = 0; r < z->regions.count; r++)
            most = fmaxf(most, z->mask[r][at]);
        float own = fminf(1, 8 * most);
        for (size_t c = 0; own < 1 && c < 3; c++) {
            float *to = &picture->rgb[c * n + i];
            *to = own * *to + (1 - own) * content->rgb[c * n + i];
        }
    }
}

static float *white(size_t n, vkstyle_error *error)
{
    float *plane = malloc(n * sizeof *plane);
    for (size_t i = 0; plane && i < n; i++)
        plane[i] = 1;
    if (!plane)
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a mask");
    return plane;
}

bool vks_zones_make(vks_zones *z, const vkstyle_job *job, const vkstyle_image *const *styles,
                    int level_width, int level_height, int width, int height, vks_gpu *gpu,
                    vks_network *network, const vks_setting *setting, vkstyle_error *error)
{
    size_t n = (size_t)width * (size_t)height;
    double sum = 0;
    int count = 0, groups = count_groups(job);
    float *map = NULL;
    bool done = false;
    memset(z, 0, sizeof *z);
    z->regions.at = z->at;
    if (job->strength_map &&
        !(map = grey(job->strength_map, level_width, level_height, width, height, error)))
        return false;
    for (int i = 0; i < job->style_count; i++)
        sum += job->style_weights ? job->style_weights[i] : 1;
    for (int i = 0; i <= job->style_count; i++) {
        bool last = i == job->style_count; // the styles without a mask
        const vkstyle_image *mask = last ? NULL : mask_of(job, i);
        if (!last && (!mask || vks_first_of_mask(job, i) != i))
            continue;
        group g;
        gather(&g, job, styles, mask);
        if (!(g.sum > 0)) // or there are none
            continue;
        z->regions.count = count + 1;
        z->mask[count] =
            last ? white(n, error) : grey(mask, level_width, level_height, width, height, error);
        if (!z->mask[count])
            goto end;
        // Features are multiplied by the mask and Gram matrices are of second order: a pixel counts
        // by the mask's square, and by the strength itself.
        for (size_t p = 0; map && p < n; p++)
            z->mask[count][p] *= sqrtf(map[p]);
        // Where nobody weighs them, every mask's style is as strong as one alone; weights are
        // relative to their mean. Styles that act in one place count as one of all their weight, so
        // that it is no matter into how many crops a style is cut.
        double strength = g.sum * groups / sum;
        if (!vks_prepare_style(&z->style[count], gpu, network, setting, g.styles, g.weights,
                               g.count, error))
            goto end;
        z->at[count] = (vks_region){&z->style[count], strength, z->mask[count]};
        count++;
    }
    done = count > 0 || vks_fail(error, VKSTYLE_USAGE, "all styles weigh 0");
end:
    free(map);
    return done;
}
