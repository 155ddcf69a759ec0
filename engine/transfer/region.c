// SPDX-License-Identifier: MIT
#include "region.h"
#include "pad.h"
#include "../error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Below this coverage the finished picture fades into the content.
static const float FADE = 0.25f;

bool vks_job_has_masks(const vkstyle_job *job)
{
    bool any = job->strength_map != NULL;
    for (int i = 0; job->masks && i < job->style_count; i++)
        any |= job->masks[i] != NULL;
    return any;
}

int vks_job_regions(const vkstyle_job *job)
{
    int masked = 0;
    for (int i = 0; job->masks && i < job->style_count; i++)
        masked += job->masks[i] != NULL;
    return masked + (masked < job->style_count);
}

static float grey(const vkstyle_image *image, size_t i)
{
    size_t n = (size_t)image->width * (size_t)image->height;
    float v =
        0.2126f * image->rgb[i] + 0.7152f * image->rgb[n + i] + 0.0722f * image->rgb[2 * n + i];
    if (image->alpha)
        v *= image->alpha[i];
    return v > 0 ? v < 1 ? v : 1 : 0; // NaN is black
}

static bool all_black(const vkstyle_image *image)
{
    for (size_t i = 0; i < (size_t)image->width * (size_t)image->height; i++)
        if (grey(image, i) > 1e-3f)
            return false;
    return true;
}

bool vks_job_check_masks(const vkstyle_job *job, vkstyle_error *error)
{
    for (int i = 0; job->masks && i < job->style_count; i++)
        if (job->masks[i] && all_black(job->masks[i]))
            return vks_fail(error, VKSTYLE_USAGE,
                            "the mask of style %d is black everywhere: white is where it acts",
                            i + 1);
    if (job->strength_map && all_black(job->strength_map))
        return vks_fail(error, VKSTYLE_USAGE,
                        "the strength map is black everywhere: there is nothing to paint");
    return true;
}

// A mask as weights of the level's pixels, padded as the target is.
static float *weights_of(const vkstyle_image *mask, int width, int height, int padded_width,
                         int padded_height, vkstyle_error *error)
{
    vkstyle_image *plain = vkstyle_image_create(mask->width, mask->height, false, error);
    if (!plain)
        return NULL;
    size_t n = (size_t)mask->width * (size_t)mask->height;
    for (size_t i = 0; i < n; i++)
        plain->rgb[i] = plain->rgb[n + i] = plain->rgb[2 * n + i] = grey(mask, i);
    vkstyle_image *sized = vkstyle_image_resize(plain, width, height, error);
    vkstyle_image *padded = sized ? vks_pad_small(sized, error) : NULL;
    float *weights = NULL;
    if (padded) {
        n = (size_t)padded_width * (size_t)padded_height;
        weights = malloc(n * sizeof *weights);
        if (!weights)
            vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a mask");
        for (size_t i = 0; weights && i < n; i++) // bicubic overshoots
            weights[i] = padded->rgb[i] > 0 ? padded->rgb[i] < 1 ? padded->rgb[i] : 1 : 0;
    }
    vkstyle_image_free(&plain);
    vkstyle_image_free(&sized);
    vkstyle_image_free(&padded);
    return weights;
}

void vks_regions_free(vks_regions *r)
{
    for (int i = 0; i < r->count && r->at; i++) {
        vks_style_free(&r->at[i].style);
        free(r->at[i].guide);
    }
    free(r->at);
    free(r->coverage);
    *r = (vks_regions){0};
}

// What the masks leave of each pixel.
static float *rest_of(const vks_regions *r, int masked, size_t n)
{
    float *rest = malloc(n * sizeof *rest);
    for (size_t i = 0; rest && i < n; i++) {
        rest[i] = 1;
        for (int k = 0; k < masked; k++)
            rest[i] -= r->at[k].guide[i];
        rest[i] = rest[i] > 0 ? rest[i] : 0;
    }
    return rest;
}

static bool measure_guides(vks_regions *r, const float *map, vkstyle_error *error)
{
    size_t n = (size_t)r->width * r->height;
    r->coverage = calloc(n, sizeof *r->coverage);
    if (!r->coverage)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a mask");
    for (int k = 0; k < r->count; k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            r->at[k].guide[i] *= map ? map[i] : 1;
            r->coverage[i] += r->at[k].guide[i];
            sum += r->at[k].guide[i];
        }
        // A region that the others or the map leave nothing of has no say.
        if (!(sum > 0))
            r->at[k].weight = 0;
    }
    for (size_t i = 0; i < n; i++)
        r->coverage[i] = r->coverage[i] < 1 ? r->coverage[i] : 1;
    return true;
}

