// SPDX-License-Identifier: MIT
#include "survey.h"
#include "canvas.h"
#include "moments.h"
#include "sweep.h"
#include "tiles.h"
#include "../error.h"

#include <stdlib.h>
#include <string.h>

typedef struct survey {
    vks_gpu *gpu; // NULL: dry
    vks_network *network;
    const vks_setting *setting;
    vks_encode_options options; // depth and kept layers of this survey
    vks_grid grid;
    vks_block *canvas;
    vks_slice picture;
    vks_pane pane;
    vks_sweep sweep;
    vks_block *arena;
    // What the tasks add: sums of Gram matrices, or features taken out.
    vks_block *sums;
    vks_slice sum[VKSTYLE_MAX_LAYERS], channel_sum[VKSTYLE_MAX_LAYERS]; // bytes 0: not wanted
    int taken;                                                          // layer; -1: none
    vks_slice features;
} survey;

static void survey_free(survey *s)
{
    vks_sweep_free(&s->sweep);
    vks_pane_free(&s->pane);
    vks_block_free(&s->arena);
    vks_block_free(&s->canvas);
    vks_block_free(&s->sums);
}

static bool work(void *user, vks_plan *plan, const vks_window *w, vks_encoding *e,
                 vkstyle_error *error)
{
    survey *s = user;
    vks_encode_options options = s->options;
    options.window = true;
    memcpy(options.crop, w->crop, sizeof options.crop);
    if (!vks_encode_forward(e, plan, s->network, &options,
                            vks_plan_external(plan, "window", s->pane.picture),
                            w->rect.x1 - w->rect.x0, w->rect.y1 - w->rect.y0, error))
        return false;
    for (int i = 0; i < s->setting->style_count && s->sum[0].bytes; i++) {
        int layer = s->setting->style_layers[i];
        vks_add_gram_sum(e, layer, w->at[layer], vks_plan_external(plan, "gram sums", s->sum[i]));
        if (s->channel_sum[i].bytes)
            vks_add_channel_sums(e, layer, w->at[layer], -1,
                                 vks_plan_external(plan, "channel sums", s->channel_sum[i]), true);
    }
    if (s->taken >= 0) {
        vks_shape shape = e->shape[s->taken];
        uint64_t bytes = vks_tensor_bytes(plan, shape);
        vks_slice to = s->pane.content;
        to.bytes = bytes;
        vks_plan_copy(plan, (vks_use){e->activation[s->taken], 0, bytes},
                      (vks_use){vks_plan_external(plan, "features", to), 0, bytes});
    }
    return true;
}

static void before(void *user, vks_plan *plan, uint32_t number, const vks_window *w,
                   const vks_encoding *e)
{
    survey *s = user;
    (void)number, (void)e;
    vks_add_window_load(plan, vks_plan_external(plan, "picture", s->picture), s->grid.width,
                        vks_plan_external(plan, "window", s->pane.picture), w->rect);
}

// The tile's own features into those of the whole picture.
static void after(void *user, vks_plan *plan, uint32_t number, const vks_window *w,
                  const vks_encoding *e)
{
    survey *s = user;
    int layer = s->taken;
    (void)number;
    vks_shape whole = vks_grid_shape(&s->grid, layer), here = e->shape[layer];
    vks_slice from = s->pane.content;
    from.bytes = vks_tensor_bytes(plan, here);
    vks_rect at = w->at[layer];
    uint32_t x = w->origin[layer].x, y = w->origin[layer].y;
    vks_add_crop(plan, vks_plan_external(plan, "window's features", from), here,
                 vks_plan_external(plan, "features", s->features), whole,
                 (vks_rect){at.x0 + x, at.y0 + y, at.x1 + x, at.y1 + y}, -(int)x, -(int)y);
}

static int deepest(const int *layers, int count)
{
    int top = 0;
    for (int i = 0; i < count; i++)
        top = layers[i] > top ? layers[i] : top;
    return top;
}

static void begin(survey *s, const int *layers, int count, uint32_t width, uint32_t height)
{
    s->options = s->setting->encode;
    s->options.backward = false;
    s->options.depth = deepest(layers, count) + 1;
    memset(s->options.keep, 0, sizeof s->options.keep);
    for (int i = 0; i < count; i++)
        s->options.keep[layers[i]] = true;
    s->grid = vks_grid_make(vks_network_model(s->network), s->options.depth, width, height,
                            s->setting->tile);
    s->picture = (vks_slice){NULL, 0, vks_canvas_bytes(width, height)};
}

