// SPDX-License-Identifier: MIT
#include "iteration.h"
#include "aim.h"
#include "canvas.h"
#include "coarse.h"
#include "tiles.h"
#include "../clock.h"
#include "../error.h"
#include "push.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static vks_rect all_of(vks_shape shape)
{
    return (vks_rect){0, 0, shape.width, shape.height};
}

// A layer that is dead in what is to be reached has no size to compare with: it is left out.
static double relative(double weight, double square)
{
    return square > 1e-30 ? weight / square : 0;
}

static double content_factor(const vks_setting *s, double square)
{
    return s->raw ? 0.5 : relative(1, square);
}

// Factors k of the losses (losses.h): what a sum of squares is multiplied with. Raw: as in the
// paper, 1/2 and w_l / (4 N_l^2) of the Gram matrix a position. Else relative to the size of what
// is to be reached, so that alpha, beta and the look do not change with picture, layer or size.
void vks_iteration_factors(vks_iteration *it, const vks_iteration_options *o)
{
    const vks_setting *s = &it->setting;
    it->k_content = content_factor(s, o->content ? o->content->square : 1);
    for (int i = 0; i < s->style_count && o->style; i++) {
        double n = o->style->channels[i];
        it->k_style[i] = s->raw ? s->layer_weights[i] / (4 * n * n)
                                : relative(s->layer_weights[i], o->style->square[i]);
        if (s->style_loss == VKSTYLE_LOSS_WASSERSTEIN)
            it->k_style[i] = 0; // Gram matrices are measured only
    }
    it->tv = s->raw ? s->tv : s->tv / (3.0 * o->width * o->height);
}

// Every region weighs at its pixels what a style everywhere would: by its share of the mask's mass.
// The layer's value is the sum of the regions' squares, each relative to the factor they share.
static bool choose_shares(vks_iteration *it, const vks_iteration_options *o, vkstyle_error *error)
{
    const vks_setting *s = &it->setting;
    it->regions = o->regions;
    size_t n = (size_t)s->style_count, all = n * (size_t)o->regions->count;
    it->region_style = malloc(all * sizeof *it->region_style);
    it->region_aim = malloc(all * sizeof *it->region_aim);
    it->region_mask = malloc(all * sizeof *it->region_mask);
    it->region_share = malloc(all * sizeof *it->region_share);
    if (!it->region_style || !it->region_aim || !it->region_mask || !it->region_share)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the styles' masks");
    for (size_t i = 0; i < n; i++) {
        double most = 0;
        for (int r = 0; r < o->regions->count; r++)
            most = fmax(most, o->regions->at[r].style->square[i]);
        if (!s->raw && s->style_loss != VKSTYLE_LOSS_WASSERSTEIN)
            it->k_style[i] = relative(s->layer_weights[i], most);
        for (int r = 0; r < o->regions->count; r++) {
            const vks_region *region = &o->regions->at[r];
            size_t at = (size_t)r * n + i;
            it->region_style[at] = it->region_aim[at] = it->region_mask[at] = -1;
            it->region_share[at] =
                region->strength * (s->raw ? 1 : relative(most, region->style->square[i]));
        }
    }
    return true;
}

// Half precision holds 6e-5 to 65504: gradients are stored times a factor that puts the expected
// root mean square of the losses' gradients at 4, from the size of what the losses measure.
double vks_iteration_gradient_scale(const vks_iteration *it, const vks_iteration_options *o)
{
    const vks_setting *s = &it->setting;
    double most = 0, scale = s->encode.scale;
    if (s->storage != VKS_HALF)
        return 1;
    for (int i = 0; i < s->style_count && o->style; i++) {
        vks_shape shape = it->encoding.shape[s->style_layers[i]];
        double positions = (double)shape.width * shape.height;
        double rms = sqrt(o->style->trace[i] / o->style->channels[i]);
        // 4 k (g - a) F / M with g - a as large as a; of the distance 2 k D F / M with D about one.
        double slope = s->style_loss == VKSTYLE_LOSS_WASSERSTEIN
                           ? 2 * relative(s->layer_weights[i], o->style->trace[i])
                           : 4 * it->k_style[i] * sqrt(o->style->square[i]);
        most = fmax(most, s->beta * slope / positions * rms / scale);
    }
    if (o->content) {
        vks_shape shape = it->encoding.shape[s->content_layer];
        double values = (double)shape.width * shape.height * shape.channels;
        most = fmax(most, s->alpha * 2 * it->k_content * sqrt(o->content->square / values) / scale);
    }
    // A power of two: the scale itself then costs no rounding.
    return most > 0 ? exp2(floor(log2(4 / most))) : 1;
}

