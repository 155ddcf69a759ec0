// SPDX-License-Identifier: MIT
//
// vkstyle: neural style transfer (Gatys, Ecker, Bethge, CVPR 2016) in Vulkan compute shaders.
//
// The one header a host sees. It knows neither Vulkan nor files of GIMP; everything that can fail
// takes a vkstyle_error and says what happened, to what, and what to do.
//
// Conventions
//   - A pointer returned by a function named ..._load, _create, _open, _resize or _transfer belongs
//     to the caller, who gives it back to the matching ..._free; freeing NULL is legal and the
//     caller's pointer is set to NULL.
//   - Functions that return bool or a pointer return false or NULL on failure and then, and only
//     then, fill *error. A NULL error is legal everywhere.
//   - Not thread-safe per object: one thread at a time for a context and the jobs on it.
#ifndef VKSTYLE_H
#define VKSTYLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VKSTYLE_VERSION "0.1.0"

// ---------------------------------------------------------------- errors and notices

// Every failure has one of these; the command line's exit status is the same number.
typedef enum vkstyle_status {
    VKSTYLE_DONE = 0,
    VKSTYLE_FAILED = 1,        // a file, a value or the computation itself is at fault
    VKSTYLE_USAGE = 2,         // the caller asked for something that does not exist
    VKSTYLE_NO_DEVICE = 3,     // no driver, no device, or none that is good enough
    VKSTYLE_NO_MEMORY = 4,     // the job does not fit; the text has the numbers
    VKSTYLE_INTERRUPTED = 130, // cancelled by the progress function
} vkstyle_status;

typedef struct vkstyle_error {
    vkstyle_status status;
    char text[1024]; // one sentence or two, UTF-8, no newline, no trailing full stop needed
} vkstyle_error;

// Notices worth a user's eye that are not failures (software Vulkan in use, a file's odd checksum).
typedef void (*vkstyle_notice_fn)(const char *text, void *user);

// Sets the receiver of notices for the whole process; NULL drops them. Default: dropped.
void vkstyle_set_notice(vkstyle_notice_fn notice, void *user);

// ---------------------------------------------------------------- pictures

// A picture: sRGB-encoded R'G'B', 0..1 (values outside are kept as they are).
typedef struct vkstyle_image {
    int width, height; // pixels, both at least 1
    float *rgb;        // planar [3][height][width]
    float *alpha;      // [height][width], 0..1, not premultiplied; NULL where the picture is opaque
} vkstyle_image;

// A picture of zeros. Fails for sides below 1 and for sizes whose bytes do not fit in memory.
vkstyle_image *vkstyle_image_create(int width, int height, bool with_alpha, vkstyle_error *error);
void vkstyle_image_free(vkstyle_image **image);

// Reads PNG, JPEG, BMP, TGA or PNM: EXIF orientation applied, embedded ICC profile converted to
// sRGB. "FILE.safetensors:NAME" reads a float32 tensor [3,H,W] exactly.
vkstyle_image *vkstyle_image_load(const char *path, vkstyle_error *error);

// Writes PNG (bits 8 or 16), JPEG (alpha blended onto white) or, for a name that ends in
// .safetensors, the exact values as tensor "image" [3,H,W]. The file is written beside its name and
// renamed into place: on failure an existing file is as it was and no other is left.
bool vkstyle_image_save(const vkstyle_image *image, const char *path, int bits,
                        vkstyle_error *error);

// True when the name's ending is one that vkstyle_image_save can write; so that a host can refuse a
// wrong name before hours of work.
bool vkstyle_image_can_save(const char *path, vkstyle_error *error);

// Scales to width x height: area-weighted (antialiased) when shrinking, bicubic when growing; both
// in the encoded values, as the networks see them. Alpha weights the colours.
vkstyle_image *vkstyle_image_resize(const vkstyle_image *image, int width, int height,
                                    vkstyle_error *error);

// ---------------------------------------------------------------- models

// An encoder (VGG-19 up to conv5_1 by default): layers, weights, preprocessing, licence.
typedef struct vkstyle_model vkstyle_model;

// name_or_path: NULL or "vgg19" for the model that ships, another name looked up in the models
// folder (beside the executable, in the build tree, installed, or $VKSTYLE_MODELS), or a path.
vkstyle_model *vkstyle_model_load(const char *name_or_path, vkstyle_error *error);
void vkstyle_model_free(vkstyle_model **model);

// Text for people (layers, shapes, preprocessing, licence, where from); free() it.
char *vkstyle_model_describe(const vkstyle_model *model, vkstyle_error *error);

