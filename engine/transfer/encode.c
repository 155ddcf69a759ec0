// SPDX-License-Identifier: MIT
#include "encode.h"
#include "../error.h"
#include "push.h"

#include <string.h>

// Pixel numbers are 32-bit in the kernels, with room for padding and channels.
static const double MOST_PIXELS = 1 << 28;

// ---------------------------------------------------------------- sizes

static uint32_t texel_bytes(const vks_plan *plan)
{
    return vks_plan_storage(plan) == VKS_HALF ? 8 : 16;
}

uint64_t vks_tensor_bytes(const vks_plan *plan, vks_shape shape)
{
    return (uint64_t)shape.quads * shape.plane * texel_bytes(plan);
}

uint32_t vks_slice_quads(const vks_plan *plan, vks_shape shape)
{
    const vks_gpu_limits *limits = vks_plan_limits(plan);
    uint64_t quads = limits->storage_range / ((uint64_t)shape.plane * texel_bytes(plan));
    uint64_t texels = limits->texel ? limits->texel_elements / shape.plane : quads;
    if (texels < quads)
        quads = texels;
    if (quads < 1)
        quads = 1; // the sequence refuses it by name
    return quads < shape.quads ? (uint32_t)quads : shape.quads;
}

vks_use vks_quads(const vks_plan *plan, int buffer, vks_shape shape, uint32_t first, uint32_t count)
{
    uint64_t bytes = (uint64_t)shape.plane * texel_bytes(plan);
    return (vks_use){buffer, first * bytes, count * bytes};
}

// Software Vulkan stages a block of weights once a workgroup, which costs about as much as 16 lanes
// of work; padding lanes are lost too. GPUs want whole subgroups of 32 or 64.
uint32_t vks_width_for(const vks_gpu_limits *limits, uint32_t columns, uint32_t *padded)
{
    static const uint32_t software[] = {16, 32, 48, 64, 96, 128, 192, 256};
    static const uint32_t gpu[] = {64, 128};
    const uint32_t *widths = limits->software ? software : gpu;
    int count = limits->software ? 8 : 2;
    uint32_t best = widths[0];
    uint64_t best_cost = UINT64_MAX;
    for (int i = 0; i < count; i++) {
        uint32_t w = widths[i];
        if (w > limits->invocations)
            break;
        uint64_t cost = (uint64_t)vks_round_up(columns, w) / w * (w + 16);
        if (cost < best_cost) {
            best_cost = cost;
            best = w;
        }
    }
    *padded = vks_round_up(columns, best);
    return best;
}

uint32_t vks_width_dividing(const vks_gpu_limits *limits, uint32_t plane)
{
    static const uint32_t widths[] = {256, 192, 128};
    for (int i = 0; i < 3; i++)
        if (plane % widths[i] == 0 && widths[i] <= limits->invocations &&
            (limits->software || widths[i] <= 128))
            return widths[i];
    return 64;
}

// ---------------------------------------------------------------- one convolution

// What all strips of one convolution share.
typedef struct convolution {
    int layer;
    vks_direction direction;
    vks_form form;
    int source;          // tensor buffer
    vks_shape in, out;   // of source, of what is written
    int shift;           // see vks_push_conv
    vks_slice weights;
} convolution;

typedef struct strip {
    uint32_t first, count;   // tiles
    uint32_t width, columns; // lanes
} strip;

static vks_form form_of(const vks_encoding *e, int layer)
{
    if (layer == 0 || e->options.kernels == VKSTYLE_KERNELS_DIRECT)
        return VKS_DIRECT;
    return VKS_WINOGRAD;
}

static uint32_t out_quads_padded(const convolution *c)
{
    return vks_round_up(c->out.channels, 16) / 4;
}

// How many tiles both scratch buffers hold, and the lanes of a strip: no more than that.
static uint32_t scratch_tiles(const vks_encoding *e, const convolution *c)
{
    uint32_t frequencies = c->form == VKS_WINOGRAD ? 36 : 16;
    uint32_t quads = out_quads_padded(c);
    if (c->form == VKS_WINOGRAD && c->in.quads > quads)
        quads = c->in.quads;
    return (uint32_t)(e->strip_bytes / ((uint64_t)frequencies * quads * 16));
}

