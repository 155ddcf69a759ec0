// SPDX-License-Identifier: MIT
#include "tiled.h"
#include "../error.h"
#include "push.h"

#include <stdlib.h>
#include <string.h>

enum { VEC4 = 16, ALIGNMENT = 256 }; // bytes; of the offset of a binding, at most

static uint32_t tile_count(const vks_tiling *t)
{
    return t->columns * t->rows;
}

// ---------------------------------------------------------------- windows of pictures

// One dispatch a band of rows that a binding can span. window < 0: the whole's part is cleared.
static void add_window(vks_plan *plan, int whole, int window, vks_rect rect, uint32_t pitch,
                       bool cut, const char *label)
{
    const vks_gpu_limits *limits = vks_plan_limits(plan);
    uint64_t span = limits->storage_range / VEC4;
    if (limits->texel && limits->texel_elements < span)
        span = limits->texel_elements;
    uint32_t width = rect.x1 - rect.x0;
    uint64_t most = span > pitch + ALIGNMENT / VEC4 ? (span - ALIGNMENT / VEC4) / pitch : 1;
    for (uint32_t y = rect.y0; y < rect.y1;) {
        uint32_t rows = rect.y1 - y < most ? rect.y1 - y : (uint32_t)most;
        rows = rows < limits->groups[1] ? rows : limits->groups[1];
        // Bound are the rows' pixels, from an offset that the device accepts.
        uint64_t first = ((uint64_t)y * pitch + rect.x0), from = first / 16 * 16;
        uint64_t end = (uint64_t)(y + rows - 1) * pitch + rect.x1;
        vks_use big = {whole, from * VEC4, (end - from) * VEC4};
        uint32_t in_whole = (uint32_t)(first - from);
        uint64_t at = (uint64_t)(y - rect.y0) * width, window_from = at / 16 * 16;
        vks_use small = {window, window_from * VEC4,
                         (at - window_from + (uint64_t)rows * width) * VEC4};
        struct vks_push_window push = {
            .width = width,
            .source_first = cut ? in_whole : (uint32_t)(at - window_from),
            .source_pitch = cut ? pitch : width,
            .result_first = cut ? (uint32_t)(at - window_from) : in_whole,
            .result_pitch = cut ? width : pitch,
            .add = !cut && window >= 0,
            .clear = window < 0};
        vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_WINDOW,
                                       .spec = {64},
                                       .spec_count = 1,
                                       .uses = {window < 0 ? big
                                                : cut      ? big
                                                           : small,
                                                window < 0 ? big
                                                : cut      ? small
                                                           : big},
                                       .use_count = 2,
                                       .push = &push,
                                       .push_bytes = sizeof push,
                                       .groups = {(width + 63) / 64, rows},
                                       .label = label,
                                       .bytes = 32.0 * width * rows});
        y += rows;
    }
}

// ---------------------------------------------------------------- content features

static vks_shape features_shape(const vks_tiling *t, const vkstyle_model *model, int layer,
                                uint32_t tile)
{
    vks_rect w = vks_tile_window(t, tile % t->columns, tile / t->columns);
    uint32_t stride = vks_layer_stride(model, layer);
    return vks_shape_of((w.x1 - w.x0) / stride, (w.y1 - w.y0) / stride,
                        (uint32_t)model->layers[layer].out);
}

vks_slice vks_tile_features(const vks_tiling *t, const vkstyle_model *model, int layer,
                            uint32_t texel_bytes, uint32_t tile)
{
    vks_slice slice = {0};
    for (uint32_t i = 0; i <= tile; i++) {
        vks_shape s = features_shape(t, model, layer, i);
        slice.offset += slice.bytes; // planes are multiples of 64 texels: offsets stay aligned
        slice.bytes = (uint64_t)s.quads * s.plane * texel_bytes;
    }
    return slice;
}

uint64_t vks_tiles_features_bytes(const vks_tiling *t, const vkstyle_model *model, int layer,
                                  uint32_t texel_bytes)
{
    vks_slice last = vks_tile_features(t, model, layer, texel_bytes, tile_count(t) - 1);
    return last.offset + last.bytes;
}

// ---------------------------------------------------------------- passes

static bool empty(vks_rect r)
{
    return r.x0 >= r.x1 || r.y0 >= r.y1;
}

vks_rect vks_own_positions(const vks_encoding *e, const vks_tiling *t, uint32_t tile, int layer)
{
    return vks_tile_positions(t, tile % t->columns, tile / t->columns, e->shape[layer],
                              vks_layer_stride(vks_network_model(e->network), layer));
}

// The forward pass over a tile's window.
static bool add_forward(vks_iteration *it, vks_encoding *e, vks_network *network,
                        const vks_encode_options *options, uint32_t tile, vkstyle_error *error)
{
    const vks_tiling *t = &it->tiling;
    vks_rect w = vks_tile_window(t, tile % t->columns, tile / t->columns);
    uint32_t width = w.x1 - w.x0, height = w.y1 - w.y0;
    int image = vks_plan_buffer(it->plan, "window", (uint64_t)width * height * VEC4, VKS_PASSING);
    add_window(it->plan, it->target, image, w, it->width, true, "cut window");
    return vks_encode_forward(e, it->plan, network, options, image, width, height, error);
}

