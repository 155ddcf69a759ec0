// SPDX-License-Identifier: MIT
//
// The one table of parameters. Command line, dialogs, PDB signatures, manual and report all read
// it, so that a default or a range is written once.
#include "params.h"

#include "error.h"
#include "number.h"

#include <stdio.h>
#include <string.h>

#define FIELD(member) offsetof(vkstyle_params, member), sizeof(((vkstyle_params *)0)->member)

static const char *const optimizers[] = {"adam", "lbfgs", NULL};
static const char *const pools[] = {"max", "avg", NULL};
static const char *const paddings[] = {"auto", "zero", "replicate", "reflect", NULL};
static const char *const inits[] = {"content", "random", "file", NULL};
static const char *const precisions[] = {"auto", "fp32", "fp16", NULL};
static const char *const qualities[] = {"draft", "normal", "best", NULL};
static const char *const colours[] = {"off", "luminance", "match", "match-pca", NULL};
static const char *const style_losses[] = {"gram", "gram-mean", "wasserstein", NULL};
static const char *const kernels[] = {"auto", "direct", "winograd", "tiled", "coopmat", NULL};

// Seeds up to 2^53 - 1 pass through JSON and every dialog unharmed.
#define SEED_MAX 9007199254740991.0

static const vkstyle_param table[] = {
    {"size", VKSTYLE_INT, FIELD(size), 0, 65536, 0, NULL, NULL, "N", "Size",
     "Long side, in pixels, of the picture that is computed. 0: the content's own, at most 512. "
     "Time and memory grow with its square."},
    {"full-size", VKSTYLE_FLAG, FIELD(full_size), 0, 1, 0, NULL, NULL, NULL, "Scale to full size",
     "Scale the result back to the content's own size."},
    {"quality", VKSTYLE_CHOICE, FIELD(quality), 0, 2, VKSTYLE_QUALITY_NORMAL, NULL, qualities, NULL,
     "Quality",
     "How much work is done: draft is for choosing, normal for keeping, best for printing."},
    {"iterations", VKSTYLE_INT, FIELD(iterations), 0, 1000000, 0, NULL, NULL, "N", "Iterations",
     "Steps of the optimiser, over all pyramid levels. 0: as --quality says. More steps, more "
     "style."},
    {"levels", VKSTYLE_INT, FIELD(levels), 0, 16, 0, NULL, NULL, "N", "Pyramid levels",
     "Sizes to go through, coarse to fine. 1: work at the full size only. 0: chosen to suit the "
     "size."},
    {"alpha", VKSTYLE_REAL, FIELD(alpha), 0, 1e12, 1, NULL, NULL, "A", "Content strength",
     "Weight of the content loss: higher keeps more of the content image."},
    {"beta", VKSTYLE_REAL, FIELD(beta), 0, 1e12, 15, NULL, NULL, "B", "Style strength",
     "Weight of the style loss: higher brings more style. Try 5 for a light touch, 100 for a "
     "heavy one."},
    {"style-layers", VKSTYLE_TEXT, FIELD(style_layers), 0, 0, 0,
     "conv1_1,conv2_1,conv3_1,conv4_1,conv5_1", NULL, "a,b,..", "Style layers",
     "Layers of the encoder whose Gram matrices are matched. Early layers carry colour and grain, "
     "late ones shapes."},
    {"layer-weights", VKSTYLE_TEXT, FIELD(layer_weights), 0, 0, 0, "", NULL, "a,b,..",
     "Layer weights",
     "How much each style layer counts: a word, or one number for each, best from 0 to 1 (only "
     "their ratios count). even, or empty: all alike. large-shapes: the deeper the layer, the more "
     "it counts. fine-strokes: the other way round."},
    {"style-loss", VKSTYLE_CHOICE, FIELD(style_loss), 0, 2, VKSTYLE_LOSS_GRAM, NULL, style_losses,
     NULL, "Style loss",
     "What is compared at each style layer. gram: Gram matrices. gram-mean: also every channel's "
     "mean and deviation. wasserstein: the distance between features taken for bell curves."},
    {"content-layer", VKSTYLE_TEXT, FIELD(content_layer), 0, 0, 0, "conv4_2", NULL, "NAME",
     "Content layer", "Layer of the encoder at which the content is held."},
    {"style-scale", VKSTYLE_REAL, FIELD(style_scale), 0.05, 20, 1, NULL, NULL, "S", "Style scale",
     "Size of the style's brush strokes. 1: the style's long side equals the target's; 0.5: "
     "strokes of half the size."},
    {"colour", VKSTYLE_CHOICE, FIELD(colour), 0, 3, VKSTYLE_COLOUR_OFF, NULL, colours, NULL,
     "Keep the content's colours",
     "off: the style's colours. luminance: the style's light and dark in the content's own "
     "colours. match: the style's palette is moved onto the content's first; match-pca: the same, "
     "turning each colour as little as possible."},
    {"colour-strength", VKSTYLE_REAL, FIELD(colour_strength), 0, 1, 1, NULL, NULL, "K",
     "Colour strength",
     "How far --colour goes, from 0 (the style's colours) to 1 (the content's)."},
    {"tv", VKSTYLE_REAL, FIELD(tv), -1, 1e12, -1, NULL, NULL, "W", "Smoothing",
     "Weight of total variation: higher smooths out grain. Negative: a little; none with "
     "--raw-losses."},
    {"optimizer", VKSTYLE_CHOICE, FIELD(optimizer), 0, 1, VKSTYLE_ADAM, NULL, optimizers, NULL,
     "Optimiser", "adam is robust; lbfgs needs more memory and often fewer iterations."},
    {"learning-rate", VKSTYLE_REAL, FIELD(learning_rate), 0, 100, 0, NULL, NULL, "R",
     "Learning rate", "Step size of the optimiser. 0: the optimiser's own."},
    {"pool", VKSTYLE_CHOICE, FIELD(pool), 0, 1, VKSTYLE_POOL_MAX, NULL, pools, NULL, "Pooling",
     "How the encoder halves its layers: max as it was trained, avg for smoother pictures."},
    {"padding", VKSTYLE_CHOICE, FIELD(padding), 0, 3, VKSTYLE_PAD_AUTO, NULL, paddings, NULL,
     "Edge padding",
     "What the encoder sees beyond the picture's edge. auto: replicate; zero with --raw-losses."},
    {"init", VKSTYLE_CHOICE, FIELD(init), 0, 2, VKSTYLE_INIT_CONTENT, NULL, inits, NULL,
     "Start from", "Where the target starts: the content image, noise, or a picture of yours."},
    {"seed", VKSTYLE_INT64, FIELD(seed), 0, SEED_MAX, 0, NULL, NULL, "N", "Seed",
     "Seed of the noise. The same seed on the same device gives the same picture."},
    {"raw-losses", VKSTYLE_FLAG, FIELD(raw_losses), 0, 1, 0, NULL, NULL, NULL, "Raw losses",
     "Minimise the losses as the 2016 paper defines them, without normalising by size. Their "
     "weights differ by many powers of ten."},
    {"no-clamp", VKSTYLE_FLAG, FIELD(no_clamp), 0, 1, 0, NULL, NULL, NULL, "No clamping",
     "Let the target leave the range of displayable colours, and return the last iterate instead "
     "of the averaged one."},
    {"tolerance", VKSTYLE_REAL, FIELD(tolerance), 0, 1, 0, NULL, NULL, "T", "Early stop",
     "End a pyramid level early when its loss has fallen by less than this part of itself over 16 "
     "iterations: 0.001 is a good value. 0: do all iterations."},
    {"time-limit", VKSTYLE_REAL, FIELD(time_limit), 0, 1e9, 0, NULL, NULL, "SECONDS", "Time limit",
     "Stop after so many seconds and keep the picture as it is. 0: no limit."},
    {"precision", VKSTYLE_CHOICE, FIELD(precision), 0, 2, VKSTYLE_PRECISION_AUTO, NULL, precisions,
     NULL, "Precision",
     "How activations are stored on the device; sums are in 32 bits always. auto: fp16 where "
     "matrix units are used, else fp32."},
    {"kernels", VKSTYLE_CHOICE, FIELD(kernels), 0, 4, VKSTYLE_KERNELS_AUTO, NULL, kernels, NULL,
     "Kernels",
     "Which convolution kernels run: direct is the reference, winograd does less arithmetic and "
     "suits software Vulkan, tiled is the same shaped for GPUs, coopmat uses matrix units (in "
     "fp16, the fastest). auto: what suits the device."},
    {"memory", VKSTYLE_BYTES, FIELD(memory), 0, 9e15, 0, NULL, NULL, "BYTES", "Memory",
     "Device memory the job may use, such as 1500M or 2G. 0: what is free."},
    {"tile", VKSTYLE_INT, FIELD(tile), 0, 65536, 0, NULL, NULL, "N", "Tile",
     "Work in tiles of N pixels a side, which need less memory and more time; the picture stays "
     "the "
     "same. Multiples of 64 are best. 0: in one piece if it fits in --memory, else as large as "
     "fits."},
};

