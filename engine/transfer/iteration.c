// SPDX-License-Identifier: MIT
#include "iteration.h"
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

static const vks_style *style_of(const vks_iteration_options *o, int region)
{
    return o->regions ? &o->regions->at[region].style : o->style;
}

// One term for each region and layer, with its guide at that layer.
static bool make_terms(vks_iteration *it, const vks_iteration_options *o, vkstyle_error *error)
{
    const vks_setting *s = &it->setting;
    int regions = o->regions ? o->regions->count : o->style != NULL;
    it->term_count = regions * s->style_count;
    it->terms = calloc((size_t)it->term_count + 1, sizeof *it->terms);
    if (!it->terms)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for %d losses", it->term_count);
    for (int i = 0; i < it->term_count; i++)
        it->terms[i] = (vks_term){
            .region = i / s->style_count, .index = i % s->style_count, .guide = {.buffer = -1}};
    return true;
}

// The guide of a term; its share of the picture joins the factor, so that a pixel of weight 1 feels
// the style as it would without masks.
static bool add_guide(vks_iteration *it, const vks_iteration_options *o, vks_term *term,
                      vkstyle_error *error)
{
    const vks_regions *r = o->regions;
    vks_shape shape = it->encoding.shape[it->setting.style_layers[term->index]];
    if (!r || !r->coverage)
        return true;
    term->count = shape.plane;
    term->guide.buffer = vks_plan_buffer(it->plan, "guide", shape.plane * 4ull, VKS_KEPT);
    double positions = (double)shape.width * shape.height;
    term->guide.mass = positions;
    if (r->at[term->region].guide) { // none while bytes are counted
        term->weights = vks_guide_at(r, &r->at[term->region], shape, &term->guide.mass);
        if (!term->weights)
            return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a mask");
    }
    // Nothing of it left at this layer: no loss, and no division by nothing.
    term->k *= term->guide.mass / positions;
    if (!(term->guide.mass > 0))
        term->guide.mass = 1;
    return true;
}

// Factors k of the losses (losses.h): what a sum of squares is multiplied with. Raw: as in the
// paper, 1/2 and w_l / (4 N_l^2) of the Gram matrix a position. Else relative to the size of what
// is to be reached, so that alpha, beta and the look do not change with picture, layer or size.
static void choose_factors(vks_iteration *it, const vks_iteration_options *o)
{
    const vks_setting *s = &it->setting;
    it->k_content = s->raw ? 0.5 : relative(1, o->content ? o->content->square : 1);
    for (int i = 0; i < it->term_count; i++) {
        vks_term *term = &it->terms[i];
        const vks_style *style = style_of(o, term->region);
        double n = style->channels[term->index], w = s->layer_weights[term->index];
        if (o->regions)
            w *= o->regions->at[term->region].weight;
        double square = style->square[term->index];
        term->k = s->raw ? w / (4 * n * n) : relative(w, square);
        term->aim = (vks_aim){.means = -1};
        if (s->style_loss != VKSTYLE_LOSS_GRAM_MEAN)
            continue;
        term->aim.mean_weight = relative(square, style->mean_square[term->index]);
        term->aim.deviation_weight = relative(square, style->deviation_square[term->index]);
        term->aim.least = vks_style_least(style, term->index);
    }
    it->tv = s->raw ? s->tv : s->tv / (3.0 * o->width * o->height);
}

// Half precision holds 6e-5 to 65504: gradients are stored times a factor that puts the expected
// root mean square of the losses' gradients at 4, from the size of what the losses measure.
static double gradient_scale(const vks_iteration *it, const vks_iteration_options *o)
{
    const vks_setting *s = &it->setting;
    double most = 0, scale = s->encode.scale;
    if (s->storage != VKS_HALF)
        return 1;
    for (int n = 0; n < it->term_count; n++) {
        const vks_style *style = style_of(o, it->terms[n].region);
        int i = it->terms[n].index;
        vks_shape shape = it->encoding.shape[s->style_layers[i]];
        double positions = (double)shape.width * shape.height;
        double rms = sqrt(style->trace[i] / style->channels[i]);
        double k = it->terms[n].k;
        if (it->terms[n].guide.buffer >= 0) // at the pixels of weight 1
            k *= positions / it->terms[n].guide.mass;
        most = fmax(most, s->beta * 4 * k / positions * sqrt(style->square[i]) * rms / scale);
    }
    if (o->content) {
        vks_shape shape = it->encoding.shape[s->content_layer];
        double values = (double)shape.width * shape.height * shape.channels;
        most = fmax(most, s->alpha * 2 * it->k_content * sqrt(o->content->square / values) / scale);
    }
    // A power of two: the scale itself then costs no rounding.
    return most > 0 ? exp2(floor(log2(4 / most))) : 1;
}

