// SPDX-License-Identifier: MIT
//
// The filter in GIMP 3.
#include "filter.h"

#include "filter_window.h"

#include <libgimp/gimpui.h>
#include <string.h>

// On each layer that we make: the tattoo of the layer it was made from, so that it can be
// continued.
#define PARASITE "vkstyle-source"

// ---------------------------------------------------------------- registration

typedef struct FilterPlugIn {
    GimpPlugIn parent_instance;
} FilterPlugIn;

typedef struct FilterPlugInClass {
    GimpPlugInClass parent_class;
} FilterPlugInClass;

GType filter_plug_in_get_type(void);

G_DEFINE_TYPE(FilterPlugIn, filter_plug_in, GIMP_TYPE_PLUG_IN)

static GList *query_procedures(GimpPlugIn *plug_in)
{
    (void)plug_in;
    return g_list_append(NULL, g_strdup(FILTER_PROCEDURE));
}

// The translations lie beside the program, where they are installed at all. The caller owns both.
static gboolean set_i18n(GimpPlugIn *plug_in, const gchar *name, gchar **domain, gchar **folder)
{
    (void)plug_in;
    (void)name;
    char *program = g_path_get_dirname(gimp_get_progname());
    char *catalogs = g_build_filename(program, "locale", NULL);
    gboolean there = g_file_test(catalogs, G_FILE_TEST_IS_DIR);
    g_free(catalogs);
    g_free(program);
    *domain = g_strdup(GETTEXT_PACKAGE);
    *folder = g_strdup("locale");
    return there;
}

static void add_parameter(GimpProcedure *procedure, const vkstyle_param *param)
{
    const GParamFlags flags = G_PARAM_READWRITE;
    const char *label = _(param->label), *help = _(param->help);
    GimpChoice *choice;
    switch (param->kind) {
    case VKSTYLE_INT:
        gimp_procedure_add_int_argument(procedure, param->name, label, help, (int)param->minimum,
                                        (int)param->maximum, (int)param->initial, flags);
        break;
    case VKSTYLE_INT64: // 53 bits at most: a double holds them, GIMP's integers do not
    case VKSTYLE_REAL:
        gimp_procedure_add_double_argument(procedure, param->name, label, help, param->minimum,
                                           param->maximum, param->initial, flags);
        break;
    case VKSTYLE_BYTES:
        gimp_procedure_add_string_argument(procedure, param->name, label, help, "0", flags);
        break;
    case VKSTYLE_FLAG:
        gimp_procedure_add_boolean_argument(procedure, param->name, label, help,
                                            param->initial != 0, flags);
        break;
    case VKSTYLE_CHOICE:
        choice = gimp_choice_new();
        for (int i = 0; param->choices[i]; i++)
            gimp_choice_add(choice, param->choices[i], i, param->choices[i], "");
        gimp_procedure_add_choice_argument(procedure, param->name, label, help, choice,
                                           param->choices[(int)param->initial], flags);
        break;
    case VKSTYLE_TEXT:
        gimp_procedure_add_string_argument(procedure, param->name, label, help, param->initial_text,
                                           flags);
        break;
    }
}

static void add_own_argument(GimpProcedure *procedure, int index)
{
    const filter_argument *argument = &filter_arguments[index];
    const char *label = _(argument->label), *help = _(argument->help);
    if (index == FILTER_STYLE_FILE)
        gimp_procedure_add_file_argument(procedure, argument->name, label, help,
                                         GIMP_FILE_CHOOSER_ACTION_OPEN, TRUE, NULL,
                                         G_PARAM_READWRITE);
    else if (index == FILTER_STYLE_LAYER || index == FILTER_INIT_LAYER)
        gimp_procedure_add_layer_argument(procedure, argument->name, label, help, TRUE,
                                          G_PARAM_READWRITE | GIMP_PARAM_DONT_SERIALIZE);
    else
        gimp_procedure_add_string_argument(procedure, argument->name, label, help, "",
                                           G_PARAM_READWRITE);
}

static GimpValueArray *run(GimpProcedure *procedure, GimpRunMode mode, GimpImage *image,
                           GimpDrawable **drawables, GimpProcedureConfig *config, gpointer data);

