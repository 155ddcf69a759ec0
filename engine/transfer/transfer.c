// SPDX-License-Identifier: MIT
#include "carry.h"
#include "checkpoint.h"
#include "../clock.h"
#include "context.h"
#include "estimate.h"
#include "journal.h"
#include "pad.h"
#include "random.h"
#include "replay.h"
#include "runner.h"
#include "zone.h"
#include "tuning.h"
#include "../error.h"
#include "../image/image.h"
#include "../image/recolour.h"

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
    vks_colours colours;    // of the content
    vkstyle_image *origin;  // where the target starts; NULL: from noise
    vkstyle_image *target;  // between levels: where the next one starts
    vks_zones zones;        // of the level at work, where styles have masks
    vks_carry carry;
    vks_checkpoint checkpoint; // to go on from
    char key[VKS_SHA256_TEXT];
    double last_checkpoint;
    vks_iteration iteration; // of the level at work
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
    if (padded && vks_download_image(t->gpu, vks_plan_slice(it->plan, from), padded, t->error))
        picture = vks_crop(padded, level.width, level.height, t->error);
    vkstyle_image_free(&padded);
    if (picture && t->setting.regions) {
        vkstyle_image *content =
            vkstyle_image_resize(t->content, level.width, level.height, t->error);
        if (content)
            vks_zones_restore(&t->zones, (int)it->width, picture, content);
        else
            vkstyle_image_free(&picture);
        vkstyle_image_free(&content);
    }
    return picture;
}

// Gives a picture the content's chroma, where that is asked for.
static bool restore_chroma(const transfer *t, vkstyle_image *picture)
{
    const vkstyle_params *p = t->params;
    if (p->colour != VKSTYLE_COLOUR_LUMINANCE || !(p->colour_strength > 0))
        return true;
    vkstyle_image *content =
        vkstyle_image_resize(t->content, picture->width, picture->height, t->error);
    if (content)
        vks_restore_chroma(picture, content, p->colour_strength);
    bool done = content != NULL;
    vkstyle_image_free(&content);
    return done;
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

// Adam refuses steps whose loss is not finite and L-BFGS backs off; when nothing else comes any
// more, the run is lost.
static bool check_losses(transfer *t)
{
    enum { PATIENCE = 8 };
    if (t->journal.count - t->before < PATIENCE &&
        t->schedule.levels[t->level].iterations >= PATIENCE)
        return true;
    for (int i = t->journal.count - 1; i >= t->before && i > t->journal.count - 1 - PATIENCE; i--)
        if (isfinite(t->journal.losses[i].total))
            return true;
    return vks_fail(
        t->error, VKSTYLE_FAILED,
        "the loss is not a number any more (iteration %d); try --precision fp32, a lower "
        "--learning-rate, or another --device",
        t->journal.count);
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
        if (!vks_journal_add(&t->journal, l, t->error) || !check_losses(t)) {
            t->failed = true;
            return VKSTYLE_CANCEL;
        }
    }
    return look_on(done, t);
}

// ---------------------------------------------------------------- levels

// A style image as the engine takes it, at its own size.
static vkstyle_image *take_style(const transfer *t, int index)
{
    vkstyle_image *style = vks_image_fill_transparent(t->job->styles[index], t->error);
    if (style)
        vks_recolour_style(style, &t->colours, t->params->colour, t->params->colour_strength);
    return style;
}