// Plans and memory, and the picture put there.
static bool build(survey *s, const vks_gpu_limits *limits, const vkstyle_image *image,
                  vkstyle_error *error)
{
    vks_sweep_tasks tasks = {work, before, s->features.bytes ? after : NULL, s};
    if (s->gpu) {
        int index = s->setting->lean && s->taken >= 0 ? 2 : 0; // a content that is kept
        s->canvas = vks_block_create(s->gpu, s->picture.bytes, vks_place(s->setting, index),
                                     "picture", error);
        s->picture.block = s->canvas;
        if (!s->canvas || !vks_canvas_put(s->gpu, s->picture, image, error))
            return false;
    }
    return vks_pane_create(&s->pane, s->gpu, &s->grid, s->setting->storage, false, false, s->taken,
                           error) &&
           vks_sweep_build(&s->sweep, &s->grid, limits, s->setting->storage, &tasks, !s->gpu,
                           error);
}

static bool realise(survey *s, vkstyle_error *error)
{
    s->arena = vks_block_create(s->gpu, vks_sweep_bytes(&s->sweep), VKS_MEMORY_DEVICE,
                                "plan of a tile", error);
    return s->arena && vks_sweep_realise(&s->sweep, s->gpu, s->arena, error);
}

static bool run(survey *s, vkstyle_error *error)
{
    return vks_sweep_run(&s->sweep, 0, s->sweep.count, s->gpu, vks_network_watch(s->network),
                         error);
}

// ---------------------------------------------------------------- style

static bool make_sums(survey *s, vkstyle_error *error)
{
    const vks_setting *setting = s->setting;
    uint64_t at = 0;
    for (int i = 0; i < setting->style_count; i++) {
        uint64_t padded =
            vks_gram_padded((uint32_t)s->grid.model->layers[setting->style_layers[i]].out);
        s->sum[i] = (vks_slice){NULL, at, padded * padded * 4};
        at += s->sum[i].bytes;
        s->channel_sum[i] =
            (vks_slice){NULL, at, setting->style_loss != VKSTYLE_LOSS_GRAM ? padded * 4 : 0};
        at += s->channel_sum[i].bytes;
    }
    if (!s->gpu)
        return true;
    s->sums = vks_block_create(s->gpu, at, VKS_MEMORY_DEVICE, "gram sums", error);
    for (int i = 0; i < setting->style_count; i++)
        s->sum[i].block = s->channel_sum[i].block = s->sums;
    return s->sums && vks_clear(s->gpu, (vks_slice){s->sums, 0, at}, error);
}

// From sums to matrices a position.
static bool finish(survey *s, float *grams[VKSTYLE_MAX_LAYERS], float *means[VKSTYLE_MAX_LAYERS],
                   double *positions, vkstyle_error *error)
{
    const vks_setting *setting = s->setting;
    vks_plan *plan = vks_plan_create(vks_gpu_get_limits(s->gpu), setting->storage, error);
    if (!plan)
        return false;
    vks_encoding e = {.plan = plan, .network = s->network, .options = s->options};
    vks_gram gram[VKSTYLE_MAX_LAYERS];
    for (int i = 0; i < setting->style_count; i++) {
        vks_shape whole = vks_grid_shape(&s->grid, setting->style_layers[i]);
        positions[i] = (double)whole.width * whole.height;
        uint32_t padded = vks_gram_padded(whole.channels);
        double s2 = (double)s->options.scale * s->options.scale;
        gram[i] = (vks_gram){.buffer = vks_plan_buffer(plan, "gram", s->sum[i].bytes, VKS_KEPT),
                             .parts = vks_plan_external(plan, "gram sums", s->sum[i]),
                             .channels = whole.channels,
                             .padded = padded,
                             .splits = 1,
                             .scale = (float)(1 / (positions[i] * s2))};
        vks_finish_gram(&e, &gram[i]);
    }
    bool done = vks_plan_realise(plan, s->gpu, false, error) && vks_plan_run(plan, error);
    for (int i = 0; done && i < setting->style_count; i++) {
        vks_slice from = vks_plan_slice(plan, gram[i].buffer);
        from.bytes = s->sum[i].bytes;
        grams[i] = malloc(from.bytes);
        done = grams[i] ? vks_download(s->gpu, from, grams[i], error)
                        : vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a Gram matrix");
        if (!done || !s->channel_sum[i].bytes)
            continue;
        means[i] = malloc(s->channel_sum[i].bytes);
        done = means[i] ? vks_download(s->gpu, s->channel_sum[i], means[i], error)
                        : vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for channels' means");
        for (uint32_t c = 0; done && c < gram[i].padded; c++)
            means[i][c] = (float)(means[i][c] / (positions[i] * s->options.scale));
    }
    vks_plan_free(&plan);
    return done;
}

