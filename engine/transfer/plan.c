// SPDX-License-Identifier: MIT
#include "plan.h"
#include "layout.h"
#include "../error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef vks_planned buffer;

typedef struct item {
    enum { STEP, COPY, CUT } kind;
    vks_step step; // COPY: uses[0] to uses[1]
    uint32_t push[VKS_MAX_PUSH / 4];
    bool overlap;
} item;

struct vks_plan {
    vks_gpu_limits limits;
    vks_storage storage;
    vkstyle_error mistake; // status DONE: none so far
    buffer *buffers;
    int buffer_count, buffer_room;
    item *items;
    int item_count, item_room;
    bool laid_out;
    uint64_t arena_bytes, mapped_bytes;
    double flops; // of what has been recorded and is no longer here
    vks_gpu *gpu;
    vks_block *arena, *mapped;
    bool shared; // the arena belongs to somebody else
    vks_sequence *sequence;
};

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

vks_plan *vks_plan_create(const vks_gpu_limits *limits, vks_storage storage, vkstyle_error *error)
{
    vks_plan *plan = calloc(1, sizeof *plan);
    if (!plan) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a plan");
        return NULL;
    }
    plan->limits = *limits;
    plan->storage = storage;
    return plan;
}

void vks_plan_free(vks_plan **plan)
{
    vks_plan *p = *plan;
    if (!p)
        return;
    vks_sequence_free(&p->sequence);
    if (!p->shared)
        vks_block_free(&p->arena);
    vks_block_free(&p->mapped);
    free(p->buffers);
    free(p->items);
    free(p);
    *plan = NULL;
}

const vks_gpu_limits *vks_plan_limits(const vks_plan *plan)
{
    return &plan->limits;
}

vks_storage vks_plan_storage(const vks_plan *plan)
{
    return plan->storage;
}

vks_sequence *vks_plan_sequence(const vks_plan *plan)
{
    return plan->sequence;
}

void vks_plan_fail(vks_plan *plan, vkstyle_status status, const char *format, ...)
{
    if (plan->mistake.status != VKSTYLE_DONE)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(plan->mistake.text, sizeof plan->mistake.text, format, args);
    va_end(args);
    plan->mistake.status = status;
}

// ---------------------------------------------------------------- building

static int new_buffer(vks_plan *plan, buffer b)
{
    if (plan->buffer_count == plan->buffer_room) {
        int room = plan->buffer_room ? plan->buffer_room * 2 : 64;
        buffer *more = realloc(plan->buffers, (size_t)room * sizeof *more);
        if (!more) {
            vks_plan_fail(plan, VKSTYLE_NO_MEMORY, "out of memory for a plan's buffers");
            return plan->buffer_count ? 0 : -1;
        }
        plan->buffers = more;
        plan->buffer_room = room;
    }
    b.first = INT32_MAX;
    b.last = -1;
    plan->buffers[plan->buffer_count] = b;
    return plan->buffer_count++;
}

int vks_plan_buffer(vks_plan *plan, const char *name, uint64_t bytes, vks_life life)
{
    // 256 is the largest offset alignment that Vulkan lets a device ask for.
    return new_buffer(
        plan, (buffer){.name = name, .bytes = round_up(bytes ? bytes : 1, 256), .life = life});
}

int vks_plan_external(vks_plan *plan, const char *name, vks_slice slice)
{
    return new_buffer(plan, (buffer){.name = name,
                                     .bytes = slice.bytes,
                                     .life = VKS_KEPT,
                                     .external = true,
                                     .slice = slice});
}

uint64_t vks_plan_buffer_bytes(const vks_plan *plan, int number)
{
    return plan->buffers[number].bytes;
}

