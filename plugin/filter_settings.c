// SPDX-License-Identifier: MIT
#include "filter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEXT_AT(field) offsetof(filter_settings, field), sizeof(((filter_settings *)0)->field)

const filter_argument filter_arguments[FILTER_ARGUMENTS] = {
    {"style-file", FILTER_PATH, TEXT_AT(style[0].file), N_("Style image"),
     N_("The picture whose manner is taken: any file that GIMP can open")},
    {"model", FILTER_TEXT, TEXT_AT(model), N_("Model"),
     N_("Encoder to use: a name in the models folder or a .safetensors file. Empty: the VGG-19 "
        "that ships")},
    {"device", FILTER_TEXT, TEXT_AT(device), N_("Device"),
     N_("Vulkan device to use: its number, part of its name, or its UUID. Empty: the best one")},
    {"style-layer", FILTER_LAYER, TEXT_AT(style[0].layer), N_("Style layer"),
     N_("A layer whose pixels are the style image, instead of a file")},
    {"init-layer", FILTER_LAYER, TEXT_AT(init_layer), N_("Start layer"),
     N_("A layer from which the target starts, such as an earlier result that shall be continued")},
    {"style-mask", FILTER_DRAWABLE, TEXT_AT(style[0].mask), N_("Where the style acts"),
     N_("A layer or channel of the image: the style acts where it is light, and the content stays "
        "where it is black, transparent, or does not reach")},
    {"second-style-file", FILTER_PATH, TEXT_AT(style[1].file), N_("Second style image"),
     N_("Another picture whose manner is taken, in a region of its own")},
    {"second-style-layer", FILTER_LAYER, TEXT_AT(style[1].layer), N_("Second style layer"),
     N_("A layer whose pixels are the second style image, instead of a file")},
    {"second-style-mask", FILTER_DRAWABLE, TEXT_AT(style[1].mask),
     N_("Where the second style acts"),
     N_("A layer or channel of the image: the second style acts where it is light. Where only one "
        "of the two styles has one, the other style acts elsewhere; without any, both act "
        "everywhere")},
    {"strength-map", FILTER_DRAWABLE, TEXT_AT(strength_map), N_("Strength map"),
     N_("A layer or channel of the image that says how strongly styles act at each pixel: fully "
        "where it is white, not at all where it is black")},
    {"second-style-share", FILTER_SHARE, TEXT_AT(second_share), N_("Share of the second style"),
     N_("How much of the second style there is where both act, from 0 (the first alone) to 1 (the "
        "second alone). In regions of their own: how strong each is beside the other")},
    {"style-folder", FILTER_FOLDER, TEXT_AT(style[0].folder), N_("Style folder"),
     N_("A folder of pictures, such as parts cut from several paintings, which are one style "
        "together: all that GIMP can open, 64 at most. Instead of a file")},
    {"second-style-folder", FILTER_FOLDER, TEXT_AT(style[1].folder), N_("Second style folder"),
     N_("A folder of pictures that are the second style together, instead of a file")},
};

char *filter_text_of(filter_settings *settings, int argument)
{
    return (char *)settings + filter_arguments[argument].offset;
}

int *filter_item_of(filter_settings *settings, int argument)
{
    return (int *)(void *)((char *)settings + filter_arguments[argument].offset);
}

static const char *text_in(const filter_settings *settings, int argument)
{
    return (const char *)settings + filter_arguments[argument].offset;
}

int filter_item_in(const filter_settings *settings, int argument)
{
    return *(const int *)(const void *)text_in(settings, argument);
}

double *filter_share_of(filter_settings *settings, int argument)
{
    return (double *)(void *)((char *)settings + filter_arguments[argument].offset);
}

double filter_share_in(const filter_settings *settings, int argument)
{
    return *(const double *)(const void *)text_in(settings, argument);
}

static bool is_text(int argument)
{
    filter_kind kind = filter_arguments[argument].kind;
    return kind == FILTER_PATH || kind == FILTER_FOLDER || kind == FILTER_TEXT;
}