bool vks_survey_grams(float *grams[VKSTYLE_MAX_LAYERS], float *means[VKSTYLE_MAX_LAYERS],
                      double *positions, vks_gpu *gpu, vks_network *network,
                      const vks_setting *setting, const vkstyle_image *image, vkstyle_error *error)
{
    survey s = {.gpu = gpu, .network = network, .setting = setting, .taken = -1};
    memset(grams, 0, VKSTYLE_MAX_LAYERS * sizeof *grams);
    memset(means, 0, VKSTYLE_MAX_LAYERS * sizeof *means);
    begin(&s, setting->style_layers, setting->style_count, (uint32_t)image->width,
          (uint32_t)image->height);
    bool done = make_sums(&s, error) && build(&s, vks_gpu_get_limits(gpu), image, error) &&
                realise(&s, error) && run(&s, error) && finish(&s, grams, means, positions, error);
    for (int i = 0; !done && i < setting->style_count; i++) {
        free(grams[i]);
        free(means[i]);
        grams[i] = means[i] = NULL;
    }
    survey_free(&s);
    return done;
}

// ---------------------------------------------------------------- content

// Sum of squares of the true values, a few quads at a time.
static bool square_of(double *square, vks_gpu *gpu, vks_slice features, vks_shape shape,
                      const vks_setting *setting, vkstyle_error *error)
{
    uint64_t texel = setting->storage == VKS_HALF ? 8 : 16;
    *square = 0;
    for (uint32_t q = 0; q < shape.quads; q++) {
        vks_shape one = shape;
        one.quads = 1;
        one.channels = shape.channels - 4 * q < 4 ? shape.channels - 4 * q : 4;
        vks_slice from = {features.block, features.offset + q * texel * shape.plane, 0};
        float *values = vks_download_tensor(gpu, from, one, setting, error);
        if (!values)
            return false;
        for (size_t i = 0; i < (size_t)one.channels * one.width * one.height; i++)
            *square += (double)values[i] * values[i];
        free(values);
    }
    return true;
}

// The same of features that are not kept, tile by tile.
static bool square_by_tiles(double *square, survey *s, vkstyle_error *error)
{
    *square = 0;
    for (uint32_t n = 0; n < s->sweep.count; n++) {
        const vks_encoding *e = &s->sweep.shapes[s->sweep.tiles[n].shape].encoding;
        vks_window w;
        vks_window_at(&s->grid, n, &w);
        vks_shape here = e->shape[s->taken];
        vks_rect at = w.at[s->taken];
        if (!vks_sweep_run(&s->sweep, n, 1, s->gpu, vks_network_watch(s->network), error))
            return false;
        float *values = vks_download_tensor(s->gpu, s->pane.content, here, s->setting, error);
        if (!values)
            return false;
        for (uint32_t c = 0; c < here.channels; c++)
            for (uint32_t y = at.y0; y < at.y1; y++)
                for (uint32_t x = at.x0; x < at.x1; x++) {
                    float v = values[((size_t)c * here.height + y) * here.width + x];
                    *square += (double)v * v;
                }
        free(values);
    }
    return true;
}

// Keeps the content's picture, and measures its features.
static bool survey_picture(vks_content *content, survey *s, const vkstyle_image *image,
                           vkstyle_error *error)
{
    bool done = build(s, vks_gpu_get_limits(s->gpu), image, error) && realise(s, error) &&
                square_by_tiles(&content->square, s, error);
    if (done) {
        content->picture = s->canvas;
        s->canvas = NULL;
    }
    survey_free(s);
    return done;
}