static GimpProcedure *create_procedure(GimpPlugIn *plug_in, const gchar *name)
{
    if (strcmp(name, FILTER_PROCEDURE) != 0)
        return NULL;
    GimpProcedure *procedure =
        gimp_image_procedure_new(plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN, run, NULL, NULL);
    gimp_procedure_set_image_types(procedure, FILTER_IMAGE_TYPES);
    gimp_procedure_set_sensitivity_mask(procedure, GIMP_PROCEDURE_SENSITIVE_DRAWABLE);
    gimp_procedure_set_menu_label(procedure, _(FILTER_MENU_LABEL));
    gimp_procedure_add_menu_path(procedure, FILTER_MENU_PATH);
    gimp_procedure_set_documentation(procedure, _(FILTER_BLURB), _(FILTER_HELP), name);
    gimp_procedure_set_attribution(procedure, FILTER_AUTHORS, FILTER_AUTHORS, FILTER_DATE);
    char *folder = g_path_get_dirname(gimp_get_progname());
    GFile *icon = g_file_new_build_filename(folder, "vkstyle.svg", NULL);
    if (g_file_query_exists(icon, NULL))
        gimp_procedure_set_icon_file(procedure, icon);
    g_object_unref(icon);
    g_free(folder);
    for (int i = 0; i < FILTER_ARGUMENTS; i++)
        add_own_argument(procedure, i);
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++)
        if (!filter_hides(&table[i]))
            add_parameter(procedure, &table[i]);
    gimp_procedure_add_layer_return_value(procedure, "layer", _("The new layer"),
                                          _("The new layer"), FALSE, G_PARAM_READWRITE);
    return procedure;
}

static void filter_plug_in_class_init(FilterPlugInClass *class)
{
    GimpPlugInClass *plug_in_class = GIMP_PLUG_IN_CLASS(class);
    plug_in_class->query_procedures = query_procedures;
    plug_in_class->create_procedure = create_procedure;
    plug_in_class->set_i18n = set_i18n;
}

static void filter_plug_in_init(FilterPlugIn *plug_in)
{
    (void)plug_in;
}

// ---------------------------------------------------------------- arguments

static bool usage(vkstyle_error *error, const char *text)
{
    error->status = VKSTYLE_USAGE;
    g_strlcpy(error->text, text, sizeof error->text);
    return false;
}

static int item_id(GimpProcedureConfig *config, const char *name)
{
    GimpItem *item = NULL;
    g_object_get(config, name, &item, NULL);
    int id = item ? gimp_item_get_id(item) : -1;
    // A property hands out a reference, as any object's; the proxy itself is libgimp's.
    if (item)
        g_object_unref(item);
    return id;
}

static void take_text(GimpProcedureConfig *config, const char *name, char *text, size_t size)
{
    char *value = NULL;
    g_object_get(config, name, &value, NULL);
    g_strlcpy(text, value ? value : "", size);
    g_free(value);
}

static bool take_parameter(GimpProcedureConfig *config, const vkstyle_param *param,
                           vkstyle_params *params, vkstyle_error *error)
{
    char text[64], *string = NULL;
    int whole = 0;
    double real = 0;
    gboolean flag = FALSE, good;
    switch (param->kind) {
    case VKSTYLE_INT:
        g_object_get(config, param->name, &whole, NULL);
        g_snprintf(text, sizeof text, "%d", whole);
        break;
    case VKSTYLE_INT64:
        g_object_get(config, param->name, &real, NULL);
        g_snprintf(text, sizeof text, "%.0f", real);
        break;
    case VKSTYLE_REAL:
        g_object_get(config, param->name, &real, NULL);
        g_ascii_dtostr(text, sizeof text, real);
        break;
    case VKSTYLE_FLAG:
        g_object_get(config, param->name, &flag, NULL);
        g_strlcpy(text, flag ? "true" : "false", sizeof text);
        break;
    case VKSTYLE_CHOICE:
    case VKSTYLE_BYTES:
    case VKSTYLE_TEXT:
        g_object_get(config, param->name, &string, NULL);
        good = vkstyle_params_set(params, param->name, string ? string : "", error);
        g_free(string);
        return good;
    }
    return vkstyle_params_set(params, param->name, text, error);
}

