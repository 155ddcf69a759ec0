// SPDX-License-Identifier: MIT
//
// The filter in GIMP 2.10.
#include "filter.h"

#include "filter_window.h"

#include <libgimp/gimpui.h>
#include <string.h>

// What the arguments of the procedure begin with, before those of filter_arguments and the table.
enum { RUN_MODE, IMAGE, DRAWABLE, FIRST_ARGUMENT };

enum { RESPONSE_RESET = 1 };

// On each layer that we make: the tattoo of the layer it was made from, so that it can be
// continued.
#define PARASITE "vkstyle-source"

// ---------------------------------------------------------------- registration

static GimpParamDef define(GimpPDBArgType type, const char *name, const char *description)
{
    return (GimpParamDef){type, g_strdup(name), g_strdup(description)};
}

static GimpParamDef define_parameter(const vkstyle_param *param)
{
    static const GimpPDBArgType types[] = {
        [VKSTYLE_INT] = GIMP_PDB_INT32,    [VKSTYLE_INT64] = GIMP_PDB_FLOAT,
        [VKSTYLE_BYTES] = GIMP_PDB_STRING, [VKSTYLE_REAL] = GIMP_PDB_FLOAT,
        [VKSTYLE_FLAG] = GIMP_PDB_INT32,   [VKSTYLE_CHOICE] = GIMP_PDB_INT32,
        [VKSTYLE_TEXT] = GIMP_PDB_STRING,
    };
    char *more = NULL, low[G_ASCII_DTOSTR_BUF_SIZE], high[G_ASCII_DTOSTR_BUF_SIZE];
    if (param->kind == VKSTYLE_CHOICE) {
        char *choices = filter_choice_text(param);
        more = g_strdup_printf(" { %s }", choices);
        g_free(choices);
    } else if (param->kind == VKSTYLE_FLAG)
        more = g_strdup(" { FALSE, TRUE }");
    else if (param->kind != VKSTYLE_TEXT && param->kind != VKSTYLE_BYTES)
        more = g_strdup_printf(" (%s to %s)", g_ascii_dtostr(low, sizeof low, param->minimum),
                               g_ascii_dtostr(high, sizeof high, param->maximum));
    char *text = g_strdup_printf("%s: %s%s", param->label, param->help, more ? more : "");
    GimpParamDef result = define(types[param->kind], param->name, text);
    g_free(text);
    g_free(more);
    return result;
}

// A file or folder in the program's own folder; g_free it.
static char *beside_us(const char *name)
{
    char *folder = g_path_get_dirname(gimp_get_progname());
    char *path = g_build_filename(folder, name, NULL);
    g_free(folder);
    return path;
}

static void query(void)
{
    int count, n = FIRST_ARGUMENT;
    const vkstyle_param *table = vkstyle_param_table(&count);
    GimpParamDef *args = g_new0(GimpParamDef, FIRST_ARGUMENT + FILTER_ARGUMENTS + count);
    args[RUN_MODE] = define(GIMP_PDB_INT32, "run-mode",
                            "The run mode { RUN-INTERACTIVE (0), RUN-NONINTERACTIVE (1), "
                            "RUN-WITH-LAST-VALS (2) }");
    args[IMAGE] = define(GIMP_PDB_IMAGE, "image", "Input image");
    args[DRAWABLE] = define(GIMP_PDB_DRAWABLE, "drawable", "The layer that is the content image");
    for (int i = 0; i < FILTER_ARGUMENTS; i++) {
        bool layer = i == FILTER_STYLE_LAYER || i == FILTER_INIT_LAYER;
        char *text = g_strdup_printf("%s: %s%s", filter_arguments[i].label,
                                     filter_arguments[i].help, layer ? " (-1: none)" : "");
        args[n++] =
            define(layer ? GIMP_PDB_LAYER : GIMP_PDB_STRING, filter_arguments[i].name, text);
        g_free(text);
    }
    for (int i = 0; i < count; i++)
        if (!filter_hides(&table[i]))
            args[n++] = define_parameter(&table[i]);
    GimpParamDef result = define(GIMP_PDB_LAYER, "layer", "The new layer");
    char *locale = beside_us("locale"), *icon = beside_us("vkstyle.svg");
    gimp_plugin_domain_register(GETTEXT_PACKAGE, locale);
    gimp_install_procedure(FILTER_PROCEDURE, FILTER_BLURB, FILTER_HELP, FILTER_AUTHORS,
                           FILTER_AUTHORS, FILTER_DATE, FILTER_MENU_LABEL, FILTER_IMAGE_TYPES,
                           GIMP_PLUGIN, n, 1, args, &result);
    gimp_plugin_menu_register(FILTER_PROCEDURE, FILTER_MENU_PATH);
    if (g_file_test(icon, G_FILE_TEST_EXISTS))
        gimp_plugin_icon_register(FILTER_PROCEDURE, GIMP_ICON_TYPE_IMAGE_FILE, (guint8 *)icon);
    g_free(locale);
    g_free(icon);
    // args live as long as this short process does.
}