// Lanes come in whole workgroups: the width that pays most may need more of them than fit.
static bool strip_lanes(const vks_encoding *e, strip *s, uint32_t tiles)
{
    const vks_gpu_limits *limits = vks_plan_limits(e->plan);
    s->width = vks_width_for(limits, s->count, &s->columns);
    if (s->columns > tiles) {
        s->width = limits->software ? 16 : 64;
        s->columns = vks_round_up(s->count, s->width);
    }
    return s->columns <= tiles;
}

// Tiles of each strip of a convolution: equal strips, in whole workgroups.
static uint32_t strip_tiles(const vks_encoding *e, const convolution *c, uint32_t tiles)
{
    uint32_t columns;
    vks_width_for(vks_plan_limits(e->plan), c->out.tiles, &columns);
    if (columns <= tiles)
        return c->out.tiles;
    uint32_t grain = tiles >= 256 ? 256 : tiles >= 64 ? 64 : 16;
    uint32_t most = tiles / grain * grain;
    if (!most)
        return 1; // which does not fit either: strip_lanes says so
    uint32_t strips = (c->out.tiles + most - 1) / most;
    uint32_t each = (c->out.tiles + strips - 1) / strips;
    return vks_round_up(each, grain < 64 ? grain : 64);
}

static struct vks_push_tiles tiles_push(vks_shape shape, strip s, uint32_t quads, uint32_t quad_first)
{
    return (struct vks_push_tiles){
        .width = shape.width, .height = shape.height, .pitch = shape.pitch, .plane = shape.plane,
        .tiles_x = shape.tiles_x, .tile_first = s.first, .tile_count = s.count,
        .columns = s.columns, .quads = quads, .quad_first = quad_first,
        .inverse_tiles_x = 1.0f / (float)shape.tiles_x, .mask_plane = shape.mask_plane};
}

static double conv_flops(const convolution *c, strip s, uint32_t inputs)
{
    return 2.0 * 9 * inputs * c->out.channels * 16.0 * s.count;
}

static void add_winograd(vks_encoding *e, const convolution *c, strip s)
{
    vks_plan *plan = e->plan;
    uint32_t step = vks_slice_quads(plan, c->in);
    for (uint32_t q = 0; q < c->in.quads; q += step) {
        uint32_t count = q + step < c->in.quads ? step : c->in.quads - q;
        struct vks_push_tiles push = tiles_push(c->in, s, c->in.quads, q);
        // Strips are of the output's tiles, and here input and output have the same size.
        vks_plan_add(plan, &(vks_step){
            .kernel = VKS_KERNEL_WINOGRAD_INPUT, .spec = {s.width}, .spec_count = 1,
            .uses = {vks_quads(plan, c->source, c->in, q, count), {e->scratch_v, 0, 0}},
            .use_count = 2, .push = &push, .push_bytes = sizeof push,
            .groups = {s.columns / s.width, count}, .label = "input transform",
            .bytes = (double)s.count * count * 16 * (16 + 36)});
    }
    int weights = vks_plan_external(plan, "weights", c->weights);
    uint32_t blocks = out_quads_padded(c) / 4, k_total = c->in.quads * 4;
    // A longer chunk (16 KB of weights, all that the floor of devices has) makes up for narrow
    // workgroups: conv4 at 256x256 12 % faster on software Vulkan.
    uint32_t most = s.width <= 64 && vks_plan_limits(plan)->software ? 256 : 128;
    for (uint32_t k = 0; k < k_total;) {
        uint32_t chunk = k_total - k < most ? k_total - k : most;
        struct vks_push_gemm push = {.source_columns = s.columns, .k_quads = c->in.quads,
                                     .k_first = k / 4, .source_quad = k / 4,
                                     .out_quads = blocks * 4, .result_columns = s.columns};
        vks_plan_add(plan, &(vks_step){
            .kernel = VKS_KERNEL_GEMM, .spec = {s.width, chunk, 4, k > 0}, .spec_count = 4,
            .uses = {{weights, 0, 0}, {e->scratch_v, 0, 0}, {e->scratch_m, 0, 0}}, .use_count = 3,
            .push = &push, .push_bytes = sizeof push,
            .groups = {s.columns / s.width, blocks, 36},
            .label = c->direction == VKS_FORWARD ? "product forward" : "product backward",
            .flops = conv_flops(c, s, chunk)});
        k += chunk;
    }
}

