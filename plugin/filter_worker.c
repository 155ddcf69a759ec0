// SPDX-License-Identifier: MIT
//
// The thread that owns the engine, so that dialogs stay alive whatever a driver does. It takes
// tasks one after another; what it has to say comes out in the main thread's loop.
#include "filter.h"

#include <stdlib.h>
#include <string.h>

struct filter_task_state {
    gint decision; // vkstyle_decision, atomic
    GMutex mutex;  // guards what follows
    filter_progress latest;
    guint progress_source; // a call of task->progress is under way
};

struct filter_worker {
    GThread *thread;
    GAsyncQueue *tasks;
    // The thread's own: kept from task to task.
    vkstyle_context *context;
    vkstyle_model *model;
    char device[256], model_name[VKSTYLE_PATH];
};

static filter_task end_mark; // its address ends the thread

filter_task *filter_task_create(filter_task_kind kind, const filter_settings *settings)
{
    filter_task *task = g_new0(filter_task, 1);
    task->kind = kind;
    task->settings = *settings;
    task->state = g_new0(struct filter_task_state, 1);
    g_mutex_init(&task->state->mutex);
    return task;
}

void filter_task_free(filter_task **task)
{
    if (!*task)
        return;
    if ((*task)->state->progress_source)
        g_source_remove((*task)->state->progress_source);
    vkstyle_image_free(&(*task)->state->latest.picture);
    vkstyle_image_free(&(*task)->result);
    g_mutex_clear(&(*task)->state->mutex);
    g_free((*task)->state);
    free((*task)->report);
    free((*task)->devices);
    g_free(*task);
    *task = NULL;
}

void filter_task_decide(filter_task *task, vkstyle_decision decision)
{
    g_atomic_int_set(&task->state->decision, (gint)decision);
}

vkstyle_decision filter_task_decision(const filter_task *task)
{
    return (vkstyle_decision)g_atomic_int_get(&task->state->decision);
}

// ---------------------------------------------------------------- in the engine's thread

static vkstyle_image *copy_image(const vkstyle_image *image)
{
    vkstyle_image *copy =
        vkstyle_image_create(image->width, image->height, image->alpha != NULL, NULL);
    if (!copy)
        return NULL;
    size_t plane = (size_t)image->width * (size_t)image->height;
    memcpy(copy->rgb, image->rgb, 3 * plane * sizeof *copy->rgb);
    if (image->alpha)
        memcpy(copy->alpha, image->alpha, plane * sizeof *copy->alpha);
    return copy;
}

static gboolean call_progress(gpointer data)
{
    filter_task *task = data;
    struct filter_task_state *state = task->state;
    g_mutex_lock(&state->mutex);
    filter_progress progress = state->latest;
    state->latest.picture = NULL;
    state->progress_source = 0;
    g_mutex_unlock(&state->mutex);
    task->progress(task, &progress);
    vkstyle_image_free(&progress.picture);
    return G_SOURCE_REMOVE;
}

static vkstyle_decision on_progress(const vkstyle_progress *from, void *user)
{
    filter_task *task = user;
    struct filter_task_state *state = task->state;
    if (task->progress) {
        // A picture that nobody came to fetch gives way to a newer one. Without memory for the copy
        // the user sees the next one.
        vkstyle_image *picture = from->picture ? copy_image(from->picture) : NULL;
        g_mutex_lock(&state->mutex);
        filter_progress *to = &state->latest;
        g_strlcpy(to->phase, from->phase ? from->phase : "", sizeof to->phase);
        to->iteration = from->iteration;
        to->iterations = from->iterations;
        to->level = from->level;
        to->levels = from->levels;
        to->width = from->width;
        to->height = from->height;
        to->tile = from->tile;
        to->tiles = from->tiles;
        to->loss = from->loss;
        to->seconds = from->seconds;
        to->seconds_left = from->seconds_left;
        if (picture) {
            vkstyle_image_free(&to->picture);
            to->picture = picture;
        }
        if (!state->progress_source)
            state->progress_source = g_idle_add(call_progress, task);
        g_mutex_unlock(&state->mutex);
    }
    return filter_task_decision(task);
}

static bool open_model(filter_worker *worker, const filter_settings *settings, vkstyle_error *error)
{
    if (worker->model && !strcmp(worker->model_name, settings->model))
        return true;
    vkstyle_model *model = vkstyle_model_load(settings->model[0] ? settings->model : NULL, error);
    if (!model)
        return false;
    // The context may hold the weights of the old model: it goes with it.
    vkstyle_close(&worker->context);
    vkstyle_model_free(&worker->model);
    worker->model = model;
    g_strlcpy(worker->model_name, settings->model, sizeof worker->model_name);
    return true;
}

