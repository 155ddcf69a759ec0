// SPDX-License-Identifier: MIT
#include "job.h"
#include "../clock.h"
#include "pad.h"
#include "../error.h"

#include <math.h>

// ---------------------------------------------------------------- pictures

// The present result of the level at work, cropped to its true size; the device must be idle.
vkstyle_image *vks_present_picture(vks_transfer *t)
{
    vks_iteration *it = &t->iteration;
    vks_level level = t->schedule.levels[t->level];
    vkstyle_image *padded = vkstyle_image_create((int)it->width, (int)it->height, false, t->error);
    vkstyle_image *picture = NULL;
    bool whole = padded && padded->width == level.width && padded->height == level.height;
    int from = vks_optimiser_result(it->optimiser);
    if (padded && vks_iteration_get(it, t->gpu, from, padded, t->error))
        picture = whole ? padded : vks_crop(padded, level.width, level.height, t->error);
    if (picture != padded)
        vkstyle_image_free(&padded);
    if (picture && t->setting.regions) {
        vkstyle_image *content =
            vkstyle_image_resize(t->content.at, level.width, level.height, t->error);
        if (content)
            vks_zones_restore(&t->scales[0].zones, (int)it->width, picture, content);
        else
            vkstyle_image_free(&picture);
        vkstyle_image_free(&content);
    }
    return picture;
}

// Gives a picture the content's chroma, where that is asked for.
bool vks_keep_colours(const vks_transfer *t, vkstyle_image *picture)
{
    const vkstyle_params *p = t->params;
    if (p->colour != VKSTYLE_COLOUR_LUMINANCE || !(p->colour_strength > 0))
        return true;
    vkstyle_image *content =
        vkstyle_image_resize(t->content.at, picture->width, picture->height, t->error);
    if (content)
        vks_restore_chroma(picture, content, p->colour_strength);
    bool done = content != NULL;
    vkstyle_image_free(&content);
    return done;
}

// ---------------------------------------------------------------- progress

// Seconds in which a job trusts its prediction more than what it measures: kernels are compiled
// then.
static const double EARLY = 20;

static double pixels_of(const vks_transfer *t, int level)
{
    return (double)t->schedule.levels[level].width * t->schedule.levels[level].height;
}

// Negative: not known.
static double seconds_left(const vks_transfer *t, double now)
{
    int known = t->level; // while a level is prepared, the one before tells what a pixel costs
    while (known > 0 && !(t->journal.levels[known].flops > 0))
        known--;
    double pixel = t->journal.levels[known].flops / pixels_of(t, known);
    double rate = vks_pace_rate(t->pace), elapsed = now - t->start, left = 0;
    if (!(rate > 0) || !(pixel > 0) || (!t->journal.count && elapsed < EARLY)) {
        left = t->journal.predicted_seconds - elapsed;
        return left > 0 ? left : -1;
    }
    for (int i = t->level; i < t->schedule.count; i++)
        left += pixel * pixels_of(t, i) * t->schedule.levels[i].iterations / rate;
    left -= pixel * pixels_of(t, t->level) * (t->journal.count - t->before) / rate;
    left = fmax(left, 0);
    return t->params->time_limit > 0 ? fmin(left, fmax(t->params->time_limit - elapsed, 0)) : left;
}

void vks_report_progress(vks_transfer *t, const vkstyle_image *picture)
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
    if (t->run && t->run->tile_count) {
        p.tile = (int)vks_run_tile(t->run) + 1;
        p.tiles = (int)t->run->tile_count;
    }
    vkstyle_decision d = t->job->progress(&p, t->job->user);
    if (d > t->decision)
        t->decision = d;
}

bool vks_picture_due(const vks_transfer *t)
{
    const vkstyle_job *j = t->job;
    return t->journal.count > t->before &&
           ((j->picture_seconds > 0 && vks_seconds() - t->last_picture >= j->picture_seconds) ||
            (j->picture_iterations > 0 && t->journal.count % j->picture_iterations == 0));
}

// While a level is prepared.
vkstyle_decision vks_look_on(int done, void *user)
{
    vks_transfer *t = user;
    (void)done;
    if (t->params->time_limit > 0 && vks_seconds() - t->start > t->params->time_limit) {
        t->out_of_time = true;
        t->decision = t->decision > VKSTYLE_STOP ? t->decision : VKSTYLE_STOP;
    }
    vks_report_progress(t, NULL);
    return t->decision;
}

// While its iterations run: `done` of this run have finished.
vkstyle_decision vks_tick(int done, void *user)
{
    vks_transfer *t = user;
    while (t->journal.count < t->run_base + done) {
        vks_losses l =
            vks_iteration_losses(&t->iteration, (uint64_t)(t->journal.count - t->before));
        if (!vks_journal_add(&t->journal, l, t->error)) {
            t->failed = true;
            return VKSTYLE_CANCEL;
        }
        if (!t->trouble)
            t->trouble = vks_watchdog_see(&t->dog, &l);
    }
    vkstyle_decision decision = vks_look_on(done, t);
    return decision == VKSTYLE_CONTINUE && t->trouble ? VKSTYLE_STOP : decision;
}
