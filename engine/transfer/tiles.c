// SPDX-License-Identifier: MIT
#include "tile_pass.h"
#include "aim.h"
#include "canvas.h"
#include "coarse.h"
#include "../error.h"

#include <stdlib.h>

enum { FLOATS = 3 }; // of a canvas' pixel

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
        vks_gram gram = vks_tile_gram(t, t->middle, i);
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
        it->gram[i] = vks_tile_gram(t, it->plan, i);
    }
    if (o->coarse && (!vks_coarse_make(it, o, error) ||
                      !vks_tiles_build(it->coarse, limits, network, o->coarse, error)))
        return false;
    vks_sweep_tasks measure = vks_tile_measuring(t), paint = vks_tile_painting(t);
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
