// SPDX-License-Identifier: MIT
#include "tiles.h"
#include "aim.h"
#include "canvas.h"
#include "coarse.h"
#include "moments.h"
#include "push.h"
#include "../error.h"

#include <stdlib.h>
#include <string.h>

enum { FLOATS = 3 }; // of a canvas' pixel

struct vks_tiles {
    vks_iteration *it; // while it is built
    const vks_iteration_options *options;
    const vks_gpu_limits *limits;
    vks_network *network;
    vks_gpu *gpu; // NULL: dry
    vks_grid grid;
    vks_pane pane;
    vks_vectors vectors;
    vks_block *matrices; // Gram matrices, their sums and differences; losses
    uint64_t matrix_bytes;
    vks_slice values, weights, state, contents, variations;
    vks_slice style[VKSTYLE_MAX_LAYERS], gram[VKSTYLE_MAX_LAYERS];
    vks_slice sum[VKSTYLE_MAX_LAYERS], difference[VKSTYLE_MAX_LAYERS];
    // For losses that compare more than Gram matrices (aim.h), else of 0 bytes.
    vks_slice aim[VKSTYLE_MAX_LAYERS], channel_sum[VKSTYLE_MAX_LAYERS], shift[VKSTYLE_MAX_LAYERS];
    vks_sweep measure, paint;
    vks_plan *begin, *middle; // iteration->plan is the end
    vks_block *arena;
    bool lent; // the arena is that of the picture's own size, of which this is a smaller scale
    uint64_t arena_bytes;
    vks_sequence **program; // all of an iteration, in order
    int program_count;
    int *tile_ends; // see vks_run
    uint32_t tile_count;
};

// ---------------------------------------------------------------- memory

static bool make_matrices(vks_tiles *t, vkstyle_error *error)
{
    const vks_setting *s = &t->it->setting;
    uint64_t at = 0;
    struct {
        vks_slice *slice;
        uint64_t bytes;
    } parts[5 + 7 * VKSTYLE_MAX_LAYERS];
    int count = 0;
    uint64_t tiles = vks_grid_count(&t->grid) * 4ull;
#define PART(member, size) (parts[count].slice = &t->member, parts[count++].bytes = (size))
    PART(values, VKS_VALUE_COUNT * 4);
    PART(weights, VKS_VALUE_COUNT * 4);
    PART(state, 4);
    PART(contents, tiles);
    PART(variations, tiles);
    for (int i = 0; i < s->style_count && t->options->style; i++) {
        uint64_t padded = t->options->style->padded[i], bytes = padded * padded * 4;
        PART(style[i], bytes);
        PART(gram[i], bytes);
        PART(sum[i], bytes);
        PART(difference[i], bytes);
        uint64_t more = vks_aim_floats(s->style_loss, t->options->style->padded[i]) * 4;
        PART(aim[i], more);
        PART(channel_sum[i], more ? padded * 4 : 0);
        PART(shift[i], more ? padded * 4 : 0);
    }
#undef PART
    for (int i = 0; i < count; i++) {
        *parts[i].slice = (vks_slice){NULL, at, (parts[i].bytes + 255) / 256 * 256};
        at += parts[i].slice->bytes;
    }
    t->matrix_bytes = at;
    if (!t->gpu)
        return true;
    t->matrices = vks_block_create(t->gpu, at, VKS_MEMORY_DEVICE, "gram matrices", error);
    for (int i = 0; i < count; i++)
        parts[i].slice->block = t->matrices;
    return t->matrices != NULL;
}

// ---------------------------------------------------------------- measure

static int pane_picture(const vks_tiles *t, vks_plan *plan)
{
    return vks_plan_external(plan, "window", t->pane.picture);
}

static void load_picture(const vks_tiles *t, vks_plan *plan, const vks_window *w)
{
    vks_slice target = vks_plan_slice(t->it->plan, t->it->target);
    vks_add_window_load(plan, vks_plan_external(plan, "target", target), t->grid.width,
                        pane_picture(t, plan), w->rect);
}

// Forward; the window's picture is where all find it.
static bool forward(const vks_tiles *t, vks_plan *plan, const vks_window *w, bool backward,
                    vks_encoding *e, vkstyle_error *error)
{
    vks_encode_options options = t->it->setting.encode;
    options.backward = backward;
    options.gradient = t->it->encoding.options.gradient;
    options.window = true;
    memcpy(options.crop, w->crop, sizeof options.crop);
    return vks_encode_forward(e, plan, t->network, &options, pane_picture(t, plan),
                              w->rect.x1 - w->rect.x0, w->rect.y1 - w->rect.y0, error);
}

