// SPDX-License-Identifier: MIT
#include "carry.h"
#include "clock.h"
#include "context.h"
#include "estimate.h"
#include "journal.h"
#include "pad.h"
#include "random.h"
#include "replay.h"
#include "runner.h"
#include "watchdog.h"
#include "../error.h"
#include "../image/image.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One vkstyle_transfer at work.
typedef struct transfer {
    vkstyle_context *context;
    vks_gpu *gpu;
    vks_network *network;
    const vkstyle_model *model;
    const vkstyle_job *job;
    const vkstyle_params *params;
    vkstyle_params replayed; // the same, with the plan of an earlier job
    vkstyle_error *error;
    vks_setting setting;
    vks_schedule schedule;
    vks_estimate estimate;
    vks_journal journal;
    vkstyle_image *content; // as the engine takes it: what is transparent is filled
    vkstyle_image *target;  // between levels: where the next one starts
    vks_carry carry;
    vks_iteration iteration; // of the level at work
    vks_regions regions;     // the same
    vkstyle_image *sized;    // the content at its size
    int level;               // from 0
    int before;              // iterations of the levels before
    int run_base;            // iterations before the run at work
    double start, last_picture;
    double rate;
    vks_watch preparing, running;
    char phase[64];
    vkstyle_decision decision;
    bool out_of_time;
    bool failed; // inside a tick: *error is filled
    vks_watchdog dog;
    vks_trouble trouble; // of the level at work
    double caution;      // factor of the learning rate
    vks_run *run;        // at work
    int stop_at;         // iterations of the level after which it ends early; 0: not yet
} transfer;

// ---------------------------------------------------------------- pictures

// The present result of the level at work, cropped to its true size; the device must be idle.
static vkstyle_image *present_picture(transfer *t)
{
    vks_iteration *it = &t->iteration;
    vks_level level = t->schedule.levels[t->level];
    vkstyle_image *padded = vkstyle_image_create((int)it->width, (int)it->height, false, t->error);
    vkstyle_image *picture = NULL;
    int from = vks_optimiser_result(it->optimiser);
    if (padded && vks_download_image(t->gpu, vks_plan_slice(it->plan, from), padded, t->error)) {
        vks_regions_blend(&t->regions, padded, t->sized);
        picture = vks_crop(padded, level.width, level.height, t->error);
    }
    vkstyle_image_free(&padded);
    return picture;
}

// ---------------------------------------------------------------- progress

static double seconds_left(const transfer *t, double now)
{
    double done = 0, all = 0, level_flops = t->journal.levels[t->level].flops;
    double pixels_here = (double)t->iteration.width * t->iteration.height;
    if (!(t->rate > 0) || !(level_flops > 0))
        return -1;
    for (int i = t->level; i < t->schedule.count; i++) {
        const vks_level *l = &t->schedule.levels[i];
        all += level_flops * ((double)l->width * l->height / pixels_here) * l->iterations;
    }
    done = level_flops * (t->journal.count - t->before);
    double left = (all - done) / t->rate;
    if (t->params->time_limit > 0 && left > t->params->time_limit - (now - t->start))
        left = t->params->time_limit - (now - t->start);
    return left > 0 ? left : 0;
}

static void report_progress(transfer *t, const vkstyle_image *picture)
{
    if (!t->job->progress)
        return;
    double now = vks_seconds();
    vks_level level = t->schedule.levels[t->level];
    vkstyle_progress p = {.phase = t->phase,
                          .iteration = t->journal.count,
                          .iterations = t->schedule.iterations,
                          .level = t->level + 1,
                          .levels = t->schedule.count,
                          .width = level.width,
                          .height = level.height,
                          .loss = NAN,
                          .content_loss = NAN,
                          .style_loss = NAN,
                          .seconds = now - t->start,
                          .seconds_left = seconds_left(t, now),
                          .picture = picture};
    if (t->journal.count) {
        vks_losses l = t->journal.losses[t->journal.count - 1];
        p.loss = l.total;
        p.content_loss = l.content;
        p.style_loss = l.style;
    }
    vkstyle_decision d = t->job->progress(&p, t->job->user);
    if (d > t->decision)
        t->decision = d;
}

static bool picture_due(const transfer *t)
{
    const vkstyle_job *j = t->job;
    return t->journal.count > t->before &&
           ((j->picture_seconds > 0 && vks_seconds() - t->last_picture >= j->picture_seconds) ||
            (j->picture_iterations > 0 && t->journal.count % j->picture_iterations == 0));
}

