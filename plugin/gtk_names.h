// SPDX-License-Identifier: MIT
//
// The few widgets that GTK 2 and GTK 3 name differently, under one name.
#ifndef VKSTYLE_GTK_NAMES_H
#define VKSTYLE_GTK_NAMES_H

#include <gtk/gtk.h>

static inline GtkWidget *ui_row(int spacing)
{
#if GTK_MAJOR_VERSION >= 3
    return gtk_box_new(GTK_ORIENTATION_HORIZONTAL, spacing);
#else
    return gtk_hbox_new(FALSE, spacing);
#endif
}

static inline GtkWidget *ui_column(int spacing)
{
#if GTK_MAJOR_VERSION >= 3
    return gtk_box_new(GTK_ORIENTATION_VERTICAL, spacing);
#else
    return gtk_vbox_new(FALSE, spacing);
#endif
}

static inline GtkWidget *ui_slider(double low, double high, double step)
{
#if GTK_MAJOR_VERSION >= 3
    return gtk_scale_new_with_range(GTK_ORIENTATION_HORIZONTAL, low, high, step);
#else
    return gtk_hscale_new_with_range(low, high, step);
#endif
}

// Rows of a label and a widget.
static inline GtkWidget *ui_table(void)
{
#if GTK_MAJOR_VERSION >= 3
    GtkWidget *table = gtk_grid_new();
    gtk_grid_set_row_spacing(GTK_GRID(table), 6);
    gtk_grid_set_column_spacing(GTK_GRID(table), 12);
#else
    GtkWidget *table = gtk_table_new(1, 2, FALSE);
    gtk_table_set_row_spacings(GTK_TABLE(table), 6);
    gtk_table_set_col_spacings(GTK_TABLE(table), 12);
#endif
    return table;
}

// Adds row `row`; the label, with a mnemonic for the widget, may be NULL.
static inline void ui_table_add(GtkWidget *table, int row, const char *label, GtkWidget *widget)
{
    if (label) {
        GtkWidget *text = gtk_label_new_with_mnemonic(label);
        gtk_label_set_mnemonic_widget(GTK_LABEL(text), widget);
#if GTK_MAJOR_VERSION >= 3
        gtk_label_set_xalign(GTK_LABEL(text), 0);
        gtk_grid_attach(GTK_GRID(table), text, 0, row, 1, 1);
#else
        gtk_misc_set_alignment(GTK_MISC(text), 0, 0.5f);
        gtk_table_attach(GTK_TABLE(table), text, 0, 1, (guint)row, (guint)row + 1, GTK_FILL, 0, 0,
                         0);
#endif
    }
#if GTK_MAJOR_VERSION >= 3
    gtk_widget_set_hexpand(widget, TRUE);
    gtk_grid_attach(GTK_GRID(table), widget, 1, row, 1, 1);
#else
    gtk_table_attach(GTK_TABLE(table), widget, 1, 2, (guint)row, (guint)row + 1,
                     GTK_FILL | GTK_EXPAND, 0, 0, 0);
#endif
}

// The widget in a window of so many pixels' height that scrolls it.
static inline GtkWidget *ui_scrolled(GtkWidget *widget, int height)
{
    GtkWidget *window = gtk_scrolled_window_new(NULL, NULL);
    gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(window), GTK_POLICY_NEVER,
                                   GTK_POLICY_AUTOMATIC);
#if GTK_MAJOR_VERSION >= 3
    gtk_container_add(GTK_CONTAINER(window), widget);
#else
    gtk_scrolled_window_add_with_viewport(GTK_SCROLLED_WINDOW(window), widget);
#endif
    gtk_widget_set_size_request(window, -1, height);
    return window;
}

// The text below a picture of so many pixels' width, in as many lines as it takes. GTK 2 wraps at
// the width that is asked for alone, and then has what is short on the left.
static inline void ui_caption(GtkWidget *label, const char *text, int width)
{
#if GTK_MAJOR_VERSION < 3
    gtk_widget_set_size_request(label, g_utf8_strlen(text, -1) > width / 6 ? width : -1, -1);
#else
    (void)width;
#endif
    gtk_label_set_text(GTK_LABEL(label), text);
}

// What a button for a folder says when one was chosen. With GTK 2, "file-set" is silent about those
// in its own list; the other signal speaks as well of a folder that a program sets.
static inline const char *ui_folder_chosen(void)
{
    return GTK_MAJOR_VERSION >= 3 ? "file-set" : "selection-changed";
}

static inline void ui_align_left(GtkWidget *label)
{
#if GTK_MAJOR_VERSION >= 3
    gtk_label_set_xalign(GTK_LABEL(label), 0);
#else
    gtk_misc_set_alignment(GTK_MISC(label), 0, 0.5f);
#endif
}

#endif
