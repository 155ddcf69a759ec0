// SPDX-License-Identifier: MIT
#include "filter_panel.h"

#include "gtk_names.h"

#include <math.h>
#include <string.h>

static GtkWidget *combo_of(int count, const char *(*name)(int index), const char *other)
{
    GtkWidget *combo = gtk_combo_box_text_new();
    for (int i = 0; i < count; i++)
        gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(combo), name(i));
    gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(combo), other);
    return combo;
}

int filter_panel_active(GtkWidget *combo)
{
    return gtk_combo_box_get_active(GTK_COMBO_BOX(combo));
}

int filter_panel_item(const GArray *choices, int entry)
{
    return entry >= 0 && entry < (int)choices->len
               ? g_array_index(choices, filter_choice, entry).item
               : -1;
}

int filter_panel_entry(const GArray *choices, int item)
{
    for (int i = 0; item >= 0 && i < (int)choices->len; i++)
        if (filter_panel_item(choices, i) == item)
            return i;
    return -1;
}

void filter_panel_add_entries(GtkWidget *combo, const char *kind, const GArray *choices)
{
    for (guint i = 0; i < choices->len; i++) {
        const filter_choice *choice = &g_array_index(choices, filter_choice, i);
        char *text = g_strconcat(kind, " ", choice->name, NULL);
        gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(combo), text);
        g_free(text);
    }
}

void filter_items_free(filter_items *items)
{
    GArray *owners[] = {items->layers, items->channels};
    for (size_t k = 0; k < G_N_ELEMENTS(owners); k++)
        for (guint i = 0; i < owners[k]->len; i++)
            g_free(g_array_index(owners[k], filter_choice, i).name);
    g_array_free(items->layers, TRUE);
    g_array_free(items->channels, TRUE);
    g_array_free(items->results, TRUE);
}

// ---------------------------------------------------------------- from settings to widgets

// The five weights as they are in the settings; false where the layers are not the usual ones.
static bool get_weights(const vkstyle_params *params, double weights[PANEL_WEIGHTS])
{
    for (int i = 0; i < PANEL_WEIGHTS; i++)
        weights[i] = 1;
    if (strcmp(params->style_layers, vkstyle_param_find("style-layers")->initial_text) != 0)
        return false;
    if (vkstyle_layer_weights(params->layer_weights, PANEL_WEIGHTS, weights) != PANEL_WEIGHTS)
        return false;
    // Only ratios count: the largest becomes 1.
    double most = 0;
    for (int i = 0; i < PANEL_WEIGHTS; i++)
        most = MAX(most, weights[i]);
    for (int i = 0; i < PANEL_WEIGHTS && most > 0; i++)
        weights[i] /= most;
    return true;
}

static int start_entry(const filter_panel *panel)
{
    int entry = filter_panel_entry(panel->items->results, panel->settings.init_layer);
    return entry >= 0 ? 2 + entry : panel->settings.params.init == VKSTYLE_INIT_RANDOM ? 1 : 0;
}

static void fill(filter_panel *panel)
{
    const filter_settings *settings = &panel->settings;
    const vkstyle_params *params = &settings->params;
    panel->filling = true;
    filter_source_fill(panel, 0);
    filter_where_fill(panel);
    gtk_combo_box_set_active(GTK_COMBO_BOX(panel->start), start_entry(panel));
    int preset = filter_preset_find(params);
    gtk_combo_box_set_active(GTK_COMBO_BOX(panel->preset),
                             preset < 0 ? filter_preset_count() : preset);
    gtk_range_set_value(GTK_RANGE(panel->strength), filter_strength(params));
    gtk_range_set_value(GTK_RANGE(panel->style_scale), params->style_scale);
    gtk_spin_button_set_value(GTK_SPIN_BUTTON(panel->size), params->size);
    for (int i = 0; i < panel->row_count; i++)
        filter_row_fill(&panel->rows[i], settings);
    // Setting the same text would move the cursor of someone who types.
    if (strcmp(gtk_entry_get_text(GTK_ENTRY(panel->model)), settings->model) != 0)
        gtk_entry_set_text(GTK_ENTRY(panel->model), settings->model);
    double weights[PANEL_WEIGHTS];
    bool usual = get_weights(params, weights);
    for (int i = 0; i < PANEL_WEIGHTS; i++) {
        gtk_range_set_value(GTK_RANGE(panel->weights[i]), weights[i]);
        gtk_widget_set_sensitive(panel->weights[i], usual);
    }
    int device = 0;
    for (int i = 0; panel->device_ids && panel->device_ids[i]; i++)
        if (!strcmp(panel->device_ids[i], settings->device))
            device = 1 + i;
    gtk_combo_box_set_active(GTK_COMBO_BOX(panel->device), device);
    panel->filling = false;
}