static bool is_item(int argument)
{
    return filter_arguments[argument].kind == FILTER_LAYER ||
           filter_arguments[argument].kind == FILTER_DRAWABLE;
}

bool filter_is_of_image(int argument)
{
    return argument == FILTER_SECOND_FILE || argument == FILTER_SECOND_FOLDER || !is_text(argument);
}

void filter_settings_default(filter_settings *settings)
{
    memset(settings, 0, sizeof *settings);
    for (int i = 0; i < FILTER_ARGUMENTS; i++)
        if (is_item(i))
            *filter_item_of(settings, i) = -1;
    settings->second_share = FILTER_HALF;
    vkstyle_params_default(&settings->params);
    settings->params.full_size = true;
}

bool filter_hides(const vkstyle_param *param)
{
    return !strcmp(param->name, "full-size");
}

char *filter_choice_text(const vkstyle_param *param)
{
    GString *text = g_string_new(NULL);
    for (int i = 0; param->choices[i]; i++)
        g_string_append_printf(text, "%s%d %s", i ? ", " : "", i, param->choices[i]);
    return g_string_free(text, FALSE);
}

// ---------------------------------------------------------------- strength

// Ten times as much style for every 35 steps: 29 is a quarter of the default's, 74 nearly five
// times.
#define STRENGTH_DECADE 35.0

static double default_ratio(void)
{
    return vkstyle_param_find("beta")->initial / vkstyle_param_find("alpha")->initial;
}

double filter_strength(const vkstyle_params *params)
{
    if (!(params->beta > 0))
        return 0;
    if (!(params->alpha > 0))
        return 100;
    double strength = 50 + STRENGTH_DECADE * log10(params->beta / params->alpha / default_ratio());
    return CLAMP(strength, 0, 100);
}

void filter_set_strength(vkstyle_params *params, double strength)
{
    double alpha = vkstyle_param_find("alpha")->initial;
    double beta = alpha * default_ratio() * pow(10, (strength - 50) / STRENGTH_DECADE);
    params->alpha = alpha;
    // Three digits, so that last values and reports read well.
    double unit = pow(10, floor(log10(beta)) - 2);
    params->beta = round(beta / unit) * unit;
}

// ---------------------------------------------------------------- presets

int filter_preset_count(void)
{
    int count;
    vkstyle_preset_table(&count);
    return 1 + count;
}

static const vkstyle_preset *preset_at(int index)
{
    return &vkstyle_preset_table(NULL)[index - 1];
}

const char *filter_preset_name(int index)
{
    return index == 0 ? _("Balanced") : _(preset_at(index)->label);
}

// Gives all that any preset sets its default, so that one preset does not shine through another.
static void forget_presets(vkstyle_params *params)
{
    vkstyle_params plain;
    vkstyle_params_default(&plain);
    for (int i = 1; i < filter_preset_count(); i++) {
        char **words = g_strsplit(preset_at(i)->settings, " ", -1);
        for (int k = 0; words[k]; k++) {
            char *equals = strchr(words[k], '=');
            if (equals)
                *equals = '\0';
            const vkstyle_param *param = vkstyle_param_find(words[k]);
            if (param)
                memcpy((char *)params + param->offset, (char *)&plain + param->offset,
                       param->capacity);
        }
        g_strfreev(words);
    }
    // A preset's weights belong to the usual layers, its beta to the usual alpha.
    memcpy(params->style_layers, plain.style_layers, sizeof params->style_layers);
    params->alpha = plain.alpha;
}

void filter_preset_apply(int index, vkstyle_params *params)
{
    forget_presets(params);
    if (index > 0)
        vkstyle_params_preset(params, preset_at(index)->name, NULL);
}