static bool read_config(filter_settings *settings, GimpProcedureConfig *config,
                        vkstyle_error *error)
{
    GFile *file = NULL;
    g_object_get(config, "style-file", &file, NULL);
    if (file) {
        char *name = g_file_get_path(file);
        if (!name)
            name = g_file_get_uri(file);
        g_strlcpy(settings->style_file, name, sizeof settings->style_file);
        g_free(name);
        g_object_unref(file);
    }
    take_text(config, "model", settings->model, sizeof settings->model);
    take_text(config, "device", settings->device, sizeof settings->device);
    settings->style_layer = item_id(config, "style-layer");
    settings->init_layer = item_id(config, "init-layer");
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++)
        if (!filter_hides(&table[i]) &&
            !take_parameter(config, &table[i], &settings->params, error))
            return false;
    return true;
}

static void write_config(GimpProcedureConfig *config, const filter_settings *settings)
{
    GFile *file =
        settings->style_file[0] ? g_file_new_for_commandline_arg(settings->style_file) : NULL;
    GimpItem *style =
        settings->style_layer >= 0 ? gimp_item_get_by_id(settings->style_layer) : NULL;
    GimpItem *init = settings->init_layer >= 0 ? gimp_item_get_by_id(settings->init_layer) : NULL;
    g_object_set(config, "style-file", file, "model", settings->model, "device", settings->device,
                 "style-layer", style, "init-layer", init, NULL);
    g_clear_object(&file);
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++) {
        const vkstyle_param *param = &table[i];
        const void *value = (const char *)&settings->params + param->offset;
        if (filter_hides(param))
            continue;
        if (param->kind == VKSTYLE_INT)
            g_object_set(config, param->name, *(const int *)value, NULL);
        else if (param->kind == VKSTYLE_INT64)
            g_object_set(config, param->name, (double)*(const int64_t *)value, NULL);
        else if (param->kind == VKSTYLE_REAL)
            g_object_set(config, param->name, *(const double *)value, NULL);
        else if (param->kind == VKSTYLE_FLAG)
            g_object_set(config, param->name, (gboolean) * (const bool *)value, NULL);
        else {
            char *text = filter_settings_text(settings, param);
            g_object_set(config, param->name, text, NULL);
            g_free(text);
        }
    }
}

// ---------------------------------------------------------------- layers

typedef struct place {
    GimpItem *parent; // NULL: the image itself
    int position;
} place;

// Looks for a layer in the image's tree, without a call that would fail loudly where it is gone.
static bool find_below(GimpItem *parent, GimpItem **items, int layer, place *found)
{
    bool there = false;
    for (int i = 0; items && items[i] && !there; i++) {
        if (gimp_item_get_id(items[i]) == layer) {
            *found = (place){parent, i};
            there = true;
        } else if (gimp_item_is_group(items[i]))
            there = find_below(items[i], gimp_item_get_children(items[i]), layer, found);
    }
    g_free(items);
    return there;
}

static bool find_layer(GimpImage *image, int layer, place *found)
{
    return find_below(NULL, (GimpItem **)gimp_image_get_layers(image), layer, found);
}

static filter_colour colour_of(GimpImage *image)
{
    GimpPrecision precision = gimp_image_get_precision(image);
    return (filter_colour){
        .profile = gimp_image_get_color_profile(image),
        .grey = gimp_image_get_base_type(image) == GIMP_GRAY,
        .linear =
            precision == GIMP_PRECISION_U8_LINEAR || precision == GIMP_PRECISION_U16_LINEAR ||
            precision == GIMP_PRECISION_U32_LINEAR || precision == GIMP_PRECISION_HALF_LINEAR ||
            precision == GIMP_PRECISION_FLOAT_LINEAR || precision == GIMP_PRECISION_DOUBLE_LINEAR,
        .bytes = precision == GIMP_PRECISION_U8_NON_LINEAR,
    };
}

