// SPDX-License-Identifier: MIT
#include "optimiser.h"
#include "../error.h"
#include "push.h"
#include "state.h"

#include <stddef.h>
#include <stdlib.h>

enum {
    VEC4 = 16,           // bytes
    WIDTH = 128,         // of the kernels over vectors
    PER_GROUP = 4 * 128, // vec4s one of their workgroups does
    CHUNK = 128,         // lbfgs.glsl's
    GRAINS = 256         // partial sums of a dot product, unless the device's limits want more
};

struct vks_optimiser {
    vks_plan *plan;
    struct vks_optimiser_options options;
    uint64_t count;
    int target, gradient, values;
    int first, second, average;       // Adam
    int base, base_gradient, history; // L-BFGS
    int partials, state;
    uint64_t state_bytes;
    vks_optimiser_part parts[VKS_OPTIMISER_PARTS];
    int part_count;
};

// The average is a short one: with 0.99 it lags behind for the whole of a usual run
// (docs/optimisers.md).
struct vks_optimiser_options vks_optimiser_default(vkstyle_optimizer kind)
{
    return (struct vks_optimiser_options){.kind = kind,
                                          .learning_rate = kind == VKSTYLE_LBFGS ? 1 : 0.02,
                                          .beta1 = 0.9,
                                          .beta2 = 0.99,
                                          .epsilon = 1e-8,
                                          .cooling = 1,
                                          .clamp = true,
                                          .average = kind == VKSTYLE_ADAM,
                                          .average_decay = 0.8,
                                          .history = 10};
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static vks_use slice(int buffer, uint64_t first, uint64_t count)
{
    return (vks_use){buffer, first * VEC4, count * VEC4};
}

// The most vec4s that any one binding may span.
static uint64_t span(const vks_gpu_limits *limits)
{
    uint64_t most = limits->storage_range / VEC4;
    return limits->texel ? smaller(most, limits->texel_elements) : most;
}

static int add_part(vks_optimiser *o, const char *name, int buffer, uint64_t bytes)
{
    o->parts[o->part_count++] = (vks_optimiser_part){name, buffer, bytes};
    return buffer;
}

static int new_part(vks_optimiser *o, const char *name, uint64_t bytes)
{
    int buffer = o->options.part && bytes >= o->count * VEC4
                     ? o->options.part(o->options.user, o->plan, name, bytes)
                     : vks_plan_buffer(o->plan, name, bytes, VKS_KEPT);
    return add_part(o, name, buffer, bytes);
}

// ---------------------------------------------------------------- Adam

static void emit_adam(vks_optimiser *o)
{
    const vks_gpu_limits *limits = vks_plan_limits(o->plan);
    const struct vks_optimiser_options *options = &o->options;
    const uint64_t bytes = o->count * VEC4;
    o->first = new_part(o, "first moment", bytes);
    o->second = new_part(o, "second moment", bytes);
    o->average = options->average ? new_part(o, "average", bytes) : o->target;
    o->state_bytes = sizeof(struct vks_adam_state);
    o->state = new_part(o, "state", o->state_bytes);

    struct vks_push_adam push = {.clamped = options->clamp,
                                 .averaged = options->average,
                                 .learning_rate = (float)options->learning_rate,
                                 .epsilon = (float)options->epsilon,
                                 .cooling = (float)options->cooling,
                                 .beta1 = (float)options->beta1,
                                 .beta2 = (float)options->beta2,
                                 .decay = (float)options->average_decay,
                                 .rest1 = (float)(1 - options->beta1),
                                 .rest2 = (float)(1 - options->beta2),
                                 .rest_average = (float)(1 - options->average_decay)};
    vks_plan_add(o->plan, &(vks_step){.kernel = VKS_KERNEL_ADAM_STATE,
                                      .spec = {1},
                                      .spec_count = 1,
                                      .uses = {{o->values, 0, 0}, {o->state, 0, 0}},
                                      .use_count = 2,
                                      .push = &push,
                                      .push_bytes = sizeof push,
                                      .label = "adam state"});
    const uint64_t most = smaller(span(limits) / PER_GROUP, limits->groups[0]) * PER_GROUP;
    if (!most)
        vks_plan_fail(o->plan, VKSTYLE_NO_DEVICE,
                      "the device binds %llu bytes at once, too few for the optimiser",
                      (unsigned long long)limits->storage_range);
    for (uint64_t at = 0; most && at < o->count; at += most) {
        const uint64_t n = smaller(most, o->count - at);
        push.count = (uint32_t)n;
        vks_plan_add(o->plan,
                     &(vks_step){.kernel = VKS_KERNEL_ADAM,
                                 .spec = {WIDTH},
                                 .spec_count = 1,
                                 .uses = {slice(o->gradient, at, n),
                                          slice(o->target, at, n),
                                          slice(o->first, at, n),
                                          slice(o->second, at, n),
                                          slice(o->average, at, n),
                                          {o->state, 0, 0}},
                                 .use_count = 6,
                                 .push = &push,
                                 .push_bytes = sizeof push,
                                 .groups = {(uint32_t)((n + PER_GROUP - 1) / PER_GROUP)},
                                 .label = "adam",
                                 .bytes = (options->average ? 9.0 : 7.0) * VEC4 * (double)n});
    }
}

// ---------------------------------------------------------------- L-BFGS

// How the vectors are cut: into grains, each one partial sum, and slices of whole grains.
typedef struct cutting {
    uint64_t grain;  // vec4s
    uint64_t grains; // in all
    uint64_t slice;  // vec4s, a multiple of grain
} cutting;

static bool cut(vks_optimiser *o, cutting *c)
{
    const vks_gpu_limits *limits = vks_plan_limits(o->plan);
    const uint64_t vectors = 2 * (uint64_t)o->options.history;
    const uint64_t chunks = (o->count + CHUNK - 1) / CHUNK;
    const uint64_t fitting = span(limits) / (vectors * CHUNK); // chunks of the whole history
    uint64_t grain = (chunks + GRAINS - 1) / GRAINS;
    grain = smaller(grain, fitting);
    if (grain) {
        c->grain = grain * CHUNK;
        c->grains = (chunks + grain - 1) / grain;
        c->slice = smaller(fitting / grain, limits->groups[0]) * c->grain;
        const uint64_t most = (uint64_t)limits->groups[0] * PER_GROUP; // of the step pass
        if (c->slice > most)
            c->slice = most / c->grain * c->grain;
        if (c->slice && c->grains * vectors * VEC4 <= limits->storage_range)
            return true;
    }
    vks_plan_fail(o->plan, VKSTYLE_NO_DEVICE,
                  "the device binds %llu bytes at once, too few for L-BFGS with %d pairs on %llu "
                  "pixels; use --optimizer adam",
                  (unsigned long long)limits->storage_range, o->options.history,
                  (unsigned long long)o->count);
    return false;
}

// The history of pixels [first, first + count); first is a multiple of the chunk.
static vks_use pairs_of(const vks_optimiser *o, uint64_t first, uint64_t count)
{
    const uint64_t vectors = 2 * (uint64_t)o->options.history;
    return slice(o->history, first * vectors, (count + CHUNK - 1) / CHUNK * CHUNK * vectors);
}

static void emit_lbfgs(vks_optimiser *o)
{
    const struct vks_optimiser_options *options = &o->options;
    const uint32_t history = (uint32_t)options->history;
    const uint64_t bytes = o->count * VEC4, vectors = 2 * history;
    cutting c = {0};
    if (!cut(o, &c))
        return;
    o->base = new_part(o, "base", bytes);
    o->base_gradient = new_part(o, "base gradient", bytes);
    o->history = new_part(o, "history", (o->count + CHUNK - 1) / CHUNK * CHUNK * VEC4 * vectors);
    o->state_bytes = sizeof(struct vks_lbfgs_state);
    o->state = new_part(o, "state", o->state_bytes);
    o->partials = vks_plan_buffer(o->plan, "dot products", c.grains * vectors * VEC4, VKS_PASSING);

    // First step and cap: measured on Gatys' loss, docs/optimisers.md.
    struct vks_push_lbfgs push = {.grain = (uint32_t)c.grain,
                                  .partials = (uint32_t)c.grains,
                                  .clamped = options->clamp,
                                  .values = o->options.values > 0 ? (float)o->options.values
                                                                  : 3.0f * (float)o->count,
                                  .learning_rate = (float)options->learning_rate,
                                  .first = 0.02f,
                                  .cap = 0.1f};
    for (uint64_t at = 0; at < o->count; at += c.slice) {
        const uint64_t n = smaller(c.slice, o->count - at);
        const vks_use pairs = pairs_of(o, at, n);
        const uint64_t grains = (n + c.grain - 1) / c.grain;
        push.count = (uint32_t)n;
        push.partial = (uint32_t)(at / c.grain);
        vks_plan_add(o->plan, &(vks_step){.kernel = VKS_KERNEL_LBFGS_DOTS,
                                          .spec = {WIDTH, history},
                                          .spec_count = 2,
                                          .uses = {slice(o->target, at, n),
                                                   slice(o->gradient, at, n),
                                                   slice(o->base, at, n),
                                                   slice(o->base_gradient, at, n),
                                                   pairs,
                                                   pairs,
                                                   {o->partials, 0, 0},
                                                   {o->state, 0, 0}},
                                          .use_count = 8,
                                          .push = &push,
                                          .push_bytes = sizeof push,
                                          .groups = {(uint32_t)grains, history},
                                          .label = "l-bfgs dot products",
                                          .flops = 56.0 * history * (double)n,
                                          .bytes = (4.0 + (double)vectors) * VEC4 * (double)n});
    }
    vks_plan_add(o->plan,
                 &(vks_step){.kernel = VKS_KERNEL_LBFGS_SOLVE,
                             .spec = {64, history},
                             .spec_count = 2,
                             .uses = {{o->values, 0, 0}, {o->partials, 0, 0}, {o->state, 0, 0}},
                             .use_count = 3,
                             .push = &push,
                             .push_bytes = sizeof push,
                             .label = "l-bfgs decision"});
    for (uint64_t at = 0; at < o->count; at += c.slice) {
        const uint64_t n = smaller(c.slice, o->count - at);
        const vks_use pairs = pairs_of(o, at, n);
        push.count = (uint32_t)n;
        vks_plan_add(o->plan, &(vks_step){.kernel = VKS_KERNEL_LBFGS_STEP,
                                          .spec = {WIDTH, history},
                                          .spec_count = 2,
                                          .uses = {slice(o->gradient, at, n),
                                                   slice(o->target, at, n),
                                                   slice(o->base, at, n),
                                                   slice(o->base_gradient, at, n),
                                                   pairs,
                                                   {o->state, 0, 0}},
                                          .use_count = 6,
                                          .push = &push,
                                          .push_bytes = sizeof push,
                                          .groups = {(uint32_t)((n + PER_GROUP - 1) / PER_GROUP)},
                                          .label = "l-bfgs step",
                                          .flops = 8.0 * (double)vectors * (double)n,
                                          .bytes = (5.0 + (double)vectors) * VEC4 * (double)n});
    }
}

// ---------------------------------------------------------------- both

static bool sensible(const struct vks_optimiser_options *o)
{
    if (o->kind == VKSTYLE_LBFGS)
        return o->learning_rate > 0 && o->history >= 1 && o->history <= VKS_LBFGS_HISTORY_MAX;
    return o->kind == VKSTYLE_ADAM && o->learning_rate > 0 && o->beta1 >= 0 && o->beta1 < 1 &&
           o->beta2 >= 0 && o->beta2 < 1 && o->epsilon > 0 && o->cooling > 0 &&
           (!o->average || (o->average_decay >= 0 && o->average_decay < 1));
}

vks_optimiser *vks_optimiser_emit(vks_plan *plan, const struct vks_optimiser_options *options,
                                  int target, int gradient, int values, uint64_t count,
                                  vkstyle_error *error)
{
    vks_optimiser *o = calloc(1, sizeof *o);
    if (!o) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for an optimiser");
        return NULL;
    }
    *o = (vks_optimiser){.plan = plan,
                         .options = *options,
                         .count = count,
                         .target = target,
                         .gradient = gradient,
                         .values = values};
    if (o->options.learning_rate == 0)
        o->options.learning_rate = vks_optimiser_default(options->kind).learning_rate;
    add_part(o, "target", target, count * VEC4);
    if (!sensible(&o->options))
        vks_plan_fail(plan, VKSTYLE_USAGE, "the optimiser's options are out of range");
    else if (vks_plan_buffer_bytes(plan, target) < count * VEC4 ||
             vks_plan_buffer_bytes(plan, gradient) < count * VEC4)
        vks_plan_fail(plan, VKSTYLE_FAILED, "target or gradient holds fewer than %llu pixels",
                      (unsigned long long)count);
    else if (o->options.kind == VKSTYLE_LBFGS)
        emit_lbfgs(o);
    else
        emit_adam(o);
    return o;
}

