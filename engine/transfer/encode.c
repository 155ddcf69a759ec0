// SPDX-License-Identifier: MIT
#include "convolution.h"
#include "matrix_units.h"
#include "../error.h"

#include <string.h>

// Pixel numbers are 32-bit in the kernels, with room for padding and channels.
static const double MOST_PIXELS = 1 << 28;

static bool pooled_next(const vks_encoding *e, int layer)
{
    return layer + 1 < e->options.depth &&
           vks_network_model(e->network)->layers[layer + 1].kind == VKS_POOL;
}

static int add_bias(vks_encoding *e, int layer)
{
    vks_slice slice;
    vkstyle_error error = {VKSTYLE_DONE, ""};
    if (vks_network_bias(e->network, layer, e->options.scale, &slice, &error))
        return vks_plan_external(e->plan, "bias", slice);
    vks_plan_fail(e->plan, error.status, "%s", error.text);
    return -1;
}

static void finish_forward(vks_encoding *e, const vks_convolution *c, vks_strip s)
{
    vks_plan *plan = e->plan;
    int layer = c->layer;
    bool pool = pooled_next(e, layer);
    vks_shape out = c->out, small = pool ? e->pooled[layer + 1] : out;
    int keep = e->activation[layer], mask = e->mask[layer];
    int pooled = pool ? e->uncropped[layer + 1] : -1;
    int bias = add_bias(e, layer);
    if (bias < 0)
        return;
    uint32_t width = vks_plain_width(vks_plan_limits(plan), s.columns, s.width);
    uint32_t step = vks_slice_quads(plan, out);
    for (uint32_t q = 0; q < out.quads; q += step) {
        uint32_t count = q + step < out.quads ? step : out.quads - q;
        struct vks_push_tiles push = vks_tiles_push(out, s, vks_out_quads_padded(c), q);
        push.pooled_width = small.width;
        push.pooled_height = small.height;
        push.pooled_pitch = small.pitch;
        push.pooled_plane = small.plane;
        uint64_t mask_bytes = (uint64_t)out.mask_plane * 8;
        vks_plan_add(
            plan, &(vks_step){
                      .kernel = VKS_KERNEL_FORWARD_OUTPUT,
                      .spec = {width, vks_form_transforms(c->form), keep >= 0, mask >= 0,
                               !pool ? 0 : (e->options.pool == VKSTYLE_POOL_MAX ? 1 : 2)},
                      .spec_count = 5,
                      .uses = {{e->scratch_m, 0, 0},
                               {bias, 0, 0},
                               vks_use_or(keep, e->scratch_v, vks_quads(plan, keep, out, q, count)),
                               vks_use_or(mask, e->scratch_v,
                                          (vks_use){mask, q * mask_bytes, count * mask_bytes}),
                               vks_use_or(pooled, e->scratch_v,
                                          vks_quads(plan, pooled, small, q, count))},
                      .use_count = 5,
                      .push = &push,
                      .push_bytes = sizeof push,
                      .groups = {s.columns / width, count},
                      .label = "forward output",
                      .bytes = (double)s.count * count * 16 *
                               ((vks_form_transforms(c->form) ? 36 : 16) + (keep >= 0 ? 16 : 0) +
                                (pool ? 4 : 0))});
    }
}

// The same in one dispatch.
static void add_matrix_forward(vks_encoding *e, const vks_convolution *c)
{
    bool pool = pooled_next(e, c->layer);
    vks_matrix_forward to = {.bias = add_bias(e, c->layer),
                             .activation = e->activation[c->layer],
                             .mask = e->mask[c->layer],
                             .pooled = pool ? e->uncropped[c->layer + 1] : -1,
                             .small = pool ? e->pooled[c->layer + 1] : c->out};
    if (to.bias >= 0)
        vks_add_matrix_forward(e, c, &to);
}

