// SPDX-License-Identifier: MIT
#include "budget.h"
#include "job.h"
#include "../clock.h"
#include "random.h"
#include "replay.h"
#include "tuning.h"
#include "window.h"
#include "../error.h"

static bool check_job(const vks_transfer *t)
{
    const vkstyle_job *j = t->job;
    if (!j->content || j->style_count < 1 || !j->styles)
        return vks_fail(t->error, VKSTYLE_USAGE, "a job needs a content and at least one style");
    if (j->style_count > VKSTYLE_MAX_STYLES)
        return vks_fail(t->error, VKSTYLE_USAGE, "at most %d style images", VKSTYLE_MAX_STYLES);
    if (t->params->init == VKSTYLE_INIT_FILE && !j->init)
        return vks_fail(t->error, VKSTYLE_USAGE, "--init: no picture to start from");
    return vkstyle_params_check(t->params, t->error);
}

// What tiles cost: a second pass forward, a third for the content's features where those cannot be
// kept, and halos. One pass forward is half of an iteration in one piece.
static void say_tiles(const vks_transfer *t, const vks_level *level)
{
    if (level->coarser_weight > 0 && !level->coarser)
        vks_notice("%dx%d pixels leave no memory for measuring their smaller sizes, too: seen from "
                   "afar the picture may have less of the style than a preview shows",
                   level->width, level->height);
    if (!level->tile)
        return;
    vks_grid grid = vks_grid_make(t->model, t->setting.encode.depth, (uint32_t)level->width,
                                  (uint32_t)level->height, level->tile);
    double times = 1.5 * vks_grid_overhead(&grid, grid.depth);
    if (level->lean)
        times += 0.5 * vks_grid_overhead(&grid, t->setting.content_layer + 1);
    vks_notice("%dx%d pixels in %u tiles of %u: the picture is the same and takes about %.1f times "
               "as long%s",
               level->width, level->height, vks_grid_count(&grid), grid.tile, times,
               level->history ? "; L-BFGS remembers fewer steps" : "");
}

// An allocation failed although there should have been room: smaller tiles need less. False: there
// are none, or part of the level is done.
static bool shrink_tiles(vks_transfer *t)
{
    vks_level *level = &t->schedule.levels[t->level];
    if (t->error->status != VKSTYLE_NO_MEMORY || t->journal.count > t->before)
        return false;
    uint32_t below = level->tile ? level->tile : UINT32_MAX;
    vkstyle_error why = *t->error, error = {VKSTYLE_DONE, ""};
    vkstyle_params any = *t->params;
    any.tile = 0;
    vks_budget budget =
        vks_budget_of(t->gpu, t->params, (double)level->width * (double)level->height);
    if (!vks_level_fit(level, &budget, t->gpu, t->model, &t->setting, &any, below, &error))
        return false;
    vks_notice("%s; going on in smaller tiles", why.text);
    say_tiles(t, level);
    *t->error = (vkstyle_error){VKSTYLE_DONE, ""};
    return true;
}

// Decides how each level is worked on; refuses before anything is allocated what will not fit.
static bool check_memory(vks_transfer *t)
{
    if (!vks_estimate_job(&t->estimate, t->context, t->model, &t->setting, &t->schedule, t->params,
                          t->error))
        return false;
    t->journal.predicted_bytes = t->estimate.bytes;
    t->journal.predicted_host_bytes = t->estimate.host;
    t->journal.predicted_seconds = t->estimate.seconds;
    for (int i = 0; i < t->schedule.count; i++)
        say_tiles(t, &t->schedule.levels[i]);
    return true;
}

// A picture of the job as the engine takes it.
static bool take(vks_transfer *t, vks_picture *picture, const vkstyle_image *image)
{
    if (image->alpha)
        return vks_picture_own(picture, vks_image_fill_transparent(image, t->error));
    vks_picture_borrow(picture, image);
    return true;
}

// For the report: 50 ms for pictures as cameras make them.
static bool hash_pictures(vks_transfer *t)
{
    vks_picture style = {0};
    if (!take(t, &style, t->job->styles[0]))
        return false;
    vks_image_hash(t->content.at, t->journal.content_hash);
    vks_image_hash(style.at, t->journal.style_hash);
    vks_picture_borrow(&style, NULL);
    return true;
}

