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
    bool second = filter_source_fill(panel, 1), two = filter_has_style(&styles[1]);
    for (int i = 0; i < FILTER_STYLES; i++) {
        bool elsewhere = two && styles[1 - i].mask >= 0;
        name_none(panel->where[i], elsewhere ? _("Elsewhere") : _("Everywhere"));
        gtk_combo_box_set_active(GTK_COMBO_BOX(panel->where[i]), mask_entry(panel, styles[i].mask));
    }
    gtk_widget_set_sensitive(panel->where[1], second);
    gtk_widget_set_sensitive(panel->second_share, second);
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

bool filter_where_take(filter_panel *panel, GtkWidget *widget)
{
    filter_settings *settings = &panel->settings;
    if (widget == panel->second_share)
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
    filter_source_build(panel, 1, _("Second style"), table, &row);
    panel->second_share = ui_slider(0, 1, 0.05);
    gtk_scale_set_digits(GTK_SCALE(panel->second_share), 2);
    gtk_widget_set_tooltip_text(panel->second_share, _(filter_arguments[FILTER_SECOND_SHARE].help));
    ui_table_add(table, row++, _(filter_arguments[FILTER_SECOND_SHARE].label), panel->second_share);
    panel->where[1] = add_mask(panel, table, row++, FILTER_SECOND_MASK, _("Everywhere"));
    panel->strength_map = add_mask(panel, table, row++, FILTER_STRENGTH_MAP, _("No map"));
    filter_panel_watch(panel, panel->second_share, "value-changed");
    gtk_container_add(GTK_CONTAINER(expander), table);
    return expander;
}
