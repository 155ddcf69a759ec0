// SPDX-License-Identifier: MIT
//
// One run, from the layer's pixels to the result's.
#include "filter.h"

#include "filter_window.h"

#include <math.h>
#include <string.h>

void filter_layer_clear(filter_layer *layer)
{
    g_clear_object(&layer->pixels);
    g_clear_object(&layer->mask);
    filter_colour_clear(&layer->colour);
    vkstyle_image_free(&layer->content);
    memset(layer, 0, sizeof *layer);
}

bool filter_usage(vkstyle_error *error, const char *text)
{
    error->status = VKSTYLE_USAGE;
    g_strlcpy(error->text, text, sizeof error->text);
    return false;
}

char *filter_result_name(const filter_settings *settings)
{
    char *first = filter_style_name(&settings->style[0]), *second = NULL, *name;
    if (filter_has_style(&settings->style[1])) {
        second = filter_style_name(&settings->style[1]);
        name = g_strdup_printf(_("Stylized (%s, %s)"), first, second);
    } else
        name = g_strdup_printf(_("Stylized (%s)"), first);
    g_free(first);
    g_free(second);
    return name;
}

// ---------------------------------------------------------------- texts

char *filter_seconds_text(double seconds)
{
    long whole = lround(seconds);
    if (whole < 60)
        return g_strdup_printf(_("%ld s"), whole > 0 ? whole : 1);
    if (whole < 3600)
        return g_strdup_printf(_("%ld min %ld s"), whole / 60, whole % 60);
    return g_strdup_printf(_("%ld h %ld min"), whole / 3600, whole % 3600 / 60);
}

char *filter_bytes_text(uint64_t bytes)
{
    return g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
}

char *filter_progress_text(const filter_progress *progress)
{
    GString *text = g_string_new(NULL);
    if (progress->iteration > 0)
        g_string_append_printf(text, _("Iteration %d of %d"), progress->iteration,
                               progress->iterations);
    else
        g_string_append(text, _("Preparing"));
    if (progress->tiles) {
        g_string_append(text, ", ");
        g_string_append_printf(text, _("tile %d of %d"), progress->tile, progress->tiles);
    }
    if (isfinite(progress->loss)) {
        g_string_append(text, ", ");
        g_string_append_printf(text, _("loss %.3g"), progress->loss);
    }
    if (progress->seconds_left >= 0) {
        char *left = filter_seconds_text(progress->seconds_left);
        g_string_append(text, ", ");
        g_string_append_printf(text, _("%s left"), left);
        g_free(left);
    }
    return g_string_free(text, FALSE);
}

// ---------------------------------------------------------------- the transfer

typedef struct run {
    GMainLoop *loop;
    filter_window *window; // NULL without one
    int shown, shown_tile; // what GIMP's progress shows: iteration, tile
} run;

static void on_progress(filter_task *task, const filter_progress *progress)
{
    run *r = task->user;
    char *text = filter_progress_text(progress);
    if (progress->iteration != r->shown || progress->tile != r->shown_tile) {
        r->shown = progress->iteration;
        r->shown_tile = progress->tile;
        gimp_progress_set_text(text);
        if (progress->iterations > 0)
            gimp_progress_update((double)progress->iteration / progress->iterations);
    }
    if (r->window)
        filter_window_show(r->window, text, progress);
    g_free(text);
}

static void on_done(filter_task *task)
{
    g_main_loop_quit(((run *)task->user)->loop);
}

// For tests: what the engine was given and what it reports goes into the folder
// $VKSTYLE_GIMP_REPORTS, as run-001.safetensors (the content image) and run-001.json, run-002 and
// so on.
static bool write_report(const vkstyle_image *content, const char *report, vkstyle_error *error)
{
    const char *folder = g_getenv("VKSTYLE_GIMP_REPORTS");
    if (!folder || !*folder)
        return true;
    for (int number = 1; number < 1000; number++) {
        char *path = g_strdup_printf("%s/run-%03d.safetensors", folder, number);
        bool taken = g_file_test(path, G_FILE_TEST_EXISTS);
        bool good = taken || vkstyle_image_save(content, path, 8, error);
        g_free(path);
        if (taken)
            continue;
        path = g_strdup_printf("%s/run-%03d.json", folder, number);
        GError *failure = NULL;
        if (good && report && !g_file_set_contents(path, report, -1, &failure)) {
            good = false;
            error->status = VKSTYLE_FAILED;
            g_strlcpy(error->text, failure->message, sizeof error->text);
            g_clear_error(&failure);
        }
        g_free(path);
        return good;
    }
    return true;
}