// Converts Keras HDF5 or torchvision-named .safetensors into the native file. bits: 8 (codebook),
// 16 or 32.
bool vkstyle_model_import(const char *from, const char *to, int bits, vkstyle_error *error);

// ---------------------------------------------------------------- parameters

enum { VKSTYLE_MAX_LAYERS = 16, VKSTYLE_MAX_STYLES = 64, VKSTYLE_NAME = 64, VKSTYLE_PATH = 4096 };

typedef enum vkstyle_optimizer { VKSTYLE_ADAM, VKSTYLE_LBFGS } vkstyle_optimizer;
typedef enum vkstyle_pool { VKSTYLE_POOL_MAX, VKSTYLE_POOL_AVG } vkstyle_pool;
typedef enum vkstyle_padding {
    VKSTYLE_PAD_AUTO, // replicate; zero with raw losses
    VKSTYLE_PAD_ZERO,
    VKSTYLE_PAD_REPLICATE,
    VKSTYLE_PAD_REFLECT
} vkstyle_padding;
typedef enum vkstyle_init {
    VKSTYLE_INIT_CONTENT,
    VKSTYLE_INIT_RANDOM,
    VKSTYLE_INIT_FILE
} vkstyle_init;
typedef enum vkstyle_precision {
    VKSTYLE_PRECISION_AUTO,
    VKSTYLE_PRECISION_FP32,
    VKSTYLE_PRECISION_FP16
} vkstyle_precision;
typedef enum vkstyle_kernels {
    VKSTYLE_KERNELS_AUTO,
    VKSTYLE_KERNELS_DIRECT,
    VKSTYLE_KERNELS_WINOGRAD,
    VKSTYLE_KERNELS_TILED,  // Winograd, its products through shared memory: for GPUs
    VKSTYLE_KERNELS_COOPMAT // matrix units (VK_KHR_cooperative_matrix); with fp16 only
} vkstyle_kernels;

// How much work a transfer may be; each is a schedule over the pyramid's levels.
typedef enum vkstyle_quality {
    VKSTYLE_QUALITY_DRAFT,
    VKSTYLE_QUALITY_NORMAL,
    VKSTYLE_QUALITY_BEST
} vkstyle_quality;
// How the content's colours are kept.
typedef enum vkstyle_colour {
    VKSTYLE_COLOUR_OFF,       // not at all: the style's colours
    VKSTYLE_COLOUR_LUMINANCE, // the result's luma with the content's chroma
    VKSTYLE_COLOUR_MATCH,     // the style's mean and covariance made the content's, by Cholesky
    VKSTYLE_COLOUR_MATCH_PCA  // the same by symmetric roots, which turn colours least
} vkstyle_colour;

// What the style loss compares at each of its layers.
typedef enum vkstyle_style_loss {
    VKSTYLE_LOSS_GRAM,       // Gram matrices
    VKSTYLE_LOSS_GRAM_MEAN,  // and every channel's mean and standard deviation
    VKSTYLE_LOSS_WASSERSTEIN // the Wasserstein-2 distance of Gaussians
} vkstyle_style_loss;

// Everything a user may set. Plain data: copy it freely. Fill with vkstyle_params_default first.
typedef struct vkstyle_params {
    int size;                // long side in pixels at which we optimise; 0: content's, at most 512
    bool full_size;          // scale the result back to the content's own size
    vkstyle_quality quality; // which schedule chooses levels and iterations
    int iterations;          // over all levels; 0: chosen by the schedule
    int levels;              // pyramid levels; 1 turns the pyramid off; 0: chosen by the size
    double alpha;            // weight of the content loss
    double beta;             // weight of the style loss
    char style_layers[256];  // names, comma-separated
    char layer_weights[256]; // one number a style layer, comma-separated, or a word for them
    vkstyle_style_loss style_loss;
    char content_layer[VKSTYLE_NAME];
    double style_scale;     // 1: at each level the style's long side equals the target's
    vkstyle_colour colour;  // whose colours the result has
    double colour_strength; // 0: the style's, as with colour off; 1: the content's
    double tv;              // weight of total variation; negative: a little, none with raw losses
    vkstyle_optimizer optimizer;
    double learning_rate; // 0: the optimiser's default
    vkstyle_pool pool;
    vkstyle_padding padding;
    vkstyle_init init;
    int64_t seed;
    bool raw_losses;   // minimise the raw definitions of the paper, not the normalised ones
    bool no_clamp;     // let the target leave 0..1 and turn averaging off
    double tolerance;  // a level ends when the loss falls by less than this part of itself in 16
                       // iterations; 0: never before its time
    double time_limit; // seconds; 0: none. Reaching it keeps the present result
    vkstyle_precision precision;
    vkstyle_kernels kernels;
    uint64_t memory; // bytes the job may use on the device; 0: what is free
    int tile;        // pixels a side of the tiles that pictures are worked on in; 0: chosen
} vkstyle_params;