static void add_losses(vks_iteration *it, const vks_iteration_options *o)
{
    const vks_setting *s = &it->setting;
    vks_encoding *e = &it->encoding;
    for (int i = 0; i < it->term_count; i++) {
        vks_term *term = &it->terms[i];
        int layer = s->style_layers[term->index];
        uint64_t padded = style_of(o, term->region)->padded[term->index];
        term->aim.gram = vks_plan_buffer(it->plan, "style gram", padded * padded * 4, VKS_KEPT);
        if (s->style_loss == VKSTYLE_LOSS_GRAM_MEAN)
            term->aim.means = vks_plan_buffer(it->plan, "style means", padded * 8, VKS_KEPT);
        vks_add_style_loss(e, layer, all_of(e->shape[layer]),
                           term->guide.buffer >= 0 ? &term->guide : NULL, &term->aim,
                           s->beta * term->k, it->values, VKS_VALUE_STYLE + i, &term->gram);
    }
    if (o->content) {
        uint64_t bytes = vks_tensor_bytes(it->plan, e->shape[s->content_layer]);
        it->content = vks_plan_external(it->plan, "content features",
                                        (vks_slice){o->content->features, 0, bytes});
        vks_add_content_loss(e, s->content_layer, all_of(e->shape[s->content_layer]), it->content,
                             s->alpha * it->k_content, it->values, VKS_VALUE_CONTENT);
    }
}

// Pixels that no style reaches are held.
static void add_gate(vks_iteration *it)
{
    uint32_t pixels = it->width * it->height;
    uint64_t most = vks_plan_limits(it->plan)->groups[0] * 256ull;
    it->gate = vks_plan_buffer(it->plan, "gate", vks_round_up(pixels, 4) * 4ull, VKS_KEPT);
    for (uint64_t at = 0; at < pixels; at += most) {
        struct vks_push_gate push = {(uint32_t)(pixels - at < most ? pixels - at : most)};
        vks_plan_add(it->plan, &(vks_step){.kernel = VKS_KERNEL_GATE,
                                           .spec = {64},
                                           .spec_count = 1,
                                           .uses = {{it->gate, at * 4, 0},
                                                    {it->gradient, at * 16, push.count * 16ull}},
                                           .use_count = 2,
                                           .push = &push,
                                           .push_bytes = sizeof push,
                                           .groups = {(push.count + 255) / 256},
                                           .label = "gate"});
    }
}

static uint32_t value_count(const vks_iteration *it)
{
    uint32_t count = VKS_VALUE_STYLE + (uint32_t)it->term_count;
    return count > VKS_VALUE_COUNT ? count : VKS_VALUE_COUNT;
}