static bool measure_work(void *user, vks_plan *plan, const vks_window *w, vks_encoding *e,
                         vkstyle_error *error)
{
    vks_tiles *t = user;
    const vks_setting *s = &t->it->setting;
    if (!forward(t, plan, w, false, e, error))
        return false;
    for (int i = 0; i < s->style_count; i++) {
        int layer = s->style_layers[i];
        vks_add_gram_sum(e, layer, w->at[layer], vks_plan_external(plan, "gram sums", t->sum[i]));
        if (t->aim[i].bytes)
            vks_add_channel_sums(e, layer, w->at[layer], -1,
                                 vks_plan_external(plan, "channel sums", t->channel_sum[i]), true);
    }
    return true;
}

static void measure_before(void *user, vks_plan *plan, uint32_t number, const vks_window *w,
                           const vks_encoding *e)
{
    (void)number, (void)e;
    load_picture(user, plan, w);
}

// ---------------------------------------------------------------- paint

static vks_gram gram_of(const vks_tiles *t, vks_plan *plan, int i)
{
    const vks_style *style = t->options->style;
    const vks_setting *s = &t->it->setting;
    vks_shape whole = t->it->encoding.shape[s->style_layers[i]];
    double positions = (double)whole.width * whole.height;
    double s2 = (double)s->encode.scale * s->encode.scale;
    return (vks_gram){.buffer = vks_plan_external(plan, "gram", t->gram[i]),
                      .parts = vks_plan_external(plan, "gram sums", t->sum[i]),
                      .channels = style->channels[i],
                      .padded = style->padded[i],
                      .splits = 1,
                      .scale = (float)(1 / (positions * s2))};
}

// The content's features in this window, from its picture; returns their buffer, -1: failed.
static int content_again(const vks_tiles *t, vks_plan *plan, const vks_window *w,
                         vkstyle_error *error)
{
    vks_encode_options options = t->it->setting.encode;
    int layer = t->it->setting.content_layer;
    vks_encoding e;
    options.backward = false;
    options.depth = layer + 1;
    memset(options.keep, 0, sizeof options.keep);
    options.keep[layer] = true;
    options.window = true;
    memcpy(options.crop, w->crop, sizeof options.crop);
    if (!vks_encode_forward(&e, plan, t->network, &options,
                            vks_plan_external(plan, "content window", t->pane.content),
                            w->rect.x1 - w->rect.x0, w->rect.y1 - w->rect.y0, error))
        return -1;
    return e.activation[layer];
}

static bool paint_work(void *user, vks_plan *plan, const vks_window *w, vks_encoding *e,
                       vkstyle_error *error)
{
    vks_tiles *t = user;
    const vks_setting *s = &t->it->setting;
    const vks_iteration_options *o = t->options;
    int features = -1;
    if (o->content && s->lean && (features = content_again(t, plan, w, error)) < 0)
        return false;
    if (!forward(t, plan, w, true, e, error))
        return false;
    if (o->content && !s->lean) {
        vks_slice slice = t->pane.content;
        slice.bytes = vks_tensor_bytes(plan, e->shape[s->content_layer]);
        features = vks_plan_external(plan, "content features", slice);
    }
    int values = vks_plan_external(plan, "values", t->pane.values);
    for (int i = 0; i < s->style_count && o->style; i++) {
        vks_gram gram = gram_of(t, plan, i);
        vks_add_style_gradient(e, s->style_layers[i], &gram,
                               vks_plan_external(plan, "difference", t->difference[i]));
        if (t->aim[i].bytes)
            vks_add_shift(e, s->style_layers[i], vks_plan_external(plan, "shift", t->shift[i]), -1);
    }
    if (o->content)
        vks_add_content_loss(e, s->content_layer, w->at[s->content_layer], features,
                             s->alpha * t->it->k_content, -1, values, 0);
    for (int i = 0; i < s->encode.depth; i++)
        vks_clip_joining(e, i, w->at[i]);
    int gradient = vks_plan_external(plan, "window gradient", t->pane.gradient), partials;
    uint32_t count;
    e->own = (vks_rect){w->own.x0 - w->rect.x0, w->own.y0 - w->rect.y0, w->own.x1 - w->rect.x0,
                        w->own.y1 - w->rect.y0};
    if (!vks_encode_backward(e, gradient, (float)t->it->tv, &partials, &count, error))
        return false;
    vks_add_sum(plan, partials, count, values, 1, 1);
    return true;
}

