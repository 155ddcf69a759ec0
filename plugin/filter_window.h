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

// Another layer of the image, as a style.
typedef struct filter_choice {
    int layer;
    const char *name;
} filter_choice;

// The settings' widgets: thumbnails, the short list, and an expander with the rest.
typedef struct filter_panel filter_panel;

// layer: content and size. layers: `count` others that may be the style. changed is called after
// each change by the user, with the settings as they are then.
filter_panel *filter_panel_create(filter_worker *worker, const filter_layer *layer,
                                  const filter_choice *layers, int count,
                                  const filter_choice *results, int result_count,
                                  void (*changed)(const filter_settings *settings, void *user),
                                  void *user);
// The GtkWidget to pack.
void *filter_panel_widget(filter_panel *panel);
// Shows these settings; does not call `changed`.
void filter_panel_set(filter_panel *panel, const filter_settings *settings);
const filter_settings *filter_panel_get(const filter_panel *panel);
// Stops what the panel has begun. The widget must still be there or be destroyed already.
void filter_panel_free(filter_panel **panel);

#endif
