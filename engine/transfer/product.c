// SPDX-License-Identifier: MIT
#include "product.h"
#include "matrix_units.h"
#include "push.h"

#include <string.h>

// The first is for every device (128 invocations, 16 KB); which is fastest on one, tuning.c
// measures. docs/performance.md counts registers and bank conflicts of each.
static const vks_tile tiles[VKS_TILES] = {
    {"64x64x8", 64, 64, 8, 8, 4},   {"64x64x16", 64, 64, 16, 8, 4},
    {"128x64x8", 128, 64, 8, 8, 8}, {"128x64x16", 128, 64, 16, 8, 8},
    {"32x64x16", 32, 64, 16, 4, 4}, {"128x128x8", 128, 128, 8, 8, 8},
};

const vks_tile *vks_tile_at(int number)
{
    return &tiles[number];
}

int vks_tile_find(const char *name)
{
    for (int i = 0; i < VKS_TILES; i++)
        if (!strcmp(tiles[i].name, name))
            return i;
    return -1;
}

uint32_t vks_tile_width(const vks_tile *t)
{
    return t->outputs / t->mine_o * (t->columns / t->mine_x);
}

uint32_t vks_tile_shared(const vks_tile *t)
{
    return 2 * t->depth * (t->outputs + t->columns) * (uint32_t)sizeof(float);
}

bool vks_tile_fits(const vks_tile *t, const vks_gpu_limits *limits)
{
    return vks_tile_width(t) <= limits->invocations && vks_tile_shared(t) <= limits->shared_bytes;
}

static uint32_t groups(uint32_t count, uint32_t each)
{
    return (count + each - 1) / each;
}

void vks_add_product(vks_plan *plan, const vks_product *p)
{
    const vks_tile *t = &tiles[p->tile];
    // Half of a tile of 64 outputs would idle.
    if (p->out_quads * 4 <= 32)
        t = &tiles[vks_tile_find("32x64x16")];
    struct vks_push_tiled push = {.columns = p->columns,
                                  .source_columns = p->source_columns,
                                  .source_quads = p->source_quads,
                                  .quads = p->quads,
                                  .k_quads = p->k_quads,
                                  .k_first = p->k_first,
                                  .out_quads = p->out_quads,
                                  .result_columns = p->result_columns};
    vks_plan_add(plan, &(vks_step){.kernel = p->tensor ? VKS_KERNEL_GEMM_TILED_TENSOR
                                                       : VKS_KERNEL_GEMM_TILED,
                                   .spec = {vks_tile_width(t), t->outputs / 4, t->columns,
                                            t->depth / 4, t->mine_o / 4, t->mine_x, p->accumulate},
                                   .spec_count = 7,
                                   .uses = {p->weights, p->source, p->result},
                                   .use_count = 3,
                                   .push = &push,
                                   .push_bytes = sizeof push,
                                   .groups = {groups(p->columns, t->columns),
                                              groups(p->out_quads * 4, t->outputs), p->batch},
                                   .label = p->label,
                                   .flops = p->flops});
}

// ---------------------------------------------------------------- Gram matrices

enum { GRAM_TILE = 64 }; // channels of a workgroup, either way

// How the pixels are shared out: `slice` at a time, each workgroup's at least `least` slices.
typedef struct gram_kernel {
    vks_kernel kernel;
    uint32_t slice, least;
    uint32_t wanted, most; // workgroups for a large GPU; splits that are not too many to add up
} gram_kernel;

static gram_kernel gram_kernel_of(const vks_encoding *e)
{
    if (e->options.kernels == VKSTYLE_KERNELS_COOPMAT)
        return (gram_kernel){VKS_KERNEL_GRAM_COOP, 64, 8, 1024, 256};
    return (gram_kernel){VKS_KERNEL_GRAM_TILED, 16, 32, 512, 128};
}

static uint32_t pairs(uint32_t padded)
{
    uint32_t rows = padded / GRAM_TILE;
    return rows * (rows + 1) / 2;
}

uint32_t vks_tiled_gram_splits(const vks_encoding *e, int layer, uint32_t padded)
{
    gram_kernel g = gram_kernel_of(e);
    uint64_t range = vks_plan_limits(e->plan)->storage_range;
    uint32_t wanted = g.wanted / pairs(padded);
    uint32_t most = groups(e->shape[layer].plane, g.least * g.slice);
    uint32_t splits = wanted > g.most ? g.most : wanted < 1 ? 1 : wanted;
    splits = splits < most ? splits : most;
    while (splits > 1 && (uint64_t)splits * padded * padded * 4 > range)
        splits--;
    return splits;
}

void vks_add_tiled_gram(vks_encoding *e, int layer, vks_rect rect, int parts, uint32_t padded,
                        uint32_t splits)
{
    enum { WIDTH = 128 };
    gram_kernel g = gram_kernel_of(e);
    vks_shape shape = e->shape[layer];
    struct vks_push_gram_tiled push = {.pitch = shape.pitch,
                                       .plane = shape.plane,
                                       .quads = shape.quads,
                                       .channels = padded,
                                       .slices = groups(groups(shape.plane, g.slice), splits),
                                       .x0 = rect.x0,
                                       .y0 = rect.y0,
                                       .x1 = rect.x1,
                                       .y1 = rect.y1};
    double triangle = 0.5 * shape.channels * (shape.channels + 1.0);
    vks_step step = {
        .kernel = g.kernel,
        .spec = {WIDTH, g.slice},
        .spec_count = 2,
        .uses = {vks_quads(e->plan, e->activation[layer], shape, 0, shape.quads), {parts, 0, 0}},
        .use_count = 2,
        .push = &push,
        .push_bytes = sizeof push,
        .groups = {pairs(padded), splits},
        .label = "gram",
        .flops = 2.0 * triangle * shape.width * shape.height};
    if (g.kernel == VKS_KERNEL_GRAM_COOP)
        vks_set_matrices(vks_plan_limits(e->plan), &step);
    vks_plan_add(e->plan, &step);
    vks_plan_cut(e->plan);
}