// The one layer that is the content, or NULL.
static GimpLayer *check_drawables(GimpImage *image, GimpDrawable **drawables, vkstyle_error *error)
{
    place found;
    if (!image || !gimp_image_is_valid(image)) {
        usage(error, _("there is no such image"));
        return NULL;
    }
    if (gimp_image_get_base_type(image) == GIMP_INDEXED) {
        usage(error, _("the image has indexed colours, which cannot hold a painting; convert it "
                       "first (Image > Mode > RGB)"));
        return NULL;
    }
    int count = gimp_core_object_array_get_length((GObject **)drawables);
    if (count != 1) {
        error->status = VKSTYLE_USAGE;
        g_snprintf(error->text, sizeof error->text,
                   _("%d layers are selected; select one, the content image, in the Layers dialog"),
                   count);
        return NULL;
    }
    GimpLayer *layer = NULL;
    if (GIMP_IS_LAYER_MASK(drawables[0]))
        layer = gimp_layer_from_mask(GIMP_LAYER_MASK(drawables[0]));
    else if (GIMP_IS_LAYER(drawables[0]))
        layer = GIMP_LAYER(drawables[0]);
    if (!layer)
        usage(error, _("a layer is needed as the content image; select one in the Layers dialog"));
    else if (gimp_layer_is_floating_sel(layer)) {
        layer = NULL;
        usage(error, _("the selected layer is a floating selection; anchor it or make it a layer "
                       "first (Layer > To New Layer)"));
    } else if (!find_layer(image, gimp_item_get_id(GIMP_ITEM(layer)), &found)) {
        layer = NULL;
        usage(error, _("the layer is not in this image"));
    }
    return layer;
}

// What the user sees of a layer: with its filters, which the layer's own buffer does not have.
static GeglBuffer *snapshot_of(GimpLayer *layer, vkstyle_error *error)
{
    int width = gimp_drawable_get_width(GIMP_DRAWABLE(layer));
    int height = gimp_drawable_get_height(GIMP_DRAWABLE(layer)), x, y, dx = 0, dy = 0;
    GimpDrawableFilter **filters = gimp_drawable_get_filters(GIMP_DRAWABLE(layer));
    bool filtered = filters && filters[0];
    g_free(filters);
    // Merged on a private copy: the user's layer keeps its filters.
    GimpLayer *copy = filtered ? gimp_layer_copy(layer) : NULL;
    if (filtered && (!copy || !gimp_drawable_merge_filters(GIMP_DRAWABLE(copy)))) {
        error->status = VKSTYLE_FAILED;
        g_snprintf(error->text, sizeof error->text,
                   _("the layer's filters could not be applied: %s"),
                   gimp_pdb_get_last_error(gimp_get_pdb()));
        if (copy)
            gimp_item_delete(GIMP_ITEM(copy));
        return NULL;
    }
    if (copy) {
        // Filters such as a drop shadow make the copy larger than the layer.
        gimp_drawable_get_offsets(GIMP_DRAWABLE(layer), &x, &y);
        gimp_drawable_get_offsets(GIMP_DRAWABLE(copy), &dx, &dy);
        dx -= x;
        dy -= y;
    }
    GeglBuffer *buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(copy ? copy : layer));
    GeglBuffer *snapshot = filter_snapshot(buffer, width, height, dx, dy, error);
    g_object_unref(buffer);
    if (copy)
        gimp_item_delete(GIMP_ITEM(copy));
    return snapshot;
}

static bool read_layer(filter_layer *layer, GimpImage *image, GimpLayer *source,
                       vkstyle_error *error)
{
    int x, y, width, height;
    layer->name = gimp_item_get_name(GIMP_ITEM(source));
    layer->width = gimp_drawable_get_width(GIMP_DRAWABLE(source));
    layer->height = gimp_drawable_get_height(GIMP_DRAWABLE(source));
    layer->colour = colour_of(image);
    if (!gimp_drawable_mask_intersect(GIMP_DRAWABLE(source), &x, &y, &width, &height))
        return usage(error, _("the selection is outside the layer; select a part of it, or nothing "
                              "(Select > None)"));
    layer->part = (GeglRectangle){x, y, width, height};
    if (!(layer->pixels = snapshot_of(source, error)))
        return false;
    GimpLayerMask *mask = gimp_layer_get_mask(source);
    if (mask && gimp_layer_get_apply_mask(source)) {
        GeglBuffer *buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(mask));
        layer->mask = filter_snapshot(buffer, layer->width, layer->height, 0, 0, error);
        g_object_unref(buffer);
        if (!layer->mask)
            return false;
    }
    layer->content = filter_read(layer->pixels, &layer->part, layer->mask, &layer->colour, error);
    return layer->content != NULL;
}

