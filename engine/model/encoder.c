// SPDX-License-Identifier: MIT
#include "encoder.h"

#include "../error.h"
#include "../sha256.h"
#include "safetensors.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

vkstyle_model *vks_model_create(vkstyle_error *error)
{
    static atomic_uint_fast64_t serial;
    vkstyle_model *model = calloc(1, sizeof *model);
    if (!model) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a model");
        return NULL;
    }
    model->serial = atomic_fetch_add(&serial, 1) + 1;
    model->bits = 32;
    for (int i = 0; i < 3; i++) {
        model->order[i] = i;
        model->scale[i] = 1;
    }
    if (!vks_model_set_text(&model->license, "", error) ||
        !vks_model_set_text(&model->source, "", error))
        vkstyle_model_free(&model);
    return model;
}

void vkstyle_model_free(vkstyle_model **model)
{
    if (!model || !*model)
        return;
    for (int i = 0; i < (*model)->layer_count; i++) {
        vks_layer *layer = &(*model)->layers[i];
        free(layer->weights);
        free(layer->indices);
        free(layer->codebook);
        free(layer->bias);
    }
    free((*model)->layers);
    free((*model)->license);
    free((*model)->source);
    free(*model);
    *model = NULL;
}

vkstyle_model *vkstyle_model_load(const char *name_or_path, vkstyle_error *error)
{
    char path[VKSTYLE_PATH];
    if (!vks_model_locate(name_or_path, path, error))
        return NULL;
    return vks_model_read(path, error);
}

bool vks_is_layer_name(const char *name)
{
    size_t length = strlen(name);
    // Not isalnum, which follows the locale.
    for (const char *c = name; *c; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') && !(*c >= '0' && *c <= '9') &&
            *c != '_')
            return false;
    return length < VKSTYLE_NAME && (!strncmp(name, "conv", 4) || !strncmp(name, "pool", 4));
}

vks_layer *vks_model_add(vkstyle_model *model, const char *name, int out, vkstyle_error *error)
{
    vks_layer layer = {.kind = strncmp(name, "pool", 4) ? VKS_CONV : VKS_POOL};
    if (!vks_is_layer_name(name)) {
        vks_fail(error, VKSTYLE_FAILED, "the chain has a layer that is not named " VKS_LAYER_NAMES);
        return NULL;
    }
    if (vks_model_find(model, name) >= 0) {
        vks_fail(error, VKSTYLE_FAILED, "the layer '%s' stands in the chain twice", name);
        return NULL;
    }
    int pools = 0;
    for (int i = 0; i < model->layer_count; i++)
        pools += model->layers[i].kind == VKS_POOL;
    if (model->layer_count == VKS_MODEL_LAYERS ||
        (layer.kind == VKS_POOL && pools == VKS_MODEL_POOLS)) {
        vks_fail(error, VKSTYLE_FAILED,
                 "the chain is too long: at most %d layers and %d poolings are possible",
                 VKS_MODEL_LAYERS, VKS_MODEL_POOLS);
        return NULL;
    }
    if (layer.kind == VKS_POOL && model->layer_count == 0) {
        vks_fail(error, VKSTYLE_FAILED,
                 "the chain begins with the pooling '%s'; it must begin with "
                 "a convolution",
                 name);
        return NULL;
    }
    layer.in = model->layer_count ? model->layers[model->layer_count - 1].out : 3;
    layer.out = layer.kind == VKS_POOL ? layer.in : out;
    if (layer.out < 1 || layer.out > VKS_MODEL_CHANNELS) {
        vks_fail(error, VKSTYLE_FAILED, "the layer '%s' has %d channels; 1 to %d are possible",
                 name, layer.out, VKS_MODEL_CHANNELS);
        return NULL;
    }
    strcpy(layer.name, name);
    vks_layer *layers =
        realloc(model->layers, ((size_t)model->layer_count + 1) * sizeof *model->layers);
    if (!layers) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the layers of a model");
        return NULL;
    }
    model->layers = layers;
    layers[model->layer_count] = layer;
    return &layers[model->layer_count++];
}

bool vks_model_set_text(char **slot, const char *text, vkstyle_error *error)
{
    char *copy = strdup(text);
    if (!copy)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a model's texts");
    bool utf8 = vks_is_utf8(copy, strlen(copy));
    for (char *c = copy; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7f)
            *c = ' ';
        else if ((unsigned char)*c >= 0x80 && !utf8)
            *c = '?';
    free(*slot);
    *slot = copy;
    return true;
}

bool vks_all_finite(const float *values, size_t count)
{
    // x * 0 is NaN for infinities and NaN and 0 otherwise; sums of it need no branch.
    float sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i] * 0.0f;
    return isfinite(sum);
}

int vks_model_find(const vkstyle_model *model, const char *name)
{
    for (int i = 0; i < model->layer_count; i++)
        if (!strcmp(model->layers[i].name, name))
            return i;
    return -1;
}

size_t vks_layer_weight_count(const vks_layer *layer)
{
    return layer->kind == VKS_CONV ? (size_t)layer->out * (size_t)layer->in * 9 : 0;
}

float *vks_layer_weights(const vks_layer *layer, vkstyle_error *error)
{
    size_t count = vks_layer_weight_count(layer);
    if (count == 0) {
        vks_fail(error, VKSTYLE_USAGE, "the layer '%s' has no weights", layer->name);
        return NULL;
    }
    float *weights = malloc(count * sizeof *weights);
    if (!weights) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory: the weights of '%s' need %zu MB",
                 layer->name, count * sizeof *weights >> 20);
        return NULL;
    }
    if (layer->weights)
        memcpy(weights, layer->weights, count * sizeof *weights);
    else
        for (size_t i = 0; i < count; i++)
            weights[i] = layer->codebook[layer->indices[i]];
    return weights;
}

bool vks_model_sha256(const vkstyle_model *model, char out[65], vkstyle_error *error)
{
    static const size_t room = 1 << 16;
    unsigned char *block = malloc(room);
    FILE *file = block ? fopen(model->path, "rb") : NULL;
    bool done = false;
    if (!block) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory while hashing '%s'", model->path);
    } else if (!file) {
        vks_fail(error, VKSTYLE_FAILED, "cannot open '%s': %s", model->path, strerror(errno));
    } else {
        vks_sha256 hash;
        vks_sha256_init(&hash);
        size_t got;
        while ((got = fread(block, 1, room, file)) > 0)
            vks_sha256_update(&hash, block, got);
        done = !ferror(file);
        if (!done)
            vks_fail(error, VKSTYLE_FAILED, "cannot read '%s': %s", model->path, strerror(errno));
        vks_sha256_final(&hash, out);
    }
    if (file)
        fclose(file);
    free(block);
    return done;
}
