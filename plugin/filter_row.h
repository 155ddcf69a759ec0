// SPDX-License-Identifier: MIT
//
// A widget for any parameter of the engine's table, so that a new one shows in the dialogs without
// a line of theirs.
#ifndef VKSTYLE_FILTER_ROW_H
#define VKSTYLE_FILTER_ROW_H

#include "filter.h"

#include <gtk/gtk.h>

typedef struct filter_row {
    const vkstyle_param *param;
    GtkWidget *widget;
} filter_row;

// A list for choices, a check box for flags, a slider for small ranges, a number or a text for the
// rest; with the parameter's help as its tip. changed is called after each change.
filter_row filter_row_create(const vkstyle_param *param, GCallback changed, gpointer user);
// Shows the settings' value. A text that somebody is typing stays as it is.
void filter_row_fill(const filter_row *row, const filter_settings *settings);
// Takes the widget's value. What is no value marks the widget and leaves the settings alone.
void filter_row_take(const filter_row *row, filter_settings *settings);

#endif