// All that can be refused before the work, and what it needs but for the styles' pictures.
static bool begin(filter_pictures *pictures, filter_reader readers[FILTER_STYLES],
                  filter_settings *settings, const filter_layer *layer, vkstyle_error *error)
{
    const filter_style *style = settings->style;
    if (!filter_settings_check(settings, error) ||
        !filter_reader_begin(&readers[0], &style[0], error) ||
        (filter_has_style(&style[1]) && !filter_reader_begin(&readers[1], &style[1], error)) ||
        !filter_regions_load(pictures, settings, layer, error) ||
        (settings->init_layer >= 0 && !(pictures->init = filter_load_init(settings, layer, error))))
        return false;
    if (pictures->init)
        settings->params.init = VKSTYLE_INIT_FILE;
    return true;
}

// Reads the styles' pictures. A folder of large ones takes its time: the window says where it is,
// and hears Cancel.
static bool read_styles(filter_pictures *pictures, const filter_reader readers[FILTER_STYLES],
                        const filter_task *task, filter_window *window, vkstyle_error *error)
{
    const filter_progress nothing = {.loss = NAN, .seconds_left = -1};
    for (int i = 0; i < FILTER_STYLES; i++)
        while (pictures->count[i] < readers[i].count) {
            if (window && readers[i].count > 1) {
                char *text = g_strdup_printf(_("Style: picture %d of %d"), pictures->count[i] + 1,
                                             readers[i].count);
                filter_window_show(window, text, &nothing);
                g_free(text);
            }
            while (window && g_main_context_iteration(NULL, FALSE))
                ;
            if (filter_task_decision(task) != VKSTYLE_CONTINUE) {
                error->status = VKSTYLE_INTERRUPTED;
                return false;
            }
            if (!filter_reader_next(&readers[i], &task->settings.style[i], pictures, i, error))
                return false;
        }
    return true;
}

static vkstyle_image *work(filter_worker *worker, filter_task *task, vkstyle_error *error)
{
    run *r = task->user;
    gimp_progress_init(_(FILTER_TITLE));
    r->loop = g_main_loop_new(NULL, FALSE);
    filter_worker_run(worker, task);
    g_main_loop_run(r->loop);
    g_main_loop_unref(r->loop);
    gimp_progress_end();
    vkstyle_image *result = task->result;
    task->result = NULL;
    if (!result)
        *error = task->error;
    else if (!write_report(task->content, task->report, error))
        vkstyle_image_free(&result);
    return result;
}

vkstyle_image *filter_run(filter_worker *worker, const filter_settings *settings,
                          const filter_layer *layer, vkstyle_error *error)
{
    filter_pictures pictures = {0};
    filter_reader readers[FILTER_STYLES] = {{0}};
    filter_settings used = *settings;
    vkstyle_image *result = NULL;
    if (begin(&pictures, readers, &used, layer, error)) {
        filter_task *task = filter_task_create(FILTER_TRANSFER, &used);
        run r = {.shown = -1};
        task->content = layer->content;
        task->pictures = &pictures;
        task->progress = on_progress;
        task->done = on_done;
        task->user = &r;
        if (layer->with_window) {
            task->picture_seconds = 2;
            r.window = filter_window_open(task);
        }
        if (read_styles(&pictures, readers, task, r.window, error))
            result = work(worker, task, error);
        filter_window_close(&r.window);
        filter_task_free(&task);
    }
    for (int i = 0; i < FILTER_STYLES; i++)
        filter_reader_end(&readers[i]);
    filter_pictures_free(&pictures);
    return result;
}
