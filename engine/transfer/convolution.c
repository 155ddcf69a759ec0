// SPDX-License-Identifier: MIT
#include "convolution.h"
#include "kernel_choice.h"
#include "matrix_units.h"
#include "product.h"
#include "weights.h"

// The width of workgroups whose lanes run along outputs.
static uint32_t wide_lanes(const vks_gpu_limits *limits, uint32_t outputs)
{
    static const uint32_t widths[] = {256, 128, 64};
    for (int i = 0; i < 3; i++)
        if (outputs % widths[i] == 0 && widths[i] <= limits->invocations)
            return widths[i];
    return 0;
}

// Software Vulkan: lanes along outputs where those are more than the tiles, in the job's largest
// picture, too.
static bool is_wide(const vks_encoding *e, int layer, vks_direction direction)
{
    const vks_gpu_limits *limits = vks_plan_limits(e->plan);
    const vkstyle_model *model = vks_network_model(e->network);
    uint32_t own = e->width > e->height ? e->width : e->height, tiles;
    uint32_t side = e->options.goal ? e->options.goal : own; // styles of other sizes, too
    for (int i = 0; i < layer; i++)
        side = model->layers[i].kind == VKS_POOL ? side / 2 : side;
    side = side < 256 ? vks_round_up(side, 4) / 4 : 64;
    uint32_t width = vks_width_for(limits, side * side, &tiles);
    vks_extent x = vks_extent_of(&model->layers[layer], direction);
    return limits->software && wide_lanes(limits, (uint32_t)x.blocks * VKS_BLOCK) > width;
}

vks_form vks_form_of(const vks_encoding *e, int layer, vks_direction direction)
{
    if (e->options.kernels == VKSTYLE_KERNELS_COOPMAT && vks_matrix_fits(e, layer))
        return VKS_MATRIX;
    if (layer == 0 || e->options.kernels == VKSTYLE_KERNELS_DIRECT)
        return VKS_DIRECT;
    bool wide = e->options.kernels == VKSTYLE_KERNELS_WINOGRAD && is_wide(e, layer, direction);
    return wide ? VKS_WIDE : VKS_WINOGRAD;
}

uint32_t vks_out_quads_padded(const vks_convolution *c)
{
    return vks_round_up(c->out.channels, 16) / 4;
}

// How many tiles both scratch buffers hold, and the lanes of a strip: no more than that.
static uint32_t scratch_tiles(const vks_encoding *e, const vks_convolution *c)
{
    uint32_t frequencies = vks_form_transforms(c->form) ? 36 : 16;
    uint32_t quads = vks_out_quads_padded(c);
    if (vks_form_transforms(c->form) && c->in.quads > quads)
        quads = c->in.quads;
    return (uint32_t)(e->strip_bytes / ((uint64_t)frequencies * quads * 16));
}

// Lanes come in whole workgroups: the width that pays most may need more of them than fit.
static bool strip_lanes(const vks_encoding *e, vks_strip *s, uint32_t tiles)
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
static uint32_t strip_tiles(const vks_encoding *e, const vks_convolution *c, uint32_t tiles)
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

struct vks_push_tiles vks_tiles_push(vks_shape shape, vks_strip s, uint32_t quads,
                                     uint32_t quad_first)
{
    return (struct vks_push_tiles){.width = shape.width,
                                   .height = shape.height,
                                   .pitch = shape.pitch,
                                   .plane = shape.plane,
                                   .tiles_x = shape.tiles_x,
                                   .tile_first = s.first,
                                   .tile_count = s.count,
                                   .columns = s.columns,
                                   .quads = quads,
                                   .quad_first = quad_first,
                                   .inverse_tiles_x = 1.0f / (float)shape.tiles_x,
                                   .mask_plane = shape.mask_plane};
}

static double conv_flops(const vks_convolution *c, vks_strip s, uint32_t inputs)
{
    return 2.0 * 9 * inputs * c->out.channels * 16.0 * s.count;
}