// The selection over the layer, as it is now; *mask stays NULL where nothing is selected.
static bool read_selection(GeglBuffer **mask, GimpImage *image, const filter_layer *layer, int x,
                           int y, vkstyle_error *error)
{
    if (gimp_selection_is_empty(image))
        return true;
    GeglBuffer *buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(gimp_image_get_selection(image)));
    *mask = filter_snapshot(buffer, layer->width, layer->height, -x, -y, error);
    g_object_unref(buffer);
    return *mask != NULL;
}

// ---------------------------------------------------------------- style and start

static vkstyle_image *read_whole(GimpLayer *layer, const filter_colour *colour,
                                 vkstyle_error *error)
{
    GeglBuffer *buffer = snapshot_of(layer, error);
    if (!buffer)
        return NULL;
    vkstyle_image *image = filter_read(buffer, gegl_buffer_get_extent(buffer), NULL, colour, error);
    g_object_unref(buffer);
    return image;
}

static GimpLayer *layer_by_id(int id, vkstyle_error *error)
{
    GimpItem *item = gimp_item_id_is_valid(id) ? gimp_item_get_by_id(id) : NULL;
    if (item && GIMP_IS_LAYER(item))
        return GIMP_LAYER(item);
    usage(error, _("there is no layer with that number any more; choose another one"));
    return NULL;
}

static vkstyle_image *read_by_id(int id, vkstyle_error *error)
{
    GimpLayer *layer = layer_by_id(id, error);
    if (!layer)
        return NULL;
    filter_colour colour = colour_of(gimp_item_get_image(GIMP_ITEM(layer)));
    vkstyle_image *image = read_whole(layer, &colour, error);
    filter_colour_clear(&colour);
    return image;
}

// The one layer of a plain picture, or all visible ones merged; NULL where there is none.
static GimpLayer *flat_layer(GimpImage *image)
{
    GimpLayer **layers = gimp_image_get_layers(image);
    int count = gimp_core_object_array_get_length((GObject **)layers), x, y;
    GimpLayer *layer = count ? layers[0] : NULL;
    g_free(layers);
    if (!layer)
        return NULL;
    // Merging gives an opaque picture an alpha channel that it did not have.
    gimp_drawable_get_offsets(GIMP_DRAWABLE(layer), &x, &y);
    if (count == 1 && x == 0 && y == 0 && gimp_item_get_visible(GIMP_ITEM(layer)) &&
        !gimp_item_is_group(GIMP_ITEM(layer)) && gimp_layer_get_opacity(layer) >= 100 &&
        !gimp_layer_get_mask(layer) &&
        gimp_drawable_get_width(GIMP_DRAWABLE(layer)) == gimp_image_get_width(image) &&
        gimp_drawable_get_height(GIMP_DRAWABLE(layer)) == gimp_image_get_height(image))
        return layer;
    return gimp_image_merge_visible_layers(image, GIMP_CLIP_TO_IMAGE);
}

static vkstyle_image *load_file(GFile *file, const char *shown, vkstyle_error *error)
{
    vkstyle_image *style = NULL;
    GimpImage *image = gimp_file_load(GIMP_RUN_NONINTERACTIVE, file);
    error->status = VKSTYLE_FAILED;
    if (!image) {
        g_snprintf(error->text, sizeof error->text, _("the style image '%.500s': %.400s"), shown,
                   gimp_pdb_get_last_error(gimp_get_pdb()));
        return NULL;
    }
    if (gimp_image_get_base_type(image) == GIMP_INDEXED)
        gimp_image_convert_rgb(image);
    GimpLayer *layer = flat_layer(image);
    if (!layer)
        g_snprintf(error->text, sizeof error->text,
                   _("the style image '%.800s' has no visible layer"), shown);
    else {
        filter_colour colour = colour_of(image);
        style = read_whole(layer, &colour, error);
        filter_colour_clear(&colour);
    }
    gimp_image_delete(image);
    return style;
}