// ---------------------------------------------------------------- arguments

static bool wrong_count(int count, vkstyle_error *error)
{
    error->status = VKSTYLE_USAGE;
    g_snprintf(error->text, sizeof error->text, _("%d arguments were given; %s says which ones"),
               count, "Help > Procedure Browser > " FILTER_PROCEDURE);
    return false;
}

// A path in the file system's encoding from a name or URI in UTF-8.
static bool set_path(char *path, size_t size, const char *text, vkstyle_error *error)
{
    char *name = !text || !*text ? g_strdup("")
                 : g_str_has_prefix(text, "file://")
                     ? g_filename_from_uri(text, NULL, NULL)
                     : g_filename_from_utf8(text, -1, NULL, NULL, NULL);
    bool good = name && strlen(name) < size;
    if (good)
        strcpy(path, name);
    else {
        error->status = VKSTYLE_USAGE;
        g_snprintf(error->text, sizeof error->text, _("'%.200s' is not the name of a file"), text);
    }
    g_free(name);
    return good;
}

static bool set_parameter(vkstyle_params *params, const vkstyle_param *param, const GimpParam *arg,
                          vkstyle_error *error)
{
    char text[64];
    switch (param->kind) {
    case VKSTYLE_INT:
        g_snprintf(text, sizeof text, "%d", arg->data.d_int32);
        break;
    case VKSTYLE_INT64:
        g_snprintf(text, sizeof text, "%.0f", arg->data.d_float);
        break;
    case VKSTYLE_REAL:
        g_ascii_dtostr(text, sizeof text, arg->data.d_float);
        break;
    case VKSTYLE_FLAG:
        g_strlcpy(text, arg->data.d_int32 ? "true" : "false", sizeof text);
        break;
    case VKSTYLE_CHOICE:
        // A number past the last choice gets the message that lists them.
        g_snprintf(text, sizeof text, "%d", arg->data.d_int32);
        for (int i = 0; param->choices[i]; i++)
            if (i == arg->data.d_int32)
                g_strlcpy(text, param->choices[i], sizeof text);
        break;
    case VKSTYLE_BYTES:
    case VKSTYLE_TEXT:
        return vkstyle_params_set(params, param->name, arg->data.d_string ? arg->data.d_string : "",
                                  error);
    }
    return vkstyle_params_set(params, param->name, text, error);
}

static bool read_arguments(filter_settings *settings, int n, const GimpParam *args,
                           vkstyle_error *error)
{
    int count, i = FIRST_ARGUMENT, expected = FIRST_ARGUMENT + FILTER_ARGUMENTS;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int k = 0; k < count; k++)
        expected += !filter_hides(&table[k]);
    if (n != expected)
        return wrong_count(n, error);
    const GimpParam *own = args + i;
    if (!set_path(settings->style_file, sizeof settings->style_file,
                  own[FILTER_STYLE_FILE].data.d_string, error))
        return false;
    const char *model = own[FILTER_MODEL].data.d_string, *device = own[FILTER_DEVICE].data.d_string;
    g_strlcpy(settings->model, model ? model : "", sizeof settings->model);
    g_strlcpy(settings->device, device ? device : "", sizeof settings->device);
    settings->style_layer = own[FILTER_STYLE_LAYER].data.d_layer;
    settings->init_layer = own[FILTER_INIT_LAYER].data.d_layer;
    i += FILTER_ARGUMENTS;
    for (int k = 0; k < count; k++)
        if (!filter_hides(&table[k]) &&
            !set_parameter(&settings->params, &table[k], &args[i++], error))
            return false;
    return true;
}

