// SPDX-License-Identifier: MIT
//
// What the settings' widgets show: the style image, what the run will take, and a preview.
#include "filter_panel.h"

#include "gtk_names.h"

#include <math.h>
#include <string.h>

// ---------------------------------------------------------------- style images

static bool is_read(const filter_panel *panel, int which)
{
    int count = panel->pictures.count[which];
    return count > 0 && count == panel->reader[which].count;
}

static void show_style(filter_panel *panel)
{
    int count = panel->pictures.count[0], all = panel->reader[0].count;
    char *text = panel->trouble[0].status ? g_strdup(panel->trouble[0].text)
                 : count < all ? g_strdup_printf(_("Style: picture %d of %d"), count + 1, all)
                 : count > 1   ? g_strdup_printf(_("Style: %d pictures"), count)
                 : count       ? g_strdup(_("Style"))
                               : g_strdup(_("Style: none chosen yet"));
    filter_picture_set_all(panel->style_picture,
                           (const vkstyle_image *const *)panel->pictures.style[0], count,
                           PANEL_THUMBNAIL);
    ui_caption(panel->style_text, text, PANEL_THUMBNAIL);
    gtk_widget_set_sensitive(panel->preview_button, is_read(panel, 0) && !panel->reading);
    g_free(text);
}

static void give_up(filter_panel *panel, int which, const vkstyle_error *error)
{
    panel->trouble[which] = *error;
    filter_style_free(&panel->pictures, which);
}

static void read_picture(filter_panel *panel, int which)
{
    vkstyle_error error = {0};
    if (!filter_reader_next(&panel->reader[which], &panel->read[which], &panel->pictures, which,
                            &error))
        give_up(panel, which, &error);
}

static gboolean read_next(gpointer data)
{
    filter_panel *panel = data;
    int which = 0;
    while (which < FILTER_STYLES && (panel->trouble[which].status ||
                                     panel->pictures.count[which] == panel->reader[which].count))
        which++;
    if (which < FILTER_STYLES)
        read_picture(panel, which);
    else
        panel->reading = 0;
    show_style(panel);
    return which < FILTER_STYLES;
}

static void begin_style(filter_panel *panel, int which)
{
    const filter_style *style = &panel->read[which];
    filter_reader *reader = &panel->reader[which];
    vkstyle_error error = {0};
    filter_reader_end(reader);
    filter_style_free(&panel->pictures, which);
    panel->trouble[which] = error;
    if (!filter_has_style(style))
        return;
    if (!filter_reader_begin(reader, style, &error))
        give_up(panel, which, &error);
    else if (reader->count == 1)
        read_picture(panel, which);
    else if (!panel->reading)
        panel->reading = g_idle_add(read_next, panel);
}

void filter_panel_show_styles(filter_panel *panel)
{
    for (int i = 0; i < FILTER_STYLES; i++) {
        if (filter_same_style(&panel->read[i], &panel->settings.style[i]))
            continue;
        // The preview under way reads the old one.
        if (panel->preview)
            filter_task_decide(panel->preview, VKSTYLE_CANCEL);
        while (panel->preview)
            g_main_context_iteration(NULL, TRUE);
        panel->read[i] = panel->settings.style[i];
        begin_style(panel, i);
    }
    show_style(panel);
}

// ---------------------------------------------------------------- device and prediction

static void on_estimate(filter_task *task)
{
    filter_panel *panel = task->user;
    panel->tasks--;
    panel->estimating = false;
    if (!panel->gone) {
        char *text, *bytes = filter_bytes_text(task->bytes);
        if (!task->good)
            text = g_strdup(task->error.text);
        else if (task->seconds < 0)
            text = g_strdup_printf(_("%s of memory on %s; the time shows after the first run"),
                                   bytes, task->device.name);
        else {
            char *seconds = filter_seconds_text(task->seconds);
            text = g_strdup_printf(_("About %s and %s of memory on %s"), seconds, bytes,
                                   task->device.name);
            g_free(seconds);
        }
        panel->software = task->good && task->device.type == VKSTYLE_DEVICE_SOFTWARE;
        gtk_label_set_text(GTK_LABEL(panel->estimate), text);
        g_free(text);
        g_free(bytes);
        if (panel->estimate_again)
            filter_panel_predict(panel);
    }
    panel->estimate_again = false;
    filter_task_free(&task);
}