// The aim beside a Gram matrix, with a buffer for it; false where there is none.
static bool make_aim(vks_iteration *it, const vks_style *style, int i, double weight, bool *first,
                     vks_aim *aim)
{
    size_t floats = vks_aim_floats(it->setting.style_loss, style->padded[i]);
    if (!floats)
        return false;
    *aim = vks_aim_at(&it->setting, style, i, weight);
    aim->buffer = vks_plan_buffer(it->plan, "style moments", floats * 4, VKS_KEPT);
    aim->first = *first;
    *first = false;
    return true;
}

static void add_regions(vks_iteration *it, const vks_iteration_options *o, int i, bool *first_aim)
{
    const vks_setting *s = &it->setting;
    int layer = s->style_layers[i];
    vks_shape shape = it->encoding.shape[layer];
    double positions = (double)shape.width * shape.height;
    bool first = true;
    for (int r = 0; r < o->regions->count; r++) {
        const vks_region *region = &o->regions->at[r];
        size_t at = (size_t)r * (size_t)s->style_count + (size_t)i;
        double mass = vks_mask_at_layer(region->mask, it->width, it->height, shape, NULL);
        it->region_share[at] *= mass / positions;
        // A mask that is empty here, or nearly: there is nothing to measure.
        if (!(mass > 1e-6 * positions) || !(it->region_share[at] > 0))
            continue;
        uint32_t padded = region->style->padded[i];
        it->region_style[at] =
            vks_plan_buffer(it->plan, "style gram", (uint64_t)padded * padded * 4, VKS_KEPT);
        it->region_mask[at] = vks_plan_buffer(it->plan, "mask", shape.plane * 4ull, VKS_KEPT);
        vks_weighting weighting = {.mask = it->region_mask[at],
                                   .mass = mass,
                                   .share = it->region_share[at],
                                   .first = first};
        vks_aim aim;
        bool more =
            make_aim(it, region->style, i,
                     s->layer_weights[i] * region->strength * mass / positions, first_aim, &aim);
        it->region_aim[at] = more ? aim.buffer : -1;
        vks_add_style_loss(&it->encoding, layer, all_of(shape), it->region_style[at],
                           s->beta * it->k_style[i] * weighting.share, it->values,
                           VKS_VALUE_STYLE + i, &weighting, more ? &aim : NULL, &it->gram[i]);
        first = false;
    }
}

static void add_losses(vks_iteration *it, const vks_iteration_options *o)
{
    const vks_setting *s = &it->setting;
    vks_encoding *e = &it->encoding;
    bool first = true;
    for (int i = 0; i < s->style_count && o->style; i++) {
        int layer = s->style_layers[i];
        if (o->regions) {
            add_regions(it, o, i, &first);
            continue;
        }
        it->style[i] =
            vks_plan_buffer(it->plan, "style gram",
                            (uint64_t)o->style->padded[i] * o->style->padded[i] * 4, VKS_KEPT);
        vks_aim aim;
        bool more = make_aim(it, o->style, i, s->layer_weights[i], &first, &aim);
        it->aim[i] = more ? aim.buffer : -1;
        vks_add_style_loss(e, layer, all_of(e->shape[layer]), it->style[i],
                           s->beta * it->k_style[i], it->values, VKS_VALUE_STYLE + i, NULL,
                           more ? &aim : NULL, &it->gram[i]);
    }
    if (o->content) {
        uint64_t bytes = vks_tensor_bytes(it->plan, e->shape[s->content_layer]);
        it->content = vks_plan_external(it->plan, "content features",
                                        (vks_slice){o->content->features, 0, bytes});
        vks_add_content_loss(e, s->content_layer, all_of(e->shape[s->content_layer]), it->content,
                             1, it->weights, it->values, VKS_VALUE_CONTENT);
    }
}

