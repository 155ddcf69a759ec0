// SPDX-License-Identifier: MIT
#include "losses.h"
#include "kernel_choice.h"
#include "matrix_units.h"
#include "moments.h"
#include "product.h"
#include "push.h"
#include "region.h"
#include "wasserstein.h"

#include <string.h>

enum { GRAM_WIDTH = 64 }; // lanes: wider workgroups compute more of the other triangle
enum { CHUNK_QUADS = 32, CHUNK = CHUNK_QUADS * 4 }; // pixels of one straight-line Gram product

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void add_sum(vks_plan *plan, int partials, uint32_t count, int values, int slot,
                    float factor, bool add)
{
    struct vks_push_sum push = {.count = count, .to = (uint32_t)slot, .factor = factor, .add = add};
    vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_SUM,
                                   .spec = {64},
                                   .spec_count = 1,
                                   .uses = {{partials, 0, 0}, {values, 0, 0}},
                                   .use_count = 2,
                                   .push = &push,
                                   .push_bytes = sizeof push,
                                   .label = "sum"});
}

void vks_add_sum(vks_plan *plan, int partials, uint32_t count, int values, int slot, float factor)
{
    add_sum(plan, partials, count, values, slot, factor, false);
}

void vks_add_more(vks_plan *plan, int partials, uint32_t count, int values, int slot, float factor)
{
    add_sum(plan, partials, count, values, slot, factor, true);
}

void vks_add_accumulate(vks_plan *plan, int parts, uint32_t splits, uint32_t count, int sums,
                        bool add)
{
    struct vks_push_accumulate push = {.count = count, .splits = splits, .add = add};
    vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_ACCUMULATE,
                                   .spec = {64},
                                   .spec_count = 1,
                                   .uses = {{parts, 0, 0}, {sums, 0, 0}},
                                   .use_count = 2,
                                   .push = &push,
                                   .push_bytes = sizeof push,
                                   .groups = {(count + 63) / 64},
                                   .label = "accumulate",
                                   .bytes = 16.0 * count * (splits + 1)});
}

// ---------------------------------------------------------------- Gram matrices

// Lane blocks by channel blocks that touch the triangle (gram.comp).
static uint32_t pairs_of(uint32_t padded)
{
    uint32_t rows = padded / GRAM_WIDTH;
    return GRAM_WIDTH / 16 * (rows * (rows + 1) / 2);
}

static void add_transpose(vks_encoding *e, int layer, vks_rect rect, int turned, uint32_t first,
                          uint32_t pixels, uint32_t padded)
{
    vks_plan *plan = e->plan;
    vks_shape shape = e->shape[layer];
    uint32_t step = vks_slice_quads(plan, shape);
    for (uint32_t q = 0; q < shape.quads; q += step) {
        uint32_t count = smaller(step, shape.quads - q);
        bool last = q + count == shape.quads;
        struct vks_push_transpose push = {.pitch = shape.pitch,
                                          .plane = shape.plane,
                                          .first = first,
                                          .channels = padded,
                                          .quads = count,
                                          .quad_first = q,
                                          .x0 = rect.x0,
                                          .y0 = rect.y0,
                                          .x1 = rect.x1,
                                          .y1 = rect.y1};
        vks_plan_add(plan,
                     &(vks_step){.kernel = VKS_KERNEL_GRAM_TRANSPOSE,
                                 .spec = {32},
                                 .spec_count = 1,
                                 .uses = {vks_quads(plan, e->activation[layer], shape, q, count),
                                          {turned, 0, 0}},
                                 .use_count = 2,
                                 .push = &push,
                                 .push_bytes = sizeof push,
                                 .groups = {pixels / 4 / 32, last ? padded / 4 - q : count},
                                 .label = "gram transpose",
                                 .bytes = 32.0 * pixels * count});
    }
}

