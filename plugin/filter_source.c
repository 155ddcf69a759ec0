// SPDX-License-Identifier: MIT
//
// The widgets that choose a style: a list, and below it a button for its file or its folder.
#include "filter_panel.h"

#include "gtk_names.h"

#include <string.h>

// Entries of a list; from SOURCE_LAYERS on the image's layers. The first style's has no "None".
enum { SOURCE_NONE, SOURCE_FILE, SOURCE_FOLDER, SOURCE_LAYERS };

static void show_path(GtkWidget *button, const char *path)
{
    char *name = gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(button));
    if (!*path)
        gtk_file_chooser_unselect_all(GTK_FILE_CHOOSER(button));
    else if (!name || strcmp(name, path) != 0)
        gtk_file_chooser_set_filename(GTK_FILE_CHOOSER(button), path);
    g_free(name);
}

// A button that does not say what it has is still about to read it: nobody can choose nothing.
static void take_path(GtkWidget *button, char path[VKSTYLE_PATH])
{
    char *name = gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(button));
    if (name)
        g_strlcpy(path, name, VKSTYLE_PATH);
    g_free(name);
}

void filter_source_forget(filter_panel *panel, int which)
{
    filter_source *source = &panel->source[which];
    source->kind = which ? SOURCE_NONE : SOURCE_FILE;
    source->file_path[0] = source->folder_path[0] = '\0';
}

bool filter_source_fill(filter_panel *panel, int which)
{
    filter_source *source = &panel->source[which];
    const filter_style *style = &panel->settings.style[which];
    int layer = filter_panel_entry(panel->items->layers, style->layer);
    // Without a path yet it is what was chosen last.
    source->kind = layer >= 0         ? SOURCE_LAYERS + layer
                   : style->folder[0] ? SOURCE_FOLDER
                   : style->file[0]   ? SOURCE_FILE
                                      : source->kind;
    if (style->file[0])
        g_strlcpy(source->file_path, style->file, sizeof source->file_path);
    if (style->folder[0])
        g_strlcpy(source->folder_path, style->folder, sizeof source->folder_path);
    gtk_combo_box_set_active(GTK_COMBO_BOX(source->list), source->kind - !which);
    gtk_widget_set_visible(source->file, source->kind != SOURCE_FOLDER);
    gtk_widget_set_sensitive(source->file, source->kind == SOURCE_FILE);
    gtk_widget_set_visible(source->folder, source->kind == SOURCE_FOLDER);
    show_path(source->file, source->file_path);
    show_path(source->folder, source->folder_path);
    return source->kind != SOURCE_NONE;
}

static bool take(filter_panel *panel, int which, GtkWidget *widget)
{
    filter_source *source = &panel->source[which];
    filter_style *style = &panel->settings.style[which];
    if (widget == source->list)
        source->kind = filter_panel_active(widget) + !which;
    else if (widget == source->file)
        take_path(widget, source->file_path);
    else if (widget == source->folder)
        take_path(widget, source->folder_path);
    else
        return false;
    style->layer = filter_panel_item(panel->items->layers, source->kind - SOURCE_LAYERS);
    g_strlcpy(style->file, source->kind == SOURCE_FILE ? source->file_path : "",
              sizeof style->file);
    g_strlcpy(style->folder, source->kind == SOURCE_FOLDER ? source->folder_path : "",
              sizeof style->folder);
    if (source->kind == SOURCE_NONE)
        style->mask = -1;
    return true;
}

bool filter_source_take(filter_panel *panel, GtkWidget *widget)
{
    return take(panel, 0, widget) || take(panel, 1, widget);
}

static GtkWidget *add_button(filter_panel *panel, GtkWidget *row, int argument,
                             GtkFileChooserAction action, const char *signal)
{
    GtkWidget *button = gtk_file_chooser_button_new(_(filter_arguments[argument].label), action);
    gtk_widget_set_tooltip_text(button, _(filter_arguments[argument].help));
    // One of the two is seen, whatever a dialog shows all of.
    gtk_widget_set_no_show_all(button, TRUE);
    gtk_box_pack_start(GTK_BOX(row), button, TRUE, TRUE, 0);
    filter_panel_watch(panel, button, signal);
    return button;
}

void filter_source_build(filter_panel *panel, int which, const char *label, GtkWidget *table,
                         int *row)
{
    filter_source *source = &panel->source[which];
    source->list = gtk_combo_box_text_new();
    GtkComboBoxText *list = GTK_COMBO_BOX_TEXT(source->list);
    if (which)
        gtk_combo_box_text_append_text(list, _("None"));
    gtk_combo_box_text_append_text(list, _("A file"));
    gtk_combo_box_text_append_text(list, _("A folder of pictures"));
    filter_panel_add_entries(source->list, _("Layer:"), panel->items->layers);
    if (which)
        gtk_widget_set_tooltip_text(source->list, _(filter_arguments[FILTER_SECOND_FILE].help));
    GtkWidget *buttons = ui_row(0);
    source->file = add_button(panel, buttons, which ? FILTER_SECOND_FILE : FILTER_STYLE_FILE,
                              GTK_FILE_CHOOSER_ACTION_OPEN, "file-set");
    source->folder = add_button(panel, buttons, which ? FILTER_SECOND_FOLDER : FILTER_STYLE_FOLDER,
                                GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, ui_folder_chosen());
    ui_table_add(table, (*row)++, label, source->list);
    ui_table_add(table, (*row)++, NULL, buttons);
    filter_panel_watch(panel, source->list, "changed");
    filter_source_forget(panel, which);
}