// The target's own size, in one piece.
static bool add_own(vks_iteration *it, vks_network *network, const vks_iteration_options *o,
                    vkstyle_error *error)
{
    if (!vks_encode_forward(&it->encoding, it->plan, network, &it->setting.encode, it->target,
                            o->width, o->height, error))
        return false;
    vks_plan_cut(it->plan);
    it->forward_parts = vks_plan_parts(it->plan);
    it->encoding.options.gradient = (float)vks_iteration_gradient_scale(it, o);
    add_losses(it, o);
    int partials;
    uint32_t count;
    if (!vks_encode_backward(&it->encoding, it->gradient, (float)it->tv, &partials, &count, error))
        return false;
    vks_add_sum(it->plan, partials, count, it->values, VKS_VALUE_TV, 1);
    return true;
}

void vks_iteration_tally(vks_iteration *it)
{
    struct vks_push_tally push = {
        .terms = VKS_VALUE_COUNT - 1, .records = VKS_RECORDS, .stride = VKS_RECORD_FLOATS};
    vks_plan_add(
        it->plan,
        &(vks_step){
            .kernel = VKS_KERNEL_TALLY,
            .spec = {1},
            .spec_count = 1,
            .uses = {{it->values, 0, 0}, {it->weights, 0, 0}, {it->state, 0, 0}, {it->ring, 0, 0}},
            .use_count = 4,
            .push = &push,
            .push_bytes = sizeof push,
            .label = "tally"});
}

static void make_buffers(vks_iteration *it, vks_life life)
{
    uint64_t bytes = 16ull * it->width * it->height;
    it->target = vks_plan_buffer(it->plan, "target", bytes, life);
    it->gradient = vks_plan_buffer(it->plan, "image gradient", bytes, life);
    it->values = vks_plan_buffer(it->plan, "values", VKS_VALUE_COUNT * 4, VKS_KEPT);
    it->weights = vks_plan_buffer(it->plan, "weights of losses", VKS_VALUE_COUNT * 4, VKS_KEPT);
    it->state = vks_plan_buffer(it->plan, "iteration count", 4, VKS_KEPT);
    it->ring = vks_plan_buffer(it->plan, "losses", VKS_RECORDS * VKS_RECORD_FLOATS * 4, VKS_MAPPED);
}

// The target in one piece, at smaller scales first: their memory is free again when its own size
// begins.
static bool add_scales(vks_iteration *it, vks_network *network, const vks_iteration_options *o,
                       vkstyle_error *error)
{
    enum { FLOATS = 4 };
    if (o->coarse) {
        if (!vks_coarse_make(it, o, error))
            return false;
        it->coarse->plan = it->plan;
        make_buffers(it->coarse, VKS_PASSING);
        vks_coarse_halve(it, it->plan, FLOATS);
        if (!add_scales(it->coarse, network, o->coarse, error))
            return false;
    }
    vks_iteration_factors(it, o);
    if (o->regions && o->style && !choose_shares(it, o, error))
        return false;
    if (!add_own(it, network, o, error))
        return false;
    if (it->coarse)
        vks_coarse_join(it, FLOATS);
    vks_iteration_tally(it);
    return true;
}

bool vks_iteration_build(vks_iteration *it, const vks_gpu_limits *limits, vks_network *network,
                         const vks_setting *setting, const vks_iteration_options *o,
                         vkstyle_error *error)
{
    *it = (vks_iteration){.setting = *setting, .width = o->width, .height = o->height};
    vks_setting *s = &it->setting;
    s->encode.backward = true;
    s->encode.readable = o->readable;
    for (int i = 0; i < s->encode.depth && o->also_keep; i++)
        s->encode.keep[i] |= o->also_keep[i];
    if (s->tile)
        return vks_tiles_build(it, limits, network, o, error);
    it->plan = vks_plan_create(limits, s->storage, error);
    if (!it->plan)
        return false;
    make_buffers(it, VKS_KEPT);
    if (!add_scales(it, network, o, error))
        return false;
    if (o->optimiser) {
        it->optimiser = vks_optimiser_emit(it->plan, o->optimiser, it->target, it->gradient,
                                           it->values, (uint64_t)o->width * o->height, error);
        if (!it->optimiser)
            return false;
    }
    vks_plan_cut(it->plan);
    return true;
}