// ---------------------------------------------------------------- layers

typedef struct place {
    gint32 parent; // -1: the image itself
    int position;
} place;

// Looks for a layer in the image's tree, without a call that would fail loudly where it is gone.
static bool find_below(gint32 parent, gint32 *ids, int count, gint32 layer, place *found)
{
    bool there = false;
    for (int i = 0; i < count && !there; i++) {
        if (ids[i] == layer) {
            *found = (place){parent, i};
            there = true;
        } else if (gimp_item_is_group(ids[i])) {
            int children;
            gint32 *child = gimp_item_get_children(ids[i], &children);
            there = find_below(ids[i], child, children, layer, found);
        }
    }
    g_free(ids);
    return there;
}

static bool find_layer(gint32 image, gint32 layer, place *found)
{
    int count;
    gint32 *ids = gimp_image_get_layers(image, &count);
    return find_below(-1, ids, count, layer, found);
}

static bool usage(vkstyle_error *error, const char *text)
{
    error->status = VKSTYLE_USAGE;
    g_strlcpy(error->text, text, sizeof error->text);
    return false;
}

static filter_colour colour_of(gint32 image)
{
    GimpPrecision precision = gimp_image_get_precision(image);
    return (filter_colour){
        .profile = gimp_image_get_color_profile(image),
        .grey = gimp_image_base_type(image) == GIMP_GRAY,
        .linear =
            precision == GIMP_PRECISION_U8_LINEAR || precision == GIMP_PRECISION_U16_LINEAR ||
            precision == GIMP_PRECISION_U32_LINEAR || precision == GIMP_PRECISION_HALF_LINEAR ||
            precision == GIMP_PRECISION_FLOAT_LINEAR || precision == GIMP_PRECISION_DOUBLE_LINEAR,
        .bytes = precision == GIMP_PRECISION_U8_LINEAR || precision == GIMP_PRECISION_U8_GAMMA,
    };
}

static bool check_drawable(gint32 image, gint32 *drawable, vkstyle_error *error)
{
    place found;
    if (!gimp_image_is_valid(image))
        return usage(error, _("there is no such image"));
    if (gimp_image_base_type(image) == GIMP_INDEXED)
        return usage(error,
                     _("the image has indexed colours, which cannot hold a painting; convert "
                       "it first (Image > Mode > RGB)"));
    if (gimp_item_is_valid(*drawable) && gimp_item_is_layer_mask(*drawable))
        *drawable = gimp_layer_from_mask(*drawable);
    if (!gimp_item_is_valid(*drawable) || !gimp_item_is_layer(*drawable))
        return usage(error, _("a layer is needed as the content image; select one in the Layers "
                              "dialog"));
    if (gimp_layer_is_floating_sel(*drawable))
        return usage(error, _("the selected layer is a floating selection; anchor it or make it a "
                              "layer first (Layer > To New Layer)"));
    if (!find_layer(image, *drawable, &found))
        return usage(error, _("the layer is not in this image"));
    return true;
}

