// SPDX-License-Identifier: MIT
//
// What the filter is in both GIMPs: its settings, the exchange of pixels, the thread that runs the
// engine, and the widgets. gimp2.c and gimp3.c add what differs between the two programs'
// interfaces: registration, images and layers.
//
// All functions here belong to the main thread; the engine alone runs in another one.
#ifndef VKSTYLE_FILTER_H
#define VKSTYLE_FILTER_H

#include "vkstyle.h"

#include <libgimp/gimp.h>

#ifndef GETTEXT_PACKAGE
#define GETTEXT_PACKAGE "vkstyle"
#endif
#include <glib/gi18n.h>

#define FILTER_PROCEDURE   "plug-in-vkstyle"
#define FILTER_BINARY      "vkstyle"
#define FILTER_TITLE       N_("Neural Style Transfer")
#define FILTER_MENU_LABEL  N_("Neural St_yle Transfer...")
#define FILTER_MENU_PATH   "<Image>/Filters/Artistic"
#define FILTER_IMAGE_TYPES "RGB*, GRAY*"
#define FILTER_BLURB       N_("Paint the layer in the manner of another picture")
#define FILTER_HELP                                                                                \
    N_("Makes a new layer with the subject of the selected layer and the colours, strokes and "    \
       "textures of a style image, by the optimisation of Gatys, Ecker and Bethge (2016) on any "  \
       "Vulkan device. It needs an open RGB or grey image with one layer selected. A selection "   \
       "becomes the new layer's mask, and only what it bounds is painted.")
// A parasite on each layer that we make: the tattoo of the layer it was made from, so that it can
// be continued.
#define FILTER_PARASITE "vkstyle-source"
// A parasite on an image, which no file keeps: the layers, channels and the second style of the
// last run there. They mean nothing in another image.
#define FILTER_LAST    "vkstyle-last"
#define FILTER_AUTHORS "The vkstyle authors"
#define FILTER_DATE    "2026"

// ---------------------------------------------------------------- settings (filter_settings.c)

// A style image, and where it acts.
typedef struct filter_style {
    char file[VKSTYLE_PATH];   // path in the file system's encoding; or ""
    char folder[VKSTYLE_PATH]; // of pictures that are one style together, instead of a file; or ""
    int layer;                 // item whose pixels are the style instead of both; or -1
    int mask;                  // layer or channel of the image that says where; or -1
} filter_style;

enum { FILTER_STYLES = 2 };

// Everything that one run needs to know besides the layer. Plain data, copied freely.
typedef struct filter_settings {
    filter_style style[FILTER_STYLES]; // the second one may be none
    double second_share;               // of the second style, 0 to 1; the first has the rest
    int strength_map;                  // layer or channel of the image: how strongly; or -1
    int init_layer;                    // layer from which the target starts; or -1
    char model[VKSTYLE_PATH];          // as vkstyle_model_load takes it; "": the one that ships
    char device[256];                  // as vkstyle_open takes it; "": the best one
    vkstyle_params params;             // full_size is always set: a layer keeps its size
} filter_settings;

void filter_settings_default(filter_settings *settings);

// The engine's parameters in the order of the procedure's arguments. A host leaves one out
// (filter_hides): a layer has its size, so "full-size" is always on.
bool filter_hides(const vkstyle_param *param);

// The settings that are no parameter of the engine, in the order of the procedure's arguments:
// those below FILTER_FIRST come before the engine's parameters, the others after them.
typedef enum filter_kind {
    FILTER_PATH,     // char array, a path
    FILTER_FOLDER,   // char array, the path of a folder
    FILTER_TEXT,     // char array
    FILTER_LAYER,    // int: a layer's number, -1: none
    FILTER_DRAWABLE, // int: a layer's or channel's number, -1: none
    FILTER_SHARE     // double from 0 to 1, FILTER_HALF if it is not given
} filter_kind;
#define FILTER_HALF 0.5
typedef struct filter_argument {
    const char *name;
    filter_kind kind;
    size_t offset, capacity; // where in filter_settings, and its size
    const char *label, *help;
} filter_argument;
enum {
    FILTER_STYLE_FILE,
    FILTER_MODEL,
    FILTER_DEVICE,
    FILTER_STYLE_LAYER,
    FILTER_INIT_LAYER,
    FILTER_FIRST, // how many come first
    FILTER_STYLE_MASK = FILTER_FIRST,
    FILTER_SECOND_FILE,
    FILTER_SECOND_LAYER,
    FILTER_SECOND_MASK,
    FILTER_STRENGTH_MAP,
    FILTER_SECOND_SHARE,
    FILTER_STYLE_FOLDER,
    FILTER_SECOND_FOLDER,
    FILTER_ARGUMENTS
};
extern const filter_argument filter_arguments[FILTER_ARGUMENTS];