// While a level is prepared.
static vkstyle_decision look_on(int done, void *user)
{
    transfer *t = user;
    (void)done;
    if (t->params->time_limit > 0 && vks_seconds() - t->start > t->params->time_limit) {
        t->out_of_time = true;
        t->decision = t->decision > VKSTYLE_STOP ? t->decision : VKSTYLE_STOP;
    }
    report_progress(t, NULL);
    return t->decision;
}

// While its iterations run: `done` of this run have finished.
static vkstyle_decision tick(int done, void *user)
{
    transfer *t = user;
    while (t->journal.count < t->run_base + done) {
        vks_losses l =
            vks_iteration_losses(&t->iteration, (uint64_t)(t->journal.count - t->before));
        if (!vks_journal_add(&t->journal, l, t->error)) {
            t->failed = true;
            return VKSTYLE_CANCEL;
        }
        if (!t->trouble)
            t->trouble = vks_watchdog_see(&t->dog, &l);
        if (!t->stop_at && vks_watchdog_still(&t->dog))
            t->stop_at = t->dog.seen + VKS_STILL_LAG;
        int run_stop = t->stop_at - (t->run_base - t->before);
        if (t->stop_at && t->run->count > run_stop)
            t->run->count = run_stop;
    }
    vkstyle_decision decision = look_on(done, t);
    return decision == VKSTYLE_CONTINUE && t->trouble ? VKSTYLE_STOP : decision;
}

// ---------------------------------------------------------------- levels

// The style images at this level's size, and where they act.
static bool prepare_style(transfer *t)
{
    const vkstyle_job *job = t->job;
    vks_level level = t->schedule.levels[t->level];
    vks_level goal = t->schedule.levels[t->schedule.count - 1];
    int side = level.width > level.height ? level.width : level.height;
    double down = (double)side / (goal.width > goal.height ? goal.width : goal.height);
    vkstyle_image **images = calloc((size_t)job->style_count, sizeof *images);
    bool done = images != NULL;
    if (!done)
        vks_fail(t->error, VKSTYLE_NO_MEMORY, "out of memory for the style images");
    for (int i = 0; done && i < job->style_count; i++) {
        const vkstyle_image *s = job->styles[i];
        int own = s->width > s->height ? s->width : s->height, width, height;
        // The paper's raw losses know no style scale: the style image counts as large as it is.
        double long_side = t->params->raw_losses ? own * down : side;
        vks_fit(s->width, s->height, fmax(1, long_side * t->params->style_scale), &width, &height);
        vkstyle_image *filled = vks_image_fill_transparent(s, t->error);
        vkstyle_image *sized =
            filled ? vkstyle_image_resize(filled, width, height, t->error) : NULL;
        images[i] = sized ? vks_pad_small(sized, t->error) : NULL;
        vkstyle_image_free(&filled);
        vkstyle_image_free(&sized);
        done = images[i] != NULL;
    }
    done = done && vks_regions_prepare(&t->regions, t->gpu, t->network, &t->setting, job,
                                       (const vkstyle_image *const *)images, level.width,
                                       level.height, t->sized->width, t->sized->height, t->error);
    for (int i = 0; images && i < job->style_count; i++)
        vkstyle_image_free(&images[i]);
    free(images);
    return done;
}

// A picture at the level's size, padded.
static vkstyle_image *at_level(transfer *t, const vkstyle_image *image)
{
    vks_level level = t->schedule.levels[t->level];
    vkstyle_image *sized = vkstyle_image_resize(image, level.width, level.height, t->error);
    vkstyle_image *padded = sized ? vks_pad_small(sized, t->error) : NULL;
    vkstyle_image_free(&sized);
    return padded;
}

// How many iterations to run until the next picture is due: by count exactly, by time as fast as
// the device has shown to be.
static int until_picture(const transfer *t, int left)
{
    const vkstyle_job *job = t->job;
    int done = t->journal.count - t->before, most = left;
    double seconds = t->journal.levels[t->level].seconds, each = done ? seconds / done : 0;
    if (job->picture_iterations > 0)
        most = job->picture_iterations - t->journal.count % job->picture_iterations;
    if (job->picture_seconds > 0) {
        double due = t->last_picture + job->picture_seconds - vks_seconds();
        int by_time = each > 0 && due > each ? (int)(due / each) : 1;
        most = by_time < most ? by_time : most;
    }
    return most < left ? most : left;
}