// On GPUs: straight from the tensor, where one binding spans it.
static bool add_gram_for_gpus(vks_encoding *e, int layer, vks_rect rect, vks_gram *gram)
{
    vks_plan *plan = e->plan;
    vks_shape shape = e->shape[layer];
    if (!vks_on_gpu(e->options.kernels) || vks_slice_quads(plan, shape) < shape.quads)
        return false;
    uint32_t padded = vks_gram_padded(shape.channels);
    uint64_t counted = (uint64_t)(rect.x1 - rect.x0) * (rect.y1 - rect.y0);
    uint32_t splits = vks_tiled_gram_splits(e, layer, padded);
    *gram =
        (vks_gram){.buffer = -1,
                   .parts = vks_plan_buffer(plan, "gram parts",
                                            (uint64_t)splits * padded * padded * 4, VKS_PASSING),
                   .channels = shape.channels,
                   .padded = padded,
                   .splits = splits,
                   .scale = (float)(1.0 / ((double)counted * e->options.scale * e->options.scale))};
    vks_add_tiled_gram(e, layer, rect, gram->parts, padded, splits);
    return true;
}

vks_gram vks_add_gram(vks_encoding *e, int layer, vks_rect rect)
{
    vks_gram tiled;
    if (add_gram_for_gpus(e, layer, rect, &tiled))
        return tiled;
    vks_plan *plan = e->plan;
    const vks_gpu_limits *limits = vks_plan_limits(plan);
    vks_shape shape = e->shape[layer];
    uint32_t padded = vks_gram_padded(shape.channels);
    uint32_t pairs = pairs_of(padded);
    uint32_t chunks = (shape.plane + CHUNK - 1) / CHUNK;

    // Enough workgroups for the device, each with its own partial sums.
    uint32_t wanted = (limits->software ? 128 : 512) / pairs;
    uint32_t splits = wanted < 1 ? 1 : wanted > 64 ? 64 : wanted;
    if (splits > chunks)
        splits = chunks;
    while (splits > 1 && (uint64_t)splits * (padded > CHUNK ? padded : CHUNK) * padded * 4 >
                             limits->storage_range)
        splits--;

    // The turned copy of a strip of pixels: whole rounds of chunks.
    uint64_t round_bytes = (uint64_t)splits * CHUNK * padded * 4;
    uint64_t cap = smaller(limits->software ? 16u << 20 : 64u << 20, limits->storage_range);
    uint32_t rounds = (uint32_t)(cap / round_bytes);
    uint32_t all_rounds = (chunks + splits - 1) / splits;
    rounds = rounds < 1 ? 1 : rounds > all_rounds ? all_rounds : rounds;
    int turned = vks_plan_buffer(plan, "turned", rounds * round_bytes, VKS_PASSING);

    uint64_t counted = (uint64_t)(rect.x1 - rect.x0) * (rect.y1 - rect.y0);
    vks_gram gram = {.buffer = -1,
                     .parts = vks_plan_buffer(plan, "gram parts",
                                              (uint64_t)splits * padded * padded * 4, VKS_PASSING),
                     .channels = shape.channels,
                     .padded = padded,
                     .splits = splits,
                     .scale =
                         (float)(1.0 / ((double)counted * e->options.scale * e->options.scale))};
    for (uint32_t round = 0; round < all_rounds; round++) {
        uint32_t in_strip = round % rounds;
        if (in_strip == 0) {
            uint32_t count = (uint32_t)smaller(rounds, all_rounds - round);
            add_transpose(e, layer, rect, turned, round * splits * CHUNK, count * splits * CHUNK,
                          padded);
        }
        struct vks_push_gram push = {.channels = padded,
                                     .splits = splits,
                                     .chunk_first = in_strip * splits,
                                     .accumulate = round > 0};
        double triangle = 0.5 * shape.channels * (shape.channels + 1.0);
        vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_GRAM,
                                       .spec = {GRAM_WIDTH, CHUNK_QUADS},
                                       .spec_count = 2,
                                       .uses = {{turned, 0, 0}, {gram.parts, 0, 0}},
                                       .use_count = 2,
                                       .push = &push,
                                       .push_bytes = sizeof push,
                                       .groups = {pairs, splits},
                                       .label = "gram",
                                       .flops = 2.0 * triangle * splits * CHUNK});
        if (in_strip + 1 == rounds || round + 1 == all_rounds)
            vks_plan_cut(plan);
    }
    return gram;
}

// Invocations that share the partial sums of an element, where there are many.
static uint32_t share_of(const vks_gram *gram)
{
    return gram->splits >= 64 ? 16 : gram->splits >= 16 ? 4 : 1;
}

// Workgroups of style_loss.comp, each with a partial sum of squares.
static uint32_t difference_groups(const vks_gram *gram)
{
    return gram->padded * gram->padded / 4 / 64 * share_of(gram);
}

