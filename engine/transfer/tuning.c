// SPDX-License-Identifier: MIT
#include "tuning.h"
#include "../clock.h"
#include "keep.h"
#include "kernel_choice.h"
#include "product.h"
#include "../error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A product as conv3 and conv4 have them: 36 frequencies, as many outputs as inputs.
typedef struct size {
    uint32_t batch, channels, columns;
} size;

// One measurement: operands on the device, and the result of tile 0 on the host.
typedef struct rig {
    vks_gpu *gpu;
    size size;
    uint64_t weight_bytes, column_bytes; // of the weights; of source and of result
    vks_block *block;                    // weights, source, result
    float *room, *right;                 // column_bytes each
} rig;

static void rig_free(rig *r)
{
    vks_block_free(&r->block);
    free(r->room);
    free(r->right);
}

static bool rig_make(rig *r, vkstyle_error *error)
{
    size s = r->size;
    r->weight_bytes = 4ull * s.batch * s.channels * s.channels;
    r->column_bytes = 4ull * s.batch * s.channels * s.columns;
    uint64_t most = r->weight_bytes > r->column_bytes ? r->weight_bytes : r->column_bytes;
    float *values = malloc(most);
    r->room = malloc(r->column_bytes);
    r->right = malloc(r->column_bytes);
    bool done = values && r->room && r->right;
    if (!done)
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the tuning");
    for (uint64_t i = 0; done && i < most / 4; i++)
        values[i] = (float)((i * 7919) % 1013) / 1013 - 0.5f;
    done =
        done &&
        (r->block = vks_block_create(r->gpu, r->weight_bytes + 2 * r->column_bytes,
                                     VKS_MEMORY_DEVICE, "tuning", error)) &&
        vks_upload(r->gpu, (vks_slice){r->block, 0, r->weight_bytes}, values, error) &&
        vks_upload(r->gpu, (vks_slice){r->block, r->weight_bytes, r->column_bytes}, values, error);
    free(values);
    return done;
}

static vks_plan *plan_of(const rig *r, int tile, vkstyle_error *error)
{
    size s = r->size;
    vks_plan *plan = vks_plan_create(vks_gpu_get_limits(r->gpu), VKS_FLOAT, error);
    if (!plan)
        return NULL;
    uint64_t at = r->weight_bytes;
    int weights = vks_plan_external(plan, "weights", (vks_slice){r->block, 0, at});
    int source = vks_plan_external(plan, "source", (vks_slice){r->block, at, r->column_bytes});
    at += r->column_bytes;
    int result = vks_plan_external(plan, "result", (vks_slice){r->block, at, r->column_bytes});
    vks_add_product(plan, &(vks_product){.tile = tile,
                                         .weights = {weights, 0, 0},
                                         .source = {source, 0, 0},
                                         .result = {result, 0, 0},
                                         .batch = s.batch,
                                         .out_quads = s.channels / 4,
                                         .columns = s.columns,
                                         .quads = s.channels / 4,
                                         .k_quads = s.channels / 4,
                                         .source_quads = s.channels / 4,
                                         .source_columns = s.columns,
                                         .result_columns = s.columns,
                                         .label = "tuning"});
    return plan;
}

// Whether the result is tile 0's; that one is remembered.
static bool right(rig *r, int tile)
{
    vkstyle_error ignored;
    uint64_t from = r->weight_bytes + r->column_bytes;
    float *to = tile == 0 ? r->right : r->room;
    if (!vks_download(r->gpu, (vks_slice){r->block, from, r->column_bytes}, to, &ignored))
        return false;
    double off = 0, all = 0;
    for (uint64_t i = 0; i < r->column_bytes / 4; i++) {
        off += pow((double)to[i] - r->right[i], 2);
        all += pow(r->right[i], 2);
    }
    return all > 0 && off <= 1e-8 * all; // false for NaN as well
}