static item *new_item(vks_plan *plan)
{
    if (plan->laid_out) {
        vks_plan_fail(plan, VKSTYLE_FAILED, "a step was added to a finished plan");
        return NULL;
    }
    if (plan->item_count == plan->item_room) {
        int room = plan->item_room ? plan->item_room * 2 : 256;
        item *more = realloc(plan->items, (size_t)room * sizeof *more);
        if (!more) {
            vks_plan_fail(plan, VKSTYLE_NO_MEMORY, "out of memory for a plan's steps");
            return NULL;
        }
        plan->items = more;
        plan->item_room = room;
    }
    item *it = &plan->items[plan->item_count++];
    memset(it, 0, sizeof *it);
    return it;
}

// Notes who uses what, and resolves "to the end".
static void note_uses(vks_plan *plan, item *it)
{
    int at = (int)(it - plan->items);
    for (int i = 0; i < it->step.use_count; i++) {
        vks_use *use = &it->step.uses[i];
        if (use->buffer < 0 || use->buffer >= plan->buffer_count) {
            vks_plan_fail(plan, VKSTYLE_FAILED, "%s: binding %d names no buffer",
                          it->step.label ? it->step.label : "copy", i);
            use->buffer = 0;
            continue;
        }
        buffer *b = &plan->buffers[use->buffer];
        if (!use->bytes && use->offset < b->bytes)
            use->bytes = b->bytes - use->offset;
        if (!use->bytes || use->offset + use->bytes > b->bytes)
            vks_plan_fail(plan, VKSTYLE_FAILED, "%s: binding %d runs past the end of %s",
                          it->step.label ? it->step.label : "copy", i, b->name);
        if (at < b->first)
            b->first = at;
        if (at > b->last)
            b->last = at;
    }
}

void vks_plan_add(vks_plan *plan, const vks_step *step)
{
    item *it = new_item(plan);
    if (!it)
        return;
    it->kind = STEP;
    it->step = *step;
    if (step->push_bytes > sizeof it->push) {
        vks_plan_fail(plan, VKSTYLE_FAILED, "%s: %u bytes of push constants, at most %zu",
                      step->label, step->push_bytes, sizeof it->push);
        it->step.push_bytes = 0;
    } else if (step->push_bytes) {
        memcpy(it->push, step->push, step->push_bytes);
    }
    it->step.push = NULL;
    for (int i = 0; i < 3; i++)
        if (!it->step.groups[i])
            it->step.groups[i] = 1;
    note_uses(plan, it);
}

void vks_plan_copy(vks_plan *plan, vks_use from, vks_use to)
{
    item *it = new_item(plan);
    if (!it)
        return;
    it->kind = COPY;
    it->step = (vks_step){.uses = {from, to}, .use_count = 2, .label = "copy"};
    note_uses(plan, it);
    if (it->step.uses[0].bytes != it->step.uses[1].bytes)
        vks_plan_fail(plan, VKSTYLE_FAILED, "a copy between different sizes");
}

void vks_plan_cut(vks_plan *plan)
{
    if (plan->item_count && plan->items[plan->item_count - 1].kind == CUT)
        return;
    item *it = new_item(plan);
    if (it)
        it->kind = CUT;
}

int vks_plan_parts(const vks_plan *plan)
{
    int parts = 0;
    for (int i = 0; i < plan->item_count; i++)
        parts += plan->items[i].kind == CUT;
    return parts;
}

// ---------------------------------------------------------------- layout

static void lay_out(vks_plan *plan)
{
    plan->laid_out = true;
    if (!vks_lay_out(plan->buffers, plan->buffer_count, &plan->arena_bytes, &plan->mapped_bytes))
        vks_plan_fail(plan, VKSTYLE_NO_MEMORY, "out of memory for a plan's layout");
}

uint64_t vks_plan_bytes(vks_plan *plan)
{
    if (!plan->laid_out)
        lay_out(plan);
    return plan->arena_bytes + plan->mapped_bytes;
}

double vks_plan_flops(const vks_plan *plan)
{
    double flops = plan->flops;
    for (int i = 0; i < plan->item_count; i++)
        flops += plan->items[i].step.flops;
    return flops;
}

