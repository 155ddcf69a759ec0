// SPDX-License-Identifier: MIT
//
// A plug-in that plays a user who does not wait: it calls the filter, and at the first iteration
// deletes the layer that is painted ("delete"), or closes the image ("close").
#include <libgimp/gimp.h>
#include <string.h>

typedef struct Meddle {
    GimpPlugIn parent_instance;
} Meddle;

typedef struct MeddleClass {
    GimpPlugInClass parent_class;
} MeddleClass;

GType meddle_get_type(void);

G_DEFINE_TYPE(Meddle, meddle, GIMP_TYPE_PLUG_IN)

#define NAME "plug-in-vkstyle-meddle"

static GimpImage *painted_image;
static GimpLayer *painted_layer;
static char *what;

static void start(const gchar *message, gboolean cancelable, gpointer user)
{
    (void)message;
    (void)cancelable;
    (void)user;
}

static void nothing(gpointer user)
{
    (void)user;
}

static void set_text(const gchar *message, gpointer user)
{
    (void)message;
    (void)user;
}

static void set_value(gdouble fraction, gpointer user)
{
    (void)user;
    if (!what || fraction <= 0)
        return;
    if (!strcmp(what, "delete"))
        gimp_image_remove_layer(painted_image, painted_layer);
    else
        gimp_image_delete(painted_image);
    what = NULL;
}

static GimpValueArray *run(GimpProcedure *procedure, GimpRunMode mode, GimpImage *image,
                           GimpDrawable **drawables, GimpProcedureConfig *config, gpointer data)
{
    (void)procedure;
    (void)mode;
    (void)data;
    static GimpProgressVtable progress = {.start = start,
                                          .end = nothing,
                                          .set_text = set_text,
                                          .set_value = set_value,
                                          .pulse = nothing};
    GFile *style = NULL;
    char *model = NULL;
    g_object_get(config, "style-file", &style, "model", &model, "what", &what, NULL);
    painted_image = image;
    painted_layer = GIMP_LAYER(drawables[0]);
    const char *callback = gimp_progress_install_vtable(&progress, NULL, NULL);
    GimpProcedure *filter = gimp_pdb_lookup_procedure(gimp_get_pdb(), "plug-in-vkstyle");
    GimpProcedureConfig *values = gimp_procedure_create_config(filter);
    gimp_procedure_config_set_core_object_array(values, "drawables", (GObject **)drawables);
    g_object_set(values, "run-mode", GIMP_RUN_NONINTERACTIVE, "image", image, "style-file", style,
                 "model", model, "iterations", 60, "learning-rate", 0.05, NULL);
    GimpValueArray *result = gimp_procedure_run_config(filter, values);
    gimp_progress_uninstall(callback);
    return result;
}

static GList *query_procedures(GimpPlugIn *plug_in)
{
    (void)plug_in;
    return g_list_append(NULL, g_strdup(NAME));
}

static GimpProcedure *create_procedure(GimpPlugIn *plug_in, const gchar *name)
{
    GimpProcedure *procedure =
        gimp_image_procedure_new(plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN, run, NULL, NULL);
    gimp_procedure_set_image_types(procedure, "*");
    gimp_procedure_add_file_argument(procedure, "style-file", "", "", GIMP_FILE_CHOOSER_ACTION_OPEN,
                                     FALSE, NULL, G_PARAM_READWRITE);
    gimp_procedure_add_string_argument(procedure, "model", "", "", "", G_PARAM_READWRITE);
    gimp_procedure_add_string_argument(procedure, "what", "", "", "", G_PARAM_READWRITE);
    gimp_procedure_add_layer_return_value(procedure, "layer", "", "", FALSE, G_PARAM_READWRITE);
    return procedure;
}

static void meddle_class_init(MeddleClass *class)
{
    GIMP_PLUG_IN_CLASS(class)->query_procedures = query_procedures;
    GIMP_PLUG_IN_CLASS(class)->create_procedure = create_procedure;
    GIMP_PLUG_IN_CLASS(class)->set_i18n = NULL;
}

static void meddle_init(Meddle *plug_in)
{
    (void)plug_in;
}

GIMP_MAIN(meddle_get_type())