static const char *product_label(const vks_convolution *c)
{
    return c->direction == VKS_FORWARD ? "product forward" : "product backward";
}

// Chunk after chunk of inputs.
static void add_products(vks_encoding *e, const vks_convolution *c, vks_strip s, int weights)
{
    const vks_gpu_limits *limits = vks_plan_limits(e->plan);
    uint32_t blocks = vks_out_quads_padded(c) / 4, k_total = c->in.quads * 4;
    // A longer chunk (16 KB of weights, all that the floor of devices has) makes up for narrow
    // workgroups: conv4 at 256x256 12 % faster on software Vulkan.
    bool narrow = s.width <= 64 && !e->options.window, wide = c->form == VKS_WIDE;
    uint32_t most = narrow && limits->software ? 256 : 128;
    uint32_t width = wide ? wide_lanes(limits, blocks * 16) : s.width;
    for (uint32_t k = 0; k < k_total;) {
        uint32_t chunk = k_total - k < most ? k_total - k : most;
        struct vks_push_gemm push = {.source_columns = s.columns,
                                     .k_quads = c->in.quads,
                                     .k_first = k / 4,
                                     .source_quad = k / 4,
                                     .out_quads = blocks * 4,
                                     .result_columns = s.columns,
                                     .accumulate = k > 0};
        vks_step step = {.kernel = wide ? VKS_KERNEL_GEMM_WIDE : VKS_KERNEL_GEMM,
                         .spec = {width, chunk, 4},
                         .spec_count = 3,
                         .uses = {{weights, 0, 0}, {e->scratch_v, 0, 0}, {e->scratch_m, 0, 0}},
                         .use_count = 3,
                         .push = &push,
                         .push_bytes = sizeof push,
                         .groups = {s.columns / s.width, blocks, 36},
                         .label = product_label(c),
                         .flops = conv_flops(c, s, chunk)};
        if (wide) {
            step.groups[0] = blocks * 16 / width;
            step.groups[1] = s.columns / 16;
        }
        vks_plan_add(e->plan, &step);
        k += chunk;
    }
}

static void add_winograd(vks_encoding *e, const vks_convolution *c, vks_strip s)
{
    vks_plan *plan = e->plan;
    uint32_t step = vks_slice_quads(plan, c->in);
    uint32_t width = vks_plain_width(vks_plan_limits(plan), s.columns, s.width);
    for (uint32_t q = 0; q < c->in.quads; q += step) {
        uint32_t count = q + step < c->in.quads ? step : c->in.quads - q;
        struct vks_push_tiles push = vks_tiles_push(c->in, s, c->in.quads, q);
        // Strips are of the output's tiles, and here input and output have the same size.
        vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_WINOGRAD_INPUT,
                                       .spec = {width},
                                       .spec_count = 1,
                                       .uses = {vks_quads(plan, c->source, c->in, q, count),
                                                {e->scratch_v, 0, 0}},
                                       .use_count = 2,
                                       .push = &push,
                                       .push_bytes = sizeof push,
                                       .groups = {s.columns / width, count},
                                       .label = "input transform",
                                       .bytes = (double)s.count * count * 16 * (16 + 36)});
    }
    int weights = vks_plan_external(plan, "weights", c->weights);
    if (vks_on_gpu(e->options.kernels)) {
        vks_add_product(plan, &(vks_product){.tile = e->options.tile,
                                             .weights = {weights, 0, 0},
                                             .source = {e->scratch_v, 0, 0},
                                             .result = {e->scratch_m, 0, 0},
                                             .batch = 36,
                                             .out_quads = vks_out_quads_padded(c),
                                             .columns = s.columns,
                                             .quads = c->in.quads,
                                             .k_quads = c->in.quads,
                                             .source_quads = c->in.quads,
                                             .source_columns = s.columns,
                                             .result_columns = s.columns,
                                             .label = product_label(c),
                                             .flops = conv_flops(c, s, c->in.quads * 4)});
        return;
    }
    add_products(e, c, s, weights);
}