enum { TABLE_COUNT = sizeof table / sizeof *table };

const vkstyle_param *vkstyle_param_table(int *count)
{
    if (count)
        *count = TABLE_COUNT;
    return table;
}

const vkstyle_param *vkstyle_param_find(const char *name)
{
    for (int i = 0; name && i < TABLE_COUNT; i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}

void vkstyle_params_default(vkstyle_params *params)
{
    memset(params, 0, sizeof *params);
    for (int i = 0; i < TABLE_COUNT; i++) {
        void *value = (char *)params + table[i].offset;
        switch (table[i].kind) {
        case VKSTYLE_INT:
        case VKSTYLE_CHOICE:
            *(int *)value = (int)table[i].initial;
            break;
        case VKSTYLE_INT64:
            *(int64_t *)value = (int64_t)table[i].initial;
            break;
        case VKSTYLE_BYTES:
            *(uint64_t *)value = (uint64_t)table[i].initial;
            break;
        case VKSTYLE_REAL:
            *(double *)value = table[i].initial;
            break;
        case VKSTYLE_FLAG:
            *(bool *)value = table[i].initial != 0;
            break;
        case VKSTYLE_TEXT:
            snprintf(value, table[i].capacity, "%s", table[i].initial_text);
            break;
        }
    }
}

static bool check_range(const vkstyle_param *param, double value, vkstyle_error *error)
{
    // Written so that NaN is outside as well.
    if (value >= param->minimum && value <= param->maximum)
        return true;
    char shown[32], low[32], high[32];
    return vks_fail(error, VKSTYLE_USAGE, "--%s: %s is out of range; give %s to %s", param->name,
                    vks_print_real(shown, sizeof shown, value),
                    vks_print_real(low, sizeof low, param->minimum),
                    vks_print_real(high, sizeof high, param->maximum));
}

static bool set_choice(const vkstyle_param *param, const char *text, int *value,
                       vkstyle_error *error)
{
    char list[256] = "";
    for (int i = 0; param->choices[i]; i++) {
        if (!strcmp(param->choices[i], text)) {
            *value = i;
            return true;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", param->choices[i]);
    }
    const char *nearest = vkstyle_nearest(text, param->choices);
    if (nearest)
        return vks_fail(error, VKSTYLE_USAGE,
                        "--%s: no choice is called '%s'; did you mean '%s'? (choices: %s)",
                        param->name, text, nearest, list);
    return vks_fail(error, VKSTYLE_USAGE, "--%s: no choice is called '%s'; choices: %s",
                    param->name, text, list);
}

static bool set_flag(const vkstyle_param *param, const char *text, bool *value,
                     vkstyle_error *error)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i], text)) {
            *value = i & 1;
            return true;
        }
    return vks_fail(error, VKSTYLE_USAGE, "--%s: '%s' is neither 'true' nor 'false'", param->name,
                    text);
}