static bool add_grams(vks_iteration *it, vks_network *network, vkstyle_error *error)
{
    const vks_setting *s = &it->setting;
    vks_encode_options options = s->encode;
    options.backward = options.readable = false;
    options.depth = 0;
    memset(options.keep, 0, sizeof options.keep);
    for (int i = 0; i < s->style_count; i++) {
        options.keep[s->style_layers[i]] = true;
        if (s->style_layers[i] >= options.depth)
            options.depth = s->style_layers[i] + 1;
    }
    for (uint32_t tile = 0; tile < tile_count(&it->tiling); tile++) {
        vks_encoding e;
        if (!add_forward(it, &e, network, &options, tile, error))
            return false;
        for (int i = 0; i < s->style_count; i++) {
            int layer = s->style_layers[i];
            vks_shape whole = it->encoding.shape[layer];
            vks_rect own = vks_own_positions(&e, &it->tiling, tile, layer);
            if (!empty(own))
                vks_accumulate_gram(&e, &it->gram[i], vks_add_gram(&e, layer, own),
                                    (double)whole.width * whole.height);
        }
    }
    return true;
}

static void add_tile_content(vks_iteration *it, vks_encoding *e, uint32_t tile,
                             const vks_content *content, int sums)
{
    const vks_setting *s = &it->setting;
    vks_slice features = vks_tile_features(&it->tiling, vks_network_model(e->network),
                                           s->content_layer, vks_texel_bytes(it->plan), tile);
    features.block = content->features;
    int buffer = vks_plan_external(it->plan, "content features", features);
    vks_add_content_loss(e, s->content_layer,
                         vks_own_positions(e, &it->tiling, tile, s->content_layer), buffer,
                         s->alpha * it->k_content, sums, (int)tile);
}

// Losses' gradients of one tile, and the way back to its pixels.
static bool add_tile_gradient(vks_iteration *it, vks_encoding *e, uint32_t tile,
                              const int *differences, const vks_content *content, int content_sums,
                              int tv_sums, vkstyle_error *error)
{
    const vks_setting *s = &it->setting;
    const vks_tiling *t = &it->tiling;
    vks_rect own = vks_tile_own(t, tile % t->columns, tile / t->columns);
    vks_rect w = vks_tile_window(t, tile % t->columns, tile / t->columns);
    e->options.gradient = it->encoding.options.gradient;
    e->own = (vks_rect){own.x0 - w.x0, own.y0 - w.y0, own.x1 - w.x0, own.y1 - w.y0};
    for (int i = 0; differences && i < s->style_count; i++)
        vks_add_style_gradient(e, s->style_layers[i], &it->gram[i], differences[i]);
    if (content)
        add_tile_content(it, e, tile, content, content_sums);
    for (int i = 0; i < s->encode.depth; i++)
        vks_clip_joining(e, i, vks_own_positions(e, t, tile, i));
    int partials, gradient = vks_plan_buffer(it->plan, "window gradient",
                                             (uint64_t)e->width * e->height * VEC4, VKS_PASSING);
    uint32_t count;
    if (!vks_encode_backward(e, gradient, (float)it->tv, &partials, &count, error))
        return false;
    vks_add_sum(it->plan, partials, count, tv_sums, (int)tile, 1);
    add_window(it->plan, it->gradient, gradient, w, it->width, false, "add window");
    vks_plan_cut(it->plan);
    return true;
}

bool vks_add_tiles(vks_iteration *it, vks_network *network, bool style, const vks_content *content,
                   vkstyle_error *error)
{
    const vks_setting *s = &it->setting;
    uint32_t count = tile_count(&it->tiling);
    it->tiles = calloc(count, sizeof *it->tiles);
    if (!it->tiles)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for %u tiles", count);
    int differences[VKSTYLE_MAX_LAYERS];
    if (style && !add_grams(it, network, error))
        return false;
    for (int i = 0; style && i < s->style_count; i++) {
        vks_shape whole = it->encoding.shape[s->style_layers[i]];
        differences[i] = vks_add_style_difference(
            &it->encoding, &it->gram[i], (double)whole.width * whole.height, it->style[i],
            s->beta * it->k_style[i], it->values, VKS_VALUE_STYLE + i);
    }
    int content_sums = vks_plan_buffer(it->plan, "content losses of tiles", count * 4, VKS_PASSING);
    int tv_sums = vks_plan_buffer(it->plan, "variations of tiles", count * 4, VKS_PASSING);
    add_window(it->plan, it->gradient, -1, (vks_rect){0, 0, it->width, it->height}, it->width,
               false, "clear gradient");
    for (uint32_t tile = 0; tile < count; tile++)
        if (!add_forward(it, &it->tiles[tile], network, &s->encode, tile, error) ||
            !add_tile_gradient(it, &it->tiles[tile], tile, style ? differences : NULL, content,
                               content_sums, tv_sums, error))
            return false;
    if (content)
        vks_add_sum(it->plan, content_sums, count, it->values, VKS_VALUE_CONTENT, 1);
    vks_add_sum(it->plan, tv_sums, count, it->values, VKS_VALUE_TV, 1);
    return true;
}
