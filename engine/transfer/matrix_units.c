// SPDX-License-Identifier: MIT
#include "matrix_units.h"

#include <stdlib.h>

enum { SUBGROUPS = 4, SLICE = 4 }; // of a workgroup; quads of inputs in shared memory at a time

// The share of a workgroup: blocks of 16 outputs and rows of 16 pixels of each subgroup, and the
// subgroups along outputs.
typedef struct share {
    uint32_t blocks, rows, split;
} share;

// From the least work for memory to the most workgroups.
static const share shares[] = {{4, 4, 2}, {4, 4, 1}, {4, 2, 1}, {2, 4, 2}, {2, 2, 2}, {4, 2, 4}};
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

// The largest that still gives a large GPU enough to do, of those that fit the outputs.
static share choose(const vks_convolution *c)
{
    enum { ENOUGH = 256 };
    share best = shares[SHARES - 2];
    if (getenv("VKSTYLE_COOP"))
        return shares[atoi(getenv("VKSTYLE_COOP"))];
    for (int i = 0; i < SHARES; i++)
        if (outputs_of(shares[i]) <= vks_round_up(c->out.channels, 64) && workgroups(shares[i], c) >= ENOUGH)
            return shares[i];
    return best;
}

bool vks_matrix_fits(const vks_encoding *e, int layer)
{
    vks_shape in = e->shape[layer - 1], out = e->shape[layer];
    return vks_slice_quads(e->plan, in) >= in.quads && vks_slice_quads(e->plan, out) >= out.quads;
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
    uint32_t spec[7] = {SUBGROUPS * limits->matrix_lanes,
                        limits->matrix[0],
                        limits->matrix[1],
                        limits->matrix[2],
                        s.blocks,
                        s.rows,
                        s.split};
    for (int i = 0; i < 7; i++)
        step->spec[i] = spec[i];
    step->push = &push;
    step->push_bytes = sizeof push;
    step->groups[0] = parts(c->out.channels, outputs_of(s));
    step->groups[1] = parts(c->out.width, 16);
    step->groups[2] = parts(c->out.height, tall_of(s));
    step->flops = 2.0 * 9 * 4 * c->in.quads * c->out.channels * c->out.width * c->out.height;
    vks_plan_add(e->plan, step);
    vks_plan_cut(e->plan);
}

static vks_use use(int buffer, int otherwise)
{
    return buffer >= 0 ? (vks_use){buffer, 0, 0} : (vks_use){otherwise, 0, 256};
}

void vks_add_matrix_forward(vks_encoding *e, const vks_convolution *c, const vks_matrix_forward *to)
{
    int weights = vks_plan_external(e->plan, "weights", c->weights);
    uint32_t pool = to->pooled < 0 ? 0 : e->options.pool == VKSTYLE_POOL_MAX ? 1 : 2;
    add(e, c, choose(c),
        &(vks_step){.kernel = VKS_KERNEL_CONV_COOP_FORWARD,
                    .spec = {[7] = to->activation >= 0, [8] = to->mask >= 0, [9] = pool},
                    .spec_count = 10,
                    .uses = {{c->source, 0, 0},
                             {weights, 0, 0},
                             {to->bias, 0, 0},
                             use(to->activation, to->spare),
                             use(to->mask, to->spare),
                             use(to->pooled, to->spare)},
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
                             use(to->mask, c->source),
                             use(to->joining, c->source),
                             {to->gradient, 0, 0}},
                    .use_count = 5,
                    .label = "convolution backward"},
        c->out);
}