static void add_input(vks_encoding *e, int input, vks_shape shape)
{
    const vkstyle_model *m = vks_network_model(e->network);
    const vks_encode_options *o = &e->options;
    struct vks_push_image push = {.width = e->width,
                                  .height = e->height,
                                  .pitch = shape.pitch,
                                  .plane = shape.plane,
                                  .padding = (uint32_t)o->padding,
                                  .scale_x = m->scale[0] * o->scale,
                                  .scale_y = m->scale[1] * o->scale,
                                  .scale_z = m->scale[2] * o->scale,
                                  .shift_x = m->shift[0] * o->scale,
                                  .shift_y = m->shift[1] * o->scale,
                                  .shift_z = m->shift[2] * o->scale,
                                  .order_x = (uint32_t)m->order[0],
                                  .order_y = (uint32_t)m->order[1],
                                  .order_z = (uint32_t)m->order[2]};
    vks_plan_add(e->plan, &(vks_step){.kernel = VKS_KERNEL_IMAGE_INPUT,
                                      .spec = {64},
                                      .spec_count = 1,
                                      .uses = {{e->image, 0, 0}, {input, 0, 0}},
                                      .use_count = 2,
                                      .push = &push,
                                      .push_bytes = sizeof push,
                                      .groups = {(shape.pitch + 63) / 64, shape.height},
                                      .label = "image input",
                                      .bytes = 32.0 * e->width * e->height});
}

static bool check_model(const vkstyle_model *model, int depth, vkstyle_error *error)
{
    if (depth > VKS_MAX_DEPTH)
        return vks_fail(error, VKSTYLE_FAILED, "model %s: more than %d layers", model->name,
                        VKS_MAX_DEPTH);
    if (model->layers[0].kind != VKS_CONV || model->layers[0].in != 3)
        return vks_fail(error, VKSTYLE_FAILED,
                        "model %s: the first layer must be a convolution of three channels",
                        model->name);
    for (int i = 1; i < depth; i++)
        if (model->layers[i].kind == VKS_POOL && model->layers[i - 1].kind == VKS_POOL)
            return vks_fail(error, VKSTYLE_FAILED, "model %s: %s follows another pooling",
                            model->name, model->layers[i].name);
    return true;
}

// Whole planes must fit a binding: four of them in the style loss' gradient, which is made 16
// channels at a time, three in conv1_1's. (Else channels are bound in slices, so only the number of
// pixels counts.)
static bool check_pixels(const vks_plan *plan, uint32_t width, uint32_t height,
                         vkstyle_error *error)
{
    const vks_gpu_limits *limits = vks_plan_limits(plan);
    double pixels = (double)(width + 8.0) * (height + 8.0);
    double most = (double)limits->storage_range / (4.0 * vks_texel_bytes(plan));
    if (limits->texel && (double)limits->texel_elements / 3 < most)
        most = (double)limits->texel_elements / 3;
    if (most > MOST_PIXELS)
        most = MOST_PIXELS;
    if (pixels <= most)
        return true;
    return vks_fail(error, VKSTYLE_NO_MEMORY,
                    "%ux%u pixels are more than this device can work on at once (%.1f million; one "
                    "buffer spans at most %.0f MB); choose a smaller --size",
                    width, height, most * 1e-6, (double)limits->storage_range * 1e-6);
}

// The buffers of a pooling: one, or two where it is cropped.
static void add_pooled(vks_encoding *e, int layer)
{
    const char *name = vks_network_model(e->network)->layers[layer].name;
    e->activation[layer] =
        vks_plan_buffer(e->plan, name, vks_tensor_bytes(e->plan, e->shape[layer]), VKS_PASSING);
    e->uncropped[layer] = e->activation[layer];
    if (vks_is_cropped(e, layer))
        e->uncropped[layer] = vks_plan_buffer(
            e->plan, name, vks_tensor_bytes(e->plan, e->pooled[layer]), VKS_PASSING);
}

void vks_add_crop(vks_plan *plan, int from, vks_shape from_shape, int to, vks_shape to_shape,
                  vks_rect rect, int shift_x, int shift_y)
{
    uint32_t step = vks_slice_quads(plan, from_shape), other = vks_slice_quads(plan, to_shape);
    step = step < other ? step : other;
    for (uint32_t q = 0; q < to_shape.quads; q += step) {
        uint32_t count = q + step < to_shape.quads ? step : to_shape.quads - q;
        struct vks_push_crop push = {.pitch = to_shape.pitch,
                                     .plane = to_shape.plane,
                                     .x0 = rect.x0,
                                     .y0 = rect.y0,
                                     .x1 = rect.x1,
                                     .source_width = from_shape.width,
                                     .source_height = from_shape.height,
                                     .source_pitch = from_shape.pitch,
                                     .source_plane = from_shape.plane,
                                     .shift_x = shift_x,
                                     .shift_y = shift_y};
        uint32_t width = rect.x1 - rect.x0, height = rect.y1 - rect.y0;
        vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_CROP,
                                       .spec = {64},
                                       .spec_count = 1,
                                       .uses = {vks_quads(plan, from, from_shape, q, count),
                                                vks_quads(plan, to, to_shape, q, count)},
                                       .use_count = 2,
                                       .push = &push,
                                       .push_bytes = sizeof push,
                                       .groups = {(width + 63) / 64, height, count},
                                       .label = "crop",
                                       .bytes = 2.0 * 16 * width * height * count});
    }
}