// ---------------------------------------------------------------- hazards

typedef struct span {
    const void *block;
    uint64_t from, to;
    bool written;
} span;

static span span_of(const vks_plan *plan, vks_use use, bool written)
{
    const buffer *b = &plan->buffers[use.buffer];
    return (span){b->slice.block, b->slice.offset + use.offset,
                  b->slice.offset + use.offset + use.bytes, written};
}

// Marks the steps that need nothing which was written (and write nothing which was read) since the
// last barrier: the device may run them together.
static void find_overlaps(vks_plan *plan)
{
    enum { ROOM = 256 };
    span open[ROOM];
    int count = 0;
    for (int i = 0; i < plan->item_count; i++) {
        item *it = &plan->items[i];
        if (it->kind == CUT) {
            count = 0; // every part starts with a barrier
            continue;
        }
        bool clash = count + it->step.use_count > ROOM;
        span now[VKS_MAX_BINDINGS];
        for (int u = 0; u < it->step.use_count; u++) {
            bool written = it->kind == COPY ? u == 1 : vks_kernel_writes(it->step.kernel, u);
            now[u] = span_of(plan, it->step.uses[u], written);
            for (int s = 0; s < count; s++)
                clash |= open[s].block == now[u].block && (open[s].written || written) &&
                         open[s].from < now[u].to && now[u].from < open[s].to;
        }
        it->overlap = !clash;
        if (clash)
            count = 0;
        memcpy(open + count, now, (size_t)it->step.use_count * sizeof *now);
        count += it->step.use_count;
    }
}

// ---------------------------------------------------------------- realise

static vks_slice slice_of(const vks_plan *plan, vks_use use)
{
    vks_slice s = plan->buffers[use.buffer].slice;
    return (vks_slice){s.block, s.offset + use.offset, use.bytes};
}

static bool record(vks_plan *plan, bool timed, vkstyle_error *error)
{
    plan->sequence = vks_sequence_create(plan->gpu, timed, error);
    if (!plan->sequence)
        return false;
    double cost = 0;
    for (int i = 0; i < plan->item_count; i++) {
        const item *it = &plan->items[i];
        if (it->kind == CUT) {
            if (!vks_sequence_cut(plan->sequence, cost, error))
                return false;
            cost = 0;
            continue;
        }
        if (it->kind == COPY) {
            if (!vks_sequence_copy(plan->sequence, slice_of(plan, it->step.uses[0]),
                                   slice_of(plan, it->step.uses[1]), error))
                return false;
            continue;
        }
        vks_dispatch d = {.kernel = it->step.kernel,
                          .storage = plan->storage,
                          .spec_count = it->step.spec_count,
                          .slice_count = it->step.use_count,
                          .push_bytes = it->step.push_bytes,
                          .overlap = it->overlap,
                          .label = it->step.label,
                          .flops = it->step.flops,
                          .bytes = it->step.bytes};
        memcpy(d.spec, it->step.spec, sizeof d.spec);
        memcpy(d.push, it->push, sizeof d.push);
        memcpy(d.groups, it->step.groups, sizeof d.groups);
        for (int u = 0; u < it->step.use_count; u++)
            d.slices[u] = slice_of(plan, it->step.uses[u]);
        if (!vks_sequence_add(plan->sequence, &d, error))
            return false;
        // Copies and small kernels have no flops to speak of, but take their time.
        cost += it->step.flops + 1e6;
    }
    if (plan->item_count && plan->items[plan->item_count - 1].kind != CUT &&
        !vks_sequence_cut(plan->sequence, cost, error))
        return false;
    return vks_sequence_record(plan->sequence, error);
}