vkstyle_image *filter_load_style(const filter_settings *settings, vkstyle_error *error)
{
    if (settings->style_layer >= 0)
        return read_by_id(settings->style_layer, error);
    if (!settings->style_file[0]) {
        filter_no_style(error);
        return NULL;
    }
    GFile *file = g_file_new_for_commandline_arg(settings->style_file);
    char *shown = g_file_get_parse_name(file);
    vkstyle_image *style = NULL;
    if (g_file_query_exists(file, NULL))
        style = load_file(file, shown, error);
    else {
        error->status = VKSTYLE_FAILED;
        g_snprintf(error->text, sizeof error->text,
                   _("the style image '%.800s' does not exist; choose another file"), shown);
    }
    g_free(shown);
    g_object_unref(file);
    return style;
}

vkstyle_image *filter_load_init(const filter_settings *settings, const filter_layer *layer,
                                vkstyle_error *error)
{
    GimpLayer *start = layer_by_id(settings->init_layer, error);
    if (!start)
        return NULL;
    if (gimp_drawable_get_width(GIMP_DRAWABLE(start)) != layer->width ||
        gimp_drawable_get_height(GIMP_DRAWABLE(start)) != layer->height) {
        usage(error, _("the layer to start from has another size than the content layer"));
        return NULL;
    }
    GeglBuffer *buffer = snapshot_of(start, error);
    if (!buffer)
        return NULL;
    filter_colour colour = colour_of(gimp_item_get_image(GIMP_ITEM(start)));
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
               gimp_pdb_get_last_error(gimp_get_pdb()));
    return false;
}

static void remember_source(GimpLayer *layer, int source)
{
    if (!gimp_item_id_is_valid(source))
        return;
    char text[32];
    g_snprintf(text, sizeof text, "%u", gimp_item_get_tattoo(gimp_item_get_by_id(source)));
    GimpParasite *parasite =
        gimp_parasite_new(PARASITE, GIMP_PARASITE_PERSISTENT, (guint32)strlen(text) + 1, text);
    gimp_item_attach_parasite(GIMP_ITEM(layer), parasite);
    gimp_parasite_free(parasite);
}

static bool insert(GimpImage *image, GimpLayer *layer, GimpLayerMask *mask, int above,
                   vkstyle_error *error)
{
    // The user may have moved, grouped or deleted the layer meanwhile; then: on top.
    place to = {NULL, 0};
    find_layer(image, above, &to);
    bool good = gimp_image_undo_group_start(image);
    good = gimp_image_insert_layer(image, layer, to.parent ? GIMP_LAYER(to.parent) : NULL,
                                   to.position) &&
           good;
    if (good && mask)
        good = gimp_layer_add_mask(layer, mask);
    if (!good)
        failed_call(error);
    gimp_image_undo_group_end(image);
    return good;
}

// Where a run's result goes.
typedef struct target {
    GimpImage *image;
    int source, above; // layers; the first may be gone by now
    int x, y;
    GeglBuffer *selection; // or NULL
} target;

