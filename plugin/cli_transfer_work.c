// SPDX-License-Identifier: MIT
//
// One transfer of the command line, from pictures in memory to files on the disk.
#include "cli_transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static vkstyle_decision on_progress(const vkstyle_progress *progress, void *user)
{
    cli_transfer *t = user;
    t->iteration = progress->iteration;
    t->iterations = progress->iterations;
    t->seconds = progress->seconds;
    if (progress->picture && t->save_every && progress->iteration) {
        char name[VKSTYLE_PATH + 16];
        if (!cli_numbered_name(t->output, progress->iteration, name, sizeof name)) {
            t->save_error = (vkstyle_error){VKSTYLE_FAILED, "--save-every: the name is too long"};
            return VKSTYLE_CANCEL;
        }
        cli_signals_hold(true);
        bool saved = vkstyle_image_save(progress->picture, name, 8, &t->save_error);
        cli_signals_hold(false);
        // A disk that is full now will be full at the end as well.
        if (!saved)
            return VKSTYLE_CANCEL;
    }
    cli_progress_show(progress);
    if (!cli_signals_seen())
        return VKSTYLE_CONTINUE;
    // Before the first iteration there is nothing worth keeping.
    t->stopped = t->keep_partial && progress->iteration > 0;
    return t->stopped ? VKSTYLE_STOP : VKSTYLE_CANCEL;
}

// The engine's report, with what only the command line knows.
static bool write_report(cli_transfer *t, vkstyle_error *error)
{
    cJSON *report = cJSON_Parse(t->report);
    if (!cJSON_IsObject(report)) {
        cJSON_Delete(report);
        error->status = VKSTYLE_FAILED;
        snprintf(error->text, sizeof error->text, "--report: the engine's report is not JSON");
        return false;
    }
    cJSON *command = cJSON_AddArrayToObject(report, "command");
    for (int i = 0; i < t->args->argc; i++)
        cJSON_AddItemToArray(command, cJSON_CreateString(t->args->argv[i]));
    cJSON *files = cJSON_AddObjectToObject(report, "files");
    cJSON_AddStringToObject(files, "content", t->source.content);
    cJSON *styles = cJSON_AddArrayToObject(files, "styles");
    for (int i = 0; i < t->source.style_count; i++)
        cJSON_AddItemToArray(styles, cJSON_CreateString(t->source.styles[i]));
    if (t->init_path)
        cJSON_AddStringToObject(files, "init", t->init_path);
    if (t->result)
        cJSON_AddStringToObject(files, "output", t->output);
    cJSON_AddBoolToObject(report, "interrupted", cli_signals_seen());
    cJSON_AddItemToObject(report, "made_from", cli_made_from(&t->source));
    char *text = cJSON_Print(report);
    cJSON_Delete(report);
    size_t length = text ? strlen(text) : 0;
    char *with_newline = text ? realloc(text, length + 2) : NULL;
    if (!with_newline) {
        free(text);
        error->status = VKSTYLE_NO_MEMORY;
        snprintf(error->text, sizeof error->text, "--report: not enough memory");
        return false;
    }
    text = with_newline;
    memcpy(text + length, "\n", 2);
    cli_signals_hold(true);
    bool written = cli_write_text(t->report_path, text, error);
    cli_signals_hold(false);
    free(text);
    return written;
}

// Picture and report are written: a run that came to its end needs its state no more. One that was
// stopped, or that a time limit may have ended, can go on from it.
static void drop_checkpoint(const cli_transfer *t)
{
    const char *path = t->checkpoint;
    if (path && !t->stopped &&
        (t->iteration >= t->iterations || !(t->source.params->time_limit > 0)) && remove(path) &&
        errno != ENOENT)
        cli_note("note: %s could not be removed: %s", path, strerror(errno));
}

static int save(cli_transfer *t)
{
    vkstyle_error error = {0};
    cli_signals_hold(true);
    bool saved = vkstyle_image_save(t->result, t->output, 8, &error);
    cli_signals_hold(false);
    if (!saved)
        return cli_fail_error(&error);
    if (t->report_path && !write_report(t, &error))
        return cli_fail_error(&error);
    drop_checkpoint(t);
    if (t->stopped)
        return cli_fail(VKSTYLE_INTERRUPTED,
                        "interrupted; %s holds the picture after %d of %d iterations", t->output,
                        t->iteration, t->iterations);
    char seconds[32];
    if (cli_progress_talks())
        cli_note("%s: %dx%d, %d iterations in %s", t->output, t->result->width, t->result->height,
                 t->iteration, cli_seconds_text(seconds, sizeof seconds, t->seconds));
    return cli_finish_output(VKSTYLE_DONE);
}

// What the job will take, before it begins. A prediction only: what is wrong with the job,
// vkstyle_transfer says.
static void say_prediction(const cli_transfer *t)
{
    double seconds;
    uint64_t bytes;
    vkstyle_device device;
    char time[32];
    if (!cli_progress_talks() ||
        !vkstyle_estimate(t->context, t->model, t->content->width, t->content->height,
                          t->source.params, &seconds, &bytes, NULL))
        return;
    vkstyle_context_device(t->context, &device);
    if (seconds >= 0)
        cli_note("about %s and %.0f MB on %s", cli_seconds_text(time, sizeof time, seconds),
                 (double)bytes / 1e6, device.name);
    else
        cli_note("about %.0f MB on %s; how long it takes is known after a first job there",
                 (double)bytes / 1e6, device.name);
}

int cli_transfer_work(cli_transfer *t)
{
    vkstyle_error error = {0};
    const vkstyle_image *styles[VKSTYLE_MAX_STYLES];
    for (int i = 0; i < t->source.style_count; i++)
        styles[i] = t->styles[i];
    vkstyle_job job = {
        .content = t->content,
        .give = &t->content,
        .styles = styles,
        .style_weights = t->source.weights,
        .style_count = t->source.style_count,
        .init = t->init,
        .plan = t->plan,
        .checkpoint = t->checkpoint,
        .checkpoint_seconds = t->checkpoint_every,
        .progress = on_progress,
        .user = t,
        .picture_iterations = t->save_every,
    };
    cli_masks_give(&t->masks, t->style_of, &job);
    say_prediction(t);
    cli_signals_defer(true);
    t->result = vkstyle_transfer(t->context, t->model, &job, t->source.params,
                                 t->report_path ? &t->report : NULL, &error);
    cli_signals_defer(false);
    cli_progress_end();
    if (t->result)
        return save(t);
    vkstyle_error report_error = {0};
    if (t->report && !write_report(t, &report_error))
        cli_note("note: %s", report_error.text);
    if (t->save_error.status)
        return cli_fail_error(&t->save_error);
    if (error.status == VKSTYLE_INTERRUPTED)
        return cli_fail(VKSTYLE_INTERRUPTED, "interrupted; %s was not written", t->output);
    return cli_fail_error(&error);
}