// Where the target starts, at any size: levels scale it.
static bool first_target(vks_transfer *t)
{
    const vkstyle_params *p = t->params;
    vks_level first = t->schedule.levels[0];
    if (p->init == VKSTYLE_INIT_RANDOM)
        return vks_picture_own(&t->target, vks_noise(first.width, first.height, p->seed, t->error));
    if (p->init != VKSTYLE_INIT_FILE)
        vks_picture_borrow(&t->origin, t->content.at);
    else if (!take(t, &t->origin, t->job->init))
        return false;
    vks_picture_borrow(&t->target, t->origin.at);
    return true;
}

// The result at its final size, with the content's alpha.
static vkstyle_image *finish(vks_transfer *t)
{
    vks_level goal = t->schedule.levels[t->schedule.count - 1];
    int width = t->params->full_size ? t->width : goal.width;
    int height = t->params->full_size ? t->height : goal.height;
    vkstyle_image *result = NULL;
    if (t->target.own && t->target.at->width == width && t->target.at->height == height) {
        result = t->target.own;
        t->target = (vks_picture){0};
    } else {
        result = vkstyle_image_resize(t->target.at, width, height, t->error);
    }
    if (result && !vks_keep_colours(t, result))
        vkstyle_image_free(&result);
    if (!result || !t->alpha)
        return result;
    vkstyle_image *sized = vkstyle_image_resize(t->job->content, width, height, t->error);
    if (!sized) {
        vkstyle_image_free(&result);
        return NULL;
    }
    result->alpha = sized->alpha;
    sized->alpha = NULL;
    vkstyle_image_free(&sized);
    return result;
}

// Goes on from a checkpoint where there is one: in the same tiles, on the level that was at work.
static bool find_checkpoint(vks_transfer *t)
{
    vks_checkpoint *c = &t->checkpoint;
    if (!t->job->checkpoint)
        return true;
    t->last_checkpoint = vks_seconds();
    vks_checkpoint_key(t->key, t->job, t->params, t->model, &t->setting, &t->schedule);
    if (!vks_checkpoint_open(c, t->job->checkpoint, t->key, &t->journal, t->error))
        return false;
    if (!c->file)
        return true;
    for (int i = 0; i < t->schedule.count; i++) {
        vks_level *level = &t->schedule.levels[i];
        level->set = true;
        level->tile = c->ways[i].tile;
        level->resident = c->ways[i].resident;
        level->lean = c->ways[i].lean;
        level->history = c->ways[i].history;
        level->coarser = c->ways[i].coarser;
    }
    t->setting.encode.tile = c->product_tile;
    for (int i = 0; i < c->level; i++)
        t->journal.levels[i].iterations = t->schedule.levels[i].iterations;
    t->journal.levels[c->level].iterations = c->count - c->before;
    vks_notice("going on from %s: %d of %d iterations are done", t->job->checkpoint, c->count,
               t->schedule.iterations);
    return true;
}

// From half precision to single, for the rest of the job.
static bool use_single(vks_transfer *t)
{
    int regions = t->setting.regions;
    t->replayed.precision = VKSTYLE_PRECISION_FP32;
    if (t->replayed.kernels == VKSTYLE_KERNELS_COOPMAT) // which is half precision only
        t->replayed.kernels = VKSTYLE_KERNELS_AUTO;
    if (!vks_setting_resolve(&t->setting, t->model, t->params, vks_gpu_get_limits(t->gpu),
                             t->error) ||
        !vks_tune(&t->setting, t->gpu, NULL, t->error))
        return false;
    t->setting.regions = regions;
    t->setting.encode.goal = vks_schedule_goal(&t->schedule);
    for (int i = t->level; i < t->schedule.count; i++)
        t->schedule.levels[i].set = false; // twice the bytes a value
    return check_memory(t);
}