static bool read_layer(filter_layer *layer, gint32 image, gint32 drawable, vkstyle_error *error)
{
    int x, y, width, height;
    layer->name = gimp_item_get_name(drawable);
    layer->width = gimp_drawable_width(drawable);
    layer->height = gimp_drawable_height(drawable);
    layer->colour = colour_of(image);
    if (!gimp_drawable_mask_intersect(drawable, &x, &y, &width, &height))
        return usage(error, _("the selection is outside the layer; select a part of it, or nothing "
                              "(Select > None)"));
    layer->part = (GeglRectangle){x, y, width, height};
    GeglBuffer *buffer = gimp_drawable_get_buffer(drawable);
    layer->pixels = filter_snapshot(buffer, layer->width, layer->height, 0, 0, error);
    g_object_unref(buffer);
    if (!layer->pixels)
        return false;
    gint32 mask = gimp_layer_get_mask(drawable);
    if (mask >= 0 && gimp_layer_get_apply_mask(drawable)) {
        buffer = gimp_drawable_get_buffer(mask);
        layer->mask = filter_snapshot(buffer, layer->width, layer->height, 0, 0, error);
        g_object_unref(buffer);
        if (!layer->mask)
            return false;
    }
    layer->content = filter_read(layer->pixels, &layer->part, layer->mask, &layer->colour, error);
    return layer->content != NULL;
}

// The selection over the layer, as it is now; *mask stays NULL where nothing is selected.
static bool read_selection(GeglBuffer **mask, gint32 image, gint32 drawable,
                           const filter_layer *layer, vkstyle_error *error)
{
    int x, y;
    if (gimp_selection_is_empty(image))
        return true;
    gimp_drawable_offsets(drawable, &x, &y);
    GeglBuffer *buffer = gimp_drawable_get_buffer(gimp_image_get_selection(image));
    *mask = filter_snapshot(buffer, layer->width, layer->height, -x, -y, error);
    g_object_unref(buffer);
    return *mask != NULL;
}

// ---------------------------------------------------------------- style and start

static vkstyle_image *read_whole(gint32 drawable, const filter_colour *colour, vkstyle_error *error)
{
    GeglBuffer *buffer = gimp_drawable_get_buffer(drawable);
    GeglRectangle all = {0, 0, gimp_drawable_width(drawable), gimp_drawable_height(drawable)};
    vkstyle_image *image = filter_read(buffer, &all, NULL, colour, error);
    g_object_unref(buffer);
    return image;
}

static vkstyle_image *read_item(gint32 item, vkstyle_error *error)
{
    if (!gimp_item_is_valid(item) || !gimp_item_is_layer(item)) {
        usage(error, _("there is no layer with that number any more; choose another one"));
        return NULL;
    }
    filter_colour colour = colour_of(gimp_item_get_image(item));
    vkstyle_image *image = read_whole(item, &colour, error);
    filter_colour_clear(&colour);
    return image;
}

// The one layer of a plain picture, or all visible ones merged; -1 where there is none.
static gint32 flat_layer(gint32 image)
{
    int count, x, y;
    gint32 *layers = gimp_image_get_layers(image, &count), layer = count ? layers[0] : -1;
    g_free(layers);
    if (layer < 0)
        return -1;
    // Merging gives an opaque picture an alpha channel that it did not have.
    gimp_drawable_offsets(layer, &x, &y);
    if (count == 1 && x == 0 && y == 0 && gimp_item_get_visible(layer) &&
        !gimp_item_is_group(layer) && gimp_layer_get_opacity(layer) >= 100 &&
        gimp_layer_get_mask(layer) < 0 && gimp_drawable_width(layer) == gimp_image_width(image) &&
        gimp_drawable_height(layer) == gimp_image_height(image))
        return layer;
    return gimp_image_merge_visible_layers(image, GIMP_CLIP_TO_IMAGE);
}

