// SPDX-License-Identifier: MIT
#include "../clock.h"
#include "budget.h"
#include "context.h"
#include "estimate.h"
#include "iteration.h"
#include "kernel_choice.h"
#include "peak.h"
#include "product.h"
#include "runner.h"
#include "tuning.h"
#include "../error.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { WARM_UP = 3 };

// One vkstyle_bench at work: transfer's own plan at one size, over smooth pictures (the arithmetic
// does not depend on them).
typedef struct bench {
    vkstyle_context *context;
    const vkstyle_model *model;
    vks_setting setting;
    vks_network *network;
    vks_style style;
    vks_content content;
    vkstyle_image *image;
    struct vks_optimiser_options optimiser;
    double prepare_seconds, record_seconds, first_seconds;
    double weight_seconds, compile_seconds; // parts of the two before
    double peak_flops;                      // of the device
    uint64_t plan_bytes;
    double *seconds; // one an iteration
    int count;
} bench;

static vkstyle_image *smooth(int width, int height, double pace, vkstyle_error *error)
{
    vkstyle_image *image = vkstyle_image_create(width, height, false, error);
    size_t i = 0;
    for (int c = 0; image && c < 3; c++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                image->rgb[i++] = (float)(0.5 + 0.4 * sin(pace * 9 * x / width + c) *
                                                    cos(9.0 * y * (c + 1) / height));
    return image;
}

static bool prepare(bench *b, int width, int height, vkstyle_error *error)
{
    vks_gpu *gpu = b->context->gpu;
    vkstyle_image *other = smooth(width, height, 1.7, error);
    b->image = smooth(width, height, 1, error);
    const vkstyle_image *styles[1] = {other};
    bool done =
        other && b->image &&
        vks_prepare_style(&b->style, gpu, b->network, &b->setting, styles, NULL, 1, error) &&
        vks_prepare_content(&b->content, gpu, b->network, &b->setting, b->image, true, error);
    vkstyle_image_free(&other);
    return done;
}

static bool build(bench *b, vks_iteration *it, bool timed, vkstyle_error *error)
{
    vks_gpu *gpu = b->context->gpu;
    return vks_iteration_build(it, vks_gpu_get_limits(gpu), b->network, &b->setting,
                               &(vks_iteration_options){.width = (uint32_t)b->image->width,
                                                        .height = (uint32_t)b->image->height,
                                                        .style = &b->style,
                                                        .content = &b->content,
                                                        .optimiser = &b->optimiser},
                               error) &&
           vks_iteration_realise(it, gpu, &b->style, timed, error) &&
           vks_iteration_put(it, gpu, it->target, b->image, error);
}

// Iterations one at a time, as transfer's runner feeds them.
static bool time_iterations(bench *b, vks_iteration *it, vkstyle_error *error)
{
    vks_pace pace = {0};
    double begun;
    if (!vks_iteration_begin(it, b->context->gpu, &b->content, NULL, &begun, error))
        return false;
    for (int i = -WARM_UP; i < b->count; i++) {
        vks_watch watch = {.pace = &pace};
        vks_run run = vks_iteration_run(it, b->context->gpu, &watch, 1);
        if (!vks_run_sequence(&run, error))
            return false;
        if (i == -WARM_UP)
            b->first_seconds = begun + run.seconds;
        else if (i >= 0)
            b->seconds[i] = run.seconds;
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Adds up the timings of dispatches with the same label.
static void add_kernels(cJSON *list, const vks_timing *timings, int count, double peak)
{
    for (int i = 0; i < count; i++) {
        bool first = true;
        for (int k = 0; k < i; k++)
            first &= strcmp(timings[k].label, timings[i].label) != 0;
        if (!first)
            continue;
        double seconds = 0, flops = 0, bytes = 0;
        int dispatches = 0;
        for (int k = i; k < count; k++) {
            if (strcmp(timings[k].label, timings[i].label))
                continue;
            seconds += timings[k].seconds;
            flops += timings[k].flops;
            bytes += timings[k].bytes;
            dispatches++;
        }
        cJSON *k = cJSON_CreateObject();
        cJSON_AddStringToObject(k, "name", timings[i].label);
        cJSON_AddStringToObject(k, "kernel", vks_kernel_name(timings[i].kernel));
        cJSON_AddNumberToObject(k, "seconds", seconds);
        cJSON_AddNumberToObject(k, "dispatches", dispatches);
        cJSON_AddNumberToObject(k, "gflops", seconds > 0 ? flops / seconds * 1e-9 : 0);
        cJSON_AddNumberToObject(k, "gbytes_per_second", seconds > 0 ? bytes / seconds * 1e-9 : 0);
        cJSON_AddNumberToObject(k, "share_of_peak", seconds > 0 ? flops / seconds / peak : 0);
        cJSON_AddItemToArray(list, k);
    }
}

// A second plan with timestamps around each dispatch: they cost a little, so the wall times above
// come from the plain one.
static bool profile(bench *b, cJSON *list, vkstyle_error *error)
{
    vks_iteration it = {0};
    int count = 0;
    bool done =
        build(b, &it, true, error) && vks_plan_run(it.plan, error) && vks_plan_run(it.plan, error);
    const vks_timing *timings =
        done ? vks_sequence_timings(vks_plan_sequence(it.plan), &count, error) : NULL;
    if (timings)
        add_kernels(list, timings, count, b->peak_flops);
    vks_iteration_free(&it);
    return timings != NULL;
}

// Most memory that this process has had in use; drivers of software devices keep theirs there too.
static double process_bytes(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage))
        return 0;
#ifdef __APPLE__
    return (double)usage.ru_maxrss;
#else
    return (double)usage.ru_maxrss * 1024;
#endif
}

static cJSON *figures(const bench *b, double flops, uint64_t predicted)
{
    vkstyle_device device;
    vks_gpu_describe(b->context->gpu, &device);
    cJSON *root = cJSON_CreateObject();
    cJSON *size = cJSON_AddArrayToObject(root, "size");
    cJSON_AddItemToArray(size, cJSON_CreateNumber(b->image->width));
    cJSON_AddItemToArray(size, cJSON_CreateNumber(b->image->height));
    cJSON_AddStringToObject(root, "model", b->model->name);
    cJSON_AddStringToObject(root, "device", device.name);
    cJSON_AddStringToObject(root, "driver", device.driver);
    cJSON_AddStringToObject(root, "precision", b->setting.storage == VKS_HALF ? "fp16" : "fp32");
    cJSON_AddStringToObject(root, "kernel_choice", vks_kernels_name(b->setting.encode.kernels));
    if (vks_on_gpu(b->setting.encode.kernels))
        cJSON_AddStringToObject(root, "tile", vks_tile_at(b->setting.encode.tile)->name);
    cJSON_AddNumberToObject(root, "iterations", b->count);
    cJSON_AddNumberToObject(root, "seconds_per_iteration", b->seconds[b->count / 2]);
    cJSON_AddNumberToObject(root, "fastest", b->seconds[0]);
    cJSON_AddNumberToObject(root, "gflop_per_iteration", flops * 1e-9);
    cJSON_AddNumberToObject(root, "gflops", flops / b->seconds[b->count / 2] * 1e-9);
    cJSON_AddNumberToObject(root, "device_peak_gflops", b->peak_flops * 1e-9);
    double open = b->context->open_seconds, both = b->prepare_seconds + b->record_seconds;
    cJSON_AddNumberToObject(root, "startup_seconds", open + both + b->first_seconds);
    cJSON *startup = cJSON_AddObjectToObject(root, "startup");
    cJSON_AddNumberToObject(startup, "instance", open);
    cJSON_AddNumberToObject(startup, "pipelines", b->compile_seconds);
    cJSON_AddNumberToObject(startup, "weights", b->weight_seconds);
    cJSON_AddNumberToObject(startup, "style_and_content",
                            both - b->compile_seconds - b->weight_seconds);
    cJSON_AddNumberToObject(startup, "first_iteration", b->first_seconds);
    cJSON_AddNumberToObject(root, "predicted_bytes", (double)predicted);
    cJSON_AddNumberToObject(root, "peak_bytes", (double)vks_gpu_peak(b->context->gpu));
    cJSON_AddNumberToObject(root, "peak_process_bytes", process_bytes());
    // Activations, gradients, masks, scratch, losses and optimiser: all but weights.
    cJSON_AddNumberToObject(root, "plan_bytes", (double)b->plan_bytes);
    cJSON_AddNumberToObject(root, "plan_bytes_per_pixel",
                            (double)b->plan_bytes / b->image->width / b->image->height);
    return root;
}

static bool measure(bench *b, int width, int height, const vkstyle_params *params, char **json,
                    vkstyle_error *error)
{
    vks_schedule schedule = {.count = 1, .levels = {{width, height, b->count}}};
    vks_estimate estimate;
    vks_iteration it = {0};
    vks_gpu *gpu = b->context->gpu;
    double weights = vks_network_seconds(b->network), compiled = vks_gpu_compile_seconds(gpu);
    double start = vks_seconds();
    bool done =
        vks_estimate_job(&estimate, b->context, b->model, &b->setting, &schedule, params, error);
    if (done)
        vks_level_foretell(gpu, b->model, &b->setting, params, &schedule.levels[0]);
    b->setting = vks_setting_at(&b->setting, &schedule.levels[0]);
    b->optimiser = vks_optimiser_for(params, &schedule.levels[0]);
    done = done && prepare(b, width, height, error);
    b->prepare_seconds = vks_seconds() - start;
    start = vks_seconds();
    done = done && build(b, &it, false, error);
    b->weight_seconds = vks_network_seconds(b->network) - weights;
    b->compile_seconds = vks_gpu_compile_seconds(gpu) - compiled;
    b->record_seconds = vks_seconds() - start;
    done = done && time_iterations(b, &it, error);
    double flops = done ? vks_iteration_flops(&it) : 0;
    b->plan_bytes = done ? vks_iteration_bytes(&it, NULL) : 0;
    vks_iteration_free(&it);
    if (!done)
        return false;
    qsort(b->seconds, (size_t)b->count, sizeof *b->seconds, by_value);
    if (!vks_measure_peak(gpu, &b->peak_flops, error))
        return false;
    cJSON *root = figures(b, flops, estimate.bytes);
    // Of tiles there is no single plan to time.
    if (b->setting.tile)
        cJSON_AddNumberToObject(root, "tile", b->setting.tile);
    cJSON *kernels = cJSON_AddArrayToObject(root, "kernels");
    done = b->setting.tile || profile(b, kernels, error);
    *json = done ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    if (done && !*json)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the figures");
    return done;
}

bool vkstyle_bench(vkstyle_context *context, const vkstyle_model *model, int width, int height,
                   int iterations, const vkstyle_params *params, char **json, vkstyle_error *error)
{
    bench b = {.context = context, .model = model, .count = iterations < 1 ? 1 : iterations};
    if (width < 16 || height < 16)
        return vks_fail(error, VKSTYLE_USAGE, "bench: %dx%d pixels; at least 16x16", width, height);
    b.seconds = calloc((size_t)b.count, sizeof *b.seconds);
    if (!b.seconds)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for %d timings", b.count);
    bool done =
        vkstyle_params_check(params, error) &&
        vks_setting_resolve(&b.setting, model, params, vks_gpu_get_limits(context->gpu), error) &&
        vks_tune(&b.setting, context->gpu, NULL, error) &&
        (b.network = vks_context_network(context, model, error)) &&
        measure(&b, width, height, params, json, error);
    vks_style_free(&b.style);
    vks_content_free(&b.content);
    vkstyle_image_free(&b.image);
    free(b.seconds);
    return done;
}