// ---------------------------------------------------------------- from widgets to settings

static void take_weights(filter_panel *panel)
{
    double weights[PANEL_WEIGHTS];
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    // Layers of another kind were given by a script; they stay.
    if (!get_weights(&panel->settings.params, weights))
        return;
    GString *text = g_string_new(NULL);
    bool alike = true;
    double sum = 0;
    for (int i = 0; i < PANEL_WEIGHTS; i++) {
        double value = gtk_range_get_value(GTK_RANGE(panel->weights[i]));
        alike = alike && value == 1;
        sum += value;
        g_string_append_printf(text, "%s%s", i ? "," : "",
                               g_ascii_formatd(number, sizeof number, "%.2g", value));
    }
    // All zero is no style at all, which the engine refuses: then all alike.
    g_strlcpy(panel->settings.params.layer_weights, alike || sum <= 0 ? "" : text->str,
              sizeof panel->settings.params.layer_weights);
    g_string_free(text, TRUE);
}

static void take_start(filter_panel *panel, int entry)
{
    panel->settings.init_layer = filter_panel_item(panel->items->results, entry - 2);
    panel->settings.params.init = entry == 1 ? VKSTYLE_INIT_RANDOM : VKSTYLE_INIT_CONTENT;
}

// Whether it was one of the rows.
static bool take_row(filter_panel *panel, GtkWidget *widget)
{
    for (int i = 0; i < panel->row_count; i++)
        if (panel->rows[i].widget == widget) {
            filter_row_take(&panel->rows[i], &panel->settings);
            return true;
        }
    return false;
}

// One function for all widgets: the one that changed is named, the others follow.
static void on_change(GtkWidget *widget, gpointer data)
{
    filter_panel *panel = data;
    filter_settings *settings = &panel->settings;
    vkstyle_params *params = &settings->params;
    if (panel->filling)
        return;
    if (widget == panel->start)
        take_start(panel, filter_panel_active(widget));
    else if (widget == panel->preset && filter_panel_active(widget) < filter_preset_count())
        filter_preset_apply(filter_panel_active(widget), params);
    else if (widget == panel->strength)
        filter_set_strength(params, gtk_range_get_value(GTK_RANGE(widget)));
    else if (widget == panel->style_scale)
        params->style_scale = gtk_range_get_value(GTK_RANGE(widget));
    else if (widget == panel->size)
        params->size = gtk_spin_button_get_value_as_int(GTK_SPIN_BUTTON(widget));
    else if (widget == panel->model)
        g_strlcpy(settings->model, gtk_entry_get_text(GTK_ENTRY(widget)), sizeof settings->model);
    else if (widget == panel->device) {
        int entry = filter_panel_active(widget);
        g_strlcpy(settings->device,
                  entry > 0 && panel->device_ids ? panel->device_ids[entry - 1] : "",
                  sizeof settings->device);
    } else if (!filter_source_take(panel, widget) && !filter_where_take(panel, widget) &&
               !take_row(panel, widget))
        take_weights(panel);
    fill(panel);
    filter_panel_show_styles(panel);
    filter_panel_predict(panel);
    if (panel->changed)
        panel->changed(settings, panel->user);
}

static void on_preview(GtkWidget *button, gpointer data)
{
    (void)button;
    filter_panel_preview(data);
}

// ---------------------------------------------------------------- building

static GtkWidget *frame_picture(GtkWidget *column, GtkWidget **text, const char *label, int side)
{
    GtkWidget *picture = gtk_image_new();
    gtk_widget_set_size_request(picture, side, -1);
    *text = gtk_label_new(label);
    gtk_label_set_line_wrap(GTK_LABEL(*text), TRUE);
    gtk_label_set_max_width_chars(GTK_LABEL(*text), 24);
    gtk_label_set_justify(GTK_LABEL(*text), GTK_JUSTIFY_CENTER);
    gtk_box_pack_start(GTK_BOX(column), picture, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(column), *text, FALSE, FALSE, 0);
    return picture;
}