void vks_plan_digest(const vks_plan *plan, vks_sha256 *hash)
{
    vks_sha256_update(hash, &plan->storage, sizeof plan->storage);
    for (int i = 0; i < plan->item_count; i++) {
        const item *it = &plan->items[i];
        const vks_step *s = &it->step;
        if (it->kind == CUT)
            continue;
        vks_sha256_update(hash, &it->kind, sizeof it->kind);
        vks_sha256_update(hash, &s->kernel, sizeof s->kernel);
        vks_sha256_update(hash, s->spec, (size_t)s->spec_count * sizeof *s->spec);
        vks_sha256_update(hash, it->push, s->push_bytes);
        vks_sha256_update(hash, s->groups, sizeof s->groups);
        for (int u = 0; u < s->use_count; u++) {
            vks_use use = s->uses[u];
            vks_sha256_update(hash, &use.buffer, sizeof use.buffer);
            vks_sha256_update(hash, &use.offset, sizeof use.offset);
            vks_sha256_update(hash, &use.bytes, sizeof use.bytes);
        }
    }
}

void vks_plan_foretell(const vks_plan *plan, vks_gpu *gpu)
{
    vks_dispatch *dispatches = calloc((size_t)plan->item_count + 1, sizeof *dispatches);
    int count = 0;
    for (int i = 0; dispatches && i < plan->item_count; i++) {
        const item *it = &plan->items[i];
        if (it->kind != STEP)
            continue;
        vks_dispatch *d = &dispatches[count++];
        d->kernel = it->step.kernel;
        d->storage = plan->storage;
        d->spec_count = it->step.spec_count;
        memcpy(d->spec, it->step.spec, sizeof d->spec);
    }
    if (dispatches)
        vks_gpu_foretell(gpu, dispatches, count);
    free(dispatches);
}

void vks_plan_share(vks_plan *plan, vks_block *arena)
{
    plan->arena = arena;
    plan->shared = true;
}

bool vks_plan_realise(vks_plan *plan, vks_gpu *gpu, bool timed, vkstyle_error *error)
{
    vks_plan_bytes(plan);
    if (plan->mistake.status != VKSTYLE_DONE) {
        if (error)
            *error = plan->mistake;
        return false;
    }
    plan->gpu = gpu;
    if (plan->shared && plan->arena_bytes > vks_block_bytes(plan->arena))
        return vks_fail(error, VKSTYLE_FAILED, "a plan does not fit the block it shall share");
    if (plan->arena_bytes && !plan->shared &&
        !(plan->arena = vks_block_create(gpu, plan->arena_bytes, VKS_MEMORY_DEVICE, "plan", error)))
        return false;
    if (plan->mapped_bytes && !(plan->mapped = vks_block_create(
                                    gpu, plan->mapped_bytes, VKS_MEMORY_READBACK, "losses", error)))
        return false;
    for (int i = 0; i < plan->buffer_count; i++) {
        buffer *b = &plan->buffers[i];
        if (!b->external)
            b->slice = (vks_slice){b->life == VKS_MAPPED ? plan->mapped : plan->arena, b->offset,
                                   b->bytes};
    }
    find_overlaps(plan);
    bool done = record(plan, timed, error);
    plan->flops = vks_plan_flops(plan);
    free(plan->items); // what was recorded is the sequence's now
    plan->items = NULL;
    plan->item_count = plan->item_room = 0;
    return done;
}

vks_slice vks_plan_slice(const vks_plan *plan, int number)
{
    return plan->buffers[number].slice;
}

void *vks_plan_mapped(const vks_plan *plan, int number)
{
    return (char *)vks_block_map(plan->mapped) + plan->buffers[number].offset;
}

bool vks_plan_run(vks_plan *plan, vkstyle_error *error)
{
    uint64_t ticket = 0;
    bool done = false;
    if (!vks_gpu_submit(plan->gpu, plan->sequence, 0, vks_sequence_parts(plan->sequence), &ticket,
                        error))
        return false;
    while (!done)
        if (!vks_gpu_done(plan->gpu, ticket, 1.0, &done, error))
            return false;
    return true;
}