vkstyle_image *filter_load_style(const filter_settings *settings, vkstyle_error *error)
{
    if (settings->style_layer >= 0)
        return read_item(settings->style_layer, error);
    if (!settings->style_file[0]) {
        filter_no_style(error);
        return NULL;
    }
    char *shown = g_filename_display_name(settings->style_file);
    vkstyle_image *style = NULL;
    error->status = VKSTYLE_FAILED;
    if (!g_file_test(settings->style_file, G_FILE_TEST_EXISTS)) {
        g_snprintf(error->text, sizeof error->text,
                   _("the style image '%.800s' does not exist; choose another file"), shown);
        g_free(shown);
        return NULL;
    }
    gint32 image =
        gimp_file_load(GIMP_RUN_NONINTERACTIVE, settings->style_file, settings->style_file);
    if (image < 0)
        g_snprintf(error->text, sizeof error->text, _("the style image '%.500s': %.400s"), shown,
                   gimp_get_pdb_error());
    else {
        if (gimp_image_base_type(image) == GIMP_INDEXED)
            gimp_image_convert_rgb(image);
        gint32 layer = flat_layer(image);
        if (layer < 0)
            g_snprintf(error->text, sizeof error->text,
                       _("the style image '%.800s' has no visible layer"), shown);
        else {
            filter_colour colour = colour_of(image);
            style = read_whole(layer, &colour, error);
            filter_colour_clear(&colour);
        }
        gimp_image_delete(image);
    }
    g_free(shown);
    return style;
}

vkstyle_image *filter_load_init(const filter_settings *settings, const filter_layer *layer,
                                vkstyle_error *error)
{
    gint32 item = settings->init_layer;
    if (!gimp_item_is_valid(item) || !gimp_item_is_layer(item)) {
        usage(error, _("the layer to start from is not there any more; choose another one"));
        return NULL;
    }
    if (gimp_drawable_width(item) != layer->width || gimp_drawable_height(item) != layer->height) {
        usage(error, _("the layer to start from has another size than the content layer"));
        return NULL;
    }
    filter_colour colour = colour_of(gimp_item_get_image(item));
    GeglBuffer *buffer = gimp_drawable_get_buffer(item);
    vkstyle_image *image = filter_read(buffer, &layer->part, NULL, &colour, error);
    g_object_unref(buffer);
    filter_colour_clear(&colour);
    return image;
}

// ---------------------------------------------------------------- the new layer

static bool failed_call(vkstyle_error *error)
{
    error->status = VKSTYLE_FAILED;
    g_snprintf(error->text, sizeof error->text, _("GIMP refused the new layer: %s"),
               gimp_get_pdb_error());
    return false;
}

static void remember_source(gint32 layer, gint32 drawable)
{
    char text[32];
    g_snprintf(text, sizeof text, "%u", gimp_item_get_tattoo(drawable));
    GimpParasite *parasite =
        gimp_parasite_new(PARASITE, GIMP_PARASITE_PERSISTENT, (guint32)strlen(text) + 1, text);
    gimp_item_attach_parasite(layer, parasite);
    gimp_parasite_free(parasite);
}

static bool insert(gint32 image, gint32 layer, gint32 mask, gint32 above, vkstyle_error *error)
{
    // The user may have moved, grouped or deleted the layer meanwhile; then: on top.
    place to = {-1, 0};
    find_layer(image, above, &to);
    bool good = gimp_image_undo_group_start(image);
    good = gimp_image_insert_layer(image, layer, to.parent, to.position) && good;
    if (good && mask >= 0)
        good = gimp_layer_add_mask(layer, mask);
    if (!good)
        failed_call(error);
    gimp_image_undo_group_end(image);
    return good;
}

// Makes the layer and puts it into the image: -1 after a failure, and then there is none.
static gint32 add_result(gint32 image, gint32 drawable, gint32 above, const filter_layer *source,
                         int x, int y, GeglBuffer *selection, const vkstyle_image *result,
                         const char *name, vkstyle_error *error)
{
    if (!gimp_image_is_valid(image)) {
        usage(error, _("the image was closed while its layer was painted"));
        return -1;
    }
    gint32 layer = gimp_layer_new(image, name, source->width, source->height,
                                  source->colour.grey ? GIMP_GRAYA_IMAGE : GIMP_RGBA_IMAGE, 100,
                                  gimp_image_get_default_new_layer_mode(image));
    if (layer < 0) {
        failed_call(error);
        return -1;
    }
    GeglBuffer *buffer = gimp_drawable_get_buffer(layer);
    bool good = filter_write(buffer, source->pixels, source->mask, result, &source->part,
                             &source->colour, error);
    g_object_unref(buffer);
    gint32 mask = -1;
    if (good && !gimp_layer_set_offsets(layer, x, y))
        good = failed_call(error);
    if (good && gimp_item_is_valid(drawable))
        remember_source(layer, drawable);
    if (good && selection) {
        mask = gimp_layer_create_mask(layer, GIMP_ADD_MASK_WHITE);
        if (mask < 0)
            good = failed_call(error);
        else {
            buffer = gimp_drawable_get_buffer(mask);
            gegl_buffer_copy(selection, NULL, GEGL_ABYSS_NONE, buffer, NULL);
            g_object_unref(buffer);
        }
    }
    good = good && insert(image, layer, mask, above, error);
    if (!good) {
        if (gimp_item_is_valid(layer))
            gimp_item_delete(layer);
        return -1;
    }
    gimp_drawable_update(layer, 0, 0, source->width, source->height);
    gimp_displays_flush();
    return layer;
}

