// SPDX-License-Identifier: MIT
#include "losses.h"
#include "push.h"

#include <string.h>

enum { CHUNK_QUADS = 32, CHUNK = CHUNK_QUADS * 4 }; // pixels of one straight-line Gram product

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void vks_add_sum(vks_plan *plan, int partials, uint32_t count, int values, int slot, float factor)
{
    struct vks_push_sum push = {.count = count, .to = (uint32_t)slot, .factor = factor};
    vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_SUM,
                                   .spec = {64},
                                   .spec_count = 1,
                                   .uses = {{partials, 0, 0}, {values, 0, 0}},
                                   .use_count = 2,
                                   .push = &push,
                                   .push_bytes = sizeof push,
                                   .label = "sum"});
}

// ---------------------------------------------------------------- Gram matrices

// Lane blocks by channel blocks that touch the triangle (gram.comp).
static uint32_t pairs_of(uint32_t padded, uint32_t width)
{
    uint32_t rows = padded / width;
    return width / 16 * (rows * (rows + 1) / 2);
}

static void add_transpose(vks_encoding *e, int layer, vks_rect rect, const vks_guide *guide,
                          int turned, uint32_t first, uint32_t pixels, uint32_t padded)
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
        vks_step step_ = {
            .kernel = VKS_KERNEL_GRAM_TRANSPOSE,
            .spec = {32},
            .spec_count = 1,
            .uses = {vks_quads(plan, e->activation[layer], shape, q, count), {turned, 0, 0}},
            .use_count = 2,
            .push = &push,
            .push_bytes = sizeof push,
            .groups = {pixels / 4 / 32, last ? padded / 4 - q : count},
            .label = "gram transpose",
            .bytes = 32.0 * pixels * count};
        if (guide) {
            step_.kernel = VKS_KERNEL_GRAM_TRANSPOSE_MASKED;
            step_.uses[1] = (vks_use){guide->buffer, 0, 0};
            step_.uses[2] = (vks_use){turned, 0, 0};
            step_.use_count = 3;
        }
        vks_plan_add(plan, &step_);
    }
}

static double mass_of(vks_rect rect, const vks_guide *guide)
{
    return guide ? guide->mass : (double)(rect.x1 - rect.x0) * (rect.y1 - rect.y0);
}