static void add_direct(vks_encoding *e, const convolution *c, strip s)
{
    vks_plan *plan = e->plan;
    int weights = vks_plan_external(plan, "weights", c->weights);
    uint32_t blocks = out_quads_padded(c) / 4;
    uint32_t most = vks_slice_quads(plan, c->in) < 4 ? vks_slice_quads(plan, c->in) : 4;
    for (uint32_t q = 0; q < c->in.quads;) {
        uint32_t quads = c->in.quads - q < most ? c->in.quads - q : most;
        struct vks_push_conv push = {
            .width = c->in.width, .height = c->in.height, .pitch = c->in.pitch,
            .plane = c->in.plane, .shift = c->shift, .tiles_x = c->out.tiles_x,
            .tile_first = s.first, .tile_count = s.count, .columns = s.columns,
            .k_quads = c->in.quads, .k_first = q, .out_quads = blocks * 4,
            .inverse_tiles_x = 1.0f / (float)c->out.tiles_x};
        vks_plan_add(plan, &(vks_step){
            .kernel = VKS_KERNEL_CONV, .spec = {s.width, quads, q > 0}, .spec_count = 3,
            .uses = {vks_quads(plan, c->source, c->in, q, quads), {weights, 0, 0},
                     {e->scratch_m, 0, 0}},
            .use_count = 3, .push = &push, .push_bytes = sizeof push,
            .groups = {s.columns / s.width, blocks, 16},
            .label = c->direction == VKS_FORWARD ? "convolution forward" : "convolution backward",
            .flops = conv_flops(c, s, quads * 4)});
        q += quads;
    }
}

// Calls `finish` for each strip, when its sums are in the scratch.
static void add_convolution(vks_encoding *e, const convolution *c,
                            void (*finish)(vks_encoding *, const convolution *, strip))
{
    uint32_t tiles = scratch_tiles(e, c), each = strip_tiles(e, c, tiles);
    for (uint32_t first = 0; first < c->out.tiles; first += each) {
        strip s = {.first = first,
                   .count = first + each < c->out.tiles ? each : c->out.tiles - first};
        if (!strip_lanes(e, &s, tiles)) {
            vks_plan_fail(e->plan, VKSTYLE_NO_DEVICE,
                          "the device binds %llu bytes at once, too few for %s",
                          (unsigned long long)vks_plan_limits(e->plan)->storage_range,
                          vks_network_model(e->network)->layers[c->layer].name);
            return;
        }
        if (c->form == VKS_WINOGRAD)
            add_winograd(e, c, s);
        else
            add_direct(e, c, s);
        finish(e, c, s);
        vks_plan_cut(e->plan);
    }
}

// ---------------------------------------------------------------- forward

static bool pooled_next(const vks_encoding *e, int layer)
{
    return layer + 1 < e->options.depth &&
           vks_network_model(e->network)->layers[layer + 1].kind == VKS_POOL;
}

static vks_use use_or(int buffer, int otherwise, vks_use use)
{
    return buffer >= 0 ? use : (vks_use){otherwise, 0, 256};
}

