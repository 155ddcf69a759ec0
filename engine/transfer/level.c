// SPDX-License-Identifier: MIT
#include "job.h"
#include "../clock.h"
#include "budget.h"
#include "canvas.h"
#include "pad.h"
#include "../error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool vks_picture_own(vks_picture *picture, vkstyle_image *image)
{
    vkstyle_image_free(&picture->own);
    picture->at = picture->own = image;
    return image != NULL;
}

void vks_picture_borrow(vks_picture *picture, const vkstyle_image *image)
{
    vkstyle_image_free(&picture->own);
    picture->at = image;
}

bool vks_picture_sized(vks_picture *picture, const vkstyle_image *from, int width, int height,
                       vkstyle_error *error)
{
    if (from->width == width && from->height == height && width >= VKS_SMALLEST_SIDE &&
        height >= VKS_SMALLEST_SIDE) {
        vks_picture_borrow(picture, from);
        return true;
    }
    vkstyle_image *sized = vkstyle_image_resize(from, width, height, error);
    vks_picture_own(picture, sized ? vks_pad_small(sized, error) : NULL);
    vkstyle_image_free(&sized);
    return picture->at != NULL;
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
static bool level_start(vks_transfer *t, vks_picture *picture)
{
    vks_level level = t->schedule.levels[t->level];
    if (!t->origin.at || !t->level || !t->before)
        return vks_picture_sized(picture, t->target.at, level.width, level.height, t->error);
    vkstyle_image *start = vkstyle_image_resize(t->target.at, level.width, level.height, t->error);
    if (start && !add_detail(start, t->origin.at, t->schedule.levels[t->level - 1], t->error))
        vkstyle_image_free(&start);
    vks_picture_own(picture, start ? vks_pad_small(start, t->error) : NULL);
    vkstyle_image_free(&start);
    return picture->at != NULL;
}

enum { STILL = 16 }; // iterations between looks at whether a level still gets anywhere

// True where the level's loss has all but stopped falling: against exactly STILL iterations ago.
static bool stands_still(const vks_transfer *t)
{
    int done = t->journal.count - t->before;
    if (!(t->params->tolerance > 0) || done < 2 * STILL || done % STILL)
        return false;
    double now = t->journal.losses[t->journal.count - 1].total;
    double then = t->journal.losses[t->journal.count - 1 - STILL].total;
    return isfinite(now) && isfinite(then) && then - now < t->params->tolerance * then;
}

static double checkpoint_interval(const vks_transfer *t)
{
    return t->job->checkpoint_seconds > 0 ? t->job->checkpoint_seconds : 60;
}

// How many iterations to run until the next picture is due: by count exactly, by time as fast as
// the device has shown to be.
static int until_picture(const vks_transfer *t, int left)
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

static bool keep_checkpoint(vks_transfer *t)
{
    // After trouble the file stays as it was: what goes on from it comes to the same trouble.
    if (!t->job->checkpoint || t->caution < 1 || t->trouble || t->decision != VKSTYLE_CONTINUE ||
        vks_seconds() - t->last_checkpoint < checkpoint_interval(t))
        return true;
    bool done = vks_checkpoint_save(t->job->checkpoint, t->key, &t->schedule, t->level, t->before,
                                    &t->journal, &t->iteration, t->gpu, t->error);
    t->last_checkpoint = vks_seconds();
    return done;
}

// For tests: spoils the target as a wrong device would.
static bool spoil(vks_transfer *t)
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
    bool done = vks_iteration_put(it, t->gpu, it->target, bad, t->error);
    vkstyle_image_free(&bad);
    return done;
}

static bool run_level(vks_transfer *t)
{
    int all = t->schedule.levels[t->level].iterations - t->spoilt;
    for (int left = (all > 0 ? all : 1) - (t->journal.count - t->before);
         left > 0 && t->decision == VKSTYLE_CONTINUE && !t->trouble;) {
        // Asked here, so that a job that goes on from a checkpoint ends the level just there, too.
        if (stands_still(t)) {
            t->journal.levels[t->level].still = true;
            break;
        }
        vks_run run = vks_iteration_run(&t->iteration, t->gpu, &t->running,
                                        vks_debug_spoils() ? 1 : until_picture(t, left));
        t->run_base = t->journal.count;
        if (!vks_run_sequence(&run, t->error) || t->failed)
            return false;
        t->journal.levels[t->level].seconds += run.seconds;
        t->journal.levels[t->level].iterations += run.done;
        left -= run.done;
        if (!keep_checkpoint(t) || !spoil(t))
            return false;
        if (t->decision == VKSTYLE_CONTINUE && !t->trouble && vks_picture_due(t)) {
            vkstyle_image *picture = vks_present_picture(t);
            if (!picture)
                return false;
            bool shown = vks_keep_colours(t, picture);
            t->last_picture = vks_seconds();
            if (shown)
                vks_report_progress(t, picture);
            vkstyle_image_free(&picture);
            if (!shown)
                return false;
        }
    }
    return true;
}

// Under a budget that leaves no room for the content's features, its picture is held twice: by the
// job, and where tiles find it. One is enough, if nothing else will ask for the job's.
static void release_content(vks_transfer *t, const vks_content *content)
{
    const vkstyle_image *picture = t->job->content;
    if (!content->picture || t->gone || !t->job->give || *t->job->give != picture || t->alpha ||
        t->content.at != picture || picture->width != t->schedule.levels[t->level].width ||
        picture->height != t->schedule.levels[t->level].height ||
        t->level + 1 < t->schedule.count || t->setting.regions ||
        t->params->colour == VKSTYLE_COLOUR_LUMINANCE)
        return;
    t->was_origin = t->origin.at == picture;
    t->was_target = t->target.at == picture;
    t->gone = true;
    vks_picture_borrow(&t->content, NULL);
    if (t->was_origin)
        vks_picture_borrow(&t->origin, NULL);
    if (t->was_target)
        vks_picture_borrow(&t->target, NULL);
    vkstyle_image_free(t->job->give);
}

