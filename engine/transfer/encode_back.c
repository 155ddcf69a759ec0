// SPDX-License-Identifier: MIT
// The way back through the encoder, from the losses' gradients to the pixels (encode.h).
#include "convolution.h"
#include "matrix_units.h"

// The gradient at a layer, through its ReLU, from the sums of the convolution behind it (form < 0:
// the deepest layer, where only losses join).
static void add_output(vks_encoding *e, int layer, int gradient, int form, bool masked, vks_strip s,
                       uint32_t scratch_quads)
{
    vks_plan *plan = e->plan;
    vks_shape out = e->shape[layer];
    uint32_t step = vks_slice_quads(plan, out);
    uint32_t width = vks_plain_width(vks_plan_limits(plan), s.columns, s.width);
    int joining = e->joining[layer];
    for (uint32_t q = 0; q < out.quads; q += step) {
        uint32_t count = q + step < out.quads ? step : out.quads - q;
        struct vks_push_tiles push = vks_tiles_push(out, s, scratch_quads, q);
        uint64_t mask_bytes = (uint64_t)out.mask_plane * 8;
        vks_plan_add(
            plan,
            &(vks_step){
                .kernel = VKS_KERNEL_BACKWARD_OUTPUT,
                .spec = {width, form < 0 ? 2 : vks_form_transforms((vks_form)form), joining >= 0,
                         masked},
                .spec_count = 4,
                .uses = {{e->scratch_m, 0, 0},
                         vks_use_or(masked ? e->mask[layer] : -1, e->scratch_v,
                                    (vks_use){e->mask[layer], q * mask_bytes, count * mask_bytes}),
                         vks_use_or(joining, e->scratch_v, vks_quads(plan, joining, out, q, count)),
                         vks_quads(plan, gradient, out, q, count)},
                .use_count = 4,
                .push = &push,
                .push_bytes = sizeof push,
                .groups = {s.columns / width, count},
                .label = "backward output",
                .bytes = (double)s.count * count * 16 *
                         ((form < 0                              ? 0
                           : vks_form_transforms((vks_form)form) ? 36
                                                                 : 16) +
                          (joining >= 0 ? 16 : 0) + 16)});
    }
}

// Where finish_backward writes; set by vks_encode_backward for the convolution at work.
typedef struct backward {
    vks_convolution c;
    int gradient;
} backward;

// Whether a layer's gradient goes through a ReLU.
static bool masked(const vks_encoding *e, int layer)
{
    return vks_network_model(e->network)->layers[layer].kind == VKS_CONV;
}

static void finish_backward(vks_encoding *e, const vks_convolution *c, vks_strip s)
{
    const backward *b = (const backward *)c;
    int below = c->layer - 1;
    add_output(e, below, b->gradient, c->form, masked(e, below), s, vks_out_quads_padded(c));
}

static void add_unpool(vks_encoding *e, int layer, int pooled, int gradient)
{
    vks_plan *plan = e->plan;
    vks_shape out = e->shape[layer], small = e->pooled[layer + 1];
    int joining = e->joining[layer], activation = e->activation[layer];
    uint32_t step = vks_slice_quads(plan, out);
    struct vks_push_unpool push = {.width = out.width,
                                   .height = out.height,
                                   .pitch = out.pitch,
                                   .plane = out.plane,
                                   .pooled_width = small.width,
                                   .pooled_height = small.height,
                                   .pooled_pitch = small.pitch,
                                   .pooled_plane = small.plane,
                                   .tiles_x = out.tiles_x,
                                   .tiles = out.tiles,
                                   .mask_plane = out.mask_plane,
                                   .inverse_tiles_x = 1.0f / (float)out.tiles_x,
                                   .scale = e->options.pool == VKSTYLE_POOL_MAX ? 1.0f : 0.25f};
    uint64_t mask_bytes = (uint64_t)out.mask_plane * 8;
    const vks_gpu_limits *limits = vks_plan_limits(plan);
    uint32_t columns, width = vks_width_for(limits, out.tiles, &columns);
    width = vks_plain_width(limits, columns, width);
    for (uint32_t q = 0; q < out.quads; q += step) {
        uint32_t count = q + step < out.quads ? step : out.quads - q;
        vks_plan_add(plan,
                     &(vks_step){.kernel = VKS_KERNEL_UNPOOL,
                                 .spec = {width, joining >= 0},
                                 .spec_count = 2,
                                 .uses = {vks_quads(plan, pooled, small, q, count),
                                          {e->mask[layer], q * mask_bytes, count * mask_bytes},
                                          vks_use_or(joining, e->scratch_v,
                                                     vks_quads(plan, joining, out, q, count)),
                                          vks_use_or(joining >= 0 ? activation : -1, e->scratch_v,
                                                     vks_quads(plan, activation, out, q, count)),
                                          vks_quads(plan, gradient, out, q, count)},
                                 .use_count = 5,
                                 .push = &push,
                                 .push_bytes = sizeof push,
                                 .groups = {columns / width, count},
                                 .label = "unpool",
                                 .bytes = (double)out.tiles * count * 16 * (16 + 4)});
    }
    vks_plan_cut(plan);
}

// A pooling's gradient at its full size again: nothing comes from where it was cut off.
static int uncrop(vks_encoding *e, int layer, int gradient)
{
    if (!vks_is_cropped(e, layer))
        return gradient;
    vks_shape full = e->pooled[layer];
    vks_rect crop = e->options.crop[layer];
    int whole = vks_plan_buffer(e->plan, "gradient", vks_tensor_bytes(e->plan, full), VKS_PASSING);
    vks_add_crop(e->plan, gradient, e->shape[layer], whole, full,
                 (vks_rect){0, 0, full.width, full.height}, -(int)crop.x0, -(int)crop.y0);
    return whole;
}

