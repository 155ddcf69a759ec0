// SPDX-License-Identifier: MIT
#include "estimate.h"
#include "iteration.h"
#include "keep.h"
#include "kernel_choice.h"
#include "tiled.h"
#include "../error.h"
#include "../number.h"

#include <stdio.h>

struct vks_optimiser_options vks_optimiser_for(const vkstyle_params *params, int iterations)
{
    struct vks_optimiser_options o = vks_optimiser_default(params->optimizer);
    // A level of a few steps is a descent and no more: Adam then goes twice as far with each. (Six
    // iterations at 256 pixels after 32 at 128: style 0.053 instead of 0.062, docs/qualities.md.)
    enum { FEW = 12 };
    if (iterations <= FEW && params->optimizer == VKSTYLE_ADAM && !params->raw_losses)
        o.learning_rate *= 2;
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
                      const vkstyle_params *params, vks_level level, uint64_t *bytes, double *flops,
                      vkstyle_error *error)
{
    const vkstyle_model *model = vks_network_model(dry);
    uint32_t width = (uint32_t)level.width, height = (uint32_t)level.height;
    vks_style style = {.count = setting->style_count};
    for (int i = 0; i < style.count; i++) {
        style.channels[i] = (uint32_t)model->layers[setting->style_layers[i]].out;
        style.padded[i] = vks_gram_padded(style.channels[i]);
        style.square[i] = style.trace[i] = 1;
    }
    vks_region region[VKSTYLE_MAX_STYLES];
    vks_regions regions = {setting->regions, region};
    for (int i = 0; i < setting->regions; i++)
        region[i] = (vks_region){&style, 1, NULL};
    vks_content content = {.square = 1};
    struct vks_optimiser_options optimiser = vks_optimiser_for(params, level.iterations);
    vks_iteration it = {0};
    bool done =
        vks_iteration_build(&it, limits, dry, setting,
                            &(vks_iteration_options){.width = width < 16 ? 16 : width,
                                                     .height = height < 16 ? 16 : height,
                                                     .style = &style,
                                                     .regions = setting->regions ? &regions : NULL,
                                                     .content = &content,
                                                     .optimiser = &optimiser},
                            error);
    if (done) {
        *bytes = vks_plan_bytes(it.plan) + vks_tiles_features_bytes(&it.tiling, model,
                                                                    setting->content_layer,
                                                                    vks_texel_bytes(it.plan));
        *flops = vks_plan_flops(it.plan);
    }
    vks_iteration_free(&it);
    return done;
}

// ---------------------------------------------------------------- calibration

// One file a device and kind of kernels: seconds a flop, as text.
static void calibration_name(const vkstyle_context *context, const vks_setting *setting, char *name,
                             size_t room)
{
    snprintf(name, room, "speed-%s-%s-%s", vks_gpu_key(context->gpu),
             vks_kernels_name(setting->encode.kernels),
             setting->storage == VKS_HALF ? "fp16" : "fp32");
}

static double seconds_per_flop(const vkstyle_context *context, const vks_setting *setting)
{
    char name[200], text[64];
    double value;
    calibration_name(context, setting, name, sizeof name);
    return vks_keep_read(name, text, sizeof text) && vks_parse_real(text, &value) && value > 0 &&
                   value < 1
               ? value
               : -1;
}

void vks_calibrate(const vkstyle_context *context, const vks_setting *setting, double flops,
                   double seconds)
{
    char name[200], number[32];
    if (!(flops > 0) || !(seconds > 0))
        return;
    calibration_name(context, setting, name, sizeof name);
    vks_keep_write(name, vks_print_real(number, sizeof number, seconds / flops));
}

// ---------------------------------------------------------------- the job

bool vks_estimate_job(vks_estimate *estimate, const vkstyle_context *context,
                      const vkstyle_model *model, const vks_setting *setting,
                      const vks_schedule *schedule, const vkstyle_params *params,
                      vkstyle_error *error)
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
        done = dry_level(dry, vks_gpu_get_limits(context->gpu), setting, params,
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

bool vks_estimate_within(vks_estimate *estimate, const vkstyle_context *context,
                         const vkstyle_model *model, vks_setting *setting,
                         const vks_schedule *schedule, const vkstyle_params *params, uint64_t limit,
                         vkstyle_error *error)
{
    static const uint32_t sizes[] = {4096, 3072, 2048, 1536, 1024, 768,
                                     512,  384,  256,  192,  128,  64};
    vks_level goal = schedule->levels[schedule->count - 1];
    int side = goal.width > goal.height ? goal.width : goal.height;
    vkstyle_error refused = {VKSTYLE_DONE, ""};
    setting->tile = (uint32_t)params->tile;
    bool done = vks_estimate_job(estimate, context, model, setting, schedule, params, &refused);
    if (!done && refused.status != VKSTYLE_NO_MEMORY)
        goto fail;
    if (params->tile || (done && estimate->bytes <= limit))
        goto end;
    // The smallest is the last to be tried: what it needs is what a refusal names.
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (sizes[i] >= (uint32_t)side)
            continue;
        setting->tile = sizes[i];
        done = vks_estimate_job(estimate, context, model, setting, schedule, params, &refused);
        if (!done && refused.status != VKSTYLE_NO_MEMORY)
            goto fail;
        if (done && estimate->bytes <= limit)
            return true;
    }
end:
    if (done)
        return true;
fail:
    if (error)
        *error = refused;
    return false;
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
    uint64_t limit = params->memory
                         ? params->memory
                         : vks_gpu_budget(context->gpu) + vks_gpu_allocated(context->gpu);
    if (!vks_estimate_within(&estimate, context, model, &setting, &schedule, params, limit, error))
        return false;
    *seconds = estimate.seconds;
    *bytes = estimate.bytes;
    return true;
}