static GtkWidget *build_pictures(filter_panel *panel)
{
    GtkWidget *pair = ui_row(12), *column = ui_column(6), *all = ui_column(12), *text;
    panel->content_picture = frame_picture(column, &text, _("Content"), PANEL_THUMBNAIL);
    gtk_box_pack_start(GTK_BOX(pair), column, TRUE, TRUE, 0);
    column = ui_column(6);
    panel->style_picture =
        frame_picture(column, &panel->style_text, _("Style: none chosen yet"), PANEL_THUMBNAIL);
    gtk_box_pack_start(GTK_BOX(pair), column, TRUE, TRUE, 0);
    gtk_box_pack_start(GTK_BOX(all), pair, FALSE, FALSE, 0);
    panel->preview_picture = frame_picture(all, &panel->preview_text, "", PANEL_PREVIEW);
    panel->preview_button = gtk_button_new_with_mnemonic(_("Pre_view"));
    gtk_widget_set_tooltip_text(panel->preview_button,
                                _("A small picture with these settings, in about ten seconds"));
    gtk_widget_set_sensitive(panel->preview_button, FALSE);
    gtk_box_pack_start(GTK_BOX(all), panel->preview_button, FALSE, FALSE, 0);
    g_signal_connect(panel->preview_button, "clicked", G_CALLBACK(on_preview), panel);
    filter_picture_set(panel->content_picture, panel->layer->content, PANEL_THUMBNAIL);
    filter_picture_set(panel->style_picture, NULL, PANEL_THUMBNAIL);
    filter_picture_set(panel->preview_picture, NULL, PANEL_PREVIEW);
    return all;
}

static void tip(GtkWidget *widget, const char *parameter)
{
    gtk_widget_set_tooltip_text(widget, _(vkstyle_param_find(parameter)->help));
}

void filter_panel_watch(filter_panel *panel, GtkWidget *widget, const char *signal)
{
    g_signal_connect(widget, signal, G_CALLBACK(on_change), panel);
}

// Parameters of the engine that belong to the short list, where the engine has them.
static const char *const main_rows[] = {"colour", "colour-strength"};

// Parameters with a widget of their own kind here, and those for research, which scripts alone set.
static const char *const own_rows[] = {"size",        "full-size",    "alpha",         "beta",
                                       "style-scale", "style-layers", "layer-weights", "init",
                                       "preset",      "raw-losses",   "no-clamp"};

static bool has_place(const filter_panel *panel, const vkstyle_param *param)
{
    for (size_t i = 0; i < G_N_ELEMENTS(own_rows); i++)
        if (!strcmp(param->name, own_rows[i]))
            return true;
    for (int i = 0; i < panel->row_count; i++)
        if (panel->rows[i].param == param)
            return true;
    return false;
}

// A parameter that this engine does not have is passed over.
static void add_row(filter_panel *panel, GtkWidget *table, int *row, const vkstyle_param *param)
{
    if (!param || panel->row_count == PANEL_ROWS)
        return;
    filter_row new = filter_row_create(param, G_CALLBACK(on_change), panel);
    panel->rows[panel->row_count++] = new;
    ui_table_add(table, (*row)++, _(param->label), new.widget);
}

static GtkWidget *build_main(filter_panel *panel)
{
    GtkWidget *table = ui_table();
    panel->preset = combo_of(filter_preset_count(), filter_preset_name, _("Your own"));
    panel->strength = ui_slider(0, 100, 1);
    gtk_scale_set_digits(GTK_SCALE(panel->strength), 0);
    gtk_widget_set_tooltip_text(
        panel->strength, _("How much of the style: 0 hardly any, 50 balanced, 100 all of it"));
    panel->style_scale = ui_slider(0.1, 4, 0.05);
    gtk_scale_set_digits(GTK_SCALE(panel->style_scale), 2);
    tip(panel->style_scale, "style-scale");
    int longest = MAX(panel->layer->part.width, panel->layer->part.height);
    panel->size = gtk_spin_button_new_with_range(0, MAX(longest, 4096), 64);
    tip(panel->size, "size");
    panel->start = gtk_combo_box_text_new();
    gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(panel->start), _("The content image"));
    gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(panel->start), _("Noise"));
    filter_panel_add_entries(panel->start, _("Continue:"), panel->items->results);
    panel->estimate = gtk_label_new(_("Looking for devices"));
    gtk_label_set_line_wrap(GTK_LABEL(panel->estimate), TRUE);
    gtk_label_set_width_chars(GTK_LABEL(panel->estimate), 36);
    gtk_label_set_max_width_chars(GTK_LABEL(panel->estimate), 44);
    ui_align_left(panel->estimate);
    int row = 0;
    filter_source_build(panel, 0, _("St_yle"), table, &row);
    ui_table_add(table, row++, _("_Preset"), panel->preset);
    ui_table_add(table, row++, _("S_trength"), panel->strength);
    ui_table_add(table, row++, _("Style scal_e"), panel->style_scale);
    for (size_t i = 0; i < G_N_ELEMENTS(main_rows); i++)
        add_row(panel, table, &row, vkstyle_param_find(main_rows[i]));
    ui_table_add(table, row++, _("S_ize (0: at most 512)"), panel->size);
    add_row(panel, table, &row, vkstyle_param_find("quality"));
    ui_table_add(table, row++, _("Start _from"), panel->start);
    ui_table_add(table, row++, NULL, panel->estimate);
    filter_panel_watch(panel, panel->preset, "changed");
    filter_panel_watch(panel, panel->strength, "value-changed");
    filter_panel_watch(panel, panel->style_scale, "value-changed");
    filter_panel_watch(panel, panel->size, "value-changed");
    filter_panel_watch(panel, panel->start, "changed");
    return table;
}