void vkstyle_params_default(vkstyle_params *params);

// What a text for layer_weights says of `room` style layers: numbers as they are given, a word's or
// an empty text's so that they add up to 1. Returns how many there are, at most `room` of them in
// `weights`; -1 for what is neither a word nor a list of numbers from 0 up.
int vkstyle_layer_weights(const char *text, int room, double *weights);

// Checks that the values fit together (layer counts, ranges); vkstyle_transfer calls it too.
bool vkstyle_params_check(const vkstyle_params *params, vkstyle_error *error);

// The table that drives the command line, both GIMP dialogs, the PDB signatures and the manual.
typedef enum vkstyle_kind {
    VKSTYLE_INT,    // int
    VKSTYLE_INT64,  // int64_t
    VKSTYLE_BYTES,  // uint64_t, written 1500M, 2G
    VKSTYLE_REAL,   // double
    VKSTYLE_FLAG,   // bool
    VKSTYLE_CHOICE, // int-sized enum; choices names its values from 0 up
    VKSTYLE_TEXT    // char array of `capacity` bytes
} vkstyle_kind;

typedef struct vkstyle_param {
    const char *name; // as on the command line, without dashes: "layer-weights"
    vkstyle_kind kind;
    size_t offset, capacity;    // where in vkstyle_params, and its size
    double minimum, maximum;    // for numbers
    double initial;             // default of numbers, flags and choices
    const char *initial_text;   // default of texts
    const char *const *choices; // NULL-terminated
    const char *metavar;        // "N", "a,b,c": how help shows the value; NULL for flags
    const char *label;          // short, for dialogs: "Style strength"
    const char *help;           // one or two sentences that teach
} vkstyle_param;

const vkstyle_param *vkstyle_param_table(int *count);
const vkstyle_param *vkstyle_param_find(const char *name);

// Sets one parameter from text, independent of the locale ("0.5", "adam", "2G", "true").
bool vkstyle_params_set(vkstyle_params *params, const char *name, const char *text,
                        vkstyle_error *error);

// A set of parameters under a name that says what it does.
typedef struct vkstyle_preset {
    const char *name;     // as --preset takes it: "fine-strokes"
    const char *label;    // short, for dialogs
    const char *help;     // one sentence
    const char *settings; // "beta=60 style-scale=0.5": parameters as text, separated by spaces
} vkstyle_preset;

const vkstyle_preset *vkstyle_preset_table(int *count);

// Sets what the preset of that name sets and leaves the rest alone. Explicit options of a user are
// to be set after it, so that they win.
bool vkstyle_params_preset(vkstyle_params *params, const char *name, vkstyle_error *error);

// The word of a NULL-terminated list that `word` was probably meant to be, or NULL: for messages.
const char *vkstyle_nearest(const char *word, const char *const *words);

// ---------------------------------------------------------------- devices

typedef enum vkstyle_device_type {
    VKSTYLE_DEVICE_DISCRETE,
    VKSTYLE_DEVICE_INTEGRATED,
    VKSTYLE_DEVICE_VIRTUAL,
    VKSTYLE_DEVICE_SOFTWARE,
    VKSTYLE_DEVICE_OTHER
} vkstyle_device_type;

typedef struct vkstyle_device {
    int index; // as `--device` takes it; the order of preference
    char name[256], driver[512];
    char uuid[33]; // hexadecimal
    vkstyle_device_type type;
    uint32_t api;    // major << 16 | minor << 8 | patch (patch capped at 255)
    uint64_t memory; // bytes of the heap we would use
    uint64_t budget; // bytes free in it, as far as the driver says
    bool usable;
    char why_not[256]; // when not usable: what is missing
} vkstyle_device;

// All Vulkan devices, best first. *devices belongs to the caller (free()). Zero devices is a
// failure with VKSTYLE_NO_DEVICE and a text that says what to install.
bool vkstyle_devices(vkstyle_device **devices, int *count, vkstyle_error *error);

// A device opened for work.
typedef struct vkstyle_context vkstyle_context;

