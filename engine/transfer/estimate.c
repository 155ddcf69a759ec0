// SPDX-License-Identifier: MIT
#include "estimate.h"
#include "budget.h"
#include "iteration.h"
#include "keep.h"
#include "kernel_choice.h"
#include "../error.h"
#include "../number.h"

#include <math.h>
#include <stdio.h>

struct vks_optimiser_options vks_optimiser_for(const vkstyle_params *params, const vks_level *level)
{
    struct vks_optimiser_options o = vks_optimiser_default(params->optimizer);
    if (level->history)
        o.history = level->history;
    // A level of a few steps is a descent and no more: Adam begins with three times the step, and
    // ends with about the usual one. (docs/qualities.md has the measurements.)
    enum { FEW = 12 };
    if (level->iterations <= FEW && params->optimizer == VKSTYLE_ADAM && !params->raw_losses) {
        o.learning_rate *= 3;
        o.cooling = pow(0.3, 1.0 / level->iterations);
    }
    if (params->learning_rate > 0) {
        o.learning_rate = params->learning_rate;
        o.cooling = 1;
    }
    // The average spans the last quarter or so of a level; a longer one would drag early,
    // unfinished iterates along.
    double decay = 1 - 8.0 / level->iterations;
    o.average_decay = decay < 0.5 ? 0.5 : decay > 0.99 ? 0.99 : decay;
    if (params->raw_losses) { // the optimiser of the paper's followers: torch.optim.Adam as it is
        o.beta2 = 0.999;
        o.average = false;
    }
    if (params->no_clamp)
        o.clamp = o.average = false;
    return o;
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
                      vks_schedule *schedule, const vkstyle_params *params, vkstyle_error *error)
{
    *estimate = (vks_estimate){.seconds = -1};
    vks_network *dry = vks_network_create(NULL, model, error);
    if (!dry)
        return false;
    vks_level goal = schedule->levels[schedule->count - 1];
    vks_budget budget = vks_budget_of(context->gpu, params, (double)goal.width * goal.height);
    bool done = true;
    for (int i = 0; done && i < schedule->count; i++) {
        vks_level *level = &schedule->levels[i];
        vks_need need = {0};
        done = vks_level_fit(level, &budget, context->gpu, model, setting, params, 0, error) &&
               vks_level_need(&need, dry, vks_gpu_get_limits(context->gpu), setting, params, level,
                              error);
        if (need.bytes > estimate->bytes) {
            estimate->bytes = need.bytes;
            estimate->host = need.host;
        }
        estimate->flops += need.flops * level->iterations;
    }
    estimate->bytes += vks_network_bytes(dry) + VKS_STAGING_BYTES;
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
    setting.encode.goal = vks_schedule_goal(&schedule);
    if (!vks_estimate_job(&estimate, context, model, &setting, &schedule, params, error))
        return false;
    *seconds = estimate.seconds;
    *bytes = estimate.bytes;
    return true;
}