static void finish_forward(vks_encoding *e, const convolution *c, strip s)
{
    vks_plan *plan = e->plan;
    int layer = c->layer;
    bool pool = pooled_next(e, layer);
    vks_shape out = c->out, small = pool ? e->shape[layer + 1] : out;
    int keep = e->activation[layer], mask = e->mask[layer];
    int pooled = pool ? e->activation[layer + 1] : -1;
    vks_slice bias_slice;
    vkstyle_error error = {VKSTYLE_DONE, ""};
    if (!vks_network_bias(e->network, layer, e->options.scale, &bias_slice, &error)) {
        vks_plan_fail(plan, error.status, "%s", error.text);
        return;
    }
    int bias = vks_plan_external(plan, "bias", bias_slice);
    uint32_t step = vks_slice_quads(plan, out);
    for (uint32_t q = 0; q < out.quads; q += step) {
        uint32_t count = q + step < out.quads ? step : out.quads - q;
        struct vks_push_tiles push = tiles_push(out, s, out_quads_padded(c), q);
        push.pooled_width = small.width;
        push.pooled_height = small.height;
        push.pooled_pitch = small.pitch;
        push.pooled_plane = small.plane;
        uint64_t mask_bytes = (uint64_t)out.mask_plane * 8;
        vks_plan_add(plan, &(vks_step){
            .kernel = VKS_KERNEL_FORWARD_OUTPUT,
            .spec = {s.width, c->form == VKS_WINOGRAD, keep >= 0, mask >= 0,
                     !pool ? 0 : (e->options.pool == VKSTYLE_POOL_MAX ? 1 : 2)},
            .spec_count = 5,
            .uses = {{e->scratch_m, 0, 0}, {bias, 0, 0},
                     use_or(keep, e->scratch_v, vks_quads(plan, keep, out, q, count)),
                     use_or(mask, e->scratch_v,
                            (vks_use){mask, q * mask_bytes, count * mask_bytes}),
                     use_or(pooled, e->scratch_v, vks_quads(plan, pooled, small, q, count))},
            .use_count = 5, .push = &push, .push_bytes = sizeof push,
            .groups = {s.columns / s.width, count}, .label = "forward output",
            .bytes = (double)s.count * count * 16 *
                     ((c->form == VKS_WINOGRAD ? 36 : 16) + (keep >= 0 ? 16 : 0) + (pool ? 4 : 0))});
    }
}

// Scratch for one strip: as much as pays, within what a binding may span.
static void choose_strips(vks_encoding *e)
{
    const vks_gpu_limits *limits = vks_plan_limits(e->plan);
    const vkstyle_model *model = vks_network_model(e->network);
    uint64_t cap = limits->software ? 24u << 20 : 64u << 20, most = 0;
    if (cap > limits->storage_range)
        cap = limits->storage_range;
    for (int i = 0; i < e->options.depth; i++) {
        if (model->layers[i].kind != VKS_CONV)
            continue;
        uint32_t in = vks_round_up((uint32_t)model->layers[i].in, 16) / 4;
        uint32_t out = vks_round_up((uint32_t)model->layers[i].out, 16) / 4;
        uint64_t frequencies = form_of(e, i) == VKS_WINOGRAD ? 36 : 16;
        uint32_t columns;
        vks_width_for(limits, e->shape[i].tiles, &columns);
        uint64_t need = frequencies * (in > out ? in : out) * columns * 16;
        if (need > most)
            most = need;
    }
    e->strip_bytes = most < cap ? most : cap;
    e->scratch_m = vks_plan_buffer(e->plan, "sums", e->strip_bytes, VKS_PASSING);
    e->scratch_v = vks_plan_buffer(e->plan, "transforms", e->strip_bytes, VKS_PASSING);
}