// device: NULL or "auto", an index, part of a name, or a UUID. Runs the self-test (a small
// convolution against the CPU) before the device is trusted.
vkstyle_context *vkstyle_open(const char *device, vkstyle_error *error);
void vkstyle_close(vkstyle_context **context);
void vkstyle_context_device(const vkstyle_context *context, vkstyle_device *device);

// ---------------------------------------------------------------- jobs

typedef enum vkstyle_decision {
    VKSTYLE_CONTINUE,
    VKSTYLE_STOP,  // keep the present picture and finish
    VKSTYLE_CANCEL // drop everything; the job fails with VKSTYLE_INTERRUPTED
} vkstyle_decision;

typedef struct vkstyle_progress {
    const char *phase;               // "preparing", "level 1 of 2", ...: for people
    int iteration, iterations;       // done so far and in all, over all levels
    int level, levels;               // from 1
    int width, height;               // of the target at this level
    int tile, tiles;                 // of a pass over tiles: which is at work, from 1; else 0
    double loss;                     // what the optimiser minimises; NaN before the first is known
    double content_loss, style_loss; // its parts, unweighted, normalised
    double seconds, seconds_left; // since the job began; predicted rest (negative: not known yet)
    const vkstyle_image
        *picture; // the growing result, when one was asked for and is due; else NULL
} vkstyle_progress;

// Called from the calling thread, at least every 100 ms while the device works.
typedef vkstyle_decision (*vkstyle_progress_fn)(const vkstyle_progress *progress, void *user);

typedef struct vkstyle_job {
    const vkstyle_image *content;
    vkstyle_image **give; // or NULL. Where *give is `content`: the engine may free it, and then
                          // sets *give to NULL, when memory is short
    const vkstyle_image *const *styles; // style_count of them
    const double *style_weights;        // one a style, or NULL for equal
    int style_count;
    // Where each style acts, one a style and each may be NULL (everywhere); NULL: all everywhere.
    // Grey pictures of any size, stretched over the content: the mean of r, g, b, times alpha;
    // white means fully, and grey between, so that edges may be feathered. Styles without a mask,
    // and those with one and the same (the same pointer), are blended by their weights into one
    // that weighs what they weigh together and costs no more than one; masks that only look alike
    // are masks of their own. Not copied.
    const vkstyle_image *const *style_masks;
    const vkstyle_image *strength_map; // how strongly styles act at a pixel, in grey; NULL: fully
    const vkstyle_image *init;         // with VKSTYLE_INIT_FILE: where the target starts
    const char *plan;             // report of an earlier job whose plan is to be replayed, or NULL
    vkstyle_progress_fn progress; // may be NULL
    void *user;
    double picture_seconds; // > 0: hand the growing picture to progress this often
    int picture_iterations; // > 0: and after every so many iterations
    // File to keep the job's state in while it runs, or NULL: written every checkpoint_seconds (0:
    // 60), gone on from if it is there. It stays when the job ends: it is the host's to remove,
    // once the picture is safe.
    const char *checkpoint;
    double checkpoint_seconds;
} vkstyle_job;

// The whole transfer. Returns the picture (alpha is the content's). report, when not NULL, receives
// JSON text (free() it) with options, plan, device, losses, times and memory, also after a failure
// that came late enough to have one.
vkstyle_image *vkstyle_transfer(vkstyle_context *context, const vkstyle_model *model,
                                const vkstyle_job *job, const vkstyle_params *params, char **report,
                                vkstyle_error *error);

// Predicted seconds and device bytes for such a job, before any work. seconds is negative as long
// as this device has not been calibrated by a run.
bool vkstyle_estimate(vkstyle_context *context, const vkstyle_model *model, int content_width,
                      int content_height, const vkstyle_params *params, double *seconds,
                      uint64_t *bytes, vkstyle_error *error);

// One forward and backward pass at the pictures' own sizes with the raw losses of the paper, zero
// padding and layer weights 1/5; writes activations, Gram matrices, losses and gradients to a
// .safetensors file (tensor names as in the manual). losses receives content and style.
bool vkstyle_evaluate(vkstyle_context *context, const vkstyle_model *model,
                      const vkstyle_image *content, const vkstyle_image *style,
                      const vkstyle_image *target, const vkstyle_params *params, const char *path,
                      double losses[2], vkstyle_error *error);

// Times transfer's own plan at width x height; *json (free() it) has the figures.
bool vkstyle_bench(vkstyle_context *context, const vkstyle_model *model, int width, int height,
                   int iterations, const vkstyle_params *params, char **json, vkstyle_error *error);

#ifdef __cplusplus
}
#endif
#endif