bool vks_regions_prepare(vks_regions *r, vks_gpu *gpu, vks_network *network,
                         const vks_setting *setting, const vkstyle_job *job,
                         const vkstyle_image *const *images, int width, int height,
                         int padded_width, int padded_height, vkstyle_error *error)
{
    bool masked = vks_job_has_masks(job), done = true;
    int count = vks_job_regions(job), at = 0, free_count = 0;
    double total = 0, free_weight = 0, *weights = calloc((size_t)job->style_count, sizeof *weights);
    const vkstyle_image **free_images = calloc((size_t)job->style_count, sizeof(void *));
    float *map = NULL;
    *r = (vks_regions){.count = count,
                       .at = calloc((size_t)count, sizeof *r->at),
                       .width = (uint32_t)padded_width,
                       .height = (uint32_t)padded_height};
    if (!r->at || !weights || !free_images) {
        done = vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for %d regions", count);
        goto end;
    }
    for (int i = 0; i < job->style_count; i++)
        total += job->style_weights ? job->style_weights[i] : 1;
    for (int i = 0; done && i < job->style_count; i++) {
        double weight = job->style_weights ? job->style_weights[i] : 1;
        if (!job->masks || !job->masks[i]) {
            weights[free_count] = weight;
            free_images[free_count++] = images[i];
            free_weight += weight;
            continue;
        }
        vks_region *region = &r->at[at++];
        // Relative to the mean of all styles: masks that share a picture out leave beta its
        // meaning.
        region->weight = total > 0 ? weight * job->style_count / total : 0;
        region->guide =
            weights_of(job->masks[i], width, height, padded_width, padded_height, error);
        done = region->guide &&
               vks_prepare_style(&region->style, gpu, network, setting, &images[i], NULL, 1, error);
    }
    if (done && free_count) {
        vks_region *region = &r->at[at];
        region->weight = masked && at ? free_weight / free_count * job->style_count / total : 1;
        done = vks_prepare_style(&region->style, gpu, network, setting, free_images, weights,
                                 free_count, error);
        if (done && masked && !(region->guide = rest_of(r, at, (size_t)r->width * r->height)))
            done = vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a mask");
    }
    if (done && job->strength_map)
        done = (map = weights_of(job->strength_map, width, height, padded_width, padded_height,
                                 error)) != NULL;
    if (done && masked)
        done = measure_guides(r, map, error);
end:
    free(map);
    free(weights);
    free(free_images);
    if (!done)
        vks_regions_free(r);
    return done;
}

float *vks_guide_at(const vks_regions *r, const vks_region *region, vks_shape s, double *mass)
{
    float *values = calloc(s.plane, sizeof *values);
    *mass = 0;
    for (uint32_t y = 0; values && y < s.height; y++) {
        for (uint32_t x = 0; x < s.width; x++) {
            uint32_t x0 = (uint32_t)((uint64_t)x * r->width / s.width);
            uint32_t y0 = (uint32_t)((uint64_t)y * r->height / s.height);
            uint32_t x1 = (uint32_t)(((uint64_t)x + 1) * r->width / s.width);
            uint32_t y1 = (uint32_t)(((uint64_t)y + 1) * r->height / s.height);
            double sum = 0;
            for (uint32_t v = y0; v < y1; v++)
                for (uint32_t u = x0; u < x1; u++)
                    sum += region->guide[(size_t)v * r->width + u];
            values[(size_t)y * s.pitch + x] = (float)(sum / ((double)(x1 - x0) * (y1 - y0)));
            *mass += values[(size_t)y * s.pitch + x];
        }
    }
    return values;
}

void vks_regions_blend(const vks_regions *r, vkstyle_image *picture, const vkstyle_image *content)
{
    size_t n = (size_t)r->width * r->height;
    for (size_t i = 0; r->coverage && i < n; i++) {
        float share = r->coverage[i] / FADE;
        if (share >= 1)
            continue;
        for (size_t c = 0; c < 3; c++) {
            float at = content->rgb[c * n + i];
            picture->rgb[c * n + i] = share > 0 ? at + share * (picture->rgb[c * n + i] - at) : at;
        }
    }
}