static void add_direct(vks_encoding *e, const vks_convolution *c, vks_strip s)
{
    vks_plan *plan = e->plan;
    int weights = vks_plan_external(plan, "weights", c->weights);
    uint32_t blocks = vks_out_quads_padded(c) / 4;
    uint32_t most = vks_slice_quads(plan, c->in) < 4 ? vks_slice_quads(plan, c->in) : 4;
    for (uint32_t q = 0; q < c->in.quads;) {
        uint32_t quads = c->in.quads - q < most ? c->in.quads - q : most;
        struct vks_push_conv push = {.width = c->in.width,
                                     .height = c->in.height,
                                     .pitch = c->in.pitch,
                                     .plane = c->in.plane,
                                     .shift = c->shift,
                                     .tiles_x = c->out.tiles_x,
                                     .tile_first = s.first,
                                     .tile_count = s.count,
                                     .columns = s.columns,
                                     .k_quads = c->in.quads,
                                     .k_first = q,
                                     .out_quads = blocks * 4,
                                     .inverse_tiles_x = 1.0f / (float)c->out.tiles_x};
        vks_plan_add(plan,
                     &(vks_step){.kernel = VKS_KERNEL_CONV,
                                 .spec = {s.width, quads, q > 0},
                                 .spec_count = 3,
                                 .uses = {vks_quads(plan, c->source, c->in, q, quads),
                                          {weights, 0, 0},
                                          {e->scratch_m, 0, 0}},
                                 .use_count = 3,
                                 .push = &push,
                                 .push_bytes = sizeof push,
                                 .groups = {s.columns / s.width, blocks, 16},
                                 .label = c->direction == VKS_FORWARD ? "convolution forward"
                                                                      : "convolution backward",
                                 .flops = conv_flops(c, s, quads * 4)});
        q += quads;
    }
}

void vks_add_convolution(vks_encoding *e, const vks_convolution *c,
                         void (*finish)(vks_encoding *, const vks_convolution *, vks_strip))
{
    uint32_t tiles = scratch_tiles(e, c), each = strip_tiles(e, c, tiles);
    for (uint32_t first = 0; first < c->out.tiles; first += each) {
        vks_strip s = {.first = first,
                       .count = first + each < c->out.tiles ? each : c->out.tiles - first};
        if (!strip_lanes(e, &s, tiles)) {
            vks_plan_fail(e->plan, VKSTYLE_NO_DEVICE,
                          "the device binds %llu bytes at once, too few for %s",
                          (unsigned long long)vks_plan_limits(e->plan)->storage_range,
                          vks_network_model(e->network)->layers[c->layer].name);
            return;
        }
        if (vks_form_transforms(c->form))
            add_winograd(e, c, s);
        else
            add_direct(e, c, s);
        finish(e, c, s);
        vks_plan_cut(e->plan);
    }
}

// Scratch for one strip: as much as pays, within what a binding may span.
void vks_choose_strips(vks_encoding *e)
{
    const vks_gpu_limits *limits = vks_plan_limits(e->plan);
    const vkstyle_model *model = vks_network_model(e->network);
    uint64_t half = vks_plan_storage(e->plan) == VKS_HALF; // asked for to save memory
    uint64_t cap = !limits->software ? 64u << 20 : half ? 16u << 20 : 24u << 20;
    uint64_t most = 256; // of matrix units: none, but other kernels bind it where they need nothing
    if (cap > limits->storage_range)
        cap = limits->storage_range;
    for (int i = 0; i < e->options.depth; i++) {
        if (model->layers[i].kind != VKS_CONV || vks_form_of(e, i, VKS_FORWARD) == VKS_MATRIX)
            continue;
        uint32_t in = vks_round_up((uint32_t)model->layers[i].in, 16) / 4;
        uint32_t out = vks_round_up((uint32_t)model->layers[i].out, 16) / 4;
        uint64_t frequencies = vks_form_transforms(vks_form_of(e, i, VKS_FORWARD)) ? 36 : 16;
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