static void paint_before(void *user, vks_plan *plan, uint32_t number, const vks_window *w,
                         const vks_encoding *e)
{
    vks_tiles *t = user;
    (void)number;
    load_picture(t, plan, w);
    if (!t->options->content)
        return;
    if (t->it->setting.lean) {
        vks_slice picture = {t->options->content->picture, 0,
                             vks_canvas_bytes(t->grid.width, t->grid.height)};
        vks_add_window_load(plan, vks_plan_external(plan, "content", picture), t->grid.width,
                            vks_plan_external(plan, "content window", t->pane.content), w->rect);
        return;
    }
    int layer = t->it->setting.content_layer;
    vks_shape whole = t->it->encoding.shape[layer], here = e->shape[layer];
    vks_slice from = {t->options->content->features, 0, vks_tensor_bytes(plan, whole)};
    vks_slice to = t->pane.content;
    to.bytes = vks_tensor_bytes(plan, here);
    vks_add_crop(plan, vks_plan_external(plan, "content features", from), whole,
                 vks_plan_external(plan, "content features", to), here,
                 (vks_rect){0, 0, here.width, here.height}, (int)w->origin[layer].x,
                 (int)w->origin[layer].y);
}

static void paint_after(void *user, vks_plan *plan, uint32_t number, const vks_window *w,
                        const vks_encoding *e)
{
    vks_tiles *t = user;
    (void)e;
    vks_slice whole = vks_plan_slice(t->it->plan, t->it->gradient);
    vks_add_window_sum(plan, vks_plan_external(plan, "gradient", whole), t->grid.width,
                       vks_plan_external(plan, "window gradient", t->pane.gradient), w->rect);
    int values = vks_plan_external(plan, "values", t->pane.values);
    if (t->options->content)
        vks_plan_copy(
            plan, (vks_use){values, 0, 4},
            (vks_use){vks_plan_external(plan, "contents", t->contents), number * 4ull, 4});
    vks_plan_copy(
        plan, (vks_use){values, 4, 4},
        (vks_use){vks_plan_external(plan, "variations", t->variations), number * 4ull, 4});
}

// ---------------------------------------------------------------- around the passes

static bool add_begin(vks_tiles *t, vkstyle_error *error)
{
    vks_iteration *it = t->it;
    t->begin = vks_plan_create(t->limits, it->setting.storage, error);
    if (!t->begin)
        return false;
    vks_slice gradient = vks_plan_slice(it->plan, it->gradient);
    vks_add_fill(t->begin, vks_plan_external(t->begin, "gradient", gradient), gradient.bytes);
    for (int i = 0; i < it->setting.style_count && t->options->style; i++) {
        vks_add_fill(t->begin, vks_plan_external(t->begin, "gram sums", t->sum[i]),
                     t->sum[i].bytes);
        if (t->aim[i].bytes)
            vks_add_fill(t->begin, vks_plan_external(t->begin, "channel sums", t->channel_sum[i]),
                         t->channel_sum[i].bytes);
    }
    if (it->coarse)
        vks_coarse_halve(it, t->begin, FLOATS);
    return true;
}

static bool add_middle(vks_tiles *t, vkstyle_error *error)
{
    vks_iteration *it = t->it;
    const vks_setting *s = &it->setting;
    t->middle = vks_plan_create(t->limits, s->storage, error);
    if (!t->middle)
        return false;
    vks_encoding e = it->encoding;
    e.plan = t->middle;
    int values = vks_plan_external(t->middle, "values", t->values);
    for (int i = 0; i < s->style_count; i++) {
        vks_shape whole = e.shape[s->style_layers[i]];
        vks_gram gram = gram_of(t, t->middle, i);
        vks_aim aim;
        int sums = -1, shift = -1;
        if (t->aim[i].bytes) {
            aim = vks_aim_at(s, t->options->style, i, s->layer_weights[i]);
            aim.buffer = vks_plan_external(t->middle, "style moments", t->aim[i]);
            aim.first = i == 0;
            sums = vks_plan_external(t->middle, "channel sums", t->channel_sum[i]);
            shift = vks_plan_external(t->middle, "shift", t->shift[i]);
        }
        vks_add_style_difference(&e, &gram, (double)whole.width * whole.height,
                                 vks_plan_external(t->middle, "style gram", t->style[i]),
                                 s->beta * it->k_style[i], values, VKS_VALUE_STYLE + i,
                                 sums >= 0 ? &aim : NULL, sums, shift,
                                 vks_plan_external(t->middle, "difference", t->difference[i]));
    }
    return true;
}