// Where the settings keep it: as text, as an item, or as a share.
char *filter_text_of(filter_settings *settings, int argument);
int *filter_item_of(filter_settings *settings, int argument);
int filter_item_in(const filter_settings *settings, int argument);
double *filter_share_of(filter_settings *settings, int argument);
double filter_share_in(const filter_settings *settings, int argument);
// Whether it belongs to one image and is remembered with that alone.
bool filter_is_of_image(int argument);

// "0 adam, 1 lbfgs": what the numbers of a choice mean, for GIMP 2.10. g_free it.
char *filter_choice_text(const vkstyle_param *param);

// Strength as people set it, 0 (hardly) to 100 (all style), 50 being the default; it stands for the
// ratio beta : alpha.
double filter_strength(const vkstyle_params *params);
void filter_set_strength(vkstyle_params *params, double strength);

// Usual tastes: 0 is the default, then come the engine's presets. All that some preset sets is set
// by each of them, if only to its default.
int filter_preset_count(void);
const char *filter_preset_name(int preset);
void filter_preset_apply(int preset, vkstyle_params *params);
int filter_preset_find(const vkstyle_params *params); // -1: none of them

// A quick look: the same network on a small picture and a steep schedule.
void filter_preview_params(vkstyle_params *params, bool software);

// One of the values, by the name of the argument, as text that is independent of the locale.
char *filter_settings_text(const filter_settings *settings, const vkstyle_param *param); // g_free
bool filter_settings_check(const filter_settings *settings, vkstyle_error *error);

// Last values of GIMP 2.10, which forgets them itself: a key file in GIMP's own folder, replaced as
// a whole. Loading what is not there, or not readable, leaves the settings as they are.
void filter_settings_load(filter_settings *settings, const char *path);
bool filter_settings_save(const filter_settings *settings, const char *path, vkstyle_error *error);

// Last values that belong to the image, as text for its parasite (g_free it), and back: taken only
// where the text was written for this very image and the settings have none of their own.
char *filter_last_text(const filter_settings *settings, int image);
void filter_last_take(filter_settings *settings, const char *text, size_t size, int image);
// Drops items that are gone: for a dialog, which shows what is left. (Without one, a run with last
// values fails and says which.)
void filter_forget_gone(filter_settings *settings);

// ---------------------------------------------------------------- pixels (filter_pixels.c)

// How the numbers in an image's buffers are meant.
typedef struct filter_colour {
    GimpColorProfile *profile; // the one attached to the image (ours), or NULL: sRGB
    bool grey, linear, bytes;  // grey: grey image; linear: linear light; bytes: 8-bit integers
} filter_colour;

void filter_colour_clear(filter_colour *colour);

// The whole buffer, copied, so that the user may go on editing: its upper left corner is that of
// the layer, its size the layer's. dx, dy: where the buffer lies relative to the layer (filters may
// have grown it). NULL when memory does not suffice. g_object_unref it.
GeglBuffer *filter_snapshot(GeglBuffer *buffer, int width, int height, int dx, int dy,
                            vkstyle_error *error);

// A part of a buffer as the engine takes pictures: sRGB, 0..1, alpha where the buffer has one.
// Alpha is multiplied by the mask (a buffer of the same size) where one is given.
vkstyle_image *filter_read(GeglBuffer *buffer, const GeglRectangle *part, GeglBuffer *mask,
                           const filter_colour *colour, vkstyle_error *error);

// The same of a channel or layer mask, whose numbers are meant as they are: an opaque grey.
vkstyle_image *filter_read_grey(GeglBuffer *buffer, const GeglRectangle *part,
                                vkstyle_error *error);

// Fills the buffer of the new layer: `source` (with mask) everywhere, and `result` in `part`.
bool filter_write(GeglBuffer *buffer, GeglBuffer *source, GeglBuffer *mask,
                  const vkstyle_image *result, const GeglRectangle *part,
                  const filter_colour *colour, vkstyle_error *error);

// ---------------------------------------------------------------- styles (filter_style.c)

// What the engine is given besides the content; each may be NULL but the first style.
typedef struct filter_pictures {
    vkstyle_image *style[FILTER_STYLES][VKSTYLE_MAX_STYLES];
    int count[FILTER_STYLES]; // pictures of that style: one, or those of a folder
    vkstyle_image *mask[FILTER_STYLES], *strength, *init;
} filter_pictures;

void filter_pictures_free(filter_pictures *pictures);

// Whether there is such a style.
bool filter_has_style(const filter_style *style);
// Whether both have the same pictures (wherever they act).
bool filter_same_style(const filter_style *a, const filter_style *b);
char *filter_style_name(const filter_style *style); // for people; g_free

// Reads a style picture by picture, so that a dialog stays alive meanwhile.
typedef struct filter_reader {
    char **names; // of a folder's pictures, ordered; NULL: a file or a layer
    int count;    // pictures in all
} filter_reader;
bool filter_reader_begin(filter_reader *reader, const filter_style *style, vkstyle_error *error);
// Reads the next picture into pictures->style[which], of which there are pictures->count[which].
bool filter_reader_next(const filter_reader *reader, const filter_style *style,
                        filter_pictures *pictures, int which, vkstyle_error *error);
