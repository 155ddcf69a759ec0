// SPDX-License-Identifier: MIT
//
// The widgets that say where styles act.
#include "filter_panel.h"

#include "gtk_names.h"

// ---------------------------------------------------------------- from settings to widgets

// None, then the layers, then the channels.
static int mask_entry(const filter_panel *panel, int item)
{
    int layer = filter_panel_entry(panel->items->layers, item);
    int channel = filter_panel_entry(panel->items->channels, item);
    return layer >= 0 ? 1 + layer : channel >= 0 ? 1 + (int)panel->items->layers->len + channel : 0;
}

static void name_none(GtkWidget *combo, const char *text)
{
    gtk_combo_box_text_remove(GTK_COMBO_BOX_TEXT(combo), 0);
    gtk_combo_box_text_prepend_text(GTK_COMBO_BOX_TEXT(combo), text);
}

void filter_where_fill(filter_panel *panel)
{
    const filter_style *styles = panel->settings.style;
    int layer = filter_panel_entry(panel->items->layers, styles[1].layer);
    bool file = styles[1].file[0] || panel->second_of_file;
    int entry = layer >= 0 ? 2 + layer : file ? 1 : 0;
    bool two = filter_has_style(&styles[1]);
    gtk_combo_box_set_active(GTK_COMBO_BOX(panel->second), entry);
    gtk_widget_set_sensitive(panel->second_file, entry == 1);
    filter_panel_show_file(panel->second_file, styles[1].file);
    for (int i = 0; i < FILTER_STYLES; i++) {
        bool elsewhere = two && styles[1 - i].mask >= 0;
        name_none(panel->where[i], elsewhere ? _("Elsewhere") : _("Everywhere"));
        gtk_combo_box_set_active(GTK_COMBO_BOX(panel->where[i]), mask_entry(panel, styles[i].mask));
    }
    gtk_widget_set_sensitive(panel->where[1], entry > 0);
    gtk_widget_set_sensitive(panel->second_share, entry > 0);
    gtk_range_set_value(GTK_RANGE(panel->second_share), panel->settings.second_share);
    gtk_combo_box_set_active(GTK_COMBO_BOX(panel->strength_map),
                             mask_entry(panel, panel->settings.strength_map));
}

// ---------------------------------------------------------------- from widgets to settings

static int mask_item(const filter_panel *panel, GtkWidget *combo)
{
    int entry = filter_panel_active(combo) - 1, layers = (int)panel->items->layers->len;
    return entry < layers ? filter_panel_item(panel->items->layers, entry)
                          : filter_panel_item(panel->items->channels, entry - layers);
}

static void take_second(filter_panel *panel, int entry)
{
    filter_style *style = &panel->settings.style[1];
    style->layer = filter_panel_item(panel->items->layers, entry - 2);
    panel->second_of_file = entry == 1;
    if (entry == 0) {
        style->file[0] = '\0';
        style->mask = -1;
    }
}

bool filter_where_take(filter_panel *panel, GtkWidget *widget)
{
    filter_settings *settings = &panel->settings;
    if (widget == panel->second)
        take_second(panel, filter_panel_active(widget));
    else if (widget == panel->second_file)
        filter_panel_take_file(widget, settings->style[1].file);
    else if (widget == panel->second_share)
        settings->second_share = gtk_range_get_value(GTK_RANGE(widget));
    else if (widget == panel->where[0] || widget == panel->where[1])
        settings->style[widget == panel->where[1]].mask = mask_item(panel, widget);
    else if (widget == panel->strength_map)
        settings->strength_map = mask_item(panel, widget);
    else
        return false;
    return true;
}

// ---------------------------------------------------------------- building

static GtkWidget *add_mask(filter_panel *panel, GtkWidget *table, int row, int argument,
                           const char *none)
{
    GtkWidget *combo = gtk_combo_box_text_new();
    gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(combo), none);
    filter_panel_add_entries(combo, _("Layer:"), panel->items->layers);
    filter_panel_add_entries(combo, _("Channel:"), panel->items->channels);
    gtk_widget_set_tooltip_text(combo, _(filter_arguments[argument].help));
    ui_table_add(table, row, _(filter_arguments[argument].label), combo);
    filter_panel_watch(panel, combo, "changed");
    return combo;
}

GtkWidget *filter_where_build(filter_panel *panel)
{
    GtkWidget *expander = gtk_expander_new_with_mnemonic(_("Re_gions")), *table = ui_table();
    int row = 0;
    panel->where[0] = add_mask(panel, table, row++, FILTER_STYLE_MASK, _("Everywhere"));
    panel->second = gtk_combo_box_text_new();
    gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(panel->second), _("None"));
    gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(panel->second), _("A file"));
    filter_panel_add_entries(panel->second, _("Layer:"), panel->items->layers);
    gtk_widget_set_tooltip_text(panel->second, _(filter_arguments[FILTER_SECOND_FILE].help));
    ui_table_add(table, row++, _("Second style"), panel->second);
    panel->second_file =
        gtk_file_chooser_button_new(_("Second style image"), GTK_FILE_CHOOSER_ACTION_OPEN);
    ui_table_add(table, row++, NULL, panel->second_file);
    panel->second_share = ui_slider(0, 1, 0.05);
    gtk_scale_set_digits(GTK_SCALE(panel->second_share), 2);
    gtk_widget_set_tooltip_text(panel->second_share, _(filter_arguments[FILTER_SECOND_SHARE].help));
    ui_table_add(table, row++, _(filter_arguments[FILTER_SECOND_SHARE].label), panel->second_share);
    panel->where[1] = add_mask(panel, table, row++, FILTER_SECOND_MASK, _("Everywhere"));
    panel->strength_map = add_mask(panel, table, row++, FILTER_STRENGTH_MAP, _("No map"));
    filter_panel_watch(panel, panel->second, "changed");
    filter_panel_watch(panel, panel->second_file, "file-set");
    filter_panel_watch(panel, panel->second_share, "value-changed");
    gtk_container_add(GTK_CONTAINER(expander), table);
    return expander;
}