static bool add_end(vks_tiles *t, vkstyle_error *error)
{
    vks_iteration *it = t->it;
    vks_plan *plan = it->plan;
    uint32_t tiles = vks_grid_count(&t->grid);
    if (t->options->content)
        vks_add_sum(plan, vks_plan_external(plan, "contents", t->contents), tiles, it->values,
                    VKS_VALUE_CONTENT, 1);
    vks_add_sum(plan, vks_plan_external(plan, "variations", t->variations), tiles, it->values,
                VKS_VALUE_TV, 1);
    if (it->coarse)
        vks_coarse_join(it, FLOATS);
    vks_iteration_tally(it);
    vks_plan_cut(plan);
    if (!t->options->optimiser)
        return true;
    struct vks_optimiser_options options = *t->options->optimiser;
    options.part = vks_vectors_part;
    options.user = &t->vectors;
    options.values = 3.0 * it->width * it->height;
    it->optimiser = vks_optimiser_emit(plan, &options, it->target, it->gradient, it->values,
                                       vks_canvas_bytes(it->width, it->height) / 16, error);
    vks_plan_cut(plan);
    if (t->vectors.refused.status == VKSTYLE_DONE)
        return it->optimiser != NULL;
    if (error)
        *error = t->vectors.refused;
    return false;
}

bool vks_tiles_build(vks_iteration *it, const vks_gpu_limits *limits, vks_network *network,
                     const vks_iteration_options *o, vkstyle_error *error)
{
    vks_tiles *t = it->tiles = calloc(1, sizeof *t);
    if (!t)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for tiles");
    const vks_setting *s = &it->setting;
    *t = (vks_tiles){.it = it,
                     .options = o,
                     .limits = limits,
                     .network = network,
                     .gpu = vks_network_gpu(network),
                     .vectors = {vks_network_gpu(network), limits, s}};
    t->grid =
        vks_grid_make(vks_network_model(network), s->encode.depth, o->width, o->height, s->tile);
    it->plan = vks_plan_create(limits, s->storage, error);
    if (!it->plan)
        return false;
    // Of the whole picture: what factors and losses are reckoned with. No step is the encoding's.
    if (!vks_encode_shapes(&it->encoding, it->plan, network, &s->encode, -1, o->width, o->height,
                           error))
        return false;
    vks_iteration_factors(it, o);
    it->encoding.options.gradient = (float)vks_iteration_gradient_scale(it, o);
    uint64_t bytes = vks_canvas_bytes(o->width, o->height);
    vks_slice target, gradient;
    if (!make_matrices(t, error) ||
        !vks_vectors_add(&t->vectors, bytes, "target", &target, error) ||
        !vks_vectors_add(&t->vectors, bytes, "image gradient", &gradient, error) ||
        !vks_pane_create(&t->pane, t->gpu, &t->grid, s->storage, true, s->lean,
                         o->content ? s->content_layer : -1, error))
        return false;
    it->target = vks_plan_external(it->plan, "target", target);
    it->gradient = vks_plan_external(it->plan, "image gradient", gradient);
    it->values = vks_plan_external(it->plan, "values", t->values);
    it->weights = vks_plan_external(it->plan, "weights of losses", t->weights);
    it->state = vks_plan_external(it->plan, "iteration count", t->state);
    it->ring = vks_plan_buffer(it->plan, "losses", VKS_RECORDS * VKS_RECORD_FLOATS * 4, VKS_MAPPED);
    for (int i = 0; i < s->style_count && o->style; i++) {
        it->style[i] = vks_plan_external(it->plan, "style gram", t->style[i]);
        it->aim[i] = t->aim[i].bytes ? vks_plan_external(it->plan, "style moments", t->aim[i]) : -1;
        it->gram[i] = gram_of(t, it->plan, i);
    }
    if (o->coarse && (!vks_coarse_make(it, o, error) ||
                      !vks_tiles_build(it->coarse, limits, network, o->coarse, error)))
        return false;
    vks_sweep_tasks measure = {measure_work, measure_before, NULL, t};
    vks_sweep_tasks paint = {paint_work, paint_before, paint_after, t};
    if (!add_begin(t, error) ||
        (o->style &&
         (!vks_sweep_build(&t->measure, &t->grid, limits, s->storage, &measure, !t->gpu, error) ||
          !add_middle(t, error))) ||
        !vks_sweep_build(&t->paint, &t->grid, limits, s->storage, &paint, !t->gpu, error) ||
        !add_end(t, error))
        return false;
    uint64_t a = vks_sweep_bytes(&t->measure), b = vks_sweep_bytes(&t->paint);
    t->arena_bytes = a > b ? a : b;
    if (it->coarse) {
        vks_tiles *c = it->coarse->tiles;
        t->arena_bytes = c->arena_bytes > t->arena_bytes ? c->arena_bytes : t->arena_bytes;
        c->arena_bytes = 0;
        c->lent = true;
    }
    t->options = NULL;
    return true;
}