// Makes the layer and puts it into the image: NULL after a failure, and then there is none.
static GimpLayer *add_result(const target *to, const filter_layer *source,
                             const vkstyle_image *result, const char *name, vkstyle_error *error)
{
    if (!gimp_image_is_valid(to->image)) {
        usage(error, _("the image was closed while its layer was painted"));
        return NULL;
    }
    GimpLayer *layer = gimp_layer_new(to->image, name, source->width, source->height,
                                      source->colour.grey ? GIMP_GRAYA_IMAGE : GIMP_RGBA_IMAGE, 100,
                                      gimp_image_get_default_new_layer_mode(to->image));
    if (!layer) {
        failed_call(error);
        return NULL;
    }
    GeglBuffer *buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(layer));
    bool good = filter_write(buffer, source->pixels, source->mask, result, &source->part,
                             &source->colour, error);
    g_object_unref(buffer);
    GimpLayerMask *mask = NULL;
    if (good && !gimp_layer_set_offsets(layer, to->x, to->y))
        good = failed_call(error);
    if (good)
        remember_source(layer, to->source);
    if (good && to->selection) {
        mask = gimp_layer_create_mask(layer, GIMP_ADD_MASK_WHITE);
        if (!mask)
            good = failed_call(error);
        else {
            buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(mask));
            gegl_buffer_copy(to->selection, NULL, GEGL_ABYSS_NONE, buffer, NULL);
            g_object_unref(buffer);
        }
    }
    good = good && insert(to->image, layer, mask, to->above, error);
    if (!good) {
        if (gimp_item_is_valid(GIMP_ITEM(layer)))
            gimp_item_delete(GIMP_ITEM(layer));
        return NULL;
    }
    gimp_drawable_update(GIMP_DRAWABLE(layer), 0, 0, source->width, source->height);
    gimp_displays_flush();
    return layer;
}

// ---------------------------------------------------------------- dialog

// Layers of the image besides the content, those inside groups included.
static void list_layers(GArray *choices, GimpItem **items, int without)
{
    for (int i = 0; items && items[i]; i++) {
        int id = gimp_item_get_id(items[i]);
        if (id != without) {
            filter_choice choice = {id, gimp_item_get_name(items[i])};
            g_array_append_val(choices, choice);
        }
        if (gimp_item_is_group(items[i]))
            list_layers(choices, gimp_item_get_children(items[i]), without);
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
        GimpItem *item = gimp_item_get_by_id(choice.layer);
        GimpParasite *parasite = gimp_item_get_parasite(item, PARASITE);
        if (parasite && same_place(item, GIMP_ITEM(content)))
            g_array_append_val(results, choice);
        if (parasite)
            gimp_parasite_free(parasite);
    }
    return results;
}

// The layer that a result was made from, where it is still there and as large.
static GimpLayer *source_of(GimpImage *image, GimpLayer *result)
{
    GimpParasite *parasite = gimp_item_get_parasite(GIMP_ITEM(result), PARASITE);
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
    write_config(v->config, settings);
    v->writing = false;
}

static void on_config(GObject *config, GParamSpec *spec, gpointer user)
{
    (void)spec;
    views *v = user;
    filter_settings settings;
    filter_settings_default(&settings);
    if (!v->writing && read_config(&settings, GIMP_PROCEDURE_CONFIG(config), NULL))
        filter_panel_set(v->panel, &settings);
}

// True when the user pressed OK; settings are then the dialog's.
static bool ask(filter_worker *worker, filter_settings *settings, GimpProcedure *procedure,
                GimpProcedureConfig *config, GimpImage *image, GimpLayer *content,
                const filter_layer *layer)
{
    GArray *layers = g_array_new(FALSE, FALSE, sizeof(filter_choice));
    list_layers(layers, (GimpItem **)gimp_image_get_layers(image),
                gimp_item_get_id(GIMP_ITEM(content)));
    GArray *results = list_results(layers, content);
    views v = {.config = config};
    GtkWidget *dialog = gimp_procedure_dialog_new(procedure, config, _(FILTER_TITLE));
    v.panel = filter_panel_create(worker, layer, (filter_choice *)(void *)layers->data,
                                  (int)layers->len, (filter_choice *)(void *)results->data,
                                  (int)results->len, on_panel, &v);
    filter_panel_set(v.panel, settings);
    on_panel(settings, &v);
    gtk_box_pack_start(GTK_BOX(gtk_dialog_get_content_area(GTK_DIALOG(dialog))),
                       filter_panel_widget(v.panel), TRUE, TRUE, 0);
    gtk_widget_show_all(filter_panel_widget(v.panel));
    gulong watch = g_signal_connect(config, "notify", G_CALLBACK(on_config), &v);
    bool accepted = gimp_procedure_dialog_run(GIMP_PROCEDURE_DIALOG(dialog));
    g_signal_handler_disconnect(config, watch);
    if (accepted)
        *settings = *filter_panel_get(v.panel);
    gtk_widget_destroy(dialog);
    filter_panel_free(&v.panel);
    for (guint i = 0; i < layers->len; i++)
        g_free((char *)g_array_index(layers, filter_choice, i).name);
    g_array_free(layers, TRUE);
    g_array_free(results, TRUE);
    return accepted;
}

