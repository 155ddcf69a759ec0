// SPDX-License-Identifier: MIT
//
// Inside the settings' widgets: filter_panel.c builds and fills them, filter_where.c those of
// regions, filter_look.c shows pictures, prediction and preview.
#ifndef VKSTYLE_FILTER_PANEL_H
#define VKSTYLE_FILTER_PANEL_H

#include "filter_picture.h"
#include "filter_row.h"
#include "filter_window.h"

enum { PANEL_WEIGHTS = 5, PANEL_THUMBNAIL = 150, PANEL_PREVIEW = 256, PANEL_ROWS = 64 };

struct filter_panel {
    filter_worker *worker;
    const filter_layer *layer;
    const filter_items *items; // the host's
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
    GtkWidget *second, *second_file, *second_share, *where[FILTER_STYLES], *strength_map;
    bool second_of_file;         // a file shall be it, if none was chosen yet
    filter_row rows[PANEL_ROWS]; // all other parameters
    int row_count;

    filter_pictures pictures; // the settings' style, and what the last preview needed
    filter_pictures warm;     // the content as a style; not ours to free
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

// Appends "Layer: sky" and so on to a combo box.
void filter_panel_add_entries(GtkWidget *combo, const char *kind, const GArray *choices);
int filter_panel_active(GtkWidget *combo);
// The item at an entry of a list, or -1; and the entry of an item, counted from 0, or -1.
int filter_panel_item(const GArray *choices, int entry);
int filter_panel_entry(const GArray *choices, int item);
void filter_panel_watch(filter_panel *panel, GtkWidget *widget, const char *signal);
void filter_panel_show_file(GtkWidget *button, const char *path);
void filter_panel_take_file(GtkWidget *button, char path[VKSTYLE_PATH]);

// The expander of regions; it follows the settings, and they it (true: the widget was one of
// these).
GtkWidget *filter_where_build(filter_panel *panel);
void filter_where_fill(filter_panel *panel);
bool filter_where_take(filter_panel *panel, GtkWidget *widget);

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