// A style's Gram matrix of layer i, and what else there is to reach (aim -1: nothing).
static bool upload_style(const vks_iteration *it, vks_gpu *gpu, const vks_style *style, int i,
                         int gram, int aim, vkstyle_error *error)
{
    uint64_t padded = style->padded[i];
    vks_slice to = vks_plan_slice(it->plan, gram);
    to.bytes = padded * padded * sizeof(float);
    if (!vks_upload(gpu, to, style->gram[i], error))
        return false;
    if (aim < 0)
        return true;
    to = vks_plan_slice(it->plan, aim);
    to.bytes = vks_aim_floats(it->setting.style_loss, style->padded[i]) * sizeof(float);
    return vks_upload(gpu, to, style->moments[i], error);
}

static bool upload_regions(vks_iteration *it, vks_gpu *gpu, vkstyle_error *error)
{
    const vks_setting *s = &it->setting;
    for (int r = 0; r < it->regions->count; r++) {
        const vks_region *region = &it->regions->at[r];
        for (int i = 0; i < s->style_count; i++) {
            size_t at = (size_t)r * (size_t)s->style_count + (size_t)i;
            if (it->region_style[at] < 0)
                continue;
            vks_shape shape = it->encoding.shape[s->style_layers[i]];
            if (!upload_style(it, gpu, region->style, i, it->region_style[at], it->region_aim[at],
                              error))
                return false;
            float *mask = malloc(shape.plane * sizeof *mask);
            if (!mask)
                return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a mask");
            vks_mask_at_layer(region->mask, it->width, it->height, shape, mask);
            vks_slice to = vks_plan_slice(it->plan, it->region_mask[at]);
            to.bytes = shape.plane * sizeof *mask;
            bool done = vks_upload(gpu, to, mask, error);
            free(mask);
            if (!done)
                return false;
        }
    }
    return true;
}

static bool upload_weights(const vks_iteration *it, vks_gpu *gpu, vkstyle_error *error)
{
    const vks_setting *s = &it->setting;
    float weights[VKS_VALUE_COUNT] = {0};
    weights[VKS_VALUE_CONTENT] = (float)(s->alpha * it->k_content);
    weights[VKS_VALUE_TV] = (float)it->tv;
    for (int i = 0; i < s->style_count; i++)
        weights[VKS_VALUE_STYLE + i] = (float)(s->beta * it->k_style[i]);
    weights[VKS_VALUE_MOMENTS] = (float)s->beta; // all other factors are in the value
    weights[VKS_VALUE_COARSE] = (float)it->coarse_weight;
    vks_slice to = vks_plan_slice(it->plan, it->weights);
    to.bytes = sizeof weights;
    return vks_upload(gpu, to, weights, error);
}

// What goes into the plan's buffers before the first iteration.
static bool fill(vks_iteration *it, vks_gpu *gpu, const vks_style *style, vkstyle_error *error)
{
    const vks_setting *s = &it->setting;
    if (!upload_weights(it, gpu, error) ||
        !vks_clear(gpu, vks_plan_slice(it->plan, it->values), error) ||
        !vks_clear(gpu, vks_plan_slice(it->plan, it->state), error))
        return false;
    if (it->regions && style && !upload_regions(it, gpu, error))
        return false;
    for (int i = 0; i < s->style_count && style && !it->regions; i++)
        if (!upload_style(it, gpu, style, i, it->style[i], it->aim[i], error))
            return false;
    return !it->coarse || fill(it->coarse, gpu, it->coarse_style, error);
}

bool vks_iteration_realise(vks_iteration *it, vks_gpu *gpu, const vks_style *style, bool timed,
                           vkstyle_error *error)
{
    return (it->tiles ? vks_tiles_realise(it, gpu, error)
                      : vks_plan_realise(it->plan, gpu, timed, error)) &&
           fill(it, gpu, style, error) &&
           (!it->optimiser || vks_optimiser_reset(it->optimiser, gpu, error));
}

void vks_iteration_free(vks_iteration *it)
{
    vks_coarse_free(it);
    vks_optimiser_free(&it->optimiser);
    free(it->region_style);
    free(it->region_aim);
    free(it->region_mask);
    free(it->region_share);
    it->region_style = it->region_aim = it->region_mask = NULL;
    it->region_share = NULL;
    vks_plan_free(&it->plan);
    vks_tiles_free(&it->tiles);
}