static void add_tally(vks_iteration *it)
{
    struct vks_push_tally push = {
        .terms = value_count(it) - 1, .records = VKS_RECORDS, .stride = it->stride};
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

bool vks_iteration_build(vks_iteration *it, const vks_gpu_limits *limits, vks_network *network,
                         const vks_setting *setting, const vks_iteration_options *o,
                         vkstyle_error *error)
{
    *it = (vks_iteration){.setting = *setting,
                          .width = o->width,
                          .height = o->height,
                          .gate = -1,
                          .regions = o->regions};
    if (!make_terms(it, o, error))
        return false;
    uint64_t values = value_count(it);
    it->stride = values > VKS_RECORD_FLOATS ? (uint32_t)values : VKS_RECORD_FLOATS;
    vks_setting *s = &it->setting;
    s->encode.backward = true;
    s->encode.readable = o->readable;
    for (int i = 0; i < s->encode.depth && o->also_keep; i++)
        s->encode.keep[i] |= o->also_keep[i];
    it->plan = vks_plan_create(limits, s->storage, error);
    if (!it->plan)
        return false;
    vks_plan *plan = it->plan;
    uint64_t bytes = 16ull * o->width * o->height;
    it->target = vks_plan_buffer(plan, "target", bytes, VKS_KEPT);
    it->gradient = vks_plan_buffer(plan, "image gradient", bytes, VKS_KEPT);
    it->values = vks_plan_buffer(plan, "values", values * 4, VKS_KEPT);
    it->weights = vks_plan_buffer(plan, "weights of losses", values * 4, VKS_KEPT);
    it->state = vks_plan_buffer(plan, "iteration count", 4, VKS_KEPT);
    it->ring = vks_plan_buffer(plan, "losses", VKS_RECORDS * it->stride * 4, VKS_MAPPED);
    choose_factors(it, o);
    if (!vks_encode_forward(&it->encoding, plan, network, &s->encode, it->target, o->width,
                            o->height, error))
        return false;
    for (int i = 0; i < it->term_count; i++)
        if (!add_guide(it, o, &it->terms[i], error))
            return false;
    it->encoding.options.gradient = (float)gradient_scale(it, o);
    add_losses(it, o);
    int partials;
    uint32_t count;
    if (!vks_encode_backward(&it->encoding, it->gradient, (float)it->tv, &partials, &count, error))
        return false;
    vks_add_sum(plan, partials, count, it->values, VKS_VALUE_TV, 1);
    add_tally(it);
    if (o->regions && o->regions->coverage)
        add_gate(it);
    if (o->optimiser) {
        it->optimiser = vks_optimiser_emit(plan, o->optimiser, it->target, it->gradient, it->values,
                                           (uint64_t)o->width * o->height, error);
        if (!it->optimiser)
            return false;
    }
    vks_plan_cut(plan);
    return true;
}

static bool upload_term(const vks_iteration *it, const vks_term *term, const vks_style *aim,
                        vks_gpu *gpu, vkstyle_error *error)
{
    vks_slice to = vks_plan_slice(it->plan, term->aim.gram);
    to.bytes = (uint64_t)aim->padded[term->index] * aim->padded[term->index] * sizeof(float);
    if (!vks_upload(gpu, to, aim->gram[term->index], error))
        return false;
    if (term->aim.means >= 0) {
        to = vks_plan_slice(it->plan, term->aim.means);
        to.bytes = 2ull * aim->padded[term->index] * sizeof(float);
        if (!vks_upload(gpu, to, aim->means[term->index], error))
            return false;
    }
    if (!term->weights)
        return true;
    to = vks_plan_slice(it->plan, term->guide.buffer);
    to.bytes = term->count * sizeof(float);
    return vks_upload(gpu, to, term->weights, error);
}

static bool upload_gate(const vks_iteration *it, vks_gpu *gpu, vkstyle_error *error)
{
    size_t pixels = (size_t)it->width * it->height;
    float *gate = calloc(vks_round_up((uint32_t)pixels, 4), sizeof *gate);
    if (!gate)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a mask");
    for (size_t i = 0; i < pixels; i++)
        gate[i] = it->regions->coverage[i] > 0;
    vks_slice to = vks_plan_slice(it->plan, it->gate);
    to.bytes = vks_round_up((uint32_t)pixels, 4) * sizeof *gate;
    bool done = vks_upload(gpu, to, gate, error);
    free(gate);
    return done;
}

bool vks_iteration_realise(vks_iteration *it, vks_gpu *gpu, const vks_style *style, bool timed,
                           vkstyle_error *error)
{
    const vks_setting *s = &it->setting;
    vks_plan *plan = it->plan;
    if (!vks_plan_realise(plan, gpu, timed, error))
        return false;
    uint32_t count = value_count(it);
    float *weights = calloc(count, sizeof *weights);
    if (!weights)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for %u weights", count);
    weights[VKS_VALUE_CONTENT] = (float)(s->alpha * it->k_content);
    weights[VKS_VALUE_TV] = (float)it->tv;
    for (int i = 0; i < it->term_count; i++)
        weights[VKS_VALUE_STYLE + i] = (float)(s->beta * it->terms[i].k);
    vks_slice to = vks_plan_slice(plan, it->weights);
    to.bytes = count * sizeof *weights;
    bool uploaded = vks_upload(gpu, to, weights, error);
    free(weights);
    if (!uploaded || !vks_clear(gpu, vks_plan_slice(plan, it->values), error) ||
        !vks_clear(gpu, vks_plan_slice(plan, it->state), error))
        return false;
    for (int i = 0; i < it->term_count; i++) {
        const vks_term *term = &it->terms[i];
        const vks_style *aim = it->regions ? &it->regions->at[term->region].style : style;
        if (aim && !upload_term(it, term, aim, gpu, error))
            return false;
    }
    if (it->gate >= 0 && it->regions->coverage && !upload_gate(it, gpu, error))
        return false;
    return !it->optimiser || vks_optimiser_reset(it->optimiser, gpu, error);
}

void vks_iteration_free(vks_iteration *it)
{
    for (int i = 0; i < it->term_count && it->terms; i++)
        free(it->terms[i].weights);
    free(it->terms);
    it->terms = NULL;
    vks_optimiser_free(&it->optimiser);
    vks_plan_free(&it->plan);
}

vks_losses vks_iteration_losses(const vks_iteration *it, uint64_t number)
{
    const vks_setting *s = &it->setting;
    const float *record =
        (const float *)vks_plan_mapped(it->plan, it->ring) + number % VKS_RECORDS * it->stride;
    const vkstyle_model *model = vks_network_model(it->encoding.network);
    vks_losses l = {.total = record[VKS_VALUE_TOTAL],
                    .tv = it->tv * record[VKS_VALUE_TV],
                    .variation = record[VKS_VALUE_TV]};
    l.content = it->k_content * record[VKS_VALUE_CONTENT];
    l.raw_content = 0.5 * record[VKS_VALUE_CONTENT];
    for (int i = 0; i < it->term_count; i++) {
        const vks_term *term = &it->terms[i];
        double n = model->layers[s->style_layers[term->index]].out;
        double square = record[VKS_VALUE_STYLE + i];
        l.style += term->k * square;
        l.raw_style += s->layer_weights[term->index] / (4 * n * n) * square;
    }
    // The paper knows Gram matrices over the whole picture only.
    if (it->gate >= 0 || s->style_loss != VKSTYLE_LOSS_GRAM)
        l.raw_style = NAN;
    return l;
}