void vks_optimiser_free(vks_optimiser **optimiser)
{
    free(*optimiser);
    *optimiser = NULL;
}

bool vks_optimiser_reset(vks_optimiser *o, vks_gpu *gpu, vkstyle_error *error)
{
    if (!vks_clear(gpu, vks_plan_slice(o->plan, o->state), error))
        return false;
    return o->options.kind == VKSTYLE_LBFGS ||
           (vks_clear(gpu, vks_plan_slice(o->plan, o->first), error) &&
            vks_clear(gpu, vks_plan_slice(o->plan, o->second), error));
}

int vks_optimiser_result(const vks_optimiser *o)
{
    return o->options.kind == VKSTYLE_LBFGS ? o->base : o->average;
}

const vks_optimiser_part *vks_optimiser_parts(const vks_optimiser *o, int *count)
{
    *count = o->part_count;
    return o->parts;
}

bool vks_optimiser_read(const vks_optimiser *o, vks_gpu *gpu, vks_optimiser_tally *tally,
                        vkstyle_error *error)
{
    union {
        struct vks_adam_state adam;
        struct vks_lbfgs_state lbfgs;
    } state;
    vks_slice from = vks_plan_slice(o->plan, o->state);
    from.bytes = o->state_bytes;
    if (!vks_download(gpu, from, &state, error))
        return false;
    if (o->options.kind == VKSTYLE_LBFGS)
        *tally =
            (vks_optimiser_tally){state.lbfgs.steps, state.lbfgs.rejected, state.lbfgs.restarts};
    else
        *tally =
            (vks_optimiser_tally){state.adam.steps + state.adam.skipped, state.adam.skipped, 0};
    return true;
}