// conv1_1's gradient to the pixels: nine products a pixel, then gathered.
static bool add_image_gradient(vks_encoding *e, int source, int gradient, float tv, int *partials,
                               uint32_t *partial_count, vkstyle_error *error)
{
    vks_plan *plan = e->plan;
    const vkstyle_model *m = vks_network_model(e->network);
    vks_shape in = e->shape[0], taps = in;
    vks_slice weight_slice;
    if (!vks_network_weights(e->network, 0, VKS_BACKWARD, VKS_DIRECT, &weight_slice, error))
        return false;
    int weights = vks_plan_external(plan, "weights", weight_slice);
    taps.quads = 3;
    uint32_t width = vks_width_dividing(vks_plan_limits(plan), in.plane);
    int products[3];
    for (int row = 0; row < 3; row++) {
        products[row] =
            vks_plan_buffer(plan, "products", vks_tensor_bytes(plan, taps), VKS_PASSING);
        uint32_t most = vks_slice_quads(plan, in) < 16 ? vks_slice_quads(plan, in) : 16;
        for (uint32_t q = 0; q < in.quads;) {
            uint32_t quads = in.quads - q < most ? in.quads - q : most;
            struct vks_push_gemm push = {.source_columns = in.plane,
                                         .k_quads = in.quads,
                                         .k_first = q,
                                         .out_quads = 3,
                                         .result_columns = in.plane,
                                         .accumulate = q > 0};
            uint64_t row_bytes = vks_round_up(in.quads, 4) * 4ull * 3 * 16;
            vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_GEMM_TENSOR,
                                           .spec = {width, quads * 4, 3},
                                           .spec_count = 3,
                                           .uses = {{weights, (uint64_t)row * row_bytes, row_bytes},
                                                    vks_quads(plan, source, in, q, quads),
                                                    {products[row], 0, 0}},
                                           .use_count = 3,
                                           .push = &push,
                                           .push_bytes = sizeof push,
                                           .groups = {in.plane / width},
                                           .label = "conv1_1 backward",
                                           .flops = 2.0 * 9 * quads * 4 * in.width * in.height});
            q += quads;
        }
    }
    uint32_t groups = (e->width + 63) / 64;
    *partial_count = groups * e->height;
    *partials = vks_plan_buffer(plan, "tv partials", *partial_count * 4ull, VKS_PASSING);
    const vks_encode_options *o = &e->options;
    struct vks_push_image push = {.width = e->width,
                                  .height = e->height,
                                  .pitch = in.pitch,
                                  .plane = in.plane,
                                  .padding = (uint32_t)o->padding,
                                  .scale_x = m->scale[0] * o->scale,
                                  .scale_y = m->scale[1] * o->scale,
                                  .scale_z = m->scale[2] * o->scale,
                                  .order_x = (uint32_t)m->order[0],
                                  .order_y = (uint32_t)m->order[1],
                                  .order_z = (uint32_t)m->order[2],
                                  .gradient = 1.0f / o->gradient,
                                  .tv = tv,
                                  .x0 = e->own.x0,
                                  .y0 = e->own.y0,
                                  .x1 = e->own.x1,
                                  .y1 = e->own.y1};
    vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_IMAGE_GRADIENT,
                                   .spec = {64},
                                   .spec_count = 1,
                                   .uses = {{products[0], 0, 0},
                                            {products[1], 0, 0},
                                            {products[2], 0, 0},
                                            {e->image, 0, 0},
                                            {gradient, 0, 0},
                                            {*partials, 0, 0}},
                                   .use_count = 6,
                                   .push = &push,
                                   .push_bytes = sizeof push,
                                   .groups = {groups, e->height},
                                   .label = "image gradient",
                                   .bytes = 16.0 * (9 + 5 + 1) * e->width * e->height});
    vks_plan_cut(plan);
    return true;
}

bool vks_encode_backward(vks_encoding *e, int gradient, float tv, int *partials,
                         uint32_t *partial_count, vkstyle_error *error)
{
    vks_plan *plan = e->plan;
    const vkstyle_model *model = vks_network_model(e->network);
    int top = e->options.depth - 1;
    int at = vks_plan_buffer(plan, "gradient", vks_tensor_bytes(plan, e->shape[top]), VKS_PASSING);
    vks_strip all = {.count = e->shape[top].tiles};
    all.width = vks_width_for(vks_plan_limits(plan), all.count, &all.columns);
    add_output(e, top, at, -1, model->layers[top].kind == VKS_CONV, all, 0);
    for (int i = top; i > 0; i--) {
        int below = i - 1;
        int next =
            vks_plan_buffer(plan, "gradient", vks_tensor_bytes(plan, e->shape[below]), VKS_PASSING);
        if (model->layers[i].kind == VKS_POOL) {
            add_unpool(e, below, uncrop(e, i, at), next);
        } else {
            backward b = {.c = {.layer = i,
                                .direction = VKS_BACKWARD,
                                .form = vks_form_of(e, i, VKS_BACKWARD),
                                .source = at,
                                .in = e->shape[i],
                                .out = e->shape[below],
                                .shift = -1},
                          .gradient = next};
            if (!vks_network_weights(e->network, i, VKS_BACKWARD, b.c.form, &b.c.weights, error))
                return false;
            if (b.c.form == VKS_MATRIX)
                vks_add_matrix_backward(
                    e, &b.c,
                    &(vks_matrix_backward){.mask = masked(e, below) ? e->mask[below] : -1,
                                           .joining = e->joining[below],
                                           .gradient = next});
            else
                vks_add_convolution(e, &b.c, finish_backward);
        }
        at = next;
    }
    vks_network_settle(e->network);
    return add_image_gradient(e, at, gradient, tv, partials, partial_count, error);
}
