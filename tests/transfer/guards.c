// SPDX-License-Identifier: MIT
#include "guards.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 2048, ROOM = 4096 };

bool guards_on;
int guards_broken, guards_plans;
const char *guards_culprit = "none";
void (*guards_step)(const vks_step *step);

typedef struct entry {
    vks_plan *plan;
    const char *name;
    int buffer;
    uint64_t bytes; // asked for
    bool guarded;
    vks_gpu *gpu; // NULL: not realised
} entry;

static entry entries[ROOM];
static int count;

int __real_vks_plan_buffer(vks_plan *plan, const char *name, uint64_t bytes, vks_life life);
void __real_vks_plan_add(vks_plan *plan, const vks_step *step);
bool __real_vks_plan_realise(vks_plan *plan, vks_gpu *gpu, bool timed, vkstyle_error *error);
void __real_vks_plan_free(vks_plan **plan);
int __wrap_vks_plan_buffer(vks_plan *plan, const char *name, uint64_t bytes, vks_life life);
void __wrap_vks_plan_add(vks_plan *plan, const vks_step *step);
bool __wrap_vks_plan_realise(vks_plan *plan, vks_gpu *gpu, bool timed, vkstyle_error *error);
void __wrap_vks_plan_free(vks_plan **plan);

int __wrap_vks_plan_buffer(vks_plan *plan, const char *name, uint64_t bytes, vks_life life)
{
    bool guarded = guards_on;
    if (guarded && life == VKS_PASSING)
        life = VKS_KEPT; // shared memory could have no canary
    int buffer = __real_vks_plan_buffer(plan, name, bytes + (guarded ? GUARD : 0), life);
    if (count == ROOM)
        abort();
    entries[count++] = (entry){plan, name, buffer, bytes, guarded, NULL};
    return buffer;
}

// "To the end" includes the guard, for software Vulkan drops what is written outside a binding; but
// where the device cannot bind that much, it means the end that was asked for.
void __wrap_vks_plan_add(vks_plan *plan, const vks_step *step)
{
    vks_step s = *step;
    for (int u = 0; u < s.use_count; u++) {
        vks_use *use = &s.uses[u];
        if (use->buffer < 0 || use->bytes)
            continue;
        use->bytes = vks_plan_buffer_bytes(plan, use->buffer) - use->offset;
        if (use->bytes <= vks_plan_limits(plan)->storage_range)
            continue;
        for (int i = 0; i < count; i++)
            if (entries[i].plan == plan && entries[i].buffer == use->buffer)
                use->bytes = (entries[i].bytes + 15) / 16 * 16 - use->offset;
    }
    if (guards_step)
        guards_step(&s);
    __real_vks_plan_add(plan, &s);
}

bool __wrap_vks_plan_realise(vks_plan *plan, vks_gpu *gpu, bool timed, vkstyle_error *error)
{
    if (!__real_vks_plan_realise(plan, gpu, timed, error))
        return false;
    guards_plans++;
    for (int i = 0; i < count; i++) {
        if (entries[i].plan != plan)
            continue;
        vks_slice s = vks_plan_slice(plan, entries[i].buffer);
        if (!s.block)
            continue;
        void *poison = malloc(s.bytes);
        if (!poison)
            abort();
        memset(poison, 0xff, s.bytes);
        bool done =
            s.offset + s.bytes > vks_block_bytes(s.block) || // not in use: no place of its own
            vks_upload(gpu, s, poison, error);
        free(poison);
        if (!done)
            return false;
        entries[i].gpu = gpu;
    }
    return true;
}

static void check(const entry *e)
{
    vkstyle_error error;
    vks_slice s = vks_plan_slice(e->plan, e->buffer);
    s.offset += e->bytes / 4 * 4;
    s.bytes -= e->bytes / 4 * 4;
    unsigned char *data = malloc(s.bytes);
    if (!data)
        abort();
    bool intact = vks_download(e->gpu, s, data, &error);
    // All 0xff, or all zero: then the engine cleared the whole buffer before the first run.
    unsigned char fill = data[s.bytes - 1];
    intact = intact && (fill == 0xff || fill == 0);
    for (uint64_t i = e->bytes % 4; i < s.bytes; i++)
        intact = intact && data[i] == fill;
    free(data);
    if (!intact) {
        guards_broken++;
        guards_culprit = e->name;
    }
}

void __wrap_vks_plan_free(vks_plan **plan)
{
    int left = 0;
    for (int i = 0; i < count; i++) {
        if (entries[i].plan != *plan)
            entries[left++] = entries[i];
        else if (entries[i].gpu && entries[i].guarded)
            check(&entries[i]);
    }
    count = left;
    __real_vks_plan_free(plan);
}