bool vkstyle_params_set(vkstyle_params *params, const char *name, const char *text,
                        vkstyle_error *error)
{
    const vkstyle_param *param = vkstyle_param_find(name);
    if (!param)
        return vks_fail(error, VKSTYLE_USAGE, "there is no parameter called '%s'",
                        name ? name : "");
    if (!text)
        return vks_fail(error, VKSTYLE_USAGE, "--%s needs a value", name);
    void *field = (char *)params + param->offset;
    int64_t whole;
    uint64_t bytes;
    double real;
    switch (param->kind) {
    case VKSTYLE_INT:
    case VKSTYLE_INT64:
        if (!vks_parse_int(text, &whole)) {
            // A whole number too long for 64 bits is out of range rather than no number.
            if (text[strspn(text, "+-0123456789")] == '\0' && vks_parse_real(text, &real))
                return check_range(param, real, error);
            return vks_fail(error, VKSTYLE_USAGE, "--%s: '%s' is not a whole number", name, text);
        }
        if (!check_range(param, (double)whole, error))
            return false;
        if (param->kind == VKSTYLE_INT)
            *(int *)field = (int)whole;
        else
            *(int64_t *)field = whole;
        return true;
    case VKSTYLE_BYTES:
        if (!vks_parse_bytes(text, &bytes))
            return vks_fail(error, VKSTYLE_USAGE,
                            "--%s: '%s' is not a number of bytes; write 1500M or 2G", name, text);
        if (!check_range(param, (double)bytes, error))
            return false;
        *(uint64_t *)field = bytes;
        return true;
    case VKSTYLE_REAL:
        if (!vks_parse_real(text, &real))
            return vks_fail(error, VKSTYLE_USAGE, "--%s: '%s' is not a number", name, text);
        if (!check_range(param, real, error))
            return false;
        *(double *)field = real;
        return true;
    case VKSTYLE_FLAG:
        return set_flag(param, text, field, error);
    case VKSTYLE_CHOICE:
        return set_choice(param, text, field, error);
    case VKSTYLE_TEXT:
        if (strlen(text) >= param->capacity)
            return vks_fail(error, VKSTYLE_USAGE, "--%s: the text is longer than %zu bytes", name,
                            param->capacity - 1);
        memcpy(field, text, strlen(text) + 1);
        return true;
    }
    return vks_fail(error, VKSTYLE_FAILED, "--%s: unknown kind of parameter", name);
}