// For tests: spoils the target as a wrong device would.
static bool spoil(transfer *t)
{
    float value;
    if (t->caution < 1 || !vks_debug_picture(t->journal.count, &value))
        return true;
    vks_iteration *it = &t->iteration;
    vkstyle_image *bad = vkstyle_image_create((int)it->width, (int)it->height, false, t->error);
    if (!bad)
        return false;
    for (size_t i = 0; i < 3 * (size_t)it->width * it->height; i++)
        bad->rgb[i] = value * (value > 1 ? 1 + (float)(i % 2) : 1);
    bool done = vks_upload_image(t->gpu, vks_plan_slice(it->plan, it->target), bad, t->error);
    vkstyle_image_free(&bad);
    return done;
}

static bool run_level(transfer *t, int left)
{
    while (left > 0 && t->decision == VKSTYLE_CONTINUE && !t->trouble) {
        vks_run run = {.gpu = t->gpu,
                       .sequence = vks_plan_sequence(t->iteration.plan),
                       .watch = &t->running,
                       .count = getenv("VKSTYLE_DEBUG_PICTURE") ? 1 : until_picture(t, left)};
        if (t->stop_at && t->journal.count - t->before + run.count > t->stop_at)
            run.count = t->stop_at - (t->journal.count - t->before);
        if (run.count <= 0) {
            vks_journal_event(&t->journal, t->level, "still", t->caution);
            break;
        }
        t->run = &run;
        t->run_base = t->journal.count;
        if (!vks_run_sequence(&run, t->error) || t->failed)
            return false;
        t->journal.levels[t->level].seconds += run.seconds;
        t->journal.levels[t->level].iterations += run.done;
        left -= run.done;
        if (!spoil(t))
            return false;
        if (t->decision == VKSTYLE_CONTINUE && !t->trouble && picture_due(t)) {
            vkstyle_image *picture = present_picture(t);
            if (!picture)
                return false;
            t->last_picture = vks_seconds();
            report_progress(t, picture);
            vkstyle_image_free(&picture);
        }
    }
    return true;
}

// Everything of one level, or of what is left of it; afterwards t->target is its result, unless
// there was trouble: then it is as it was.
static bool do_level(transfer *t, int iterations)
{
    vks_level level = t->schedule.levels[t->level];
    vks_content content = {0};
    vkstyle_image *start = NULL;
    struct vks_optimiser_options optimiser = vks_optimiser_for(t->params, level.iterations);
    bool done = false;
    optimiser.learning_rate *= t->caution;
    t->before = t->journal.count;
    t->trouble = VKS_NO_TROUBLE;
    t->stop_at = 0;
    snprintf(t->phase, sizeof t->phase, "preparing");
    if (!(t->sized = at_level(t, t->content)) || !(start = at_level(t, t->target)) ||
        !prepare_style(t) ||
        !vks_prepare_content(&content, t->gpu, t->network, &t->setting, t->sized, t->error))
        goto end;
    vks_regions_blend(&t->regions, start, t->sized);
    vks_watchdog_start(&t->dog, &t->setting, t->params->early_stop, t->sized, t->job->styles[0]);
    if (!vks_iteration_build(&t->iteration, vks_gpu_get_limits(t->gpu), t->network, &t->setting,
                             &(vks_iteration_options){.width = (uint32_t)t->sized->width,
                                                      .height = (uint32_t)t->sized->height,
                                                      .regions = &t->regions,
                                                      .content = &content,
                                                      .optimiser = &optimiser},
                             t->error))
        goto end;
    t->journal.levels[t->level].plan_bytes = vks_plan_bytes(t->iteration.plan);
    t->journal.levels[t->level].flops = vks_plan_flops(t->iteration.plan);
    if (!vks_iteration_realise(&t->iteration, t->gpu, NULL, false, t->error) ||
        !vks_upload_image(t->gpu, vks_plan_slice(t->iteration.plan, t->iteration.target), start,
                          t->error) ||
        !vks_carry_restore(&t->carry, &t->iteration, t->gpu, t->error))
        goto end;
    if (t->schedule.count > 1)
        snprintf(t->phase, sizeof t->phase, "level %d of %d", t->level + 1, t->schedule.count);
    else
        snprintf(t->phase, sizeof t->phase, "optimising");
    if (!t->journal.startup_seconds)
        t->journal.startup_seconds = vks_seconds() - t->start;
    if (!run_level(t, iterations))
        goto end;
    if (t->decision != VKSTYLE_CANCEL && !t->trouble && t->journal.count > t->before) {
        vkstyle_image *picture = present_picture(t);
        if (!picture)
            goto end;
        vkstyle_image_free(&t->target);
        t->target = picture;
        if (t->level + 1 < t->schedule.count && t->decision == VKSTYLE_CONTINUE &&
            !vks_carry_save(&t->carry, &t->iteration, t->gpu, t->error))
            goto end;
    }
    done = true;
end:
    // Stopped while preparing: the picture of the level before is the result.
    if (!done && t->error->status == VKSTYLE_INTERRUPTED && t->decision != VKSTYLE_CONTINUE) {
        *t->error = (vkstyle_error){VKSTYLE_DONE, ""};
        done = true;
    }
    vks_iteration_free(&t->iteration);
    vks_content_free(&content);
    vks_regions_free(&t->regions);
    vkstyle_image_free(&t->sized);
    vkstyle_image_free(&start);
    return done;
}

