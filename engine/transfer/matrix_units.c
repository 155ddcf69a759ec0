// SPDX-License-Identifier: MIT
#include "matrix_units.h"

enum { SUBGROUPS = 4, SLICE = 4 }; // of a workgroup; quads of inputs in shared memory at a time

// The share of a workgroup: blocks of 16 outputs and rows of 16 pixels of each subgroup, and the
// subgroups along outputs.
typedef struct share {
    uint32_t blocks, rows, split;
} share;

// From the least work for memory to the most workgroups.
static const share shares[] = {{4, 4, 1}, {4, 2, 1}, {2, 2, 2}, {1, 2, 2}};
enum { SHARES = sizeof shares / sizeof *shares };

static uint32_t outputs_of(share s)
{
    return 16 * s.blocks * s.split;
}

static uint32_t tall_of(share s)
{
    return s.rows * (SUBGROUPS / s.split);
}

static uint32_t parts(uint32_t count, uint32_t each)
{
    return (count + each - 1) / each;
}

static uint32_t workgroups(share s, const vks_convolution *c)
{
    return parts(c->out.channels, outputs_of(s)) * parts(c->out.width, 16) *
           parts(c->out.height, tall_of(s));
}

// The largest that still gives a large GPU enough to do.
static share choose(const vks_convolution *c)
{
    enum { ENOUGH = 192 };
    int i = 0;
    while (i + 1 < SHARES && workgroups(shares[i], c) < ENOUGH)
        i++;
    return shares[i];
}

bool vks_matrix_fits(const vks_encoding *e, int layer)
{
    vks_shape in = e->shape[layer ? layer - 1 : 0], out = e->shape[layer];
    return vks_slice_quads(e->plan, in) >= in.quads && vks_slice_quads(e->plan, out) >= out.quads;
}

void vks_set_matrices(const vks_gpu_limits *limits, vks_step *step)
{
    step->spec[0] = SUBGROUPS * limits->matrix_lanes;
    for (int i = 0; i < 3; i++)
        step->spec[1 + i] = limits->matrix[i];
    step->spec_count = step->spec_count < 4 ? 4 : step->spec_count;
}

static void add(vks_encoding *e, const vks_convolution *c, share s, vks_step *step, vks_shape small)
{
    const vks_gpu_limits *limits = vks_plan_limits(e->plan);
    struct vks_push_coop push = {.width = c->in.width,
                                 .height = c->in.height,
                                 .pitch = c->in.pitch,
                                 .plane = c->in.plane,
                                 .quads = c->in.quads,
                                 .k_slices = parts(c->in.quads, SLICE),
                                 .shift = c->shift,
                                 .tiles_x = c->out.tiles_x,
                                 .out_tall = vks_round_up(c->out.height, 4),
                                 .out_pitch = c->out.pitch,
                                 .out_plane = c->out.plane,
                                 .out_quads = c->out.quads,
                                 .out_blocks = vks_out_quads_padded(c) / 4,
                                 .mask_plane = c->out.mask_plane,
                                 .pooled_height = small.height,
                                 .pooled_pitch = small.pitch,
                                 .pooled_plane = small.plane};
    vks_set_matrices(limits, step);
    step->spec[4] = s.blocks;
    step->spec[5] = s.rows;
    step->spec[6] = s.split;
    step->push = &push;
    step->push_bytes = sizeof push;
    step->groups[0] = parts(c->out.channels, outputs_of(s));
    step->groups[1] = parts(c->out.width, 16);
    step->groups[2] = parts(c->out.height, tall_of(s));
    step->flops = 2.0 * 9 * 4 * c->in.quads * c->out.channels * c->out.width * c->out.height;
    vks_plan_add(e->plan, step);
    vks_plan_cut(e->plan);
}

static vks_use whole_or(int buffer, int otherwise)
{
    return vks_use_or(buffer, otherwise, (vks_use){buffer, 0, 0});
}

void vks_add_matrix_forward(vks_encoding *e, const vks_convolution *c, const vks_matrix_forward *to)
{
    int weights = vks_plan_external(e->plan, "weights", c->weights);
    int spare = to->activation >= 0 ? to->activation : to->pooled;
    uint32_t pool = to->pooled < 0 ? 0 : e->options.pool == VKSTYLE_POOL_MAX ? 1 : 2;
    add(e, c, choose(c),
        &(vks_step){.kernel = VKS_KERNEL_CONV_COOP_FORWARD,
                    .spec = {[7] = to->activation >= 0, [8] = to->mask >= 0, [9] = pool},
                    .spec_count = 10,
                    .uses = {{c->source, 0, 0},
                             {weights, 0, 0},
                             {to->bias, 0, 0},
                             whole_or(to->activation, spare),
                             whole_or(to->mask, spare),
                             whole_or(to->pooled, spare)},
                    .use_count = 6,
                    .label = "convolution forward"},
        to->small);
}

void vks_add_matrix_backward(vks_encoding *e, const vks_convolution *c,
                             const vks_matrix_backward *to)
{
    int weights = vks_plan_external(e->plan, "weights", c->weights);
    add(e, c, choose(c),
        &(vks_step){.kernel = VKS_KERNEL_CONV_COOP_BACKWARD,
                    .spec = {[7] = to->joining >= 0, [8] = to->mask >= 0},
                    .spec_count = 9,
                    .uses = {{c->source, 0, 0},
                             {weights, 0, 0},
                             whole_or(to->mask, c->source),
                             vks_use_or(to->joining, c->source,
                                        vks_quads(e->plan, to->joining, c->out, 0, c->out.quads)),
                             {to->gradient, 0, 0}},
                    .use_count = 5,
                    .label = "convolution backward"},
        c->out);
}

// ---------------------------------------------------------------- style

enum { GRADIENT_OUTPUTS = 64, GRADIENT_PIXELS = 128 };

void vks_add_matrix_style_gradient(vks_encoding *e, int layer, const vks_gram *gram, int difference,
                                   int joining, bool accumulate)
{
    vks_shape shape = e->shape[layer];
    struct vks_push_gemm_coop push = {.plane = shape.plane,
                                      .quads = shape.quads,
                                      .out_quads = vks_round_up(shape.quads, 4),
                                      .padded = gram->padded,
                                      .partials = gram->norms,
                                      .factor = gram->factor};
    double channels = 4.0 * shape.quads;
    vks_step step = {.kernel = VKS_KERNEL_GEMM_COOP,
                     .spec = {[4] = accumulate},
                     .spec_count = 5,
                     .uses = {{difference, 0, 0},
                              {e->activation[layer], 0, 0},
                              {gram->norm, 0, 0},
                              {joining, 0, 0}},
                     .use_count = 4,
                     .push = &push,
                     .push_bytes = sizeof push,
                     .groups = {parts(shape.plane, GRADIENT_PIXELS),
                                parts(4 * push.out_quads, GRADIENT_OUTPUTS)},
                     .label = "style gradient",
                     .flops = 2.0 * channels * channels * shape.width * shape.height};
    vks_set_matrices(vks_plan_limits(e->plan), &step);
    vks_plan_add(e->plan, &step);
    vks_plan_cut(e->plan);
}