// One dispatch of style_loss.comp; style < 0: only the Gram matrix.
static uint32_t add_difference(vks_encoding *e, vks_gram *gram, int style, int difference,
                               int partials, float factor)
{
    uint32_t groups = difference_groups(gram);
    if (gram->buffer < 0)
        gram->buffer =
            vks_plan_buffer(e->plan, "gram", (uint64_t)gram->padded * gram->padded * 4, VKS_KEPT);
    struct vks_push_style push = {.channels = gram->channels,
                                  .padded = gram->padded,
                                  .splits = gram->splits,
                                  .scale = gram->scale,
                                  .factor = factor,
                                  .write = style >= 0};
    vks_plan_add(e->plan, &(vks_step){.kernel = VKS_KERNEL_STYLE_LOSS,
                                      .spec = {64, share_of(gram)},
                                      .spec_count = 2,
                                      .uses = {{gram->parts, 0, 0},
                                               {style >= 0 ? style : gram->parts, 0, 0},
                                               {gram->buffer, 0, 0},
                                               {difference, 0, 0},
                                               {partials, 0, 0}},
                                      .use_count = 5,
                                      .push = &push,
                                      .push_bytes = sizeof push,
                                      .groups = {groups},
                                      .label = "style difference"});
    return groups;
}

void vks_finish_gram(vks_encoding *e, vks_gram *gram)
{
    int partials =
        vks_plan_buffer(e->plan, "style partials", difference_groups(gram) * 4ull, VKS_PASSING);
    add_difference(e, gram, -1, partials, partials, 0);
    vks_plan_cut(e->plan);
}

// ---------------------------------------------------------------- losses

static vks_shape rounded(vks_shape shape)
{
    shape.quads = vks_round_up(shape.quads, 4);
    return shape;
}

static int joining_of(vks_encoding *e, int layer, bool *fresh)
{
    *fresh = e->joining[layer] < 0;
    if (*fresh)
        e->joining[layer] =
            vks_plan_buffer(e->plan, "loss gradient",
                            vks_tensor_bytes(e->plan, rounded(e->shape[layer])), VKS_PASSING);
    return e->joining[layer];
}

// joining += difference * F, a product over channels at every pixel.
void vks_add_style_gradient(vks_encoding *e, int layer, const vks_gram *gram, int difference)
{
    vks_plan *plan = e->plan;
    vks_shape shape = e->shape[layer];
    bool fresh;
    int joining = joining_of(e, layer, &fresh);
    if (e->options.kernels == VKSTYLE_KERNELS_COOPMAT && gram->norms && vks_matrix_fits(e, layer)) {
        vks_add_matrix_style_gradient(e, layer, gram, difference, joining, !fresh);
        return;
    }
    uint32_t width = vks_width_dividing(vks_plan_limits(plan), shape.plane);
    uint32_t slice = vks_slice_quads(plan, shape);
    vks_shape out = rounded(shape); // products come in blocks of 16 channels
    uint32_t step = slice < 4 ? 4 : slice / 4 * 4;
    uint32_t block_bytes = gram->padded * 4 * 16;
    for (uint32_t n = 0; n < out.quads; n += step) {
        uint32_t outs = (uint32_t)smaller(step, out.quads - n);
        for (uint32_t q = 0; q < shape.quads;) {
            uint32_t most = vks_on_gpu(e->options.kernels) ? slice : smaller(32, slice);
            uint32_t quads = (uint32_t)smaller(most, shape.quads - q);
            if (vks_on_gpu(e->options.kernels)) {
                vks_add_product(
                    plan, &(vks_product){
                              .tile = e->options.tile,
                              .tensor = true,
                              .weights = {difference, n / 4 * (uint64_t)block_bytes,
                                          outs / 4 * (uint64_t)block_bytes},
                              .source = vks_quads(plan, e->activation[layer], shape, q, quads),
                              .result = vks_quads(plan, joining, shape, n, outs),
                              .batch = 1,
                              .out_quads = outs,
                              .columns = shape.plane,
                              .quads = quads,
                              .k_quads = gram->padded / 4,
                              .k_first = q,
                              .source_quads = quads,
                              .source_columns = shape.plane,
                              .result_columns = shape.plane,
                              .accumulate = !fresh || q > 0,
                              .label = "style gradient",
                              .flops = 2.0 * quads * 4 * outs * 4 * shape.width * shape.height});
                q += quads;
                continue;
            }
            struct vks_push_gemm push = {.source_columns = shape.plane,
                                         .k_quads = gram->padded / 4,
                                         .k_first = q,
                                         .out_quads = outs,
                                         .result_columns = shape.plane,
                                         .accumulate = !fresh || q > 0};
            vks_plan_add(
                plan,
                &(vks_step){.kernel = VKS_KERNEL_GEMM_TENSOR,
                            .spec = {width, quads * 4, 4},
                            .spec_count = 3,
                            .uses = {{difference, n / 4 * (uint64_t)block_bytes,
                                      outs / 4 * (uint64_t)block_bytes},
                                     vks_quads(plan, e->activation[layer], shape, q, quads),
                                     vks_quads(plan, joining, shape, n, outs)},
                            .use_count = 3,
                            .push = &push,
                            .push_bytes = sizeof push,
                            .groups = {shape.plane / width, outs / 4},
                            .label = "style gradient",
                            .flops = 2.0 * quads * 4 * outs * 4 * shape.width * shape.height});
            q += quads;
        }
    }
    vks_plan_cut(plan);
}