// ---------------------------------------------------------------- ready to run

static bool make_program(vks_tiles *t, vks_iteration *it, vkstyle_error *error)
{
    const vks_tiles *c = it->coarse ? it->coarse->tiles : NULL;
    uint32_t tiles = t->measure.count + t->paint.count, before = c ? c->tile_count : 0;
    size_t most = VKS_TILE_SEQUENCES * (size_t)tiles + 3 + (c ? (size_t)c->program_count : 0);
    vks_sequence **p = t->program = calloc(most, sizeof *p);
    t->tile_count = tiles + before;
    t->tile_ends = calloc(t->tile_count, sizeof *t->tile_ends);
    if (!p || !t->tile_ends)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for tiles");
    int n = 0;
    p[n++] = vks_plan_sequence(t->begin);
    for (uint32_t i = 0; i < before; i++)
        t->tile_ends[i] = n + c->tile_ends[i];
    for (int i = 0; c && i < c->program_count; i++)
        p[n++] = c->program[i];
    int *ends = t->tile_ends + before;
    n = vks_sweep_program(&t->measure, 0, t->measure.count, p, n, ends);
    if (t->middle)
        p[n++] = vks_plan_sequence(t->middle);
    n = vks_sweep_program(&t->paint, 0, t->paint.count, p, n, ends + t->measure.count);
    p[n++] = vks_plan_sequence(it->plan);
    ends[tiles - 1] = n; // what comes after all tiles counts with the last
    t->program_count = n;
    return true;
}

bool vks_tiles_realise(vks_iteration *it, vks_gpu *gpu, vkstyle_error *error)
{
    vks_tiles *t = it->tiles;
    if (!t->lent)
        t->arena =
            vks_block_create(gpu, t->arena_bytes, VKS_MEMORY_DEVICE, "plan of a tile", error);
    if (!t->arena)
        return false;
    if (it->coarse) {
        it->coarse->tiles->arena = t->arena;
        if (!vks_tiles_realise(it->coarse, gpu, error))
            return false;
    }
    return vks_clear(gpu, (vks_slice){t->matrices, 0, t->matrix_bytes}, error) &&
           vks_plan_realise(t->begin, gpu, false, error) &&
           (!t->middle || vks_plan_realise(t->middle, gpu, false, error)) &&
           vks_sweep_realise(&t->measure, gpu, t->arena, error) &&
           vks_sweep_realise(&t->paint, gpu, t->arena, error) &&
           vks_plan_realise(it->plan, gpu, false, error) && make_program(t, it, error);
}

void vks_tiles_rest(vks_tiles *t)
{
    t->program_count = 0;
    vks_sweep_free(&t->measure);
    vks_sweep_free(&t->paint);
    vks_plan_free(&t->begin);
    vks_plan_free(&t->middle);
    if (t->lent)
        t->arena = NULL;
    vks_block_free(&t->arena);
    vks_pane_free(&t->pane);
}

void vks_tiles_free(vks_tiles **tiles)
{
    vks_tiles *t = *tiles;
    if (!t)
        return;
    vks_tiles_rest(t);
    vks_block_free(&t->matrices);
    vks_vectors_free(&t->vectors);
    free(t->program);
    free(t->tile_ends);
    free(t);
    *tiles = NULL;
}

uint64_t vks_tiles_bytes(const vks_tiles *t, uint64_t *host)
{
    uint64_t away, bytes = vks_vectors_bytes(&t->vectors, &away);
    bytes += t->arena_bytes + t->pane.bytes + t->matrix_bytes;
    if (t->begin)
        bytes += vks_plan_bytes(t->begin);
    if (t->middle)
        bytes += vks_plan_bytes(t->middle);
    if (host)
        *host = away;
    return bytes;
}

double vks_tiles_flops(const vks_tiles *t)
{
    return vks_sweep_flops(&t->measure) + vks_sweep_flops(&t->paint);
}

void vks_tiles_run(const vks_tiles *t, vks_run *run)
{
    run->sequences = t->program;
    run->sequence_count = t->program_count;
    run->tile_ends = t->tile_ends;
    run->tile_count = t->tile_count;
}
