// SPDX-License-Identifier: MIT
#include "tile_pass.h"
#include "moments.h"

#include <string.h>

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

vks_sweep_tasks vks_tile_measuring(vks_tiles *t)
{
    return (vks_sweep_tasks){measure_work, measure_before, NULL, t};
}

// ---------------------------------------------------------------- paint

vks_gram vks_tile_gram(const vks_tiles *t, vks_plan *plan, int i)
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
        vks_gram gram = vks_tile_gram(t, plan, i);
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

vks_sweep_tasks vks_tile_painting(vks_tiles *t)
{
    return (vks_sweep_tasks){paint_work, paint_before, paint_after, t};
}