// Writes the loss, times `share`, to values[slot], or adds it.
static void style_difference(vks_encoding *e, vks_gram *gram, double positions, int style, double k,
                             int values, int slot, double share, bool add, const vks_aim *aim,
                             int sums, int shift, int difference)
{
    vks_plan *plan = e->plan;
    int partials =
        vks_plan_buffer(plan, "style partials", difference_groups(gram) * 4ull, VKS_PASSING);
    // Stored gradients are options.gradient * dL/d(stored activation), and F is stored times
    // options.scale: both scales of F's side fall on the same factor.
    double factor = 4 * k / positions * e->options.gradient / (e->options.scale * e->options.scale);
    uint32_t groups = add_difference(e, gram, style, difference, partials, (float)factor);
    add_sum(plan, partials, groups, values, slot, (float)share, add);
    gram->norm = partials;
    gram->norms = aim ? 0 : groups;
    gram->factor = (float)factor;
    if (aim && aim->loss == VKSTYLE_LOSS_WASSERSTEIN)
        vks_add_wasserstein_loss(e, gram, positions, aim, sums, values, shift, difference);
    else if (aim)
        vks_add_moments_loss(e, gram, positions, aim, sums, values, shift, difference);
}

void vks_add_style_difference(vks_encoding *e, vks_gram *gram, double positions, int style,
                              double k, int values, int slot, const vks_aim *aim, int sums,
                              int shift, int difference)
{
    style_difference(e, gram, positions, style, k, values, slot, 1, false, aim, sums, shift,
                     difference);
}

void vks_add_style_loss(vks_encoding *e, int layer, vks_rect rect, int style, double k, int values,
                        int slot, const vks_weighting *w, const vks_aim *aim, vks_gram *gram)
{
    vks_plan *plan = e->plan;
    double counted = (double)(rect.x1 - rect.x0) * (rect.y1 - rect.y0);
    int plain = e->activation[layer], outer = e->joining[layer], masked = -1;
    if (w) {
        // The loss of masked features: everything below sees them in the features' place.
        masked = vks_plan_buffer(plan, "masked features", vks_tensor_bytes(plan, e->shape[layer]),
                                 VKS_PASSING);
        vks_add_masked(e, layer, plain, w->mask, masked, false);
        e->activation[layer] = masked;
        e->joining[layer] = -1;
    }
    *gram = vks_add_gram(e, layer, rect);
    if (w) {
        gram->scale *= (float)(counted / w->mass);
        counted = w->mass;
    }
    int difference =
        vks_plan_buffer(plan, "difference", (uint64_t)gram->padded * gram->padded * 4, VKS_PASSING);
    int sums = -1, shift = -1, mask = w ? w->mask : -1;
    if (aim) {
        sums = vks_plan_buffer(plan, "channel sums", gram->padded * 4, VKS_PASSING);
        shift = vks_plan_buffer(plan, "shift", gram->padded * 4, VKS_PASSING);
        vks_add_channel_sums(e, layer, rect, mask, sums, false);
    }
    style_difference(e, gram, counted, style, k, values, slot, w ? w->share : 1, w && !w->first,
                     aim, sums, shift, difference);
    vks_add_style_gradient(e, layer, gram, difference);
    if (aim)
        vks_add_shift(e, layer, shift, mask);
    if (!w)
        return;
    int inner = e->joining[layer];
    e->activation[layer] = plain;
    e->joining[layer] = outer;
    bool fresh;
    int joining = joining_of(e, layer, &fresh);
    vks_add_masked(e, layer, inner, w->mask, joining, !fresh);
    vks_plan_cut(plan);
}