// The style images at this level's size.
static bool prepare_style(transfer *t, const vks_style **style)
{
    const vkstyle_job *job = t->job;
    vks_level level = t->schedule.levels[t->level];
    vks_level goal = t->schedule.levels[t->schedule.count - 1];
    int side = level.width > level.height ? level.width : level.height;
    double down = (double)side / (goal.width > goal.height ? goal.width : goal.height);
    vkstyle_image **images = calloc((size_t)job->style_count, sizeof *images);
    bool done = images != NULL, found = false;
    if (!done)
        vks_fail(t->error, VKSTYLE_NO_MEMORY, "out of memory for the style images");
    for (int i = 0; done && i < job->style_count; i++) {
        vkstyle_image *s = take_style(t, i);
        if (!s) {
            done = false;
            break;
        }
        int own = s->width > s->height ? s->width : s->height, width, height;
        // The paper's raw losses know no style scale: the style image counts as large as it is.
        double long_side = t->params->raw_losses ? own * down : side;
        vks_fit(s->width, s->height, fmax(1, long_side * t->params->style_scale), &width, &height);
        vkstyle_image *sized = vkstyle_image_resize(s, width, height, t->error);
        vkstyle_image_free(&s);
        images[i] = sized ? vks_pad_small(sized, t->error) : NULL;
        vkstyle_image_free(&sized);
        done = images[i] != NULL;
    }
    if (done && t->setting.regions) {
        int width, height;
        vks_padded_size(level.width, level.height, &width, &height);
        done =
            vks_zones_make(&t->zones, job, (const vkstyle_image *const *)images, level.width,
                           level.height, width, height, t->gpu, t->network, &t->setting, t->error);
        *style = &t->zones.style[0];
    } else {
        done = done && vks_cached_style(&t->context->styles, style, &found, t->gpu, t->network,
                                        &t->setting, (const vkstyle_image *const *)images,
                                        job->style_weights, job->style_count, t->error);
    }
    if (done)
        t->journal.styles_prepared += !found;
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

// Adds what `image` has and loses at the size of `coarse`: its detail.
static bool add_detail(vkstyle_image *to, const vkstyle_image *image, vks_level coarse,
                       vkstyle_error *error)
{
    vkstyle_image *sharp = vkstyle_image_resize(image, to->width, to->height, error);
    vkstyle_image *small = vkstyle_image_resize(image, coarse.width, coarse.height, error);
    vkstyle_image *soft =
        sharp && small ? vkstyle_image_resize(small, to->width, to->height, error) : NULL;
    size_t n = 3 * (size_t)to->width * (size_t)to->height;
    for (size_t i = 0; soft && i < n; i++) {
        float value = to->rgb[i] + sharp->rgb[i] - soft->rgb[i];
        to->rgb[i] = value < 0 ? 0 : value > 1 ? 1 : value;
    }
    bool done = soft != NULL;
    vkstyle_image_free(&sharp);
    vkstyle_image_free(&small);
    vkstyle_image_free(&soft);
    return done;
}

// Where the level's target starts, padded. A finer level takes over what the coarser one changed,
// not its picture: the detail that the coarse level had no pixels for is that of the first target
// again, and need not be won back by the optimiser.
static vkstyle_image *level_start(transfer *t)
{
    vks_level level = t->schedule.levels[t->level];
    vkstyle_image *start = vkstyle_image_resize(t->target, level.width, level.height, t->error);
    if (start && t->origin && t->level && t->before &&
        !add_detail(start, t->origin, t->schedule.levels[t->level - 1], t->error))
        vkstyle_image_free(&start);
    vkstyle_image *padded = start ? vks_pad_small(start, t->error) : NULL;
    vkstyle_image_free(&start);
    return padded;
}

enum { STILL = 16 }; // iterations between looks at whether a level still gets anywhere

// True where the level's loss has all but stopped falling: against exactly STILL iterations ago.
static bool stands_still(const transfer *t)
{
    int done = t->journal.count - t->before;
    if (!(t->params->tolerance > 0) || done < 2 * STILL || done % STILL)
        return false;
    double now = t->journal.losses[t->journal.count - 1].total;
    double then = t->journal.losses[t->journal.count - 1 - STILL].total;
    return isfinite(now) && isfinite(then) && then - now < t->params->tolerance * then;
}

static double checkpoint_interval(const transfer *t)
{
    return t->job->checkpoint_seconds > 0 ? t->job->checkpoint_seconds : 60;
}

// How many iterations to run until the next picture is due: by count exactly, by time as fast as
// the device has shown to be.
static int until_picture(const transfer *t, int left)
{
    const vkstyle_job *job = t->job;
    int done = t->journal.count - t->before, most = left;
    // A decision on the loss is made at the same iteration whatever the device's speed.
    if (t->params->tolerance > 0 && STILL - done % STILL < most)
        most = left = STILL - done % STILL;
    double seconds = t->journal.levels[t->level].seconds, each = done ? seconds / done : 0;
    if (job->picture_iterations > 0)
        most = job->picture_iterations - t->journal.count % job->picture_iterations;
    if (job->picture_seconds > 0) {
        double due = t->last_picture + job->picture_seconds - vks_seconds();
        int by_time = each > 0 && due > each ? (int)(due / each) : 1;
        most = by_time < most ? by_time : most;
    }
    if (job->checkpoint) {
        double due = t->last_checkpoint + checkpoint_interval(t) - vks_seconds();
        int by_time = each > 0 && due > each ? (int)(due / each) : 1;
        most = by_time < most ? by_time : most;
    }
    return most < left ? most : left;
}

static bool keep_checkpoint(transfer *t)
{
    if (!t->job->checkpoint || t->decision != VKSTYLE_CONTINUE ||
        vks_seconds() - t->last_checkpoint < checkpoint_interval(t))
        return true;
    bool done = vks_checkpoint_save(t->job->checkpoint, t->key, t->level, t->before, &t->journal,
                                    &t->iteration, t->gpu, t->error);
    t->last_checkpoint = vks_seconds();
    return done;
}

static bool run_level(transfer *t)
{
    for (int left = t->schedule.levels[t->level].iterations - (t->journal.count - t->before);
         left > 0 && t->decision == VKSTYLE_CONTINUE;) {
        // Asked here, so that a job that goes on from a checkpoint ends the level just there, too.
        if (stands_still(t)) {
            t->journal.levels[t->level].still = true;
            break;
        }
        vks_run run = {.gpu = t->gpu,
                       .sequence = vks_plan_sequence(t->iteration.plan),
                       .watch = &t->running,
                       .count = until_picture(t, left)};
        t->run_base = t->journal.count;
        if (!vks_run_sequence(&run, t->error) || t->failed)
            return false;
        t->journal.levels[t->level].seconds += run.seconds;
        t->journal.levels[t->level].iterations += run.done;
        left -= run.done;
        if (!keep_checkpoint(t))
            return false;
        if (t->decision == VKSTYLE_CONTINUE && picture_due(t)) {
            vkstyle_image *picture = present_picture(t);
            if (!picture)
                return false;
            bool shown = restore_chroma(t, picture);
            t->last_picture = vks_seconds();
            if (shown)
                report_progress(t, picture);
            vkstyle_image_free(&picture);
            if (!shown)
                return false;
        }
    }
    return true;
}

// Everything of one level; afterwards t->target is its result.
static bool do_level(transfer *t)
{
    vks_level level = t->schedule.levels[t->level];
    const vks_style *style = NULL;
    vks_content content = {0};
    vkstyle_image *sized = NULL, *start = NULL;
    struct vks_optimiser_options optimiser = vks_optimiser_for(t->params, level.iterations);
    bool done = false;
    t->before = t->checkpoint.file ? t->checkpoint.before : t->journal.count;
    snprintf(t->phase, sizeof t->phase, "preparing");
    if (!(sized = at_level(t, t->content)) || !(start = level_start(t)) ||
        !prepare_style(t, &style) ||
        !vks_prepare_content(&content, t->gpu, t->network, &t->setting, sized, t->error))
        goto end;
    if (!vks_iteration_build(
            &t->iteration, vks_gpu_get_limits(t->gpu), t->network, &t->setting,
            &(vks_iteration_options){.width = (uint32_t)sized->width,
                                     .height = (uint32_t)sized->height,
                                     .style = style,
                                     .regions = t->setting.regions ? &t->zones.regions : NULL,
                                     .content = &content,
                                     .optimiser = &optimiser},
            t->error))
        goto end;
    t->journal.levels[t->level].plan_bytes = vks_plan_bytes(t->iteration.plan);
    t->journal.levels[t->level].flops = vks_plan_flops(t->iteration.plan);
    if (!vks_iteration_realise(&t->iteration, t->gpu, style, false, t->error) ||
        !vks_upload_image(t->gpu, vks_plan_slice(t->iteration.plan, t->iteration.target), start,
                          t->error) ||
        !vks_carry_restore(&t->carry, &t->iteration, t->gpu, t->error) ||
        (t->checkpoint.file &&
         !vks_checkpoint_restore(&t->checkpoint, &t->iteration, t->gpu, t->error)))
        goto end;
    if (t->schedule.count > 1)
        snprintf(t->phase, sizeof t->phase, "level %d of %d", t->level + 1, t->schedule.count);
    else
        snprintf(t->phase, sizeof t->phase, "optimising");
    if (!t->journal.startup_seconds)
        t->journal.startup_seconds = vks_seconds() - t->start;
    if (!run_level(t))
        goto end;
    if (t->decision != VKSTYLE_CANCEL && t->journal.count > t->before) {
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
    vks_zones_free(&t->zones);
    vks_content_free(&content);
    vkstyle_image_free(&sized);
    vkstyle_image_free(&start);
    return done;
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
    return vkstyle_params_check(t->params, t->error);
}

// Tells what tiles the job is done in and what they cost: a second pass forward, and halos.
static void say_tiles(const transfer *t, const char *why)
{
    vks_level goal = t->schedule.levels[t->schedule.count - 1];
    vks_tiling tiling = vks_tiling_make(t->model, t->setting.encode.depth, (uint32_t)goal.width,
                                        (uint32_t)goal.height, t->setting.tile);
    if (vks_tiled(&tiling))
        vks_notice("%dx%d pixels in %u tiles of %u: %s; the picture is the same and takes about "
                   "%.1f times as long",
                   goal.width, goal.height, tiling.columns * tiling.rows, tiling.size, why,
                   1.5 * vks_tiling_cost(&tiling));
}

// Tiles of half the size after the device had no memory; false: they cannot be smaller.
static bool shrink_tiles(transfer *t)
{
    vks_level level = t->schedule.levels[t->level];
    uint32_t side = (uint32_t)(level.width > level.height ? level.width : level.height);
    uint32_t now = t->setting.tile && t->setting.tile < side ? t->setting.tile : side;
    uint32_t next = now / 2 / 64 * 64;
    if (t->error->status != VKSTYLE_NO_MEMORY || next < 64 || t->journal.count > t->before)
        return false;
    t->setting.tile = next;
    *t->error = (vkstyle_error){VKSTYLE_DONE, ""};
    say_tiles(t, "the device had no memory for larger ones");
    return true;
}

// Refuses before anything is allocated what the plans say will not fit.
static bool check_memory(transfer *t)
{
    uint64_t free_bytes = vks_gpu_budget(t->gpu) + vks_gpu_allocated(t->gpu);
    uint64_t limit = t->params->memory ? t->params->memory : free_bytes;
    vks_level goal = t->schedule.levels[t->schedule.count - 1];
    vkstyle_device device;
    if (!vks_estimate_within(&t->estimate, t->context, t->model, &t->setting, &t->schedule,
                             t->params, limit, t->error))
        return false;
    t->journal.predicted_bytes = t->estimate.bytes;
    t->journal.predicted_seconds = t->estimate.seconds;
    if (t->setting.tile && (t->job->style_masks || t->job->strength_map)) {
        vks_tiling tiling = vks_tiling_make(t->model, t->setting.encode.depth, (uint32_t)goal.width,
                                            (uint32_t)goal.height, t->setting.tile);
        if (vks_tiled(&tiling))
            return vks_fail(t->error, t->params->tile ? VKSTYLE_USAGE : VKSTYLE_NO_MEMORY,
                            "masks work on the whole picture at once, and %dx%d pixels %s; choose "
                            "a smaller --size or leave the masks out",
                            goal.width, goal.height,
                            t->params->tile ? "are to be done in tiles (--tile)"
                                            : "do not fit this device's memory in one piece");
    }
    if (t->estimate.bytes <= limit) {
        say_tiles(t, t->params->tile ? "asked for" : "in one piece it needs more memory");
        return true;
    }
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
    t->origin = vks_image_fill_transparent(p->init == VKSTYLE_INIT_FILE ? t->job->init : t->content,
                                           t->error);
    return t->origin ? vks_image_fill_transparent(t->origin, t->error) : NULL;
}

// The result at its final size, with the content's alpha.
static vkstyle_image *finish(transfer *t)
{
    const vkstyle_image *content = t->job->content;
    vks_level goal = t->schedule.levels[t->schedule.count - 1];
    int width = t->params->full_size ? content->width : goal.width;
    int height = t->params->full_size ? content->height : goal.height;
    vkstyle_image *result = vkstyle_image_resize(t->target, width, height, t->error);
    if (result && !restore_chroma(t, result))
        vkstyle_image_free(&result);
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

// Goes on from a checkpoint where there is one: in the same tiles, on the level that was at work.
static bool find_checkpoint(transfer *t)
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
    t->replayed.tile = c->tile ? (int)c->tile : 65536;
    t->setting.encode.tile = c->product_tile;
    for (int i = 0; i < c->level; i++)
        t->journal.levels[i].iterations = t->schedule.levels[i].iterations;
    t->journal.levels[c->level].iterations = c->count - c->before;
    vks_notice("going on from %s: %d of %d iterations are done", t->job->checkpoint, c->count,
               t->schedule.iterations);
    return true;
}

static vkstyle_image *run_job(transfer *t)
{
    if (!check_job(t))
        return NULL;
    const vkstyle_image *content = t->job->content;
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
    t->content = vks_image_fill_transparent(t->job->content, t->error);
    vkstyle_image *style = vks_image_fill_transparent(t->job->styles[0], t->error);
    if (!t->content || !style) {
        vkstyle_image_free(&style);
        return NULL;
    }
    vks_colours_of(&t->colours, t->content);
    vks_image_hash(t->content, t->journal.content_hash);
    vks_image_hash(style, t->journal.style_hash);
    vkstyle_image_free(&style);
    if (!find_checkpoint(t) || !check_memory(t) || !(t->target = first_target(t)) ||
        !(t->network = vks_context_network(t->context, t->model, t->error)))
        return NULL;
    t->preparing = (vks_watch){look_on, t, &t->rate};
    t->running = (vks_watch){tick, t, &t->rate};
    vks_network_set_watch(t->network, &t->preparing);
    for (t->level = t->checkpoint.file ? t->checkpoint.level : 0;
         t->level < t->schedule.count && t->decision == VKSTYLE_CONTINUE; t->level++)
        while (!do_level(t))
            if (!shrink_tiles(t))
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
                  .phase = "preparing"};
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
    vks_checkpoint_close(&t.checkpoint);
    if (result && job->checkpoint)
        remove(job->checkpoint);
    vkstyle_image_free(&t.content);
    vkstyle_image_free(&t.origin);
    vkstyle_image_free(&t.target);
    return result;
}