bool vks_survey_content(vks_content *content, vks_gpu *gpu, vks_network *network,
                        const vks_setting *setting, const vkstyle_image *image,
                        vkstyle_error *error)
{
    int layer = setting->content_layer;
    survey s = {.gpu = gpu, .network = network, .setting = setting, .taken = layer};
    begin(&s, &layer, 1, (uint32_t)image->width, (uint32_t)image->height);
    vks_shape whole = vks_grid_shape(&s.grid, layer);
    uint64_t bytes = (uint64_t)whole.quads * whole.plane * (setting->storage == VKS_HALF ? 8 : 16);
    *content = (vks_content){0};
    if (setting->lean)
        return survey_picture(content, &s, image, error);
    content->features =
        vks_block_create(gpu, bytes, vks_place(setting, 2), "content features", error);
    s.features = (vks_slice){content->features, 0, bytes};
    bool done = content->features && build(&s, vks_gpu_get_limits(gpu), image, error) &&
                realise(&s, error) && run(&s, error) &&
                square_of(&content->square, gpu, s.features, whole, setting, error);
    survey_free(&s);
    if (!done)
        vks_content_free(content);
    return done;
}

// ---------------------------------------------------------------- activations

// One layer's tensor of one tile, its own pixels, into the whole layer's values.
static bool gather(survey *s, uint32_t tile, int layer, float *whole, vkstyle_error *error)
{
    vks_shape all = vks_grid_shape(&s->grid, layer);
    const vks_sweep_shape *shape = &s->sweep.shapes[s->sweep.tiles[tile].shape];
    vks_window w;
    vks_window_at(&s->grid, tile, &w);
    vks_shape here = shape->encoding.shape[layer];
    vks_slice from = vks_plan_slice(shape->plan, shape->encoding.activation[layer]);
    float *values = vks_download_tensor(s->gpu, from, here, s->setting, error);
    if (!values)
        return false;
    vks_rect at = w.at[layer];
    for (uint32_t c = 0; c < here.channels; c++)
        for (uint32_t y = at.y0; y < at.y1; y++)
            memcpy(whole + ((size_t)c * all.height + y + w.origin[layer].y) * all.width +
                       w.origin[layer].x + at.x0,
                   values + ((size_t)c * here.height + y) * here.width + at.x0,
                   (at.x1 - at.x0) * sizeof *whole);
    free(values);
    return true;
}

bool vks_survey_activations(vks_survey_fn take, void *user, vks_gpu *gpu, vks_network *network,
                            const vks_setting *setting, const vkstyle_image *image,
                            vkstyle_error *error)
{
    survey s = {.gpu = gpu, .network = network, .setting = setting, .taken = -1};
    int layers[VKS_MAX_DEPTH] = {0}, count = 0;
    const vkstyle_model *model = vks_network_model(network);
    for (int i = 0; i < setting->encode.depth; i++)
        if (model->layers[i].kind == VKS_CONV)
            layers[count++] = i;
    begin(&s, layers, count, (uint32_t)image->width, (uint32_t)image->height);
    s.options.readable = true;
    float *values[VKS_MAX_DEPTH] = {NULL};
    bool done = build(&s, vks_gpu_get_limits(gpu), image, error) && realise(&s, error);
    for (int k = 0; done && k < count; k++) {
        vks_shape all = vks_grid_shape(&s.grid, layers[k]);
        values[k] = malloc((size_t)all.channels * all.width * all.height * sizeof **values);
        if (!values[k])
            done = vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the activations of %s",
                            model->layers[layers[k]].name);
    }
    for (uint32_t n = 0; done && n < s.sweep.count; n++) {
        done = vks_sweep_run(&s.sweep, n, 1, gpu, vks_network_watch(network), error);
        for (int k = 0; done && k < count; k++)
            done = gather(&s, n, layers[k], values[k], error);
    }
    for (int k = 0; k < count; k++) {
        if (done)
            done = take(user, layers[k], vks_grid_shape(&s.grid, layers[k]), values[k], error);
        free(values[k]);
    }
    survey_free(&s);
    return done;
}

// ---------------------------------------------------------------- before any work

bool vks_survey_bytes(uint64_t *bytes, vks_network *dry, const vks_gpu_limits *limits,
                      const vks_setting *setting, uint32_t width, uint32_t height,
                      vkstyle_error *error)
{
    survey s = {.network = dry, .setting = setting, .taken = -1};
    begin(&s, setting->style_layers, setting->style_count, width, height);
    bool done = make_sums(&s, error) && build(&s, limits, NULL, error);
    uint64_t sums = 0;
    for (int i = 0; i < setting->style_count; i++)
        sums += 2 * s.sum[i].bytes + s.channel_sum[i].bytes;
    *bytes = done ? s.picture.bytes + s.pane.bytes + sums + vks_sweep_bytes(&s.sweep) : 0;
    survey_free(&s);
    return done;
}
