// SPDX-License-Identifier: MIT
#include "estimate.h"
#include "iteration.h"
#include "../error.h"
#include "../number.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct vks_optimiser_options vks_optimiser_for(const vkstyle_params *params, int iterations)
{
    struct vks_optimiser_options o = vks_optimiser_default(params->optimizer);
    if (params->learning_rate > 0)
        o.learning_rate = params->learning_rate;
    // The average spans the last quarter or so of a level; a longer one would drag early,
    // unfinished iterates along.
    double decay = 1 - 8.0 / iterations;
    o.average_decay = decay < 0.5 ? 0.5 : decay > 0.99 ? 0.99 : decay;
    if (params->raw_losses) { // the optimiser of the paper's followers: torch.optim.Adam as it is
        o.beta2 = 0.999;
        o.average = false;
    }
    if (params->no_clamp)
        o.clamp = o.average = false;
    return o;
}

// ---------------------------------------------------------------- bytes

// Plan bytes and work of one level's iteration, and the weights it needs in the dry network.
static bool dry_level(vks_network *dry, const vks_gpu_limits *limits, const vks_setting *setting,
                      const vkstyle_params *params, const vkstyle_job *job, vks_level level,
                      uint64_t *bytes, double *flops, vkstyle_error *error)
{
    const vkstyle_model *model = vks_network_model(dry);
    uint32_t width = (uint32_t)level.width, height = (uint32_t)level.height;
    vks_style style = {.count = setting->style_count};
    for (int i = 0; i < style.count; i++) {
        style.channels[i] = (uint32_t)model->layers[setting->style_layers[i]].out;
        style.padded[i] = vks_gram_padded(style.channels[i]);
        style.square[i] = style.trace[i] = 1;
    }
    float none = 0;
    vks_regions regions = {.count = job ? vks_job_regions(job) : 1};
    regions.coverage = job && vks_job_has_masks(job) ? &none : NULL;
    regions.at = calloc((size_t)regions.count, sizeof *regions.at);
    if (!regions.at)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for %d regions", regions.count);
    for (int i = 0; i < regions.count; i++) {
        regions.at[i].style = style;
        regions.at[i].weight = 1;
    }
    vks_content content = {.square = 1};
    struct vks_optimiser_options optimiser = vks_optimiser_for(params, level.iterations);
    vks_iteration it = {0};
    bool done = vks_iteration_build(&it, limits, dry, setting,
                                    &(vks_iteration_options){.width = width < 16 ? 16 : width,
                                                             .height = height < 16 ? 16 : height,
                                                             .regions = &regions,
                                                             .content = &content,
                                                             .optimiser = &optimiser},
                                    error);
    if (done) {
        *bytes = vks_plan_bytes(it.plan) +
                 vks_tensor_bytes(it.plan, it.encoding.shape[setting->content_layer]);
        *flops = vks_plan_flops(it.plan);
    }
    vks_iteration_free(&it);
    free(regions.at);
    return done;
}

// ---------------------------------------------------------------- calibration

// One file a device and kind of kernels: seconds a flop, as text.
static bool calibration_path(const vkstyle_context *context, const vks_setting *setting, char *path,
                             size_t room)
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char folder[VKSTYLE_PATH / 2], key[200];
    if (base && *base)
        snprintf(folder, sizeof folder, "%s/vkstyle", base);
    else if (home && *home)
        snprintf(folder, sizeof folder, "%s/.cache/vkstyle", home);
    else
        return false;
    if (mkdir(folder, 0700) && errno != EEXIST)
        return false;
    snprintf(key, sizeof key, "%s", vks_gpu_key(context->gpu));
    for (char *c = key; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", *c))
            *c = '_';
    int written =
        snprintf(path, room, "%s/speed-%s-%s-%s", folder, key,
                 setting->encode.kernels == VKSTYLE_KERNELS_DIRECT ? "direct" : "winograd",
                 setting->storage == VKS_HALF ? "fp16" : "fp32");
    return written > 0 && (size_t)written < room;
}

static double seconds_per_flop(const vkstyle_context *context, const vks_setting *setting)
{
    char path[VKSTYLE_PATH], text[64] = "";
    double value;
    if (!calibration_path(context, setting, path, sizeof path))
        return -1;
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    bool read = fgets(text, sizeof text, file);
    fclose(file);
    return read && vks_parse_real(text, &value) && value > 0 && value < 1 ? value : -1;
}

void vks_calibrate(const vkstyle_context *context, const vks_setting *setting, double flops,
                   double seconds)
{
    char path[VKSTYLE_PATH], temporary[VKSTYLE_PATH + 32], number[32];
    if (!(flops > 0) || !(seconds > 0) || !calibration_path(context, setting, path, sizeof path))
        return;
    snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    FILE *file = fopen(temporary, "w");
    if (!file)
        return;
    bool written = fputs(vks_print_real(number, sizeof number, seconds / flops), file) >= 0;
    if (fclose(file) || !written || rename(temporary, path))
        remove(temporary);
}

// ---------------------------------------------------------------- the job

bool vks_estimate_job(vks_estimate *estimate, const vkstyle_context *context,
                      const vkstyle_model *model, const vks_setting *setting,
                      const vks_schedule *schedule, const vkstyle_params *params,
                      const vkstyle_job *job, vkstyle_error *error)
{
    *estimate = (vks_estimate){.seconds = -1};
    vks_network *dry = vks_network_create(NULL, model, error);
    if (!dry)
        return false;
    uint64_t most = 0;
    bool done = true;
    for (int i = 0; done && i < schedule->count; i++) {
        uint64_t bytes = 0;
        double flops = 0;
        done = dry_level(dry, vks_gpu_get_limits(context->gpu), setting, params, job,
                         schedule->levels[i], &bytes, &flops, error);
        most = bytes > most ? bytes : most;
        estimate->flops += flops * schedule->levels[i].iterations;
    }
    estimate->bytes = most + vks_network_bytes(dry) + VKS_STAGING_BYTES;
    vks_network_free(&dry);
    double each = seconds_per_flop(context, setting);
    if (each > 0)
        estimate->seconds = each * estimate->flops;
    return done;
}

bool vkstyle_estimate(vkstyle_context *context, const vkstyle_model *model, int content_width,
                      int content_height, const vkstyle_params *params, double *seconds,
                      uint64_t *bytes, vkstyle_error *error)
{
    vks_setting setting;
    vks_schedule schedule;
    vks_estimate estimate;
    if (!vkstyle_params_check(params, error) ||
        !vks_setting_resolve(&setting, model, params, vks_gpu_get_limits(context->gpu), error))
        return false;
    vks_schedule_make(&schedule, content_width, content_height, params);
    if (!vks_estimate_job(&estimate, context, model, &setting, &schedule, params, NULL, error))
        return false;
    *seconds = estimate.seconds;
    *bytes = estimate.bytes;
    return true;
}