// Uploads the picture that the level starts from.
static bool place_target(vks_transfer *t, const vks_content *content)
{
    vks_picture start = {0};
    bool done = level_start(t, &start) &&
                vks_iteration_put(&t->iteration, t->gpu, t->iteration.target, start.at, t->error);
    vks_picture_borrow(&start, NULL);
    if (done)
        release_content(t, content);
    return done;
}

// A level that has to start again needs it.
static bool recover_content(vks_transfer *t, const vks_content *content)
{
    vks_level level = t->schedule.levels[t->level];
    vkstyle_error error = {VKSTYLE_DONE, ""};
    vkstyle_image *picture = vkstyle_image_create(level.width, level.height, false, &error);
    if (!picture ||
        !vks_canvas_get(t->gpu, (vks_slice){content->picture, 0, vks_block_bytes(content->picture)},
                        picture, &error)) {
        vkstyle_image_free(&picture);
        *t->error = error;
        return false;
    }
    vks_picture_own(&t->content, picture);
    if (t->was_origin)
        vks_picture_borrow(&t->origin, picture);
    if (t->was_target)
        vks_picture_borrow(&t->target, picture);
    t->gone = false;
    return true;
}

// The target of a first level starts as its content: the first iteration's pass forward then is
// the content's, too.
static bool starts_as_content(const vks_transfer *t)
{
    return !t->schedule.levels[t->level].coarser && !t->checkpoint.file &&
           t->target.at == t->content.at && (!t->level || !t->before);
}

// Everything of one level; afterwards t->target is its result.
bool vks_do_level(vks_transfer *t)
{
    vks_level level = t->schedule.levels[t->level];
    vks_content *content = &t->scales[0].content;
    vks_picture sized = {0};
    struct vks_optimiser_options optimiser = vks_optimiser_for(t->params, &level);
    bool done = false;
    double begun;
    optimiser.learning_rate *= t->caution;
    t->before = t->checkpoint.file ? t->checkpoint.before : t->journal.count;
    t->trouble = VKS_NO_TROUBLE;
    t->here = vks_setting_at(&t->setting, &level);
    snprintf(t->phase, sizeof t->phase, "preparing");
    if (!vks_picture_sized(&sized, t->content.at, level.width, level.height, t->error) ||
        !vks_scales_prepare(t, sized.at, starts_as_content(t)))
        goto end;
    vks_watchdog_start(&t->dog, &t->setting, sized.at, t->job->styles[0]);
    for (int i = t->before; i < t->journal.count; i++) // of a checkpoint
        vks_watchdog_see(&t->dog, &t->journal.losses[i]);
    t->scales[0].options.optimiser = &optimiser;
    if (!vks_iteration_build(&t->iteration, vks_gpu_get_limits(t->gpu), t->network, &t->here,
                             &t->scales[0].options, t->error))
        goto end;
    t->journal.levels[t->level].plan_bytes = vks_iteration_bytes(&t->iteration, NULL);
    t->journal.levels[t->level].flops = vks_iteration_flops(&t->iteration);
    vks_picture_borrow(&sized, NULL);
    // A large target has its place already: it goes there before the optimiser's vectors take
    // theirs.
    bool large = t->iteration.tiles != NULL;
    if ((large && !place_target(t, content)) ||
        !vks_iteration_realise(&t->iteration, t->gpu, t->scales[0].options.style, false,
                               t->error) ||
        (!large && !place_target(t, content)) ||
        !vks_carry_restore(&t->carry, &t->iteration, t->gpu, t->error) ||
        (t->checkpoint.file &&
         !vks_checkpoint_restore(&t->checkpoint, &t->iteration, t->gpu, t->error)))
        goto end;
    if (!t->journal.startup_seconds)
        t->journal.startup_seconds = vks_seconds() - t->start;
    if (!vks_iteration_begin(&t->iteration, t->gpu, content, &t->preparing, &begun, t->error))
        goto end;
    t->journal.levels[t->level].seconds += begun;
    if (t->schedule.count > 1)
        snprintf(t->phase, sizeof t->phase, "level %d of %d", t->level + 1, t->schedule.count);
    else
        snprintf(t->phase, sizeof t->phase, "optimising");
    if (!run_level(t))
        goto end;
    if (!t->trouble && vks_watchdog_blind(&t->dog)) // a level too short for its patience
        t->trouble = VKS_NOT_A_NUMBER;
    if (t->decision != VKSTYLE_CANCEL && !t->trouble && t->journal.count > t->before) {
        bool last = t->level + 1 == t->schedule.count || t->decision != VKSTYLE_CONTINUE;
        if (last) { // what is left is the picture: a large one has no room beside all the rest
            vks_iteration_rest(&t->iteration);
            for (int i = 0; i < VKS_MAX_SCALES; i++)
                vks_content_free(&t->scales[i].content);
        }
        vkstyle_image *picture = vks_present_picture(t);
        if (!picture)
            goto end;
        vks_picture_own(&t->target, picture);
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
    if (t->gone && content->picture && t->decision != VKSTYLE_CANCEL &&
        !recover_content(t, content))
        done = false;
    vks_iteration_free(&t->iteration);
    vks_scales_free(t);
    vks_picture_borrow(&sized, NULL);
    return done;
}