static bool check_memory(transfer *t);

// A level with the watchdog: where the picture is spoilt, what is left of the level starts again
// from where the level began, in float32 if it was not, and with half the learning rate.
static bool watched_level(transfer *t)
{
    enum { ATTEMPTS = 6 };
    int first = t->journal.count, all = t->schedule.levels[t->level].iterations;
    for (int attempt = 1;; attempt++) {
        int left = all - (t->journal.count - first);
        if (!do_level(t, left > 0 ? left : 1))
            return false;
        if (!t->trouble || t->decision != VKSTYLE_CONTINUE)
            return true;
        if (attempt == ATTEMPTS)
            return vks_fail(
                t->error, VKSTYLE_FAILED,
                "the picture is spoilt (%s, iteration %d) however small the steps; try --precision "
                "fp32, a lower --learning-rate or --tv, or another --device",
                vks_trouble_text(t->trouble), t->journal.count);
        t->caution *= 0.5;
        vks_carry_free(&t->carry);
        bool half = t->setting.storage == VKS_HALF;
        if (half) {
            t->replayed.precision = VKSTYLE_PRECISION_FP32;
            if (!vks_setting_resolve(&t->setting, t->model, t->params, vks_gpu_get_limits(t->gpu),
                                     t->error) ||
                !check_memory(t))
                return false;
        }
        vks_journal_event(&t->journal, t->level, vks_trouble_text(t->trouble), t->caution);
        vks_notice("the picture was spoilt (%s) at iteration %d: going on from the last good one "
                   "with a learning rate of %g of what it was%s",
                   vks_trouble_text(t->trouble), t->journal.count, t->caution,
                   half ? ", in 32 bits" : "");
    }
}

// ---------------------------------------------------------------- the job

static bool check_job(const transfer *t)
{
    const vkstyle_job *j = t->job;
    if (!j->content || j->style_count < 1 || !j->styles)
        return vks_fail(t->error, VKSTYLE_USAGE, "a job needs a content and at least one style");
    if (j->style_count > VKSTYLE_MAX_STYLES)
        return vks_fail(t->error, VKSTYLE_USAGE, "at most %d style images", VKSTYLE_MAX_STYLES);
    if (t->params->init == VKSTYLE_INIT_FILE && !j->init)
        return vks_fail(t->error, VKSTYLE_USAGE, "--init: no picture to start from");
    return vkstyle_params_check(t->params, t->error) && vks_job_check_masks(j, t->error);
}

// Refuses before anything is allocated what the plans say will not fit.
static bool check_memory(transfer *t)
{
    uint64_t free_bytes = vks_gpu_budget(t->gpu) + vks_gpu_allocated(t->gpu);
    uint64_t limit = t->params->memory ? t->params->memory : free_bytes;
    vks_level goal = t->schedule.levels[t->schedule.count - 1];
    vkstyle_device device;
    if (!vks_estimate_job(&t->estimate, t->context, t->model, &t->setting, &t->schedule, t->params,
                          t->job, t->error))
        return false;
    t->journal.predicted_bytes = t->estimate.bytes;
    t->journal.predicted_seconds = t->estimate.seconds;
    if (t->estimate.bytes <= limit)
        return true;
    vks_gpu_describe(t->gpu, &device);
    return vks_fail(t->error, VKSTYLE_NO_MEMORY,
                    "%dx%d pixels need %.0f MB on %s, and %s %.0f MB; choose a smaller --size%s",
                    goal.width, goal.height, (double)t->estimate.bytes / 1e6, device.name,
                    t->params->memory ? "--memory allows" : "it has free", (double)limit / 1e6,
                    t->params->memory ? " or a larger --memory" : "");
}

// Where the target starts, at any size: levels scale it.
static vkstyle_image *first_target(transfer *t)
{
    const vkstyle_params *p = t->params;
    vks_level first = t->schedule.levels[0];
    if (p->init == VKSTYLE_INIT_RANDOM)
        return vks_noise(first.width, first.height, p->seed, t->error);
    return vks_image_fill_transparent(p->init == VKSTYLE_INIT_FILE ? t->job->init : t->content,
                                      t->error);
}