bool vkstyle_params_check(const vkstyle_params *params, vkstyle_error *error)
{
    for (int i = 0; i < TABLE_COUNT; i++) {
        const vkstyle_param *param = &table[i];
        const void *field = (const char *)params + param->offset;
        double value = 0;
        switch (param->kind) {
        case VKSTYLE_INT:
        case VKSTYLE_CHOICE:
            value = *(const int *)field;
            break;
        case VKSTYLE_INT64:
            value = (double)*(const int64_t *)field;
            break;
        case VKSTYLE_BYTES:
            value = (double)*(const uint64_t *)field;
            break;
        case VKSTYLE_REAL:
            value = *(const double *)field;
            break;
        case VKSTYLE_FLAG:
            value = *(const bool *)field;
            break;
        case VKSTYLE_TEXT:
            if (!memchr(field, '\0', param->capacity))
                return vks_fail(error, VKSTYLE_USAGE, "--%s: the text has no end", param->name);
            continue;
        }
        if (!check_range(param, value, error))
            return false;
    }
    if (params->alpha <= 0 && params->beta <= 0)
        return vks_fail(error, VKSTYLE_USAGE,
                        "--alpha and --beta are both 0: there is nothing to optimise");
    if (!params->content_layer[0] || strchr(params->content_layer, ','))
        return vks_fail(error, VKSTYLE_USAGE, "--content-layer takes the name of one layer");
    if (params->raw_losses && params->style_loss != VKSTYLE_LOSS_GRAM)
        return vks_fail(error, VKSTYLE_USAGE,
                        "--raw-losses are those of the 2016 paper, which compares Gram matrices "
                        "only: leave it out, or --style-loss %s",
                        style_losses[params->style_loss]);
    vks_style_layers layers;
    return vks_params_style_layers(params, &layers, error);
}

