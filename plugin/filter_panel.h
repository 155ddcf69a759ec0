// SPDX-License-Identifier: MIT
//
// Inside the settings' widgets: filter_panel.c builds and fills them, filter_look.c shows pictures,
// prediction and preview.
#ifndef VKSTYLE_FILTER_PANEL_H
#define VKSTYLE_FILTER_PANEL_H

#include "filter_picture.h"
#include "filter_row.h"
#include "filter_window.h"

enum { PANEL_WEIGHTS = 5, PANEL_THUMBNAIL = 150, PANEL_PREVIEW = 256, PANEL_ROWS = 64 };

struct filter_panel {
    filter_worker *worker;
    const filter_layer *layer;
    const filter_choice *layers, *results; // the host's
    int layer_count, result_count;
    void (*changed)(const filter_settings *settings, void *user);
    void *user;
    filter_settings settings;
    bool filling; // widgets change because settings did, not the other way round
    bool gone;    // the widgets were destroyed

    GtkWidget *top;
    GtkWidget *content_picture, *style_picture, *style_text, *preview_picture;
    GtkWidget *preview_button, *preview_text, *estimate;
    GtkWidget *source, *file, *start, *preset, *strength, *style_scale, *size;
    GtkWidget *weights[PANEL_WEIGHTS], *device, *model;
    filter_row rows[PANEL_ROWS]; // all other parameters
    int row_count;

    vkstyle_image *style; // of the settings' style, or NULL
    char style_shown[VKSTYLE_PATH];
    int style_shown_layer;

    int tasks; // under way
    filter_task *preview, *warming;
    gint64 preview_asked; // when its button was pressed, in microseconds
    guint estimate_timer;
    bool estimating, estimate_again;
    bool software;     // the device that is open is no GPU
    char **device_ids; // in the order of the combo box, from the second entry on
};

// Reads the style image where it is another one than before, and shows it.
void filter_panel_show_style(filter_panel *panel);
// Begins the list of devices and the first prediction.
void filter_panel_begin(filter_panel *panel);
// Predicts time and memory anew, a moment from now.
void filter_panel_predict(filter_panel *panel);
// Compiles the kernels of a preview while the user still chooses.
void filter_panel_warm(filter_panel *panel);
// Starts the preview, or stops the one under way.
void filter_panel_preview(filter_panel *panel);
// Cancels all of this and waits for its end.
void filter_panel_end(filter_panel *panel);

#endif
