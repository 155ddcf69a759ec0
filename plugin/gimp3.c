// SPDX-License-Identifier: MIT
//
// The filter in GIMP 3.
#include "gimp3.h"

#include <libgimp/gimpui.h>
#include <string.h>

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
    const GParamFlags flags =
        G_PARAM_READWRITE | (filter_is_of_image(index) ? GIMP_PARAM_DONT_SERIALIZE : 0);
    switch (argument->kind) {
    case FILTER_PATH:
        gimp_procedure_add_file_argument(procedure, argument->name, label, help,
                                         GIMP_FILE_CHOOSER_ACTION_OPEN, TRUE, NULL, flags);
        break;
    case FILTER_FOLDER:
        gimp_procedure_add_file_argument(procedure, argument->name, label, help,
                                         GIMP_FILE_CHOOSER_ACTION_SELECT_FOLDER, TRUE, NULL, flags);
        break;
    case FILTER_TEXT:
        gimp_procedure_add_string_argument(procedure, argument->name, label, help, "", flags);
        break;
    case FILTER_LAYER:
        gimp_procedure_add_layer_argument(procedure, argument->name, label, help, TRUE, flags);
        break;
    case FILTER_DRAWABLE:
        gimp_procedure_add_drawable_argument(procedure, argument->name, label, help, TRUE, flags);
        break;
    case FILTER_SHARE:
        gimp_procedure_add_double_argument(procedure, argument->name, label, help, 0, 1,
                                           FILTER_HALF, flags);
        break;
    }
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
    for (int i = 0; i < FILTER_FIRST; i++)
        add_own_argument(procedure, i);
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++)
        if (!filter_hides(&table[i]))
            add_parameter(procedure, &table[i]);
    for (int i = FILTER_FIRST; i < FILTER_ARGUMENTS; i++)
        add_own_argument(procedure, i);
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

static void take_path(GimpProcedureConfig *config, const char *name, char *path, size_t size)
{
    GFile *file = NULL;
    g_object_get(config, name, &file, NULL);
    if (!file)
        return;
    char *text = g_file_get_path(file);
    if (!text)
        text = g_file_get_uri(file);
    g_strlcpy(path, text, size);
    g_free(text);
    g_object_unref(file);
}

static void take_own(GimpProcedureConfig *config, int index, filter_settings *settings)
{
    const filter_argument *argument = &filter_arguments[index];
    switch (argument->kind) {
    case FILTER_PATH:
    case FILTER_FOLDER:
        take_path(config, argument->name, filter_text_of(settings, index), argument->capacity);
        break;
    case FILTER_TEXT:
        take_text(config, argument->name, filter_text_of(settings, index), argument->capacity);
        break;
    case FILTER_LAYER:
    case FILTER_DRAWABLE:
        *filter_item_of(settings, index) = item_id(config, argument->name);
        break;
    case FILTER_SHARE:
        g_object_get(config, argument->name, filter_share_of(settings, index), NULL);
        break;
    }
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

bool gimp3_read_config(filter_settings *settings, GimpProcedureConfig *config, vkstyle_error *error)
{
    for (int i = 0; i < FILTER_ARGUMENTS; i++)
        take_own(config, i, settings);
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++)
        if (!filter_hides(&table[i]) &&
            !take_parameter(config, &table[i], &settings->params, error))
            return false;
    return true;
}

static void write_own(GimpProcedureConfig *config, const filter_settings *settings, int index)
{
    const filter_argument *argument = &filter_arguments[index];
    const char *text = (const char *)settings + argument->offset;
    GFile *file = NULL;
    int item;
    switch (argument->kind) {
    case FILTER_PATH:
    case FILTER_FOLDER:
        file = *text ? g_file_new_for_commandline_arg(text) : NULL;
        g_object_set(config, argument->name, file, NULL);
        g_clear_object(&file);
        break;
    case FILTER_TEXT:
        g_object_set(config, argument->name, text, NULL);
        break;
    case FILTER_LAYER:
    case FILTER_DRAWABLE:
        item = filter_item_in(settings, index);
        g_object_set(config, argument->name,
                     item >= 0 && gimp_item_id_is_valid(item) ? gimp_item_get_by_id(item) : NULL,
                     NULL);
        break;
    case FILTER_SHARE:
        g_object_set(config, argument->name, filter_share_in(settings, index), NULL);
        break;
    }
}

void gimp3_write_config(GimpProcedureConfig *config, const filter_settings *settings)
{
    for (int i = 0; i < FILTER_ARGUMENTS; i++)
        write_own(config, settings, i);
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

// ---------------------------------------------------------------- a run

static GimpLayer *paint(filter_worker *worker, const filter_settings *settings,
                        const gimp3_target *to, const filter_layer *layer, vkstyle_error *error)
{
    vkstyle_image *result = filter_run(worker, settings, layer, error);
    if (!result)
        return NULL;
    char *name = filter_result_name(settings);
    GimpLayer *made = gimp3_add_result(to, layer, result, name, error);
    g_free(name);
    vkstyle_image_free(&result);
    return made;
}

static GimpLayer *work(GimpProcedure *procedure, GimpRunMode mode, GimpImage *image,
                       GimpLayer *content, GimpProcedureConfig *config, filter_settings *settings,
                       vkstyle_error *error)
{
    gimp3_target to = {.image = image, .above = gimp_item_get_id(GIMP_ITEM(content))};
    // On a result of ours, the filter goes on with it.
    GimpLayer *source = mode == GIMP_RUN_INTERACTIVE ? gimp3_source_of(image, content) : NULL;
    if (source) {
        settings->init_layer = to.above;
        content = source;
    }
    filter_layer layer = {0};
    GimpLayer *made = NULL;
    filter_worker *worker = filter_worker_create();
    to.source = gimp_item_get_id(GIMP_ITEM(content));
    bool good = gimp3_read_layer(&layer, image, content, error) &&
                gimp3_read_selection(&to.selection, image, &layer, error);
    if (good && mode == GIMP_RUN_INTERACTIVE) {
        layer.with_window = true;
        good = gimp3_ask(worker, settings, procedure, config, image, content, &layer);
        if (good)
            gimp3_save_last(settings, image);
        else
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
    GimpLayer *made = NULL, *content = gimp3_check_drawables(image, drawables, &error);
    bool good = content && gimp3_read_config(&settings, config, &error);
    if (good && mode != GIMP_RUN_NONINTERACTIVE)
        gimp3_load_last(&settings, image);
    if (good)
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
