// SPDX-License-Identifier: MIT
//
// The dialog in GIMP 3: GIMP's own frame around the filter's widgets.
#include "gimp3.h"

#include "filter_window.h"

#include <libgimp/gimpui.h>
#include <string.h>

void gimp3_load_last(filter_settings *settings, GimpImage *image)
{
    guint32 size;
    GimpParasite *parasite = gimp_image_get_parasite(image, FILTER_LAST);
    if (!parasite)
        return;
    const char *text = gimp_parasite_get_data(parasite, &size);
    filter_last_take(settings, text, size, gimp_image_get_id(image));
    gimp_parasite_free(parasite);
}

void gimp3_save_last(const filter_settings *settings, GimpImage *image)
{
    char *text = filter_last_text(settings, gimp_image_get_id(image));
    GimpParasite *parasite = gimp_parasite_new(FILTER_LAST, 0, (guint32)strlen(text), text);
    gimp_image_attach_parasite(image, parasite);
    gimp_parasite_free(parasite);
    g_free(text);
}

// Items of the image besides the content, those inside groups included.
static void list_below(GArray *choices, GimpItem **items, int without)
{
    for (int i = 0; items && items[i]; i++) {
        int id = gimp_item_get_id(items[i]);
        if (id != without) {
            filter_choice choice = {id, gimp_item_get_name(items[i])};
            g_array_append_val(choices, choice);
        }
        if (gimp_item_is_group(items[i]))
            list_below(choices, gimp_item_get_children(items[i]), without);
    }
    g_free(items);
}

static bool same_place(GimpItem *a, GimpItem *b)
{
    int ax, ay, bx, by;
    gimp_drawable_get_offsets(GIMP_DRAWABLE(a), &ax, &ay);
    gimp_drawable_get_offsets(GIMP_DRAWABLE(b), &bx, &by);
    return ax == bx && ay == by &&
           gimp_drawable_get_width(GIMP_DRAWABLE(a)) == gimp_drawable_get_width(GIMP_DRAWABLE(b)) &&
           gimp_drawable_get_height(GIMP_DRAWABLE(a)) == gimp_drawable_get_height(GIMP_DRAWABLE(b));
}

// Of these layers, the results that can be continued: as large as the content, and where it is.
static GArray *list_results(const GArray *layers, GimpLayer *content)
{
    GArray *results = g_array_new(FALSE, FALSE, sizeof(filter_choice));
    for (guint i = 0; i < layers->len; i++) {
        filter_choice choice = g_array_index(layers, filter_choice, i);
        GimpItem *item = gimp_item_get_by_id(choice.item);
        GimpParasite *parasite = gimp_item_get_parasite(item, FILTER_PARASITE);
        if (parasite && same_place(item, GIMP_ITEM(content)))
            g_array_append_val(results, choice);
        if (parasite)
            gimp_parasite_free(parasite);
    }
    return results;
}

static filter_items list_items(GimpImage *image, GimpLayer *content)
{
    filter_items items = {
        .layers = g_array_new(FALSE, FALSE, sizeof(filter_choice)),
        .channels = g_array_new(FALSE, FALSE, sizeof(filter_choice)),
    };
    list_below(items.layers, (GimpItem **)gimp_image_get_layers(image),
               gimp_item_get_id(GIMP_ITEM(content)));
    list_below(items.channels, (GimpItem **)gimp_image_get_channels(image), -1);
    items.results = list_results(items.layers, content);
    return items;
}

// The layer that a result was made from, where it is still there and as large.
GimpLayer *gimp3_source_of(GimpImage *image, GimpLayer *result)
{
    GimpParasite *parasite = gimp_item_get_parasite(GIMP_ITEM(result), FILTER_PARASITE);
    if (!parasite)
        return NULL;
    guint32 size;
    const char *text = gimp_parasite_get_data(parasite, &size);
    GimpLayer *source = NULL;
    if (size > 0 && memchr(text, '\0', size))
        source = gimp_image_get_layer_by_tattoo(image, (guint)g_ascii_strtoull(text, NULL, 10));
    gimp_parasite_free(parasite);
    return source && source != result && same_place(GIMP_ITEM(source), GIMP_ITEM(result)) ? source
                                                                                          : NULL;
}

// The dialog's two views of the settings: GIMP's config (saved, reset and loaded by its buttons)
// and our widgets. Each follows the other.
typedef struct views {
    GimpProcedureConfig *config;
    filter_panel *panel;
    bool writing; // the config changes because the widgets did
} views;

static void on_panel(const filter_settings *settings, void *user)
{
    views *v = user;
    v->writing = true;
    gimp3_write_config(v->config, settings);
    v->writing = false;
}

static void on_config(GObject *config, GParamSpec *spec, gpointer user)
{
    (void)spec;
    views *v = user;
    filter_settings settings;
    filter_settings_default(&settings);
    if (!v->writing && gimp3_read_config(&settings, GIMP_PROCEDURE_CONFIG(config), NULL))
        filter_panel_set(v->panel, &settings);
}

// True when the user pressed OK; settings are then the dialog's.
bool gimp3_ask(filter_worker *worker, filter_settings *settings, GimpProcedure *procedure,
               GimpProcedureConfig *config, GimpImage *image, GimpLayer *content,
               const filter_layer *layer)
{
    filter_items items = list_items(image, content);
    views v = {.config = config};
    GtkWidget *dialog = gimp_procedure_dialog_new(procedure, config, _(FILTER_TITLE));
    v.panel = filter_panel_create(worker, layer, &items, on_panel, &v);
    filter_forget_gone(settings);
    filter_panel_set(v.panel, settings);
    on_panel(settings, &v);
    gtk_box_pack_start(GTK_BOX(gtk_dialog_get_content_area(GTK_DIALOG(dialog))),
                       filter_panel_widget(v.panel), TRUE, TRUE, 0);
    gtk_widget_show_all(filter_panel_widget(v.panel));
    gulong watch = g_signal_connect(config, "notify", G_CALLBACK(on_config), &v);
    bool accepted = gimp_procedure_dialog_run(GIMP_PROCEDURE_DIALOG(dialog));
    g_signal_handler_disconnect(config, watch);
    if (accepted) {
        filter_panel_accept(v.panel, settings);
        gimp3_write_config(config, settings);
    }
    gtk_widget_destroy(dialog);
    filter_panel_free(&v.panel);
    filter_items_free(&items);
    return accepted;
}
