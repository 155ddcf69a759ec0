// SPDX-License-Identifier: MIT
//
// The filter in GIMP 2.10.
#include "gimp2.h"

#include <libgimp/gimpui.h>
#include <string.h>

// What the arguments of the procedure begin with, before those of filter_arguments and the table.
enum { RUN_MODE, IMAGE, DRAWABLE, FIRST_ARGUMENT };

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

static GimpParamDef define_own(int index)
{
    static const GimpPDBArgType types[] = {
        [FILTER_PATH] = GIMP_PDB_STRING,       [FILTER_FOLDER] = GIMP_PDB_STRING,
        [FILTER_TEXT] = GIMP_PDB_STRING,       [FILTER_LAYER] = GIMP_PDB_LAYER,
        [FILTER_DRAWABLE] = GIMP_PDB_DRAWABLE, [FILTER_SHARE] = GIMP_PDB_FLOAT,
    };
    const filter_argument *argument = &filter_arguments[index];
    bool item = argument->kind == FILTER_LAYER || argument->kind == FILTER_DRAWABLE;
    char *text =
        g_strdup_printf("%s: %s%s", argument->label, argument->help, item ? " (-1: none)" : "");
    GimpParamDef result = define(types[argument->kind], argument->name, text);
    g_free(text);
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
    for (int i = 0; i < FILTER_FIRST; i++)
        args[n++] = define_own(i);
    for (int i = 0; i < count; i++)
        if (!filter_hides(&table[i]))
            args[n++] = define_parameter(&table[i]);
    for (int i = FILTER_FIRST; i < FILTER_ARGUMENTS; i++)
        args[n++] = define_own(i);
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

static bool take_own(filter_settings *settings, int index, const GimpParam *arg,
                     vkstyle_error *error)
{
    const filter_argument *argument = &filter_arguments[index];
    switch (argument->kind) {
    case FILTER_PATH:
    case FILTER_FOLDER:
        return set_path(filter_text_of(settings, index), argument->capacity, arg->data.d_string,
                        error);
    case FILTER_TEXT:
        g_strlcpy(filter_text_of(settings, index), arg->data.d_string ? arg->data.d_string : "",
                  argument->capacity);
        break;
    case FILTER_LAYER:
    case FILTER_DRAWABLE:
        *filter_item_of(settings, index) = arg->data.d_drawable;
        break;
    case FILTER_SHARE:
        *filter_share_of(settings, index) = arg->data.d_float;
        if (arg->data.d_float >= 0 && arg->data.d_float <= 1)
            break;
        error->status = VKSTYLE_USAGE;
        g_snprintf(error->text, sizeof error->text, _("%s: %g is not between 0 and 1"),
                   argument->name, arg->data.d_float);
        return false;
    }
    return true;
}

static bool read_arguments(filter_settings *settings, int n, const GimpParam *args,
                           vkstyle_error *error)
{
    int count, expected = FIRST_ARGUMENT + FILTER_ARGUMENTS;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int k = 0; k < count; k++)
        expected += !filter_hides(&table[k]);
    if (n != expected)
        return wrong_count(n, error);
    args += FIRST_ARGUMENT;
    for (int i = 0; i < FILTER_FIRST; i++)
        if (!take_own(settings, i, args++, error))
            return false;
    for (int k = 0; k < count; k++)
        if (!filter_hides(&table[k]) && !set_parameter(&settings->params, &table[k], args++, error))
            return false;
    for (int i = FILTER_FIRST; i < FILTER_ARGUMENTS; i++)
        if (!take_own(settings, i, args++, error))
            return false;
    return true;
}

// ---------------------------------------------------------------- a run

static gint32 work(filter_worker *worker, gint32 image, gint32 drawable, GimpRunMode mode,
                   filter_settings *settings, vkstyle_error *error)
{
    if (!gimp2_check_drawable(image, &drawable, error))
        return -1;
    // On a result of ours, the filter goes on with it.
    gint32 above = drawable;
    gint32 source = mode == GIMP_RUN_INTERACTIVE ? gimp2_source_of(image, drawable) : -1;
    if (source >= 0) {
        settings->init_layer = drawable;
        drawable = source;
    }
    filter_layer layer = {0};
    GeglBuffer *selection = NULL;
    vkstyle_image *result = NULL;
    gint32 made = -1;
    bool good = gimp2_read_layer(&layer, image, drawable, error) &&
                gimp2_read_selection(&selection, &layer, error);
    if (good && mode == GIMP_RUN_INTERACTIVE) {
        layer.with_window = true;
        good = gimp2_ask(worker, settings, image, drawable, &layer);
        if (good)
            gimp2_save_last(settings, image);
        else
            error->status = VKSTYLE_INTERRUPTED;
    }
    if (good && (result = filter_run(worker, settings, &layer, error))) {
        char *name = filter_result_name(settings);
        made = gimp2_add_result(drawable, above, &layer, selection, result, name, error);
        g_free(name);
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
        gimp2_load_last(&settings, args[IMAGE].data.d_image);
        // A script may call the dialog with values of its own; the menu gives none.
        filter_settings given;
        vkstyle_error ignored = {0};
        filter_settings_default(&given);
        if (mode == GIMP_RUN_INTERACTIVE && read_arguments(&given, n, args, &ignored) &&
            filter_has_style(&given.style[0]))
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
