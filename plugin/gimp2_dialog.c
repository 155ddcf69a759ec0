// SPDX-License-Identifier: MIT
//
// The dialog in GIMP 2.10, and the last values, which this GIMP does not keep itself.
#include "gimp2.h"

#include "filter_window.h"

#include <libgimp/gimpui.h>
#include <string.h>

enum { RESPONSE_RESET = 1 };

static char *settings_path(void)
{
    return g_build_filename(gimp_directory(), "vkstyle.conf", NULL);
}

void gimp2_load_last(filter_settings *settings, gint32 image)
{
    char *path = settings_path();
    filter_settings_load(settings, path);
    g_free(path);
    GimpParasite *parasite =
        gimp_image_is_valid(image) ? gimp_image_get_parasite(image, FILTER_LAST) : NULL;
    if (parasite) {
        filter_last_take(settings, gimp_parasite_data(parasite),
                         (size_t)gimp_parasite_data_size(parasite), image);
        gimp_parasite_free(parasite);
    }
}

void gimp2_save_last(const filter_settings *settings, gint32 image)
{
    vkstyle_error error = {0};
    char *path = settings_path(), *text = filter_last_text(settings, image);
    if (!filter_settings_save(settings, path, &error))
        g_message(_("The settings could not be kept: %s"), error.text);
    GimpParasite *parasite = gimp_parasite_new(FILTER_LAST, 0, (guint32)strlen(text), text);
    gimp_image_attach_parasite(image, parasite);
    gimp_parasite_free(parasite);
    g_free(text);
    g_free(path);
}

// Items of the image besides the content, those inside groups included.
static void list_below(GArray *choices, gint32 *ids, int count, gint32 without)
{
    for (int i = 0; i < count; i++) {
        if (ids[i] != without) {
            filter_choice choice = {ids[i], gimp_item_get_name(ids[i])};
            g_array_append_val(choices, choice);
        }
        if (gimp_item_is_group(ids[i])) {
            int children;
            gint32 *child = gimp_item_get_children(ids[i], &children);
            list_below(choices, child, children, without);
        }
    }
    g_free(ids);
}

// Of these layers, the results that can be continued: as large as the content, and where it is.
static GArray *list_results(const GArray *layers, gint32 drawable)
{
    GArray *results = g_array_new(FALSE, FALSE, sizeof(filter_choice));
    int x, y, left, top;
    gimp_drawable_offsets(drawable, &x, &y);
    for (guint i = 0; i < layers->len; i++) {
        filter_choice choice = g_array_index(layers, filter_choice, i);
        GimpParasite *parasite = gimp_item_get_parasite(choice.item, FILTER_PARASITE);
        gimp_drawable_offsets(choice.item, &left, &top);
        if (parasite && left == x && top == y &&
            gimp_drawable_width(choice.item) == gimp_drawable_width(drawable) &&
            gimp_drawable_height(choice.item) == gimp_drawable_height(drawable))
            g_array_append_val(results, choice);
        if (parasite)
            gimp_parasite_free(parasite);
    }
    return results;
}

static filter_items list_items(gint32 image, gint32 drawable)
{
    int layers, channels;
    filter_items items = {
        .layers = g_array_new(FALSE, FALSE, sizeof(filter_choice)),
        .channels = g_array_new(FALSE, FALSE, sizeof(filter_choice)),
    };
    gint32 *layer = gimp_image_get_layers(image, &layers);
    list_below(items.layers, layer, layers, drawable);
    gint32 *channel = gimp_image_get_channels(image, &channels);
    list_below(items.channels, channel, channels, -1);
    items.results = list_results(items.layers, drawable);
    return items;
}

static void on_response(GtkDialog *dialog, gint response, gpointer panel)
{
    if (response == RESPONSE_RESET) {
        filter_settings settings;
        filter_settings_default(&settings);
        filter_panel_set(panel, &settings);
        g_signal_stop_emission_by_name(dialog, "response");
    }
}

// True when the user pressed OK; settings are then the dialog's.
bool gimp2_ask(filter_worker *worker, filter_settings *settings, gint32 image, gint32 drawable,
               const filter_layer *layer)
{
    filter_items items = list_items(image, drawable);
    filter_panel *panel = filter_panel_create(worker, layer, &items, NULL, NULL);
    filter_forget_gone(settings);
    filter_panel_set(panel, settings);
    GtkWidget *dialog = gimp_dialog_new(
        _(FILTER_TITLE), "vkstyle", NULL, 0, gimp_standard_help_func, FILTER_PROCEDURE, _("_Reset"),
        RESPONSE_RESET, _("_Cancel"), GTK_RESPONSE_CANCEL, _("_OK"), GTK_RESPONSE_OK, NULL);
    gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_OK);
    gtk_box_pack_start(GTK_BOX(gtk_dialog_get_content_area(GTK_DIALOG(dialog))),
                       filter_panel_widget(panel), TRUE, TRUE, 0);
    g_signal_connect(dialog, "response", G_CALLBACK(on_response), panel);
    gtk_widget_show_all(dialog);
    // Return means OK from the start, and not the first widget's list.
    gtk_widget_grab_focus(gtk_dialog_get_widget_for_response(GTK_DIALOG(dialog), GTK_RESPONSE_OK));
    bool accepted = gimp_dialog_run(GIMP_DIALOG(dialog)) == GTK_RESPONSE_OK;
    if (accepted)
        filter_panel_accept(panel, settings);
    gtk_widget_destroy(dialog);
    filter_panel_free(&panel);
    filter_items_free(&items);
    return accepted;
}

// The layer that a result was made from, where it is still there and as large.
gint32 gimp2_source_of(gint32 image, gint32 result)
{
    GimpParasite *parasite = gimp_item_get_parasite(result, FILTER_PARASITE);
    if (!parasite)
        return -1;
    gint32 source = -1;
    const char *text = gimp_parasite_data(parasite);
    if (gimp_parasite_data_size(parasite) > 0 &&
        memchr(text, '\0', gimp_parasite_data_size(parasite)))
        source = gimp_image_get_layer_by_tattoo(image, (guint)g_ascii_strtoull(text, NULL, 10));
    gimp_parasite_free(parasite);
    if (source < 0 || source == result ||
        gimp_drawable_width(source) != gimp_drawable_width(result) ||
        gimp_drawable_height(source) != gimp_drawable_height(result))
        return -1;
    return source;
}