void vks_add_gram_sum(vks_encoding *e, int layer, vks_rect rect, int sums)
{
    vks_gram part = vks_add_gram(e, layer, rect);
    vks_add_accumulate(e->plan, part.parts, part.splits, part.padded * part.padded / 4, sums, true);
    vks_plan_cut(e->plan);
}

void vks_clip_joining(vks_encoding *e, int layer, vks_rect rect)
{
    vks_plan *plan = e->plan;
    vks_shape shape = e->shape[layer];
    uint32_t step = vks_slice_quads(plan, shape);
    for (uint32_t q = 0; e->joining[layer] >= 0 && q < shape.quads; q += step) {
        uint32_t quads = (uint32_t)smaller(step, shape.quads - q);
        struct vks_push_clip push = {.count = quads * shape.plane,
                                     .plane = shape.plane,
                                     .pitch = shape.pitch,
                                     .x0 = rect.x0,
                                     .y0 = rect.y0,
                                     .x1 = rect.x1,
                                     .y1 = rect.y1};
        vks_plan_add(plan,
                     &(vks_step){.kernel = VKS_KERNEL_CLIP,
                                 .spec = {64},
                                 .spec_count = 1,
                                 .uses = {vks_quads(plan, e->joining[layer], shape, q, quads)},
                                 .use_count = 1,
                                 .push = &push,
                                 .push_bytes = sizeof push,
                                 .groups = {(quads * shape.plane + 255) / 256},
                                 .label = "clip",
                                 .bytes = 8.0 * quads * shape.plane});
    }
}

void vks_add_content_loss(vks_encoding *e, int layer, vks_rect rect, int content, double k,
                          int weights, int values, int slot)
{
    vks_plan *plan = e->plan;
    vks_shape shape = e->shape[layer];
    bool fresh;
    int joining = joining_of(e, layer, &fresh);
    double s2 = (double)e->options.scale * e->options.scale;
    uint32_t step = vks_slice_quads(plan, shape), count = 0;
    for (uint32_t q = 0; q < shape.quads; q += step)
        count += ((uint32_t)smaller(step, shape.quads - q) * shape.plane + 255) / 256;
    int partials = vks_plan_buffer(plan, "content partials", count * 4ull, VKS_PASSING);
    uint32_t at = 0;
    for (uint32_t q = 0; q < shape.quads; q += step) {
        uint32_t quads = (uint32_t)smaller(step, shape.quads - q);
        uint32_t groups = (quads * shape.plane + 255) / 256;
        struct vks_push_content push = {.count = quads * shape.plane,
                                        .factor = (float)(2 * k * e->options.gradient / s2),
                                        .add = fresh ? 0.0f : 1.0f,
                                        .partial = at,
                                        .plane = shape.plane,
                                        .pitch = shape.pitch,
                                        .x0 = rect.x0,
                                        .y0 = rect.y0,
                                        .x1 = rect.x1,
                                        .y1 = rect.y1,
                                        .weighted = weights >= 0,
                                        .slot = (uint32_t)slot};
        vks_plan_add(plan,
                     &(vks_step){.kernel = VKS_KERNEL_CONTENT_LOSS,
                                 .spec = {64},
                                 .spec_count = 1,
                                 .uses = {vks_quads(plan, e->activation[layer], shape, q, quads),
                                          vks_quads(plan, content, shape, q, quads),
                                          vks_quads(plan, joining, shape, q, quads),
                                          {partials, 0, 0},
                                          {weights >= 0 ? weights : values, 0, 0}},
                                 .use_count = 5,
                                 .push = &push,
                                 .push_bytes = sizeof push,
                                 .groups = {groups},
                                 .label = "content loss",
                                 .bytes = 48.0 * quads * shape.plane});
        at += groups;
    }
    vks_add_sum(plan, partials, count, values, slot, (float)(1 / s2));
    vks_plan_cut(plan);
}