// The result at its final size, with the content's alpha.
static vkstyle_image *finish(transfer *t)
{
    const vkstyle_image *content = t->job->content;
    vks_level goal = t->schedule.levels[t->schedule.count - 1];
    int width = t->params->full_size ? content->width : goal.width;
    int height = t->params->full_size ? content->height : goal.height;
    vkstyle_image *result = vkstyle_image_resize(t->target, width, height, t->error);
    if (!result || !content->alpha)
        return result;
    vkstyle_image *sized = vkstyle_image_resize(content, width, height, t->error);
    if (!sized) {
        vkstyle_image_free(&result);
        return NULL;
    }
    result->alpha = sized->alpha;
    sized->alpha = NULL;
    vkstyle_image_free(&sized);
    return result;
}

static vkstyle_image *run_job(transfer *t)
{
    if (!check_job(t))
        return NULL;
    const vkstyle_image *content = t->job->content;
    vks_schedule_make(&t->schedule, content->width, content->height, t->params);
    t->replayed = *t->params;
    t->params = &t->replayed;
    if (t->job->plan && !vks_replay(t->job->plan, content->width, content->height, &t->replayed,
                                    &t->schedule, t->error))
        return NULL;
    if (!vks_setting_resolve(&t->setting, t->model, t->params, vks_gpu_get_limits(t->gpu),
                             t->error))
        return NULL;
    t->content = vks_image_fill_transparent(t->job->content, t->error);
    vkstyle_image *style = vks_image_fill_transparent(t->job->styles[0], t->error);
    if (!t->content || !style) {
        vkstyle_image_free(&style);
        return NULL;
    }
    vks_image_hash(t->content, t->journal.content_hash);
    vks_image_hash(style, t->journal.style_hash);
    vkstyle_image_free(&style);
    if (!check_memory(t) || !(t->target = first_target(t)) ||
        !(t->network = vks_context_network(t->context, t->model, t->error)))
        return NULL;
    t->preparing = (vks_watch){look_on, t, &t->rate};
    t->running = (vks_watch){tick, t, &t->rate};
    vks_network_set_watch(t->network, &t->preparing);
    for (t->level = 0; t->level < t->schedule.count && t->decision == VKSTYLE_CONTINUE; t->level++)
        if (!watched_level(t))
            return NULL;
    if (t->decision == VKSTYLE_CANCEL) {
        vks_fail(t->error, VKSTYLE_INTERRUPTED, "cancelled after %d of %d iterations",
                 t->journal.count, t->schedule.iterations);
        return NULL;
    }
    return finish(t);
}

// Speed is that of the finest level, and only where there was enough work to measure: small
// pictures and small networks measure dispatches, not arithmetic.
static void calibrate(const transfer *t)
{
    static const double enough = 1e10, enough_in_all = 2e11; // flops of an iteration, of a level
    int last = t->schedule.count - 1;
    double flops = t->journal.levels[last].flops;
    double all = flops * t->journal.levels[last].iterations;
    if (flops >= enough && all >= enough_in_all)
        vks_calibrate(t->context, &t->setting, all, t->journal.levels[last].seconds);
}

vkstyle_image *vkstyle_transfer(vkstyle_context *context, const vkstyle_model *model,
                                const vkstyle_job *job, const vkstyle_params *params, char **report,
                                vkstyle_error *error)
{
    vkstyle_error own = {VKSTYLE_DONE, ""};
    transfer t = {.context = context,
                  .gpu = context->gpu,
                  .model = model,
                  .job = job,
                  .params = params,
                  .error = &own,
                  .start = vks_seconds(),
                  .phase = "preparing",
                  .caution = 1};
    t.last_picture = t.start;
    t.journal.predicted_seconds = -1;
    vkstyle_image *result = run_job(&t);
    if (t.network)
        vks_network_set_watch(t.network, NULL);
    if (result) {
        vks_image_hash(result, t.journal.result_hash);
        calibrate(&t);
    } else if (error) {
        *error = own;
    }
    t.journal.seconds = vks_seconds() - t.start;
    t.journal.peak_bytes = vks_gpu_peak(t.gpu);
    if (report) {
        const char *outcome = own.status ? own.text
                              : t.decision == VKSTYLE_STOP
                                  ? (t.out_of_time ? "time limit" : "stopped")
                                  : "done";
        *report =
            vks_journal_json(&t.journal, context, model, params, &t.setting, &t.schedule, outcome);
    }
    vks_journal_free(&t.journal);
    vks_carry_free(&t.carry);
    vkstyle_image_free(&t.content);
    vkstyle_image_free(&t.target);
    return result;
}