uint64_t vks_iteration_bytes(const vks_iteration *it, uint64_t *host)
{
    if (host)
        *host = 0;
    uint64_t coarse = 0, bytes = vks_plan_bytes(it->plan);
    if (!it->tiles)
        return bytes;
    bytes += vks_tiles_bytes(it->tiles, host);
    if (it->coarse)
        bytes += vks_iteration_bytes(it->coarse, &coarse);
    if (host)
        *host += coarse;
    return bytes;
}

double vks_iteration_flops(const vks_iteration *it)
{
    double flops = vks_plan_flops(it->plan);
    if (!it->tiles)
        return flops; // of all scales
    if (it->coarse)
        flops += vks_iteration_flops(it->coarse);
    return flops + vks_tiles_flops(it->tiles);
}

bool vks_iteration_begin(vks_iteration *it, vks_gpu *gpu, vks_content *content,
                         const vks_watch *watch, double *seconds, vkstyle_error *error)
{
    const vks_setting *s = &it->setting;
    double start = vks_seconds();
    *seconds = 0;
    if (!content->to_come)
        return true;
    vks_run run = vks_iteration_run(it, gpu, watch, 1);
    run.last = it->forward_parts;
    if (!vks_run_whole(&run, error))
        return false;
    vks_slice features = vks_plan_slice(it->plan, it->encoding.activation[s->content_layer]);
    if (!vks_keep_content(content, gpu, s, features, it->encoding.shape[s->content_layer], error))
        return false;
    it->k_content = content_factor(s, content->square);
    if (!upload_weights(it, gpu, error))
        return false;
    it->done_parts = it->forward_parts;
    *seconds = vks_seconds() - start;
    return true;
}

vks_run vks_iteration_run(vks_iteration *it, vks_gpu *gpu, const vks_watch *watch, int count)
{
    vks_run run = {.gpu = gpu, .watch = watch, .count = count, .first = it->done_parts};
    it->done_parts = 0;
    if (it->tiles)
        vks_tiles_run(it->tiles, &run);
    else
        run.sequence = vks_plan_sequence(it->plan);
    return run;
}

void vks_iteration_rest(vks_iteration *it)
{
    if (!it->tiles)
        return;
    vks_coarse_free(it);
    vks_tiles_rest(it->tiles);
}

bool vks_iteration_put(const vks_iteration *it, vks_gpu *gpu, int buffer,
                       const vkstyle_image *image, vkstyle_error *error)
{
    vks_slice to = vks_plan_slice(it->plan, buffer);
    return it->tiles ? vks_canvas_put(gpu, to, image, error)
                     : vks_upload_image(gpu, to, image, error);
}

bool vks_iteration_get(const vks_iteration *it, vks_gpu *gpu, int buffer, vkstyle_image *image,
                       vkstyle_error *error)
{
    vks_slice from = vks_plan_slice(it->plan, buffer);
    return it->tiles ? vks_canvas_get(gpu, from, image, error)
                     : vks_download_image(gpu, from, image, error);
}

vks_losses vks_iteration_losses(const vks_iteration *it, uint64_t number)
{
    const vks_setting *s = &it->setting;
    const float *record = (const float *)vks_plan_mapped(it->plan, it->ring) +
                          number % VKS_RECORDS * VKS_RECORD_FLOATS;
    const vkstyle_model *model = vks_network_model(it->encoding.network);
    vks_losses l = {.total = record[VKS_VALUE_TOTAL],
                    .tv = it->tv * record[VKS_VALUE_TV],
                    .variation = record[VKS_VALUE_TV]};
    l.style = record[VKS_VALUE_MOMENTS];
    l.coarse = it->coarse_weight * record[VKS_VALUE_COARSE];
    l.content = it->k_content * record[VKS_VALUE_CONTENT];
    l.raw_content = 0.5 * record[VKS_VALUE_CONTENT];
    for (int i = 0; i < s->style_count; i++) {
        double n = model->layers[s->style_layers[i]].out, square = record[VKS_VALUE_STYLE + i];
        l.style += it->k_style[i] * square;
        l.raw_style += s->layer_weights[i] / (4 * n * n) * square;
    }
    return l;
}