// ---------------------------------------------------------------- a run

static GimpLayer *paint(filter_worker *worker, const filter_settings *settings, const target *to,
                        const filter_layer *layer, vkstyle_error *error)
{
    vkstyle_image *result = filter_run(worker, settings, layer, error);
    if (!result)
        return NULL;
    GimpItem *style = settings->style_layer >= 0 && gimp_item_id_is_valid(settings->style_layer)
                          ? gimp_item_get_by_id(settings->style_layer)
                          : NULL;
    char *style_name = style ? gimp_item_get_name(style) : NULL;
    char *name = filter_result_name(settings, style_name);
    GimpLayer *made = add_result(to, layer, result, name, error);
    g_free(name);
    g_free(style_name);
    vkstyle_image_free(&result);
    return made;
}

static GimpLayer *work(GimpProcedure *procedure, GimpRunMode mode, GimpImage *image,
                       GimpLayer *content, GimpProcedureConfig *config, filter_settings *settings,
                       vkstyle_error *error)
{
    target to = {.image = image, .above = gimp_item_get_id(GIMP_ITEM(content))};
    // On a result of ours, the filter goes on with it.
    GimpLayer *source = mode == GIMP_RUN_INTERACTIVE ? source_of(image, content) : NULL;
    if (source) {
        settings->init_layer = to.above;
        content = source;
    }
    filter_layer layer = {0};
    GimpLayer *made = NULL;
    filter_worker *worker = filter_worker_create();
    to.source = gimp_item_get_id(GIMP_ITEM(content));
    gimp_drawable_get_offsets(GIMP_DRAWABLE(content), &to.x, &to.y);
    bool good = read_layer(&layer, image, content, error) &&
                read_selection(&to.selection, image, &layer, to.x, to.y, error);
    if (good && mode == GIMP_RUN_INTERACTIVE) {
        layer.with_window = true;
        good = ask(worker, settings, procedure, config, image, content, &layer);
        if (!good)
            error->status = VKSTYLE_INTERRUPTED;
    }
    if (good)
        made = paint(worker, settings, &to, &layer, error);
    filter_worker_free(&worker);
    g_clear_object(&to.selection);
    filter_layer_clear(&layer);
    return made;
}

static GimpValueArray *run(GimpProcedure *procedure, GimpRunMode mode, GimpImage *image,
                           GimpDrawable **drawables, GimpProcedureConfig *config, gpointer data)
{
    (void)data;
    vkstyle_error error = {0};
    filter_settings settings;
    filter_settings_default(&settings);
    gegl_init(NULL, NULL);
    if (mode == GIMP_RUN_INTERACTIVE)
        gimp_ui_init(FILTER_BINARY);
    GimpLayer *made = NULL, *content = check_drawables(image, drawables, &error);
    if (content && read_config(&settings, config, &error))
        made = work(procedure, mode, image, content, config, &settings, &error);
    if (made) {
        GimpValueArray *values =
            gimp_procedure_new_return_values(procedure, GIMP_PDB_SUCCESS, NULL);
        GIMP_VALUES_SET_LAYER(values, 1, made);
        return values;
    }
    if (error.status == VKSTYLE_INTERRUPTED)
        return gimp_procedure_new_return_values(procedure, GIMP_PDB_CANCEL, NULL);
    return gimp_procedure_new_return_values(
        procedure,
        error.status == VKSTYLE_USAGE ? GIMP_PDB_CALLING_ERROR : GIMP_PDB_EXECUTION_ERROR,
        g_error_new_literal(GIMP_PLUG_IN_ERROR, 0, error.text));
}

GIMP_MAIN(filter_plug_in_get_type())
