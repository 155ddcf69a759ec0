// SPDX-License-Identifier: MIT
#include "optimiser_rig.h"

#include <stdlib.h>
#include <string.h>

vks_gpu *gpu;

void need(bool good, const vkstyle_error *error)
{
    if (!good)
        fail_msg("%s", error->text);
}

void open_gpu(const char *limits)
{
    vkstyle_error error = {0};
    vks_gpu_close(&gpu);
    if (limits)
        setenv("VKSTYLE_DEBUG_LIMITS", limits, 1);
    else
        unsetenv("VKSTYLE_DEBUG_LIMITS");
    gpu = vks_gpu_open("auto", &error);
    need(gpu, &error);
}

int setup(void **state)
{
    (void)state;
    open_gpu(NULL);
    return 0;
}

int teardown(void **state)
{
    (void)state;
    vks_gpu_close(&gpu);
    return vks_gpu_validation_messages();
}

double noise(uint32_t a, uint32_t b)
{
    uint32_t h = a * 2654435761u ^ (b + 0x9e3779b9u) * 2246822519u;
    h ^= h >> 15;
    h *= 2654435769u;
    h ^= h >> 13;
    return h / 2147483648.0 - 1;
}

// ---------------------------------------------------------------- an optimiser on its own

enum { GUARD = 0x5a };

// Fills what lies behind the data of a buffer, up to its end.
static void guard(rig *r, int buffer, uint64_t bytes, bool check)
{
    vkstyle_error error = {0};
    vks_slice s = vks_plan_slice(r->plan, buffer);
    s.offset += bytes;
    s.bytes -= bytes;
    if (!s.bytes)
        return;
    unsigned char *data = malloc(s.bytes);
    assert_non_null(data);
    if (check) {
        need(vks_download(gpu, s, data, &error), &error);
        for (uint64_t i = 0; i < s.bytes; i++)
            assert_int_equal(data[i], GUARD);
    } else {
        memset(data, GUARD, s.bytes);
        need(vks_upload(gpu, s, data, &error), &error);
    }
    free(data);
}

static void guards(rig *r, bool check)
{
    int count = 0;
    const vks_optimiser_part *parts = vks_optimiser_parts(r->optimiser, &count);
    assert_in_range(count, 4, VKS_OPTIMISER_PARTS);
    for (int i = 0; i < count; i++)
        guard(r, parts[i].buffer, parts[i].bytes, check);
    guard(r, r->gradient, r->count * 16, check);
}

static vks_slice pixels(const rig *r, int buffer)
{
    vks_slice s = vks_plan_slice(r->plan, buffer);
    s.bytes = r->count * 16;
    return s;
}

void rig_fetch(rig *r, int buffer, float *to)
{
    vkstyle_error error = {0};
    need(vks_download(gpu, pixels(r, buffer), to, &error), &error);
}

rig rig_make(const struct vks_optimiser_options *options, uint64_t count, const float *x)
{
    vkstyle_error error = {0};
    rig r = {.count = count};
    r.plan = vks_plan_create(vks_gpu_get_limits(gpu), VKS_FLOAT, &error);
    need(r.plan, &error);
    r.target = vks_plan_buffer(r.plan, "target", count * 16 + 1, VKS_KEPT);
    r.gradient = vks_plan_buffer(r.plan, "gradient", count * 16 + 1, VKS_KEPT);
    r.values = vks_plan_buffer(r.plan, "values", 64, VKS_KEPT);
    r.optimiser =
        vks_optimiser_emit(r.plan, options, r.target, r.gradient, r.values, count, &error);
    need(r.optimiser, &error);
    need(vks_plan_realise(r.plan, gpu, false, &error), &error);
    need(vks_optimiser_reset(r.optimiser, gpu, &error), &error);
    guards(&r, false);
    r.x = malloc(count * 16);
    r.g = calloc(count, 16);
    assert_true(r.x && r.g);
    memcpy(r.x, x, count * 16);
    need(vks_upload(gpu, pixels(&r, r.target), x, &error), &error);
    return r;
}

void rig_drop(rig *r)
{
    guards(r, true);
    vks_optimiser_free(&r->optimiser);
    vks_plan_free(&r->plan);
    free(r->x);
    free(r->g);
}

void rig_step(rig *r, double loss)
{
    vkstyle_error error = {0};
    float value = (float)loss;
    vks_slice v = vks_plan_slice(r->plan, r->values);
    v.bytes = sizeof value;
    need(vks_upload(gpu, v, &value, &error), &error);
    need(vks_upload(gpu, pixels(r, r->gradient), r->g, &error), &error);
    need(vks_plan_run(r->plan, &error), &error);
    rig_fetch(r, r->target, r->x);
}

float *start_at(uint64_t count, double middle, double spread)
{
    float *x = calloc(count, 16);
    assert_non_null(x);
    for (uint64_t i = 0; i < count; i++)
        for (int c = 0; c < 3; c++)
            x[4 * i + c] = (float)(middle + spread * noise((uint32_t)i, 77 + c));
    return x;
}

double *doubles(uint64_t n)
{
    double *d = calloc(n, sizeof *d);
    assert_non_null(d);
    return d;
}

vks_optimiser_tally rig_tally(rig *r)
{
    vkstyle_error error = {0};
    vks_optimiser_tally tally;
    need(vks_optimiser_read(r->optimiser, gpu, &tally, &error), &error);
    return tally;
}

static void each_part(rig *r, unsigned char *saved, bool restore)
{
    vkstyle_error error = {0};
    int count = 0;
    const vks_optimiser_part *parts = vks_optimiser_parts(r->optimiser, &count);
    for (int i = 0; i < count; i++) {
        vks_slice s = vks_plan_slice(r->plan, parts[i].buffer);
        s.bytes = parts[i].bytes;
        need(restore ? vks_upload(gpu, s, saved, &error) : vks_download(gpu, s, saved, &error),
             &error);
        saved += parts[i].bytes;
    }
}

unsigned char *rig_save(rig *r)
{
    uint64_t bytes = 0;
    int count = 0;
    const vks_optimiser_part *parts = vks_optimiser_parts(r->optimiser, &count);
    for (int i = 0; i < count; i++)
        bytes += parts[i].bytes;
    unsigned char *saved = malloc(bytes);
    assert_non_null(saved);
    each_part(r, saved, false);
    return saved;
}

void rig_restore(rig *r, const unsigned char *saved)
{
    each_part(r, (unsigned char *)saved, true);
    rig_fetch(r, r->target, r->x);
}