static gboolean estimate_now(gpointer data)
{
    filter_panel *panel = data;
    if (panel->estimate_timer)
        g_source_remove(panel->estimate_timer);
    panel->estimate_timer = 0;
    if (panel->estimating) {
        panel->estimate_again = true;
        return G_SOURCE_REMOVE;
    }
    filter_task *task = filter_task_create(FILTER_ESTIMATE, &panel->settings);
    task->width = panel->layer->part.width;
    task->height = panel->layer->part.height;
    task->done = on_estimate;
    task->user = panel;
    panel->estimating = true;
    panel->tasks++;
    filter_worker_run(panel->worker, task);
    return G_SOURCE_REMOVE;
}

void filter_panel_predict(filter_panel *panel)
{
    if (panel->estimate_timer)
        g_source_remove(panel->estimate_timer);
    panel->estimate_timer = g_timeout_add(200, estimate_now, panel);
}

static void on_devices(filter_task *task)
{
    filter_panel *panel = task->user;
    panel->tasks--;
    if (!panel->gone && task->device_count > 0) {
        GtkComboBoxText *combo = GTK_COMBO_BOX_TEXT(panel->device);
        panel->filling = true;
        panel->device_ids = g_new0(char *, task->device_count + 1);
        int n = 0, active = 0;
        for (int i = 0; i < task->device_count; i++) {
            if (!task->devices[i].usable)
                continue;
            gtk_combo_box_text_append_text(combo, task->devices[i].name);
            panel->device_ids[n++] = g_strdup(task->devices[i].uuid);
            if (!strcmp(panel->settings.device, task->devices[i].uuid))
                active = n;
        }
        gtk_combo_box_set_active(GTK_COMBO_BOX(combo), active);
        panel->filling = false;
    }
    if (!panel->gone && !task->good)
        gtk_label_set_text(GTK_LABEL(panel->estimate), task->error.text);
    else if (!panel->gone) {
        panel->software = task->device.type == VKSTYLE_DEVICE_SOFTWARE;
        // The prediction first: it is quick, and the user looks at it.
        estimate_now(panel);
        filter_panel_warm(panel);
    }
    filter_task_free(&task);
}

void filter_panel_begin(filter_panel *panel)
{
    filter_task *task = filter_task_create(FILTER_DEVICES, &panel->settings);
    task->done = on_devices;
    task->user = panel;
    panel->tasks++;
    filter_worker_run(panel->worker, task);
}

// ---------------------------------------------------------------- preview

// A preview is over so many seconds after its button was pressed, but not before it has painted
// something: a busy processor may need most of that time for the first iterations.
static const double PREVIEW_SECONDS = 9;
enum { PREVIEW_ITERATIONS = 10 };

static void on_preview_progress(filter_task *task, const filter_progress *progress)
{
    filter_panel *panel = task->user;
    if (panel->gone)
        return;
    if (progress->iteration >= PREVIEW_ITERATIONS &&
        (double)(g_get_monotonic_time() - panel->preview_asked) > PREVIEW_SECONDS * 1e6)
        filter_task_decide(task, VKSTYLE_STOP);
    char *text = filter_progress_text(progress);
    ui_caption(panel->preview_text, text, PANEL_PREVIEW);
    g_free(text);
    if (progress->picture)
        filter_picture_set(panel->preview_picture, progress->picture, PANEL_PREVIEW);
}