static bool open_device(filter_worker *worker, const filter_settings *settings,
                        vkstyle_error *error)
{
    if (worker->context && !strcmp(worker->device, settings->device))
        return true;
    vkstyle_close(&worker->context);
    worker->context = vkstyle_open(settings->device[0] ? settings->device : NULL, error);
    if (!worker->context)
        return false;
    g_strlcpy(worker->device, settings->device, sizeof worker->device);
    return true;
}

// All styles' pictures in a row. Those of a folder share its weight, and its mask.
typedef struct style_row {
    const vkstyle_image *style[FILTER_STYLES * VKSTYLE_MAX_STYLES];
    const vkstyle_image *mask[FILTER_STYLES * VKSTYLE_MAX_STYLES];
    double weight[FILTER_STYLES * VKSTYLE_MAX_STYLES];
    int count;
} style_row;

static void put_in_row(style_row *row, const filter_pictures *pictures, double second_share)
{
    row->count = 0;
    for (int i = 0; i < FILTER_STYLES; i++)
        for (int k = 0; k < pictures->count[i]; k++) {
            double share = !pictures->count[1] ? 1 : i ? second_share : 1 - second_share;
            row->style[row->count] = pictures->style[i][k];
            row->mask[row->count] = pictures->mask[i];
            row->weight[row->count++] = share / pictures->count[i];
        }
}

static bool transfer(filter_worker *worker, filter_task *task)
{
    const filter_pictures *pictures = task->pictures;
    style_row row;
    put_in_row(&row, pictures, task->settings.second_share);
    vkstyle_job job = {
        .content = task->content,
        .styles = row.style,
        .style_weights = row.weight,
        .style_count = row.count,
        .style_masks = row.mask,
        .strength_map = pictures->strength,
        .init = pictures->init,
        .progress = on_progress,
        .user = task,
        .picture_seconds = task->picture_seconds,
    };
    task->result = vkstyle_transfer(worker->context, worker->model, &job, &task->settings.params,
                                    &task->report, &task->error);
    if (!task->result && task->error.status != VKSTYLE_INTERRUPTED)
        // A lost device stays lost: the next task opens it anew.
        vkstyle_close(&worker->context);
    return task->result != NULL;
}

static bool work(filter_worker *worker, filter_task *task)
{
    if (filter_task_decision(task) == VKSTYLE_CANCEL) {
        task->error.status = VKSTYLE_INTERRUPTED;
        return false;
    }
    const filter_settings *settings = &task->settings;
    if (task->kind == FILTER_DEVICES &&
        !vkstyle_devices(&task->devices, &task->device_count, &task->error))
        return false;
    if (!open_model(worker, settings, &task->error) || !open_device(worker, settings, &task->error))
        return false;
    vkstyle_context_device(worker->context, &task->device);
    switch (task->kind) {
    case FILTER_DEVICES:
        return true;
    case FILTER_ESTIMATE:
        return vkstyle_estimate(worker->context, worker->model, task->width, task->height,
                                &settings->params, &task->seconds, &task->bytes, &task->error);
    case FILTER_TRANSFER:
        return transfer(worker, task);
    }
    return false;
}

static gboolean call_done(gpointer data)
{
    filter_task *task = data;
    struct filter_task_state *state = task->state;
    // What the last progress brought is old news now.
    g_mutex_lock(&state->mutex);
    guint source = state->progress_source;
    state->progress_source = 0;
    g_mutex_unlock(&state->mutex);
    if (source)
        g_source_remove(source);
    task->done(task);
    return G_SOURCE_REMOVE;
}

static gpointer run_thread(gpointer data)
{
    filter_worker *worker = data;
    filter_task *task;
    while ((task = g_async_queue_pop(worker->tasks)) != &end_mark) {
        task->good = work(worker, task);
        g_idle_add(call_done, task);
    }
    vkstyle_close(&worker->context);
    vkstyle_model_free(&worker->model);
    return NULL;
}

// ---------------------------------------------------------------- in the main thread

static void notice(const char *text, void *user)
{
    (void)user;
    // Software Vulkan, an odd checksum: GIMP's user sees the device in the dialog; a log has it
    // all.
    g_printerr("vkstyle: %s\n", text);
}

filter_worker *filter_worker_create(void)
{
    filter_worker *worker = g_new0(filter_worker, 1);
    worker->tasks = g_async_queue_new();
    vkstyle_set_notice(notice, NULL);
    worker->thread = g_thread_new("vkstyle", run_thread, worker);
    return worker;
}

void filter_worker_free(filter_worker **worker)
{
    filter_worker *w = *worker;
    if (!w)
        return;
    g_async_queue_push(w->tasks, &end_mark);
    g_thread_join(w->thread);
    g_async_queue_unref(w->tasks);
    g_free(w);
    *worker = NULL;
}

void filter_worker_run(filter_worker *worker, filter_task *task)
{
    g_async_queue_push(worker->tasks, task);
}
