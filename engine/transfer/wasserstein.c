// SPDX-License-Identifier: MIT
#include "wasserstein.h"
#include "kernel_choice.h"
#include "product.h"
#include "push.h"

#include <math.h>

// After ten all roots are 0.05 to 0.1 % short: little for a gradient, but the value is a difference
// of larger numbers. After eleven they are right to 1e-6 (docs/losses.md).
enum { STEPS = 11 };

// Products of matrices [padded][padded]. A matrix lies as a product's source and result, [padded /
// 4][padded] vec4 of four rows, or as its weights, [padded / 16][padded][4] vec4 of the same.
typedef struct bench {
    vks_encoding *e;
    uint32_t padded;
    uint64_t bytes; // of a matrix
} bench;

static int matrix(const bench *b, const char *name)
{
    return vks_plan_buffer(b->e->plan, name, b->bytes, VKS_PASSING);
}

// result = left right.
static void add_product(const bench *b, vks_use left, vks_use right, int result)
{
    vks_plan *plan = b->e->plan;
    uint32_t n = b->padded;
    double flops = 2.0 * n * n * n;
    if (vks_on_gpu(b->e->options.kernels)) {
        vks_add_product(plan, &(vks_product){.tile = b->e->options.tile,
                                             .weights = left,
                                             .source = right,
                                             .result = {result, 0, 0},
                                             .batch = 1,
                                             .out_quads = n / 4,
                                             .columns = n,
                                             .quads = n / 4,
                                             .k_quads = n / 4,
                                             .source_quads = n / 4,
                                             .source_columns = n,
                                             .result_columns = n,
                                             .label = "matrix product",
                                             .flops = flops});
        vks_plan_cut(plan);
        return;
    }
    uint32_t width = vks_width_dividing(vks_plan_limits(plan), n);
    for (uint32_t k = 0; k < n;) {
        uint32_t chunk = n - k < 128 ? n - k : 128;
        struct vks_push_gemm push = {.source_columns = n,
                                     .k_quads = n / 4,
                                     .k_first = k / 4,
                                     .source_quad = k / 4,
                                     .out_quads = n / 4,
                                     .result_columns = n,
                                     .accumulate = k > 0};
        vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_GEMM,
                                       .spec = {width, chunk, 4},
                                       .spec_count = 3,
                                       .uses = {left, right, {result, 0, 0}},
                                       .use_count = 3,
                                       .push = &push,
                                       .push_bytes = sizeof push,
                                       .groups = {n / width, n / 16},
                                       .label = "matrix product",
                                       .flops = flops * chunk / n});
        k += chunk;
    }
    vks_plan_cut(plan);
}

static vks_use all_of(int buffer)
{
    return (vks_use){buffer, 0, 0};
}

enum { AS_IT_IS, BY_NORM, BY_ROOT }; // what b is divided by

// x one + y from, as a source and as weights (-1: not wanted).
static void add_affine(const bench *b, double x, double y, int from, int divided, int scalars,
                       int source, int weights)
{
    struct vks_push_affine push = {.padded = b->padded,
                                   .a = (float)x,
                                   .b = (float)y,
                                   .divided = (uint32_t)divided,
                                   .write = (source >= 0 ? 1u : 0) | (weights >= 0 ? 2u : 0)};
    vks_plan_add(b->e->plan, &(vks_step){.kernel = VKS_KERNEL_AFFINE,
                                         .spec = {64},
                                         .spec_count = 1,
                                         .uses = {{from, 0, 0},
                                                  {scalars, 0, 0},
                                                  {source >= 0 ? source : weights, 0, 0},
                                                  {weights >= 0 ? weights : source, 0, 0}},
                                         .use_count = 4,
                                         .push = &push,
                                         .push_bytes = sizeof push,
                                         .groups = {b->padded * b->padded / 4 / 64},
                                         .label = "affine"});
}

// scalars[slot] = tr left right, both symmetric and sources.
static void add_trace(const bench *b, int left, int right, int scalars, int slot)
{
    uint32_t count = b->padded * b->padded / 4, groups = (count + 255) / 256;
    int partials = vks_plan_buffer(b->e->plan, "trace partials", groups * 4, VKS_PASSING);
    struct vks_push_trace push = {.count = count};
    vks_plan_add(b->e->plan, &(vks_step){.kernel = VKS_KERNEL_TRACE,
                                         .spec = {64},
                                         .spec_count = 1,
                                         .uses = {{left, 0, 0}, {right, 0, 0}, {partials, 0, 0}},
                                         .use_count = 3,
                                         .push = &push,
                                         .push_bytes = sizeof push,
                                         .groups = {groups},
                                         .label = "trace"});
    vks_add_sum(b->e->plan, partials, groups, scalars, slot, 1);
}

static int add_covariance(const bench *b, const vks_gram *gram, int sums, double scale)
{
    int covariance = matrix(b, "covariance");
    struct vks_push_covariance push = {.padded = b->padded, .scale = (float)scale};
    vks_plan_add(b->e->plan,
                 &(vks_step){.kernel = VKS_KERNEL_COVARIANCE,
                             .spec = {64},
                             .spec_count = 1,
                             .uses = {{gram->buffer, 0, 0}, {sums, 0, 0}, {covariance, 0, 0}},
                             .use_count = 3,
                             .push = &push,
                             .push_bytes = sizeof push,
                             .groups = {b->padded * b->padded / 4 / 64},
                             .label = "covariance"});
    return covariance;
}

