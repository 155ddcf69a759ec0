// SPDX-License-Identifier: MIT
//
// What the filter shows on a screen: the settings, and the work as it goes on. Widgets are GTK 2
// with GIMP 2.10 and GTK 3 with GIMP 3; gimp_ui_init comes before.
#ifndef VKSTYLE_FILTER_WINDOW_H
#define VKSTYLE_FILTER_WINDOW_H

#include "filter.h"

// ---------------------------------------------------------------- the work (filter_window.c)

// A window with the growing picture, progress, Stop and Cancel, for a task that is about to run.
typedef struct filter_window filter_window;

filter_window *filter_window_open(filter_task *task);
void filter_window_show(filter_window *window, const char *text, const filter_progress *progress);
void filter_window_close(filter_window **window);

// ---------------------------------------------------------------- the settings (filter_panel.c)

// A layer or channel of the image; the name is a g_malloc'd copy.
typedef struct filter_choice {
    int item;
    char *name;
} filter_choice;

// What the image offers besides the content: arrays of filter_choice.
typedef struct filter_items {
    GArray *layers;   // all others, those in groups included
    GArray *channels; // saved selections and the like
    GArray *results; // of the layers, those that can be continued (their names are those of layers)
} filter_items;

void filter_items_free(filter_items *items);

// The settings' widgets: thumbnails, the short list, and expanders with the rest.
typedef struct filter_panel filter_panel;

// layer: content and size. items: the caller's, as long as the panel lives. changed is called after
// each change by the user, with the settings as they are then.
filter_panel *filter_panel_create(filter_worker *worker, const filter_layer *layer,
                                  const filter_items *items,
                                  void (*changed)(const filter_settings *settings, void *user),
                                  void *user);
// The GtkWidget to pack.
void *filter_panel_widget(filter_panel *panel);
// Shows these settings; does not call `changed`.
void filter_panel_set(filter_panel *panel, const filter_settings *settings);
// The settings as they are, once the user has accepted them: a style from a layer names no file.
void filter_panel_accept(const filter_panel *panel, filter_settings *settings);
// Stops what the panel has begun. The widget must still be there or be destroyed already.
void filter_panel_free(filter_panel **panel);

#endif
