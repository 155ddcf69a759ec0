// SPDX-License-Identifier: MIT
//
// What the settings' widgets show: the style image, what the run will take, and a preview.
#include "filter_panel.h"

#include <math.h>
#include <string.h>

// ---------------------------------------------------------------- style image

void filter_panel_show_style(filter_panel *panel)
{
    const filter_settings *settings = &panel->settings;
    const filter_style *style = &settings->style[0];
    if (panel->style_shown_layer == style->layer && !strcmp(panel->style_shown, style->file))
        return;
    panel->style_shown_layer = style->layer;
    g_strlcpy(panel->style_shown, style->file, sizeof panel->style_shown);
    // The preview under way reads the old one.
    filter_task *preview = panel->preview;
    if (preview)
        filter_task_decide(preview, VKSTYLE_CANCEL);
    while (panel->preview)
        g_main_context_iteration(NULL, TRUE);
    vkstyle_image_free(&panel->pictures.style[0]);
    vkstyle_error error = {0};
    const char *text = _("Style: none chosen yet");
    if (filter_has_style(style)) {
        panel->pictures.style[0] = filter_load_style(style, &error);
        text = panel->pictures.style[0] ? _("Style") : error.text;
    }
    filter_picture_set(panel->style_picture, panel->pictures.style[0], PANEL_THUMBNAIL);
    gtk_label_set_text(GTK_LABEL(panel->style_text), text);
    gtk_widget_set_sensitive(panel->preview_button, panel->pictures.style[0] != NULL);
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
    gtk_label_set_text(GTK_LABEL(panel->preview_text), text);
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
        gtk_label_set_text(GTK_LABEL(panel->preview_text),
                           task->result                                ? _("Preview")
                           : task->error.status == VKSTYLE_INTERRUPTED ? ""
                                                                       : task->error.text);
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
    panel->warm.style[0] = panel->layer->content;
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
    if (!panel->pictures.style[0])
        return;
    vkstyle_error error = {0};
    if (!filter_regions_load(&panel->pictures, &panel->settings, panel->layer, &error)) {
        gtk_label_set_text(GTK_LABEL(panel->preview_text), error.text);
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
    gtk_label_set_text(GTK_LABEL(panel->preview_text), _("Preparing"));
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
    while (panel->tasks)
        g_main_context_iteration(NULL, TRUE);
    filter_pictures_free(&panel->pictures);
    g_strfreev(panel->device_ids);
    panel->device_ids = NULL;
}