// ---------------------------------------------------------------- last values and dialog

static char *settings_path(void)
{
    return g_build_filename(gimp_directory(), "vkstyle.conf", NULL);
}

static void load_last(filter_settings *settings)
{
    char *path = settings_path();
    filter_settings_load(settings, path);
    g_free(path);
}

static void save_last(const filter_settings *settings)
{
    vkstyle_error error = {0};
    char *path = settings_path();
    if (!filter_settings_save(settings, path, &error))
        g_message(_("The settings could not be kept: %s"), error.text);
    g_free(path);
}

// Layers of the image besides the content, those inside groups included.
static void list_layers(GArray *choices, gint32 *ids, int count, gint32 without)
{
    for (int i = 0; i < count; i++) {
        if (ids[i] != without) {
            filter_choice choice = {ids[i], gimp_item_get_name(ids[i])};
            g_array_append_val(choices, choice);
        }
        if (gimp_item_is_group(ids[i])) {
            int children;
            gint32 *child = gimp_item_get_children(ids[i], &children);
            list_layers(choices, child, children, without);
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
        GimpParasite *parasite = gimp_item_get_parasite(choice.layer, PARASITE);
        gimp_drawable_offsets(choice.layer, &left, &top);
        if (parasite && left == x && top == y &&
            gimp_drawable_width(choice.layer) == gimp_drawable_width(drawable) &&
            gimp_drawable_height(choice.layer) == gimp_drawable_height(drawable))
            g_array_append_val(results, choice);
        if (parasite)
            gimp_parasite_free(parasite);
    }
    return results;
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
static bool ask(filter_worker *worker, filter_settings *settings, gint32 image, gint32 drawable,
                const filter_layer *layer)
{
    int count;
    gint32 *ids = gimp_image_get_layers(image, &count);
    GArray *layers = g_array_new(FALSE, FALSE, sizeof(filter_choice));
    list_layers(layers, ids, count, drawable);
    GArray *results = list_results(layers, drawable);
    filter_panel *panel =
        filter_panel_create(worker, layer, (filter_choice *)(void *)layers->data, (int)layers->len,
                            (filter_choice *)(void *)results->data, (int)results->len, NULL, NULL);
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
    gtk_widget_grab_focus(
        gtk_dialog_get_widget_for_response(GTK_DIALOG(dialog), GTK_RESPONSE_OK));
    bool accepted = gimp_dialog_run(GIMP_DIALOG(dialog)) == GTK_RESPONSE_OK;
    if (accepted)
        *settings = *filter_panel_get(panel);
    gtk_widget_destroy(dialog);
    filter_panel_free(&panel);
    for (guint i = 0; i < layers->len; i++)
        g_free((char *)g_array_index(layers, filter_choice, i).name);
    g_array_free(layers, TRUE);
    g_array_free(results, TRUE);
    return accepted;
}

// The layer that a result was made from, where it is still there and as large.
static gint32 source_of(gint32 image, gint32 result)
{
    GimpParasite *parasite = gimp_item_get_parasite(result, PARASITE);
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

// ---------------------------------------------------------------- a run

static gint32 work(filter_worker *worker, gint32 image, gint32 drawable, GimpRunMode mode,
                   filter_settings *settings, vkstyle_error *error)
{
    if (!check_drawable(image, &drawable, error))
        return -1;
    // On a result of ours, the filter goes on with it.
    gint32 above = drawable;
    gint32 source = mode == GIMP_RUN_INTERACTIVE ? source_of(image, drawable) : -1;
    if (source >= 0) {
        settings->init_layer = drawable;
        drawable = source;
    }
    filter_layer layer = {0};
    GeglBuffer *selection = NULL;
    vkstyle_image *result = NULL;
    gint32 made = -1;
    int x, y;
    gimp_drawable_offsets(drawable, &x, &y);
    bool good = read_layer(&layer, image, drawable, error) &&
                read_selection(&selection, image, drawable, &layer, error);
    if (good && mode == GIMP_RUN_INTERACTIVE) {
        layer.with_window = true;
        good = ask(worker, settings, image, drawable, &layer);
        if (good)
            save_last(settings);
        else
            error->status = VKSTYLE_INTERRUPTED;
    }
    if (good && (result = filter_run(worker, settings, &layer, error))) {
        char *style = settings->style_layer >= 0 && gimp_item_is_valid(settings->style_layer)
                          ? gimp_item_get_name(settings->style_layer)
                          : NULL;
        char *name = filter_result_name(settings, style);
        made = add_result(image, drawable, above, &layer, x, y, selection, result, name, error);
        g_free(name);
        g_free(style);
    }
    vkstyle_image_free(&result);
    g_clear_object(&selection);
    filter_layer_clear(&layer);
    return made;
}

static void run(const gchar *name, gint n, const GimpParam *args, gint *result_count,
                GimpParam **results)
{
    static GimpParam values[2];
    (void)name;
    vkstyle_error error = {0};
    filter_settings settings;
    filter_settings_default(&settings);
    char *locale = beside_us("locale");
    bindtextdomain(GETTEXT_PACKAGE, locale);
    bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    textdomain(GETTEXT_PACKAGE);
    g_free(locale);
    gegl_init(NULL, NULL);

    GimpRunMode mode = n > 0 ? (GimpRunMode)args[RUN_MODE].data.d_int32 : GIMP_RUN_NONINTERACTIVE;
    bool good = n >= FIRST_ARGUMENT;
    if (!good)
        wrong_count(n, &error);
    else if (mode == GIMP_RUN_NONINTERACTIVE)
        good = read_arguments(&settings, n, args, &error);
    else {
        load_last(&settings);
        // A script may call the dialog with values of its own; the menu gives none.
        filter_settings given;
        vkstyle_error ignored = {0};
        filter_settings_default(&given);
        if (mode == GIMP_RUN_INTERACTIVE && read_arguments(&given, n, args, &ignored) &&
            (given.style_file[0] || given.style_layer >= 0))
            settings = given;
    }
    if (mode == GIMP_RUN_INTERACTIVE)
        gimp_ui_init(FILTER_BINARY, FALSE);
    gint32 layer = -1;
    if (good) {
        filter_worker *worker = filter_worker_create();
        layer = work(worker, args[IMAGE].data.d_image, args[DRAWABLE].data.d_drawable, mode,
                     &settings, &error);
        filter_worker_free(&worker);
    }
    *results = values;
    *result_count = 2;
    values[0].type = GIMP_PDB_STATUS;
    if (layer >= 0) {
        values[0].data.d_status = GIMP_PDB_SUCCESS;
        values[1].type = GIMP_PDB_LAYER;
        values[1].data.d_layer = layer;
    } else if (error.status == VKSTYLE_INTERRUPTED) {
        values[0].data.d_status = GIMP_PDB_CANCEL;
        *result_count = 1;
    } else {
        values[0].data.d_status =
            error.status == VKSTYLE_USAGE ? GIMP_PDB_CALLING_ERROR : GIMP_PDB_EXECUTION_ERROR;
        values[1].type = GIMP_PDB_STRING;
        values[1].data.d_string = g_strdup(error.text);
    }
}

const GimpPlugInInfo PLUG_IN_INFO = {NULL, NULL, query, run};

MAIN()