static bool same_params(const vkstyle_params *a, const vkstyle_params *b)
{
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++) {
        const char *x = (const char *)a + table[i].offset, *y = (const char *)b + table[i].offset;
        if (table[i].kind == VKSTYLE_TEXT ? strcmp(x, y) : memcmp(x, y, table[i].capacity))
            return false;
    }
    return true;
}

int filter_preset_find(const vkstyle_params *params)
{
    for (int i = 0; i < filter_preset_count(); i++) {
        vkstyle_params tried = *params;
        filter_preset_apply(i, &tried);
        if (same_params(&tried, params))
            return i;
    }
    return -1;
}

void filter_preview_params(vkstyle_params *params, bool software)
{
    // A processor paints 128 pixels in the time in which a GPU paints 384. Style scale, strength
    // and layers stay: they are relative to the size, so that the look is that of the full picture.
    int size = software ? 128 : 384;
    if (params->size == 0 || params->size > size)
        params->size = size;
    params->iterations = software ? 30 : 80;
    params->levels = 0;
    // Twice Adam's usual step: 30 iterations then leave 0.053 of the style missing instead of 0.068
    // (vkstyle transfer mountains.jpg auvers.jpg --size 128 --iterations 30 --learning-rate 0.04,
    // llvmpipe, 2026-11-24), and the look is nearer to that of the full picture.
    if (params->optimizer == VKSTYLE_ADAM && params->learning_rate == 0)
        params->learning_rate = 0.04;
}

// ---------------------------------------------------------------- text

char *filter_settings_text(const filter_settings *settings, const vkstyle_param *param)
{
    const void *value = (const char *)&settings->params + param->offset;
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    switch (param->kind) {
    case VKSTYLE_INT:
        return g_strdup_printf("%d", *(const int *)value);
    case VKSTYLE_CHOICE:
        return g_strdup(param->choices[*(const int *)value]);
    case VKSTYLE_INT64:
        return g_strdup_printf("%" G_GINT64_FORMAT, *(const int64_t *)value);
    case VKSTYLE_BYTES:
        return g_strdup_printf("%" G_GUINT64_FORMAT, *(const uint64_t *)value);
    case VKSTYLE_REAL:
        return g_strdup(g_ascii_dtostr(number, sizeof number, *(const double *)value));
    case VKSTYLE_FLAG:
        return g_strdup(*(const bool *)value ? "true" : "false");
    case VKSTYLE_TEXT:
        return g_strdup(value);
    }
    return g_strdup("");
}

bool filter_settings_check(const filter_settings *settings, vkstyle_error *error)
{
    if (!vkstyle_params_check(&settings->params, error))
        return false;
    if (settings->params.init == VKSTYLE_INIT_FILE && settings->init_layer < 0) {
        error->status = VKSTYLE_USAGE;
        g_strlcpy(error->text, _("init: a start from a picture needs the layer, as init-layer"),
                  sizeof error->text);
        return false;
    }
    return true;
}

// ---------------------------------------------------------------- last values

#define GROUP "vkstyle"

static void load_text(filter_settings *settings, int argument, GKeyFile *file)
{
    char *text = g_key_file_get_string(file, GROUP, filter_arguments[argument].name, NULL);
    if (text)
        g_strlcpy(filter_text_of(settings, argument), text, filter_arguments[argument].capacity);
    g_free(text);
}

void filter_settings_load(filter_settings *settings, const char *path)
{
    GKeyFile *file = g_key_file_new();
    if (g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL)) {
        int count;
        const vkstyle_param *table = vkstyle_param_table(&count);
        for (int i = 0; i < count; i++) {
            char *text = g_key_file_get_string(file, GROUP, table[i].name, NULL);
            // A value that this version no longer takes keeps its default.
            if (text && !filter_hides(&table[i]))
                vkstyle_params_set(&settings->params, table[i].name, text, NULL);
            g_free(text);
        }
        for (int i = 0; i < FILTER_ARGUMENTS; i++)
            if (!filter_is_of_image(i))
                load_text(settings, i, file);
        // A set of values that do not fit together would fail every run.
        if (!vkstyle_params_check(&settings->params, NULL)) {
            vkstyle_params_default(&settings->params);
            settings->params.full_size = true;
        }
    }
    if (settings->params.init == VKSTYLE_INIT_FILE)
        settings->params.init = VKSTYLE_INIT_CONTENT;
    g_key_file_free(file);
}

