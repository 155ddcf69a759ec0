// SPDX-License-Identifier: MIT
#include "filter_row.h"

#include "gtk_names.h"

#include <string.h>

// A range that a hand can set: colour strength, and not a learning rate or a weight up to 1e12.
static bool is_slider(const vkstyle_param *param)
{
    return param->kind == VKSTYLE_REAL && param->minimum >= 0 && param->maximum <= 5;
}

static GtkWidget *create_number(const vkstyle_param *param)
{
    bool whole = param->kind != VKSTYLE_REAL;
    GtkWidget *spin =
        gtk_spin_button_new_with_range(param->minimum, param->maximum, whole ? 1 : 0.01);
    gtk_spin_button_set_digits(GTK_SPIN_BUTTON(spin), whole ? 0 : 3);
    // A range up to 1e12 would ask for a widget as wide as its longest number.
    gtk_entry_set_width_chars(GTK_ENTRY(spin), 8);
    return spin;
}

filter_row filter_row_create(const vkstyle_param *param, GCallback changed, gpointer user)
{
    const char *signal = "changed";
    GtkWidget *widget = NULL;
    switch (param->kind) {
    case VKSTYLE_CHOICE:
        widget = gtk_combo_box_text_new();
        for (int i = 0; param->choices[i]; i++)
            gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(widget), _(param->choices[i]));
        break;
    case VKSTYLE_FLAG:
        widget = gtk_check_button_new();
        signal = "toggled";
        break;
    case VKSTYLE_INT:
    case VKSTYLE_INT64:
    case VKSTYLE_REAL:
        widget = is_slider(param) ? ui_slider(param->minimum, param->maximum, 0.05)
                                  : create_number(param);
        if (is_slider(param))
            gtk_scale_set_digits(GTK_SCALE(widget), 2);
        signal = "value-changed";
        break;
    case VKSTYLE_BYTES:
    case VKSTYLE_TEXT:
        widget = gtk_entry_new();
        break;
    }
    gtk_widget_set_tooltip_text(widget, _(param->help));
    g_signal_connect(widget, signal, changed, user);
    return (filter_row){param, widget};
}

void filter_row_fill(const filter_row *row, const filter_settings *settings)
{
    const vkstyle_param *param = row->param;
    const void *value = (const char *)&settings->params + param->offset;
    double number = 0;
    char *text;
    switch (param->kind) {
    case VKSTYLE_CHOICE:
        gtk_combo_box_set_active(GTK_COMBO_BOX(row->widget), *(const int *)value);
        return;
    case VKSTYLE_FLAG:
        gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(row->widget), *(const bool *)value);
        return;
    case VKSTYLE_INT:
        number = *(const int *)value;
        break;
    case VKSTYLE_INT64:
        number = (double)*(const int64_t *)value;
        break;
    case VKSTYLE_REAL:
        number = *(const double *)value;
        break;
    case VKSTYLE_BYTES:
    case VKSTYLE_TEXT:
        text = filter_settings_text(settings, param);
        if (!gtk_widget_has_focus(row->widget) &&
            strcmp(gtk_entry_get_text(GTK_ENTRY(row->widget)), text) != 0)
            gtk_entry_set_text(GTK_ENTRY(row->widget), text);
        g_free(text);
        return;
    }
    if (is_slider(param))
        gtk_range_set_value(GTK_RANGE(row->widget), number);
    else
        gtk_spin_button_set_value(GTK_SPIN_BUTTON(row->widget), number);
}

static void take_text(const filter_row *row, filter_settings *settings)
{
    vkstyle_error error = {0};
    bool good = vkstyle_params_set(&settings->params, row->param->name,
                                   gtk_entry_get_text(GTK_ENTRY(row->widget)), &error);
    gtk_entry_set_icon_from_icon_name(GTK_ENTRY(row->widget), GTK_ENTRY_ICON_SECONDARY,
                                      good ? NULL : "dialog-warning");
    gtk_widget_set_tooltip_text(row->widget, good ? _(row->param->help) : error.text);
}

void filter_row_take(const filter_row *row, filter_settings *settings)
{
    const vkstyle_param *param = row->param;
    void *value = (char *)&settings->params + param->offset;
    double number;
    switch (param->kind) {
    case VKSTYLE_CHOICE:
        *(int *)value = MAX(0, gtk_combo_box_get_active(GTK_COMBO_BOX(row->widget)));
        return;
    case VKSTYLE_FLAG:
        *(bool *)value = gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(row->widget));
        return;
    case VKSTYLE_BYTES:
    case VKSTYLE_TEXT:
        take_text(row, settings);
        return;
    case VKSTYLE_INT:
    case VKSTYLE_INT64:
    case VKSTYLE_REAL:
        break;
    }
    number = is_slider(param) ? gtk_range_get_value(GTK_RANGE(row->widget))
                              : gtk_spin_button_get_value(GTK_SPIN_BUTTON(row->widget));
    if (param->kind == VKSTYLE_INT)
        *(int *)value = (int)number;
    else if (param->kind == VKSTYLE_INT64)
        *(int64_t *)value = (int64_t)number;
    else
        *(double *)value = number;
}