bool vks_encode_shapes(vks_encoding *e, vks_plan *plan, vks_network *network,
                       const vks_encode_options *options, int image, uint32_t width,
                       uint32_t height, vkstyle_error *error)
{
    const vkstyle_model *model = vks_network_model(network);
    if (!check_model(model, options->depth, error))
        return false;
    *e = (vks_encoding){.plan = plan,
                        .network = network,
                        .options = *options,
                        .width = width,
                        .height = height,
                        .image = image,
                        .own = {0, 0, width, height}};
    uint32_t w = width, h = height;
    for (int i = 0; i < options->depth; i++) {
        bool pool = model->layers[i].kind == VKS_POOL;
        w = pool ? w / 2 : w;
        h = pool ? h / 2 : h;
        if (!w || !h)
            return vks_fail(error, VKSTYLE_FAILED, "a picture of %ux%u pixels vanishes at %s",
                            width, height, model->layers[i].name);
        e->pooled[i] = vks_shape_of(w, h, (uint32_t)model->layers[i].out);
        vks_rect crop = options->crop[i];
        if (pool && crop.x1) {
            w = crop.x1 - crop.x0;
            h = crop.y1 - crop.y0;
        }
        e->shape[i] = vks_shape_of(w, h, (uint32_t)model->layers[i].out);
        e->activation[i] = e->uncropped[i] = e->mask[i] = e->joining[i] = -1;
    }
    return true;
}

bool vks_encode_forward(vks_encoding *e, vks_plan *plan, vks_network *network,
                        const vks_encode_options *options, int image, uint32_t width,
                        uint32_t height, vkstyle_error *error)
{
    const vkstyle_model *model = vks_network_model(network);
    if (!check_pixels(plan, width, height, error) ||
        !vks_encode_shapes(e, plan, network, options, image, width, height, error))
        return false;
    vks_choose_strips(e);

    vks_shape bordered = vks_shape_of(width + 2, height + 2, 3);
    int input =
        vks_plan_buffer(plan, "encoder input", vks_tensor_bytes(plan, bordered), VKS_PASSING);
    add_input(e, input, bordered);
    for (int i = 0; i < options->depth; i++) {
        if (model->layers[i].kind == VKS_POOL)
            continue; // done by the convolution before it
        bool pool = pooled_next(e, i), last = i + 1 == options->depth;
        if (options->keep[i] || (!pool && !last))
            e->activation[i] =
                vks_plan_buffer(plan, model->layers[i].name, vks_tensor_bytes(plan, e->shape[i]),
                                options->keep[i] && options->readable ? VKS_KEPT : VKS_PASSING);
        if (options->backward)
            e->mask[i] = vks_plan_buffer(
                plan, "mask", 8ull * e->shape[i].mask_plane * e->shape[i].quads, VKS_PASSING);
        if (pool)
            add_pooled(e, i + 1);
        vks_convolution c = {.layer = i,
                             .direction = VKS_FORWARD,
                             .form = vks_form_of(e, i, VKS_FORWARD),
                             .source = i ? e->activation[i - 1] : input,
                             .in = i ? e->shape[i - 1] : bordered,
                             .out = e->shape[i],
                             .shift = i ? -1 : 0};
        if (!vks_network_weights(network, i, c.direction, c.form, &c.weights, error))
            return false;
        if (c.form == VKS_MATRIX)
            add_matrix_forward(e, &c);
        else
            vks_add_convolution(e, &c, finish_forward);
        if (pool && vks_is_cropped(e, i + 1)) {
            vks_rect crop = options->crop[i + 1];
            vks_shape to = e->shape[i + 1];
            vks_add_crop(plan, e->uncropped[i + 1], e->pooled[i + 1], e->activation[i + 1], to,
                         (vks_rect){0, 0, to.width, to.height}, (int)crop.x0, (int)crop.y0);
        }
    }
    vks_network_settle(network);
    return true;
}