// The next comma-separated word of *list, without the blanks around it. False at the end.
static bool next_word(const char **list, char word[VKSTYLE_NAME], bool *fits)
{
    if (!*list)
        return false;
    const char *start = *list + strspn(*list, " ");
    size_t length = strcspn(start, ",");
    *list = start[length] ? start + length + 1 : NULL;
    while (length && start[length - 1] == ' ')
        length--;
    *fits = length > 0 && length < VKSTYLE_NAME;
    if (*fits) {
        memcpy(word, start, length);
        word[length] = '\0';
    }
    return true;
}

// Words for --layer-weights: how much more a layer weighs than the one before it.
static const struct {
    const char *name;
    double ratio;
} weightings[] = {{"even", 1}, {"large-shapes", 1.5}, {"fine-strokes", 1 / 1.5}};

// Whether the text is a word; then its weights, which add up to 1.
static bool weights_of_word(const char *text, int count, double *weights)
{
    for (size_t i = 0; i < sizeof weightings / sizeof *weightings; i++) {
        if (strcmp(text[0] ? text : "even", weightings[i].name) != 0)
            continue;
        double sum = 0;
        for (int k = 0; k < count; k++)
            sum += weights[k] = k ? weights[k - 1] * weightings[i].ratio : 1;
        for (int k = 0; k < count; k++)
            weights[k] /= sum;
        return true;
    }
    return false;
}

int vkstyle_layer_weights(const char *text, int room, double *weights)
{
    char word[VKSTYLE_NAME];
    bool fits;
    int count = 0;
    if (weights_of_word(text, room, weights))
        return room;
    for (const char *list = text; next_word(&list, word, &fits); count++) {
        double weight = 0;
        if (!fits || !vks_parse_real(word, &weight) || !(weight >= 0))
            return -1;
        if (count < room)
            weights[count] = weight;
    }
    return count;
}

static bool layer_weights(const vkstyle_params *params, int count, double *weights,
                          vkstyle_error *error)
{
    int found = vkstyle_layer_weights(params->layer_weights, count, weights);
    if (found < 0) {
        const char *words[] = {weightings[0].name, weightings[1].name, weightings[2].name, NULL};
        const char *nearest = vkstyle_nearest(params->layer_weights, words);
        return vks_fail(
            error, VKSTYLE_USAGE, "--layer-weights: '%s' is not a list of numbers from 0 up%s%s%s",
            params->layer_weights, nearest ? "; did you mean '" : "",
            nearest ? nearest : ", nor even, large-shapes or fine-strokes", nearest ? "'?" : "");
    }
    if (found != count)
        return vks_fail(error, VKSTYLE_USAGE,
                        "--layer-weights has %d numbers, --style-layers %d names; give one each",
                        found, count);
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += weights[i];
    if (params->beta > 0 && !(sum > 0))
        return vks_fail(error, VKSTYLE_USAGE,
                        "--layer-weights are all 0; use --beta 0 to turn the style off");
    // The raw losses are the paper's: there the numbers are its w_l.
    for (int i = 0; i < count && sum > 0 && !params->raw_losses; i++)
        weights[i] /= sum;
    return true;
}

bool vks_params_style_layers(const vkstyle_params *params, vks_style_layers *layers,
                             vkstyle_error *error)
{
    memset(layers, 0, sizeof *layers);
    const char *list = params->style_layers;
    char word[VKSTYLE_NAME];
    bool fits;
    while (next_word(&list, word, &fits)) {
        if (!fits)
            return vks_fail(error, VKSTYLE_USAGE,
                            "--style-layers: '%s' is not a list of layer names",
                            params->style_layers);
        if (layers->count == VKSTYLE_MAX_LAYERS)
            return vks_fail(error, VKSTYLE_USAGE, "--style-layers: more than %d layers",
                            VKSTYLE_MAX_LAYERS);
        for (int i = 0; i < layers->count; i++)
            if (!strcmp(layers->name[i], word))
                return vks_fail(error, VKSTYLE_USAGE, "--style-layers: %s is there twice", word);
        memcpy(layers->name[layers->count++], word, sizeof word);
    }
    return layer_weights(params, layers->count, layers->weight, error);
}
