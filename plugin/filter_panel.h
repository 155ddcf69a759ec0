// SPDX-License-Identifier: MIT
//
// Inside the settings' widgets: filter_panel.c builds and fills them, filter_source.c those that
// choose a style, filter_where.c those of regions; filter_look.c shows pictures, prediction and
// preview.
#ifndef VKSTYLE_FILTER_PANEL_H
#define VKSTYLE_FILTER_PANEL_H

#include "filter_picture.h"
#include "filter_row.h"
#include "filter_window.h"

enum { PANEL_WEIGHTS = 5, PANEL_THUMBNAIL = 150, PANEL_PREVIEW = 256, PANEL_ROWS = 64 };

// The widgets that choose a style.
typedef struct filter_source {
    GtkWidget *list, *file, *folder;
    int kind; // of the list's entries, the one chosen last
    // What the two buttons were given last, in force or not.
    char file_path[VKSTYLE_PATH], folder_path[VKSTYLE_PATH];
} filter_source;

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
    GtkWidget *start, *preset, *strength, *style_scale, *size;
    GtkWidget *weights[PANEL_WEIGHTS], *device, *model;
    GtkWidget *second_share, *where[FILTER_STYLES], *strength_map;
    filter_source source[FILTER_STYLES];
    filter_row rows[PANEL_ROWS]; // all other parameters
    int row_count;

    filter_pictures pictures;         // the settings' styles, and what the last preview needed
    filter_pictures warm;             // the content as a style; not ours to free
    filter_style read[FILTER_STYLES]; // whose pictures these are, or will be
    filter_reader reader[FILTER_STYLES];
    vkstyle_error trouble[FILTER_STYLES]; // with a style's pictures
    guint reading;                        // idle source that reads the next one

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

// Adds the two rows that choose a style; they follow the settings (false: there is no style), and
// the settings them (true: the widget was one of these).
void filter_source_build(filter_panel *panel, int which, const char *label, GtkWidget *table,
                         int *row);
bool filter_source_fill(filter_panel *panel, int which);
bool filter_source_take(filter_panel *panel, GtkWidget *widget);
// Settings of another origin are about to be shown: what was chosen before is of no matter.
void filter_source_forget(filter_panel *panel, int which);

// The expander of regions; it follows the settings, and they it (true: the widget was one of
// these).
GtkWidget *filter_where_build(filter_panel *panel);
void filter_where_fill(filter_panel *panel);
bool filter_where_take(filter_panel *panel, GtkWidget *widget);

// Reads the styles' pictures where they are others than before, and shows them: those of a folder
// one after the other, while the dialog goes on.
void filter_panel_show_styles(filter_panel *panel);
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