static void add_input(vks_encoding *e, int input, vks_shape shape)
{
    const vkstyle_model *m = vks_network_model(e->network);
    const vks_encode_options *o = &e->options;
    struct vks_push_image push = {
        .width = e->width, .height = e->height, .pitch = shape.pitch, .plane = shape.plane,
        .padding = (uint32_t)o->padding,
        .scale_x = m->scale[0] * o->scale, .scale_y = m->scale[1] * o->scale,
        .scale_z = m->scale[2] * o->scale, .shift_x = m->shift[0] * o->scale,
        .shift_y = m->shift[1] * o->scale, .shift_z = m->shift[2] * o->scale,
        .order_x = (uint32_t)m->order[0], .order_y = (uint32_t)m->order[1],
        .order_z = (uint32_t)m->order[2]};
    vks_plan_add(e->plan, &(vks_step){
        .kernel = VKS_KERNEL_IMAGE_INPUT, .spec = {64}, .spec_count = 1,
        .uses = {{e->image, 0, 0}, {input, 0, 0}}, .use_count = 2, .push = &push,
        .push_bytes = sizeof push, .groups = {(shape.pitch + 63) / 64, shape.height},
        .label = "image input", .bytes = 32.0 * e->width * e->height});
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

// Whole planes must fit a binding: three of them in conv1_1's gradient. (Channels are bound in slices,
// so only the number of pixels counts.)
static bool check_pixels(const vks_plan *plan, uint32_t width, uint32_t height, vkstyle_error *error)
{
    const vks_gpu_limits *limits = vks_plan_limits(plan);
    double pixels = (double)(width + 8.0) * (height + 8.0);
    double most = (double)limits->storage_range / (3.0 * texel_bytes(plan));
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

bool vks_encode_forward(vks_encoding *e, vks_plan *plan, vks_network *network,
                        const vks_encode_options *options, int image, uint32_t width,
                        uint32_t height, vkstyle_error *error)
{
    const vkstyle_model *model = vks_network_model(network);
    if (!check_model(model, options->depth, error) || !check_pixels(plan, width, height, error))
        return false;
    *e = (vks_encoding){.plan = plan, .network = network, .options = *options, .width = width,
                        .height = height, .image = image};
    uint32_t w = width, h = height;
    for (int i = 0; i < options->depth; i++) {
        bool pool = model->layers[i].kind == VKS_POOL;
        w = pool ? w / 2 : w;
        h = pool ? h / 2 : h;
        if (!w || !h)
            return vks_fail(error, VKSTYLE_FAILED, "a picture of %ux%u pixels vanishes at %s",
                            width, height, model->layers[i].name);
        e->shape[i] = vks_shape_of(w, h, (uint32_t)model->layers[i].out);
        e->activation[i] = e->mask[i] = e->joining[i] = -1;
    }
    choose_strips(e);

    vks_shape bordered = vks_shape_of(width + 2, height + 2, 3);
    int input = vks_plan_buffer(plan, "encoder input", vks_tensor_bytes(plan, bordered), VKS_PASSING);
    add_input(e, input, bordered);
    for (int i = 0; i < options->depth; i++) {
        if (model->layers[i].kind == VKS_POOL)
            continue; // done by the convolution before it
        bool pool = pooled_next(e, i), last = i + 1 == options->depth;
        if (options->keep[i] || (!pool && !last))
            e->activation[i] = vks_plan_buffer(
                plan, model->layers[i].name, vks_tensor_bytes(plan, e->shape[i]),
                options->keep[i] && options->readable ? VKS_KEPT : VKS_PASSING);
        if (options->backward)
            e->mask[i] = vks_plan_buffer(plan, "mask",
                                         8ull * e->shape[i].mask_plane * e->shape[i].quads,
                                         VKS_PASSING);
        if (pool)
            e->activation[i + 1] = vks_plan_buffer(
                plan, model->layers[i + 1].name, vks_tensor_bytes(plan, e->shape[i + 1]),
                VKS_PASSING);
        convolution c = {.layer = i, .direction = VKS_FORWARD, .form = form_of(e, i),
                         .source = i ? e->activation[i - 1] : input,
                         .in = i ? e->shape[i - 1] : bordered, .out = e->shape[i],
                         .shift = i ? -1 : 0};
        if (!vks_network_weights(network, i, c.direction, c.form, &c.weights, error))
            return false;
        add_convolution(e, &c, finish_forward);
    }
    return true;
}

// ---------------------------------------------------------------- backward

// The gradient at a layer, through its ReLU, from the sums of the convolution behind it (form < 0:
// the deepest layer, where only losses join).
static void add_output(vks_encoding *e, int layer, int gradient, int form, bool masked, strip s,
                       uint32_t scratch_quads)
{
    vks_plan *plan = e->plan;
    vks_shape out = e->shape[layer];
    uint32_t step = vks_slice_quads(plan, out);
    int joining = e->joining[layer];
    for (uint32_t q = 0; q < out.quads; q += step) {
        uint32_t count = q + step < out.quads ? step : out.quads - q;
        struct vks_push_tiles push = tiles_push(out, s, scratch_quads, q);
        uint64_t mask_bytes = (uint64_t)out.mask_plane * 8;
        vks_plan_add(plan, &(vks_step){
            .kernel = VKS_KERNEL_BACKWARD_OUTPUT,
            .spec = {s.width, form < 0 ? 2 : form == VKS_WINOGRAD, joining >= 0, masked},
            .spec_count = 4,
            .uses = {{e->scratch_m, 0, 0},
                     use_or(masked ? e->mask[layer] : -1, e->scratch_v,
                            (vks_use){e->mask[layer], q * mask_bytes, count * mask_bytes}),
                     use_or(joining, e->scratch_v, vks_quads(plan, joining, out, q, count)),
                     vks_quads(plan, gradient, out, q, count)},
            .use_count = 4, .push = &push, .push_bytes = sizeof push,
            .groups = {s.columns / s.width, count}, .label = "backward output",
            .bytes = (double)s.count * count * 16 *
                     ((form < 0 ? 0 : form == VKS_WINOGRAD ? 36 : 16) + (joining >= 0 ? 16 : 0) + 16)});
    }
}

// Where finish_backward writes; set by vks_encode_backward for the convolution at work.
typedef struct backward {
    convolution c;
    int gradient;
} backward;

static void finish_backward(vks_encoding *e, const convolution *c, strip s)
{
    const backward *b = (const backward *)c;
    int below = c->layer - 1;
    bool masked = vks_network_model(e->network)->layers[below].kind == VKS_CONV;
    add_output(e, below, b->gradient, c->form, masked, s, out_quads_padded(c));
}

static void add_unpool(vks_encoding *e, int layer, int pooled, int gradient)
{
    vks_plan *plan = e->plan;
    vks_shape out = e->shape[layer], small = e->shape[layer + 1];
    int joining = e->joining[layer], activation = e->activation[layer];
    uint32_t step = vks_slice_quads(plan, out);
    struct vks_push_unpool push = {
        .width = out.width, .height = out.height, .pitch = out.pitch, .plane = out.plane,
        .pooled_width = small.width, .pooled_height = small.height, .pooled_pitch = small.pitch,
        .pooled_plane = small.plane, .tiles_x = out.tiles_x, .tiles = out.tiles,
        .mask_plane = out.mask_plane, .inverse_tiles_x = 1.0f / (float)out.tiles_x,
        .scale = e->options.pool == VKSTYLE_POOL_MAX ? 1.0f : 0.25f};
    uint64_t mask_bytes = (uint64_t)out.mask_plane * 8;
    uint32_t columns, width = vks_width_for(vks_plan_limits(plan), out.tiles, &columns);
    for (uint32_t q = 0; q < out.quads; q += step) {
        uint32_t count = q + step < out.quads ? step : out.quads - q;
        vks_plan_add(plan, &(vks_step){
            .kernel = VKS_KERNEL_UNPOOL, .spec = {width, joining >= 0}, .spec_count = 2,
            .uses = {vks_quads(plan, pooled, small, q, count),
                     {e->mask[layer], q * mask_bytes, count * mask_bytes},
                     use_or(joining, e->scratch_v, vks_quads(plan, joining, out, q, count)),
                     use_or(joining >= 0 ? activation : -1, e->scratch_v,
                            vks_quads(plan, activation, out, q, count)),
                     vks_quads(plan, gradient, out, q, count)},
            .use_count = 5, .push = &push, .push_bytes = sizeof push,
            .groups = {columns / width, count}, .label = "unpool",
            .bytes = (double)out.tiles * count * 16 * (16 + 4)});
    }
    vks_plan_cut(plan);
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
        products[row] = vks_plan_buffer(plan, "products", vks_tensor_bytes(plan, taps), VKS_PASSING);
        uint32_t most = vks_slice_quads(plan, in) < 16 ? vks_slice_quads(plan, in) : 16;
        for (uint32_t q = 0; q < in.quads;) {
            uint32_t quads = in.quads - q < most ? in.quads - q : most;
            struct vks_push_gemm push = {.source_columns = in.plane, .k_quads = in.quads,
                                         .k_first = q, .out_quads = 3, .result_columns = in.plane};
            uint64_t row_bytes = in.quads * 4ull * 3 * 16;
            vks_plan_add(plan, &(vks_step){
                .kernel = VKS_KERNEL_GEMM_TENSOR, .spec = {width, quads * 4, 3, q > 0},
                .spec_count = 4,
                .uses = {{weights, (uint64_t)row * row_bytes, row_bytes},
                         vks_quads(plan, source, in, q, quads), {products[row], 0, 0}},
                .use_count = 3, .push = &push, .push_bytes = sizeof push,
                .groups = {in.plane / width}, .label = "conv1_1 backward",
                .flops = 2.0 * 9 * quads * 4 * in.width * in.height});
            q += quads;
        }
    }
    uint32_t groups = (e->width + 63) / 64;
    *partial_count = groups * e->height;
    *partials = vks_plan_buffer(plan, "tv partials", *partial_count * 4ull, VKS_PASSING);
    const vks_encode_options *o = &e->options;
    struct vks_push_image push = {
        .width = e->width, .height = e->height, .pitch = in.pitch, .plane = in.plane,
        .padding = (uint32_t)o->padding,
        .scale_x = m->scale[0] * o->scale, .scale_y = m->scale[1] * o->scale,
        .scale_z = m->scale[2] * o->scale,
        .order_x = (uint32_t)m->order[0], .order_y = (uint32_t)m->order[1],
        .order_z = (uint32_t)m->order[2], .gradient = 1.0f / o->gradient, .tv = tv};
    vks_plan_add(plan, &(vks_step){
        .kernel = VKS_KERNEL_IMAGE_GRADIENT, .spec = {64}, .spec_count = 1,
        .uses = {{products[0], 0, 0}, {products[1], 0, 0}, {products[2], 0, 0}, {e->image, 0, 0},
                 {gradient, 0, 0}, {*partials, 0, 0}},
        .use_count = 6, .push = &push, .push_bytes = sizeof push, .groups = {groups, e->height},
        .label = "image gradient", .bytes = 16.0 * (9 + 5 + 1) * e->width * e->height});
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
    strip all = {.count = e->shape[top].tiles};
    all.width = vks_width_for(vks_plan_limits(plan), all.count, &all.columns);
    add_output(e, top, at, -1, model->layers[top].kind == VKS_CONV, all, 0);
    for (int i = top; i > 0; i--) {
        int below = i - 1;
        int next = vks_plan_buffer(plan, "gradient", vks_tensor_bytes(plan, e->shape[below]),
                                   VKS_PASSING);
        if (model->layers[i].kind == VKS_POOL) {
            add_unpool(e, below, at, next);
        } else {
            backward b = {.c = {.layer = i, .direction = VKS_BACKWARD, .form = form_of(e, i),
                                .source = at, .in = e->shape[i], .out = e->shape[below],
                                .shift = -1},
                          .gradient = next};
            if (!vks_network_weights(e->network, i, VKS_BACKWARD, b.c.form, &b.c.weights, error))
                return false;
            add_convolution(e, &b.c, finish_backward);
        }
        at = next;
    }
    return add_image_gradient(e, at, gradient, tv, partials, partial_count, error);
}