static void add_weights(filter_panel *panel, GtkWidget *table, int *row)
{
    char **layers = g_strsplit(vkstyle_param_find("style-layers")->initial_text, ",", -1);
    for (int i = 0; i < PANEL_WEIGHTS; i++) {
        panel->weights[i] = ui_slider(0, 4, 0.1);
        gtk_scale_set_digits(GTK_SCALE(panel->weights[i]), 1);
        tip(panel->weights[i], "style-layers");
        // An underscore in a label would become a mnemonic.
        char **parts = g_strsplit(layers[i], "_", -1);
        char *name = g_strjoinv("__", parts), *text = g_strdup_printf(_("Weight of %s"), name);
        ui_table_add(table, (*row)++, text, panel->weights[i]);
        g_free(text);
        g_free(name);
        g_strfreev(parts);
        filter_panel_watch(panel, panel->weights[i], "value-changed");
    }
    g_strfreev(layers);
}

static GtkWidget *build_rest(filter_panel *panel)
{
    GtkWidget *expander = gtk_expander_new_with_mnemonic(_("_Advanced")), *table = ui_table();
    int row = 0, count;
    add_row(panel, table, &row, vkstyle_param_find("iterations"));
    add_weights(panel, table, &row);
    add_row(panel, table, &row, vkstyle_param_find("optimizer"));
    panel->device = gtk_combo_box_text_new();
    gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(panel->device), _("The best one"));
    ui_table_add(table, row++, _(filter_arguments[FILTER_DEVICE].label), panel->device);
    filter_panel_watch(panel, panel->device, "changed");
    panel->model = gtk_entry_new();
    gtk_widget_set_tooltip_text(panel->model, _(filter_arguments[FILTER_MODEL].help));
    ui_table_add(table, row++, _(filter_arguments[FILTER_MODEL].label), panel->model);
    filter_panel_watch(panel, panel->model, "changed");
    // Whatever else the engine knows.
    const vkstyle_param *params = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++)
        if (!has_place(panel, &params[i]))
            add_row(panel, table, &row, &params[i]);
    gtk_container_add(GTK_CONTAINER(expander), ui_scrolled(table, 260));
    return expander;
}

filter_panel *filter_panel_create(filter_worker *worker, const filter_layer *layer,
                                  const filter_items *items,
                                  void (*changed)(const filter_settings *settings, void *user),
                                  void *user)
{
    filter_panel *panel = g_new0(filter_panel, 1);
    panel->worker = worker;
    panel->layer = layer;
    panel->items = items;
    panel->changed = changed;
    panel->user = user;
    filter_settings_default(&panel->settings);
    for (int i = 0; i < FILTER_STYLES; i++)
        panel->read[i] = panel->settings.style[i];
    panel->top = ui_row(18);
    gtk_container_set_border_width(GTK_CONTAINER(panel->top), 12);
    GtkWidget *column = ui_column(12);
    gtk_box_pack_start(GTK_BOX(panel->top), build_pictures(panel), FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(column), build_main(panel), FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(column), filter_where_build(panel), FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(column), build_rest(panel), FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(panel->top), column, TRUE, TRUE, 0);
    fill(panel);
    filter_panel_begin(panel);
    return panel;
}

void *filter_panel_widget(filter_panel *panel)
{
    return panel->top;
}

void filter_panel_set(filter_panel *panel, const filter_settings *settings)
{
    panel->settings = *settings;
    for (int i = 0; i < FILTER_STYLES; i++)
        filter_source_forget(panel, i);
    fill(panel);
    filter_panel_show_styles(panel);
    filter_panel_predict(panel);
}

void filter_panel_accept(const filter_panel *panel, filter_settings *settings)
{
    *settings = panel->settings;
    for (int i = 0; i < FILTER_STYLES; i++) {
        filter_style *style = &settings->style[i];
        if (style->layer >= 0)
            style->folder[0] = '\0';
        if (style->layer >= 0 || style->folder[0])
            style->file[0] = '\0';
    }
}

void filter_panel_free(filter_panel **panel)
{
    if (!*panel)
        return;
    filter_panel_end(*panel);
    g_free(*panel);
    *panel = NULL;
}