bool filter_settings_save(const filter_settings *settings, const char *path, vkstyle_error *error)
{
    GKeyFile *file = g_key_file_new();
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++) {
        char *text = filter_settings_text(settings, &table[i]);
        if (!filter_hides(&table[i]))
            g_key_file_set_string(file, GROUP, table[i].name, text);
        g_free(text);
    }
    for (int i = 0; i < FILTER_ARGUMENTS; i++)
        if (!filter_is_of_image(i))
            g_key_file_set_string(file, GROUP, filter_arguments[i].name, text_in(settings, i));
    GError *failure = NULL;
    // g_file_set_contents writes beside and renames.
    bool saved = g_key_file_save_to_file(file, path, &failure);
    if (!saved) {
        error->status = VKSTYLE_FAILED;
        g_snprintf(error->text, sizeof error->text, "%s", failure->message);
        g_clear_error(&failure);
    }
    g_key_file_free(file);
    return saved;
}

// An earlier result is not gone on with again and again.
static bool is_kept(int argument)
{
    return filter_is_of_image(argument) && argument != FILTER_INIT_LAYER;
}

char *filter_last_text(const filter_settings *settings, int image)
{
    GKeyFile *file = g_key_file_new();
    g_key_file_set_integer(file, GROUP, "image", image);
    for (int i = 0; i < FILTER_ARGUMENTS; i++)
        if (is_kept(i) && is_text(i))
            g_key_file_set_string(file, GROUP, filter_arguments[i].name, text_in(settings, i));
        else if (is_kept(i) && is_item(i))
            g_key_file_set_integer(file, GROUP, filter_arguments[i].name,
                                   filter_item_in(settings, i));
        else if (is_kept(i))
            g_key_file_set_double(file, GROUP, filter_arguments[i].name,
                                  filter_share_in(settings, i));
    char *text = g_key_file_to_data(file, NULL, NULL);
    g_key_file_free(file);
    return text;
}

void filter_last_take(filter_settings *settings, const char *text, size_t size, int image)
{
    for (int i = 0; i < FILTER_ARGUMENTS; i++)
        if (is_kept(i) && (is_text(i)   ? text_in(settings, i)[0] != 0
                           : is_item(i) ? filter_item_in(settings, i) >= 0
                                        : filter_share_in(settings, i) != FILTER_HALF))
            return;
    GKeyFile *file = g_key_file_new();
    // A duplicate of the image has the text of the original.
    bool ours = g_key_file_load_from_data(file, text, size, G_KEY_FILE_NONE, NULL) &&
                g_key_file_get_integer(file, GROUP, "image", NULL) == image;
    for (int i = 0; ours && i < FILTER_ARGUMENTS; i++)
        if (is_kept(i) && is_text(i))
            load_text(settings, i, file);
        else if (!is_kept(i) || !g_key_file_has_key(file, GROUP, filter_arguments[i].name, NULL))
            continue;
        else if (is_item(i))
            *filter_item_of(settings, i) =
                g_key_file_get_integer(file, GROUP, filter_arguments[i].name, NULL);
        else
            *filter_share_of(settings, i) =
                CLAMP(g_key_file_get_double(file, GROUP, filter_arguments[i].name, NULL), 0, 1);
    g_key_file_free(file);
}

void filter_forget_gone(filter_settings *settings)
{
    for (int i = 0; i < FILTER_ARGUMENTS; i++)
        if (is_item(i) && filter_item_in(settings, i) >= 0 &&
            filter_item_image(filter_item_in(settings, i)) < 0)
            *filter_item_of(settings, i) = -1;
}