vks_gram vks_add_gram(vks_encoding *e, int layer, vks_rect rect, const vks_guide *guide)
{
    vks_plan *plan = e->plan;
    const vks_gpu_limits *limits = vks_plan_limits(plan);
    vks_shape shape = e->shape[layer];
    uint32_t padded = vks_gram_padded(shape.channels);
    uint32_t width = padded % 128 == 0 ? 128 : 64;
    uint32_t pairs = pairs_of(padded, width);
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

    double counted = mass_of(rect, guide);
    vks_gram gram = {.buffer =
                         vks_plan_buffer(plan, "gram", (uint64_t)padded * padded * 4, VKS_KEPT),
                     .parts = vks_plan_buffer(plan, "gram parts",
                                              (uint64_t)splits * padded * padded * 4, VKS_PASSING),
                     .channels = shape.channels,
                     .padded = padded,
                     .splits = splits,
                     .means = -1,
                     .mass = counted,
                     .scale = (float)(1.0 / (counted * e->options.scale * e->options.scale))};
    for (uint32_t round = 0; round < all_rounds; round++) {
        uint32_t in_strip = round % rounds;
        if (in_strip == 0) {
            uint32_t count = (uint32_t)smaller(rounds, all_rounds - round);
            add_transpose(e, layer, rect, guide, turned, round * splits * CHUNK,
                          count * splits * CHUNK, padded);
        }
        struct vks_push_gram push = {
            .channels = padded, .splits = splits, .chunk_first = in_strip * splits};
        double triangle = 0.5 * shape.channels * (shape.channels + 1.0);
        vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_GRAM,
                                       .spec = {width, CHUNK_QUADS, round > 0},
                                       .spec_count = 3,
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

// One dispatch of style_loss.comp; style < 0: only the Gram matrix.
static uint32_t add_difference(vks_encoding *e, vks_gram *gram, int style, int difference,
                               int partials, float factor)
{
    uint32_t groups = gram->padded * gram->padded / 4 / 64;
    struct vks_push_style push = {.channels = gram->channels,
                                  .padded = gram->padded,
                                  .splits = gram->splits,
                                  .scale = gram->scale,
                                  .factor = factor,
                                  .write = style >= 0};
    vks_plan_add(e->plan, &(vks_step){.kernel = VKS_KERNEL_STYLE_LOSS,
                                      .spec = {64},
                                      .spec_count = 1,
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
        vks_plan_buffer(e->plan, "style partials", gram->padded * gram->padded / 64, VKS_PASSING);
    add_difference(e, gram, -1, partials, partials, 0);
    vks_plan_cut(e->plan);
}

// ---------------------------------------------------------------- means

// Partial sums of the features; returns their buffer.
static int add_mean_sums(vks_encoding *e, int layer, vks_rect rect, const vks_guide *guide,
                         uint32_t padded, uint32_t *chunks)
{
    enum { PIXELS = 1024 };
    vks_plan *plan = e->plan;
    vks_shape shape = e->shape[layer];
    *chunks = (shape.plane + PIXELS - 1) / PIXELS;
    int sums = vks_plan_buffer(plan, "mean sums", (uint64_t)*chunks * padded * 4, VKS_PASSING);
    uint32_t step = vks_slice_quads(plan, shape);
    for (uint32_t q = 0; q < shape.quads; q += step) {
        uint32_t count = smaller(step, shape.quads - q);
        bool last = q + count == shape.quads;
        struct vks_push_transpose push = {.pitch = shape.pitch,
                                          .plane = shape.plane,
                                          .channels = padded,
                                          .quads = count,
                                          .quad_first = q,
                                          .x0 = rect.x0,
                                          .y0 = rect.y0,
                                          .x1 = rect.x1,
                                          .y1 = rect.y1};
        vks_use source = vks_quads(plan, e->activation[layer], shape, q, count);
        vks_use weights = guide ? (vks_use){guide->buffer, 0, 0} : (vks_use){e->image, 0, 16};
        vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_FEATURE_MEAN,
                                       .spec = {64, guide != NULL, PIXELS},
                                       .spec_count = 3,
                                       .uses = {source, weights, {sums, 0, 0}},
                                       .use_count = 3,
                                       .push = &push,
                                       .push_bytes = sizeof push,
                                       .groups = {*chunks, last ? padded / 4 - q : count},
                                       .label = "feature mean",
                                       .bytes = 16.0 * shape.plane * count});
    }
    return sums;
}

// One dispatch of mean_loss.comp; aim NULL: the means only.
static int add_mean_step(vks_encoding *e, vks_gram *gram, const vks_aim *aim, int sums,
                         uint32_t chunks, double k, int difference, int values, int slot)
{
    vks_plan *plan = e->plan;
    int vector = vks_plan_buffer(plan, "mean gradient", gram->padded * 4ull, VKS_PASSING);
    double s = e->options.scale, each = k * e->options.gradient / gram->mass;
    gram->means = vks_plan_buffer(plan, "means", gram->padded * 4ull, VKS_KEPT);
    struct vks_push_means push = {.channels = gram->channels,
                                  .padded = gram->padded,
                                  .chunks = chunks,
                                  .scale = (float)(1 / (gram->mass * s)),
                                  .mean_weight = aim ? (float)aim->mean_weight : 0,
                                  .deviation_weight = aim ? (float)aim->deviation_weight : 0,
                                  .least = aim ? (float)aim->least : 0,
                                  .vector = (float)(each / s),
                                  .matrix = (float)(2 * each / (s * s)),
                                  .to = (uint32_t)slot};
    vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_MEAN_LOSS,
                                   .spec = {64, aim != NULL},
                                   .spec_count = 2,
                                   .uses = {{sums, 0, 0},
                                            {aim ? aim->means : sums, 0, 0},
                                            {gram->buffer, 0, 0},
                                            {gram->means, 0, 0},
                                            {vector, 0, 0},
                                            {aim ? difference : vector, 0, 0},
                                            {aim ? values : vector, 0, 0}},
                                   .use_count = 7,
                                   .push = &push,
                                   .push_bytes = sizeof push,
                                   .label = "mean loss"});
    return vector;
}