// Seconds of one product with that tile: the fastest of three runs of some 10 ms; negative where it
// cannot be had, or its result is wrong.
static double seconds_of(rig *r, int tile)
{
    enum { ROUNDS = 3, MOST = 32 };
    vkstyle_error ignored;
    double best = -1;
    vks_plan *plan = plan_of(r, tile, &ignored);
    if (plan &&
        vks_clear(r->gpu, (vks_slice){r->block, r->weight_bytes + r->column_bytes, r->column_bytes},
                  &ignored) &&
        vks_plan_realise(plan, r->gpu, false, &ignored) && vks_plan_run(plan, &ignored) &&
        right(r, tile)) {
        double start = vks_seconds();
        bool good = vks_plan_run(plan, &ignored);
        double once = vks_seconds() - start;
        int count = once > 0.01 ? 1 : once < 0.01 / MOST ? MOST : (int)(0.01 / once);
        for (int i = 0; good && i < ROUNDS; i++) {
            uint64_t ticket = 0;
            bool done = false;
            start = vks_seconds();
            for (int k = 0; good && k < count; k++)
                good = vks_gpu_submit(r->gpu, vks_plan_sequence(plan), 0, 1, &ticket, &ignored);
            while (good && !done)
                good = vks_gpu_done(r->gpu, ticket, 1.0, &done, &ignored);
            double each = (vks_seconds() - start) / count;
            if (good && (best < 0 || each < best))
                best = each;
        }
    }
    vks_plan_free(&plan);
    return best;
}

// The fastest tile; -1: nothing could be measured.
static int measure(vks_gpu *gpu)
{
    const vks_gpu_limits *limits = vks_gpu_get_limits(gpu);
    vkstyle_error ignored;
    rig r = {.gpu = gpu, .size = {36, 256, 256}};
    vkstyle_device device;
    vks_gpu_describe(gpu, &device);
    if (device.type == VKSTYLE_DEVICE_SOFTWARE) // for tests, also where it plays a GPU
        r.size = (size){2, 128, 64};
    int best = -1;
    double fastest = 0;
    bool made = rig_make(&r, &ignored);
    for (int i = 0; made && i < VKS_TILES; i++) {
        if (!vks_tile_fits(vks_tile_at(i), limits))
            continue;
        double seconds = seconds_of(&r, i);
        // A few per cent are noise: the earlier one stays.
        if (seconds > 0 && (best < 0 || seconds < 0.97 * fastest)) {
            best = i;
            fastest = seconds;
        }
    }
    rig_free(&r);
    return best;
}

static bool named(const char *name, const char *who, const vks_gpu_limits *limits, int *tile,
                  vkstyle_error *error)
{
    *tile = vks_tile_find(name);
    if (*tile < 0) {
        char known[200] = "";
        for (int i = 0; i < VKS_TILES; i++)
            snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "",
                     vks_tile_at(i)->name);
        return vks_fail(error, VKSTYLE_USAGE, "%s: there is no tile '%s'; there are %s", who, name,
                        known);
    }
    if (!vks_tile_fits(vks_tile_at(*tile), limits))
        return vks_fail(
            error, VKSTYLE_USAGE,
            "%s: tile %s needs %u invocations and %u bytes of shared memory, the device "
            "has %u and %u",
            who, name, vks_tile_width(vks_tile_at(*tile)), vks_tile_shared(vks_tile_at(*tile)),
            limits->invocations, limits->shared_bytes);
    return true;
}

bool vks_tune(vks_setting *setting, vks_gpu *gpu, const char *wanted, vkstyle_error *error)
{
    const vks_gpu_limits *limits = vks_gpu_get_limits(gpu);
    const char *tune = getenv("VKSTYLE_TUNE");
    int *tile = &setting->encode.tile;
    char file[160], text[32];
    if (!vks_on_gpu(setting->encode.kernels))
        return true;
    if (wanted && *wanted)
        return named(wanted, "--plan", limits, tile, error);
    tune = tune && *tune ? tune : limits->software ? "0" : "remembered";
    if (strchr(tune, 'x'))
        return named(tune, "VKSTYLE_TUNE", limits, tile, error);
    if (!strcmp(tune, "0"))
        return true;
    snprintf(file, sizeof file, "tile-%s", vks_gpu_key(gpu));
    if (strcmp(tune, "again") && vks_keep_read(file, text, sizeof text)) {
        int kept = vks_tile_find(text); // of a damaged file: none
        if (kept >= 0 && vks_tile_fits(vks_tile_at(kept), limits)) {
            *tile = kept;
            return true;
        }
    }
    int best = measure(gpu);
    if (best >= 0) {
        *tile = best;
        vks_keep_write(file, vks_tile_at(best)->name);
    }
    return true;
}