void filter_reader_end(filter_reader *reader);

void filter_style_free(filter_pictures *pictures, int which);

// ---------------------------------------------------------------- the engine's thread
// (filter_worker.c)

// A copy of vkstyle_progress that outlives the call.
typedef struct filter_progress {
    char phase[128];
    int iteration, iterations, level, levels, width, height, tile, tiles;
    double loss, seconds, seconds_left;
    vkstyle_image *picture; // newest one, or NULL
} filter_progress;

typedef enum filter_task_kind {
    FILTER_DEVICES,  // list the devices, open the one set, read the model
    FILTER_ESTIMATE, // predict time and memory
    FILTER_TRANSFER
} filter_task_kind;

typedef struct filter_task filter_task;
struct filter_task {
    filter_task_kind kind;
    filter_settings settings;
    int width, height;               // of the content
    const vkstyle_image *content;    // the caller's, until done was called
    const filter_pictures *pictures; // as that
    double picture_seconds;          // 0: no growing picture
    void (*progress)(filter_task *task, const filter_progress *progress); // may be NULL
    void (*done)(filter_task *task);
    void *user;
    // Filled by the worker.
    bool good;
    vkstyle_error error;
    vkstyle_image *result; // of a transfer: the caller takes it or filter_task_free does
    char *report;
    vkstyle_device *devices, device; // list of all, and the one that is open
    int device_count;
    double seconds;
    uint64_t bytes;
    struct filter_task_state *state;
};

typedef struct filter_worker filter_worker;

filter_worker *filter_worker_create(void);
// All tasks must be done.
void filter_worker_free(filter_worker **worker);

filter_task *filter_task_create(filter_task_kind kind, const filter_settings *settings);
void filter_task_free(filter_task **task); // only when it never ran or `done` was called
void filter_worker_run(filter_worker *worker, filter_task *task);
// What the engine shall do at its next look: VKSTYLE_STOP or VKSTYLE_CANCEL.
void filter_task_decide(filter_task *task, vkstyle_decision decision);
vkstyle_decision filter_task_decision(const filter_task *task);

// ---------------------------------------------------------------- a run (filter_run.c)

// What a host hands over of the layer, and what it does for the others.
typedef struct filter_layer {
    int image;              // it is in
    int x, y;               // of its upper left corner, in the image
    int width, height;      // of the layer, pixels
    GeglBuffer *pixels;     // snapshot of what the user sees of the layer
    GeglBuffer *mask;       // snapshot of the layer's mask where it is in force, or NULL
    GeglRectangle part;     // what is painted, within the layer: the bounds of the selection
    filter_colour colour;   // of the image
    vkstyle_image *content; // the part, read
    bool with_window;       // the run is shown in a window with Stop and Cancel
} filter_layer;

void filter_layer_clear(filter_layer *layer);

// What a host knows of items; in gimp2_layer.c and gimp3_layer.c.
int filter_item_image(int item);  // the image it is in; -1: there is no such item (any more)
char *filter_item_name(int item); // g_free it; NULL: there is no such item
// A style image, read through GIMP: the layer with that id, or a file.
vkstyle_image *filter_load_layer(int item, vkstyle_error *error);
vkstyle_image *filter_load_file(const char *path, vkstyle_error *error);
// The layer with that id as init picture for the content's part.
vkstyle_image *filter_load_init(const filter_settings *settings, const filter_layer *layer,
                                vkstyle_error *error);
// A layer or channel, in place over the content's part, transparent or black where it does not
// reach.
vkstyle_image *filter_load_mask(int item, const filter_layer *layer, vkstyle_error *error);

// "Stylized (auvers.jpg)"; g_free it.
char *filter_result_name(const filter_settings *settings);
// Fills error with VKSTYLE_USAGE and the text; returns false.
bool filter_usage(vkstyle_error *error, const char *text);

// ---------------------------------------------------------------- regions (filter_regions.c)

// Loads the masks and the strength map that the settings name; frees what was there of these.
bool filter_regions_load(filter_pictures *pictures, const filter_settings *settings,
                         const filter_layer *layer, vkstyle_error *error);

// The transfer with progress in GIMP's own way, and in a window where the layer says so. Returns
// the result, of the content's size; VKSTYLE_INTERRUPTED when it was cancelled.
vkstyle_image *filter_run(filter_worker *worker, const filter_settings *settings,
                          const filter_layer *layer, vkstyle_error *error);

// A line for people: "Iteration 12 of 300, loss 0.123, 20 s left". g_free it.
char *filter_progress_text(const filter_progress *progress);
char *filter_seconds_text(double seconds); // g_free
char *filter_bytes_text(uint64_t bytes);   // g_free

#endif