static void on_preview_done(filter_task *task)
{
    filter_panel *panel = task->user;
    panel->tasks--;
    panel->preview = NULL;
    if (!panel->gone) {
        gtk_button_set_label(GTK_BUTTON(panel->preview_button), _("Pre_view"));
        if (task->result)
            filter_picture_set(panel->preview_picture, task->result, PANEL_PREVIEW);
        ui_caption(panel->preview_text,
                   task->result                                ? _("Preview")
                   : task->error.status == VKSTYLE_INTERRUPTED ? ""
                                                               : task->error.text,
                   PANEL_PREVIEW);
        // A device that has run once can be predicted.
        filter_panel_predict(panel);
    }
    filter_task_free(&task);
}

// A preview of the content in its own manner. What is wrong will show when it matters.
static void on_warm(filter_task *task)
{
    filter_panel *panel = task->user;
    panel->tasks--;
    panel->warming = NULL;
    filter_task_free(&task);
}

void filter_panel_warm(filter_panel *panel)
{
    filter_task *task = filter_task_create(FILTER_TRANSFER, &panel->settings);
    vkstyle_params *params = &task->settings.params;
    vkstyle_params_default(params);
    filter_preview_params(params, panel->software);
    params->full_size = false;
    // One for each level that there may be.
    params->iterations = 4;
    task->content = panel->layer->content;
    panel->warm.style[0][0] = panel->layer->content;
    panel->warm.count[0] = 1;
    task->pictures = &panel->warm;
    task->done = on_warm;
    task->user = panel;
    panel->warming = task;
    panel->tasks++;
    filter_worker_run(panel->worker, task);
}

void filter_panel_preview(filter_panel *panel)
{
    if (panel->preview) {
        filter_task_decide(panel->preview, VKSTYLE_STOP);
        return;
    }
    if (!is_read(panel, 0) || panel->reading)
        return;
    vkstyle_error error = panel->trouble[1];
    if (error.status ||
        !filter_regions_load(&panel->pictures, &panel->settings, panel->layer, &error)) {
        ui_caption(panel->preview_text, error.text, PANEL_PREVIEW);
        return;
    }
    if (panel->warming)
        filter_task_decide(panel->warming, VKSTYLE_CANCEL);
    filter_task *task = filter_task_create(FILTER_TRANSFER, &panel->settings);
    filter_preview_params(&task->settings.params, panel->software);
    task->settings.params.full_size = false;
    if (task->settings.params.init == VKSTYLE_INIT_FILE)
        task->settings.params.init = VKSTYLE_INIT_CONTENT;
    task->content = panel->layer->content;
    task->pictures = &panel->pictures;
    task->picture_seconds = 1;
    task->progress = on_preview_progress;
    task->done = on_preview_done;
    task->user = panel;
    panel->preview = task;
    panel->preview_asked = g_get_monotonic_time();
    panel->tasks++;
    gtk_button_set_label(GTK_BUTTON(panel->preview_button), _("Stop Pre_view"));
    ui_caption(panel->preview_text, _("Preparing"), PANEL_PREVIEW);
    filter_worker_run(panel->worker, task);
}

void filter_panel_end(filter_panel *panel)
{
    panel->gone = true;
    if (panel->estimate_timer)
        g_source_remove(panel->estimate_timer);
    panel->estimate_timer = 0;
    if (panel->preview)
        filter_task_decide(panel->preview, VKSTYLE_CANCEL);
    if (panel->warming)
        filter_task_decide(panel->warming, VKSTYLE_CANCEL);
    if (panel->reading)
        g_source_remove(panel->reading);
    panel->reading = 0;
    while (panel->tasks)
        g_main_context_iteration(NULL, TRUE);
    for (int i = 0; i < FILTER_STYLES; i++)
        filter_reader_end(&panel->reader[i]);
    filter_pictures_free(&panel->pictures);
    g_strfreev(panel->device_ids);
    panel->device_ids = NULL;
}