// A level with the watchdog: where the picture is spoilt, what is left of the level starts again
// from where the level began, in float32 if it was not, and with half the learning rate.
static bool watched_level(vks_transfer *t)
{
    enum { ATTEMPTS = 6 };
    t->spoilt = 0;
    for (int attempt = 1;; attempt++) {
        while (!vks_do_level(t))
            if (!shrink_tiles(t))
                return false;
        if (!t->trouble || t->decision != VKSTYLE_CONTINUE)
            return true;
        if (attempt == ATTEMPTS)
            return vks_fail(
                t->error, VKSTYLE_FAILED,
                "the picture is spoilt (%s, iteration %d) however small the steps; try --precision "
                "fp32, a lower --learning-rate or --tv, or another --device",
                vks_trouble_text(t->trouble), t->journal.count);
        bool half = t->setting.storage == VKS_HALF;
        t->spoilt += t->journal.count - t->before;
        t->caution *= 0.5;
        vks_carry_free(&t->carry);
        vks_checkpoint_close(&t->checkpoint);
        if (half && !use_single(t))
            return false;
        vks_journal_event(&t->journal, t->level, vks_trouble_text(t->trouble), t->caution);
        vks_notice("the picture was spoilt (%s) at iteration %d: going on from the last good one "
                   "with a learning rate of %g of what it was%s",
                   vks_trouble_text(t->trouble), t->journal.count, t->caution,
                   half ? ", in 32 bits" : "");
    }
}

static vkstyle_image *run_job(vks_transfer *t)
{
    if (!check_job(t))
        return NULL;
    const vkstyle_image *content = t->job->content;
    t->width = content->width;
    t->height = content->height;
    t->alpha = content->alpha != NULL;
    vks_schedule_make(&t->schedule, content->width, content->height, t->params);
    t->replayed = *t->params;
    t->params = &t->replayed;
    char tile[VKSTYLE_NAME] = "";
    if (t->job->plan && !vks_replay(t->job->plan, content->width, content->height, &t->replayed,
                                    &t->schedule, tile, t->error))
        return NULL;
    if (!vks_setting_resolve(&t->setting, t->model, t->params, vks_gpu_get_limits(t->gpu),
                             t->error) ||
        !vks_tune(&t->setting, t->gpu, tile, t->error))
        return NULL;
    t->setting.regions = vks_zone_count(t->job);
    t->setting.encode.goal = vks_schedule_goal(&t->schedule);
    if (!take(t, &t->content, t->job->content) || (t->reported && !hash_pictures(t)))
        return NULL;
    vks_colours_of(&t->colours, t->content.at);
    if (!find_checkpoint(t) || !check_memory(t) || !first_target(t) ||
        !(t->network = vks_context_network(t->context, t->model, t->error)))
        return NULL;
    t->preparing = (vks_watch){vks_look_on, t, &t->pace, &t->run};
    t->running = (vks_watch){vks_tick, t, &t->pace, &t->run};
    vks_level_foretell(t->gpu, t->model, &t->setting, t->params,
                       &t->schedule.levels[t->checkpoint.file ? t->checkpoint.level : 0]);
    vks_network_set_watch(t->network, &t->preparing);
    for (t->level = t->checkpoint.file ? t->checkpoint.level : 0;
         t->level < t->schedule.count && t->decision == VKSTYLE_CONTINUE; t->level++)
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
static void calibrate(const vks_transfer *t)
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
    vks_transfer t = {.context = context,
                      .gpu = context->gpu,
                      .model = model,
                      .job = job,
                      .params = params,
                      .error = &own,
                      .reported = report != NULL,
                      .start = vks_seconds(),
                      .phase = "preparing",
                      .caution = 1};
    t.last_picture = t.start;
    t.journal.predicted_seconds = -1;
    vkstyle_image *result = run_job(&t);
    if (t.network)
        vks_network_set_watch(t.network, NULL);
    if (result) {
        if (t.reported)
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
    vks_checkpoint_close(&t.checkpoint);
    vks_picture_borrow(&t.content, NULL);
    vks_picture_borrow(&t.origin, NULL);
    vks_picture_borrow(&t.target, NULL);
    return result;
}