void vks_add_means(vks_encoding *e, int layer, vks_rect rect, const vks_guide *guide,
                   vks_gram *gram)
{
    uint32_t chunks;
    int sums = add_mean_sums(e, layer, rect, guide, gram->padded, &chunks);
    add_mean_step(e, gram, NULL, sums, chunks, 0, -1, -1, 0);
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

// joining += weight * (difference * F + vector), a product over channels at every pixel.
static void add_style_gradient(vks_encoding *e, int layer, vks_gram *gram, int difference,
                               const vks_guide *guide, int vector)
{
    vks_plan *plan = e->plan;
    vks_shape shape = e->shape[layer];
    bool fresh;
    int joining = joining_of(e, layer, &fresh);
    uint32_t width = vks_width_dividing(vks_plan_limits(plan), shape.plane);
    uint32_t slice = vks_slice_quads(plan, shape);
    vks_shape out = rounded(shape); // products come in blocks of 16 channels
    uint32_t step = slice < 4 ? 4 : slice / 4 * 4;
    uint32_t block_bytes = gram->padded * 4 * 16;
    for (uint32_t n = 0; n < out.quads; n += step) {
        uint32_t outs = (uint32_t)smaller(step, out.quads - n);
        for (uint32_t q = 0; q < shape.quads;) {
            uint32_t quads = (uint32_t)smaller(smaller(32, slice), shape.quads - q);
            struct vks_push_gemm push = {.source_columns = shape.plane,
                                         .k_quads = gram->padded / 4,
                                         .k_first = q,
                                         .out_quads = outs,
                                         .result_columns = shape.plane};
            vks_use weights = {difference, n / 4 * (uint64_t)block_bytes,
                               outs / 4 * (uint64_t)block_bytes};
            vks_use to = vks_quads(plan, joining, shape, n, outs);
            vks_step product = {
                .kernel = VKS_KERNEL_GEMM_TENSOR,
                .spec = {width, quads * 4, 4, !fresh || q > 0},
                .spec_count = 4,
                .uses = {weights, vks_quads(plan, e->activation[layer], shape, q, quads), to},
                .use_count = 3,
                .push = &push,
                .push_bytes = sizeof push,
                .groups = {shape.plane / width, outs / 4},
                .label = "style gradient",
                .flops = 2.0 * quads * 4 * outs * 4 * shape.width * shape.height};
            if (guide || vector >= 0) {
                product.kernel = VKS_KERNEL_STYLE_GRADIENT;
                product.spec[2] = !fresh || q > 0;
                product.spec[3] = guide != NULL;
                product.spec[4] = vector >= 0 && q == 0;
                product.spec_count = 5;
                product.uses[2] = guide ? (vks_use){guide->buffer, 0, 0} : weights;
                product.uses[3] =
                    vector >= 0 ? (vks_use){vector, n * 16ull, outs * 16ull} : weights;
                product.uses[4] = to;
                product.use_count = 5;
            }
            vks_plan_add(plan, &product);
            q += quads;
        }
    }
    vks_plan_cut(plan);
}

void vks_add_style_loss(vks_encoding *e, int layer, vks_rect rect, const vks_guide *guide,
                        const vks_aim *aim, double k, int values, int slot, vks_gram *gram)
{
    *gram = vks_add_gram(e, layer, rect, guide);
    vks_plan *plan = e->plan;
    uint32_t chunks = 0;
    int vector = -1, sums = -1;
    if (aim->means >= 0)
        sums = add_mean_sums(e, layer, rect, guide, gram->padded, &chunks);
    int difference =
        vks_plan_buffer(plan, "difference", (uint64_t)gram->padded * gram->padded * 4, VKS_PASSING);
    int partials =
        vks_plan_buffer(plan, "style partials", gram->padded * gram->padded / 64, VKS_PASSING);
    // Stored gradients are options.gradient * dL/d(stored activation), and F is stored times
    // options.scale: both scales of F's side fall on the same factor.
    double factor =
        4 * k / gram->mass * e->options.gradient / (e->options.scale * e->options.scale);
    uint32_t groups = add_difference(e, gram, aim->gram, difference, partials, (float)factor);
    vks_add_sum(plan, partials, groups, values, slot, 1);
    if (sums >= 0)
        vector = add_mean_step(e, gram, aim, sums, chunks, k, difference, values, slot);
    add_style_gradient(e, layer, gram, difference, guide, vector);
}

void vks_add_content_loss(vks_encoding *e, int layer, vks_rect rect, int content, double k,
                          int values, int slot)
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
                                        .y1 = rect.y1};
        vks_plan_add(plan,
                     &(vks_step){.kernel = VKS_KERNEL_CONTENT_LOSS,
                                 .spec = {64},
                                 .spec_count = 1,
                                 .uses = {vks_quads(plan, e->activation[layer], shape, q, quads),
                                          vks_quads(plan, content, shape, q, quads),
                                          vks_quads(plan, joining, shape, q, quads),
                                          {partials, 0, 0}},
                                 .use_count = 4,
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