// Coupled Newton-Schulz steps, Y -> A^1/2 and Z -> A^-1/2 for A of norm 1, scaled by what is known
// of the smallest root (Chen and Chow, "A stable scaling of Newton-Schulz for improving the sign
// function computation of a Hermitian matrix", 2014): T = r (3 - r^2 Z Y) / 2, Y T and T Z. Of the
// last step the products are left to others: returns T Z right and writes scalars[1] = tr Y T.
static int add_steps(const bench *b, int y, int y_weights, int scalars, vks_use right)
{
    // An eighth of what the added diagonal leaves of a style's own: for contents that are larger.
    double least = VKS_WASSERSTEIN_LEAST / 8;
    int z = -1, z_weights = -1, t = -1, t_weights = -1;
    for (int step = 0; step < STEPS; step++) {
        double r = sqrt(3 / (1 + least + least * least));
        least = 0.5 * r * least * (3 - r * r * least * least);
        int m = y; // in the first step Z is one
        if (step > 0) {
            m = matrix(b, "Z Y");
            add_product(b, all_of(z_weights), all_of(y), m);
        }
        t = matrix(b, "T");
        t_weights = matrix(b, "T as weights");
        add_affine(b, 1.5 * r, -0.5 * r * r * r, m, AS_IT_IS, scalars, t, t_weights);
        if (step + 1 == STEPS)
            break;
        int next = matrix(b, "Y"), next_weights = matrix(b, "Y as weights");
        add_product(b, all_of(y_weights), all_of(t), next);
        if (step + 2 < STEPS)
            add_affine(b, 0, 1, next, AS_IT_IS, scalars, -1, next_weights);
        y = next;
        y_weights = next_weights;
        if (step == 0) {
            z = t;
            z_weights = t_weights;
            continue;
        }
        next = matrix(b, "Z");
        next_weights = matrix(b, "Z as weights");
        add_product(b, all_of(t_weights), all_of(z), next);
        add_affine(b, 0, 1, next, AS_IT_IS, scalars, -1, next_weights);
        z = next;
        z_weights = next_weights;
    }
    add_trace(b, y, t, scalars, 1);
    int first = matrix(b, "Z R"), second = matrix(b, "T Z R");
    add_product(b, all_of(z_weights), right, first);
    add_product(b, all_of(t_weights), all_of(first), second);
    return second;
}

void vks_add_wasserstein_loss(vks_encoding *e, const vks_gram *gram, double positions,
                              const vks_aim *aim, int sums, int values, int shift, int difference)
{
    vks_plan *plan = e->plan;
    bench b = {e, gram->padded, (uint64_t)gram->padded * gram->padded * 4};
    uint32_t groups = gram->padded / 64;
    double scale = 1 / (positions * e->options.scale);
    double gradient = aim->beta * aim->k / positions * e->options.gradient / e->options.scale;
    vks_use root = {aim->buffer, gram->padded * 8ull, b.bytes};
    vks_use root_weights = {aim->buffer, gram->padded * 8ull + b.bytes, b.bytes};
    int scalars = vks_plan_buffer(plan, "scalars", 8, VKS_PASSING);

    // A = R C R + floor, of norm 1.
    int half = matrix(&b, "C R"), whole = matrix(&b, "R C R"), a = matrix(&b, "A");
    int y = matrix(&b, "Y"), y_weights = matrix(&b, "Y as weights");
    add_product(&b, all_of(add_covariance(&b, gram, sums, scale)), root, half);
    add_product(&b, root_weights, all_of(half), whole);
    // The scalars are not read here, but a plan's memory is none's before it is written.
    add_affine(&b, aim->floor, 1, whole, AS_IT_IS, whole, a, -1);
    add_trace(&b, a, a, scalars, 0);
    add_affine(&b, 0, 1, a, BY_NORM, scalars, y, y_weights);
    vks_plan_cut(plan);

    // The gradient at C, I - R A^-1/2 R, as the style gradient's weights.
    int left = add_steps(&b, y, y_weights, scalars, root), all = matrix(&b, "R A^-1/2 R");
    add_product(&b, root_weights, all_of(left), all);
    double factor = 2 * gradient / e->options.scale;
    add_affine(&b, factor, -factor, all, BY_ROOT, scalars, -1, difference);

    int partials = vks_plan_buffer(plan, "distance partials", groups * 4, VKS_PASSING);
    struct vks_push_wasserstein push = {.channels = gram->channels,
                                        .padded = gram->padded,
                                        .scale = (float)scale,
                                        .constant = (float)aim->constant,
                                        .value = (float)aim->k,
                                        .shift = (float)gradient,
                                        .back = e->options.scale};
    vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_WASSERSTEIN_LOSS,
                                   .spec = {64},
                                   .spec_count = 1,
                                   .uses = {{sums, 0, 0},
                                            {aim->buffer, 0, 0},
                                            {gram->buffer, 0, 0},
                                            {scalars, 0, 0},
                                            {difference, 0, 0},
                                            {shift, 0, 0},
                                            {partials, 0, 0}},
                                   .use_count = 7,
                                   .push = &push,
                                   .push_bytes = sizeof push,
                                   .groups = {groups},
                                   .label = "distance"});
    (aim->first ? vks_add_sum : vks_add_more)(plan, partials, groups, values, VKS_VALUE_MOMENTS, 1);
    vks_plan_cut(plan);
}
