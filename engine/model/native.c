// SPDX-License-Identifier: MIT
// The native file of an encoder: .safetensors with a chain of layers in its metadata.
#include "encoder.h"

#include "../error.h"
#include "half.h"
#include "hdf5.h"
#include "map.h"
#include "safetensors.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "vkstyle-encoder-1"

// Three numbers, "[255, 255, 255]": JSON, whose reader does not follow the locale.
static bool read_three(const vks_safetensors *file, const char *path, const char *key, double *out,
                       vkstyle_error *error)
{
    const char *text = vks_safetensors_metadata(file, key);
    cJSON *list = text ? cJSON_Parse(text) : NULL;
    bool good = cJSON_IsArray(list) && cJSON_GetArraySize(list) == 3;
    for (int i = 0; good && i < 3; i++) {
        const cJSON *item = cJSON_GetArrayItem(list, i);
        good = cJSON_IsNumber(item) && isfinite(item->valuedouble) && fabs(item->valuedouble) < 1e6;
        if (good)
            out[i] = item->valuedouble;
    }
    cJSON_Delete(list);
    if (!good)
        return vks_fail(error, VKSTYLE_FAILED, "'%s': the metadata's '%s' is not three numbers",
                        path, key);
    return true;
}

static bool read_preprocessing(vkstyle_model *model, const vks_safetensors *file, const char *path,
                               vkstyle_error *error)
{
    double order[3];
    if (!read_three(file, path, "order", order, error) ||
        !read_three(file, path, "scale", model->scale, error) ||
        !read_three(file, path, "shift", model->shift, error))
        return false;
    for (int i = 0; i < 3; i++) {
        if (order[i] != 0 && order[i] != 1 && order[i] != 2)
            return vks_fail(error, VKSTYLE_FAILED,
                            "'%s': the metadata's 'order' has something else than 0, 1 and 2",
                            path);
        model->order[i] = (int)order[i];
    }
    const char *license = vks_safetensors_metadata(file, "license");
    const char *source = vks_safetensors_metadata(file, "source");
    return vks_model_set_text(&model->license, license ? license : "not stated", error) &&
           vks_model_set_text(&model->source, source ? source : "not stated", error);
}

// A tensor of the layer by its ending, or NULL with a sentence.
static const vks_tensor_info *find(const vks_safetensors *file, const char *path, const char *layer,
                                   const char *ending, vkstyle_error *error)
{
    char name[VKSTYLE_NAME + 16];
    snprintf(name, sizeof name, "%.63s.%s", layer, ending);
    const vks_tensor_info *tensor = vks_safetensors_find(file, name);
    if (!tensor)
        vks_fail(error, VKSTYLE_FAILED, "'%s' has no tensor '%s'", path, name);
    return tensor;
}

static float *read_finite(const vks_tensor_info *tensor, const char *path, vkstyle_error *error)
{
    float *values = vks_safetensors_floats(tensor, error);
    if (values && !vks_all_finite(values, tensor->values)) {
        vks_fail(error, VKSTYLE_FAILED, "'%s': tensor '%s' has values that are not finite", path,
                 tensor->name);
        free(values);
        return NULL;
    }
    return values;
}

// A vector of float32 that must have this many values.
static float *read_vector(const vks_safetensors *file, const char *path, const char *layer,
                          const char *ending, int64_t length, vkstyle_error *error)
{
    const vks_tensor_info *tensor = find(file, path, layer, ending, error);
    if (!tensor)
        return NULL;
    if (tensor->dtype != VKS_F32 || tensor->rank != 1 || tensor->shape[0] != length) {
        vks_fail(error, VKSTYLE_FAILED, "'%s': tensor '%s' is not a list of %lld float32 values",
                 path, tensor->name, (long long)length);
        return NULL;
    }
    return read_finite(tensor, path, error);
}

static bool read_layer(vkstyle_model *model, const vks_safetensors *file, const char *path,
                       const char *name, vkstyle_error *error)
{
    vkstyle_error fault;
    const vks_tensor_info *weight = NULL;
    if (strncmp(name, "pool", 4)) {
        weight = find(file, path, name, "weight", error);
        if (!weight)
            return false;
        if (weight->rank != 4 || weight->shape[2] != 3 || weight->shape[3] != 3 ||
            weight->shape[0] < 1 || weight->shape[0] > VKS_MODEL_CHANNELS ||
            (weight->dtype != VKS_U8 && weight->dtype != VKS_F16 && weight->dtype != VKS_F32))
            return vks_fail(error, VKSTYLE_FAILED,
                            "'%s': tensor '%s' is not [outputs, inputs, 3, 3] of F32, F16 or U8",
                            path, weight->name);
    }
    vks_layer *layer = vks_model_add(model, name, weight ? (int)weight->shape[0] : 0, &fault);
    if (!layer)
        return vks_fail(error, fault.status, "'%s': %.600s", path, fault.text);
    if (!weight)
        return true;
    if (weight->shape[1] != layer->in)
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': tensor '%s' expects %lld inputs but %d arrive from the layer before",
                        path, weight->name, (long long)weight->shape[1], layer->in);
    layer->bias = read_vector(file, path, name, "bias", layer->out, error);
    if (!layer->bias)
        return false;
    if (weight->dtype != VKS_U8) {
        layer->weights = read_finite(weight, path, error);
        return layer->weights != NULL;
    }
    layer->codebook = read_vector(file, path, name, "codebook", 256, error);
    if (!layer->codebook)
        return false;
    layer->indices = malloc(weight->values);
    if (!layer->indices)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory while reading '%s'", path);
    memcpy(layer->indices, weight->data, weight->values);
    return true;
}

static bool read_chain(vkstyle_model *model, const vks_safetensors *file, const char *path,
                       vkstyle_error *error)
{
    const char *chain = vks_safetensors_metadata(file, "architecture");
    if (!chain)
        return vks_fail(error, VKSTYLE_FAILED, "'%s': the metadata has no 'architecture'", path);
    model->bits = 8;
    while (*(chain += strspn(chain, " "))) {
        size_t length = strcspn(chain, " ");
        char name[VKSTYLE_NAME];
        snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name),
                 chain);
        if (length >= sizeof name || !vks_is_layer_name(name))
            return vks_fail(error, VKSTYLE_FAILED,
                            "'%s': the architecture has a layer that is not named " VKS_LAYER_NAMES
                            " (at most %d)",
                            path, VKSTYLE_NAME - 1);
        if (!read_layer(model, file, path, name, error))
            return false;
        const vks_layer *layer = &model->layers[model->layer_count - 1];
        if (layer->weights && model->bits < 32) {
            vks_dtype dtype = find(file, path, name, "weight", error)->dtype;
            model->bits = dtype == VKS_F16 ? 16 : 32;
        }
        chain += length;
    }
    if (model->layer_count == 0)
        return vks_fail(error, VKSTYLE_FAILED, "'%s': the architecture names no layer", path);
    return true;
}

// "folder/vgg19.safetensors" is the model vgg19.
static void set_name(vkstyle_model *model, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t length = strlen(base);
    const char *ending = strrchr(base, '.');
    if (ending && ending > base)
        length = (size_t)(ending - base);
    if (length > sizeof model->name - 1)
        length = sizeof model->name - 1;
    memcpy(model->name, base, length);
    model->name[length] = '\0';
    snprintf(model->path, sizeof model->path, "%s", path);
}

vkstyle_model *vks_model_read(const char *path, vkstyle_error *error)
{
    if (strlen(path) >= VKSTYLE_PATH) {
        vks_fail(error, VKSTYLE_FAILED, "the model's path is longer than %d bytes",
                 VKSTYLE_PATH - 1);
        return NULL;
    }
    vks_map map;
    if (!vks_map_open(&map, path, error))
        return NULL;
    bool foreign = vks_hdf5_is(map.data, map.size);
    vks_map_close(&map);
    if (foreign) {
        vks_fail(error, VKSTYLE_FAILED,
                 "'%s' is HDF5, not a model of vkstyle; convert it with `vkstyle model import`",
                 path);
        return NULL;
    }
    vks_safetensors *file = vks_safetensors_open(path, error);
    if (!file)
        return NULL;
    vkstyle_model *model = NULL;
    const char *format = vks_safetensors_metadata(file, "format");
    if (!format || strcmp(format, FORMAT))
        vks_fail(error, VKSTYLE_FAILED,
                 "'%s' is not a model of vkstyle; convert it with `vkstyle model import`", path);
    else
        model = vks_model_create(error);
    if (model &&
        (!read_preprocessing(model, file, path, error) || !read_chain(model, file, path, error)))
        vkstyle_model_free(&model);
    if (model)
        set_name(model, path);
    vks_safetensors_close(&file);
    return model;
}

static bool write_weights(vks_safetensors_writer *writer, const vks_layer *layer, int bits,
                          vkstyle_error *error)
{
    char name[VKSTYLE_NAME + 16];
    int64_t shape[4] = {layer->out, layer->in, 3, 3}, values = 256;
    size_t count = vks_layer_weight_count(layer);
    snprintf(name, sizeof name, "%s.weight", layer->name);
    if (layer->indices) {
        if (!vks_safetensors_add(writer, name, VKS_U8, 4, shape, layer->indices, error))
            return false;
        snprintf(name, sizeof name, "%s.codebook", layer->name);
        return vks_safetensors_add(writer, name, VKS_F32, 1, &values, layer->codebook, error);
    }
    if (bits != 16)
        return vks_safetensors_add(writer, name, VKS_F32, 4, shape, layer->weights, error);
    uint16_t *halves = malloc(count * sizeof *halves);
    if (!halves)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory while writing a model");
    bool done = true;
    for (size_t i = 0; done && i < count; i++) {
        halves[i] = vks_float_to_half(layer->weights[i]);
        if ((halves[i] & 0x7c00) == 0x7c00)
            done = vks_fail(error, VKSTYLE_FAILED,
                            "the layer '%s' has weights beyond the range of 16 bits; use 32 or 8",
                            layer->name);
    }
    done = done && vks_safetensors_add(writer, name, VKS_F16, 4, shape, halves, error);
    free(halves);
    return done;
}

static bool write_metadata(vks_safetensors_writer *writer, const vkstyle_model *model,
                           vkstyle_error *error)
{
    char chain[VKS_MODEL_LAYERS * (VKSTYLE_NAME + 1)] = "";
    size_t used = 0;
    double order[3];
    for (int i = 0; i < model->layer_count; i++)
        used += (size_t)snprintf(chain + used, sizeof chain - used, "%s%s", i ? " " : "",
                                 model->layers[i].name);
    for (int i = 0; i < 3; i++)
        order[i] = model->order[i];
    bool done = vks_safetensors_set_metadata(writer, "format", FORMAT, error) &&
                vks_safetensors_set_metadata(writer, "architecture", chain, error);
    const struct {
        const char *key;
        const double *values;
    } threes[] = {{"order", order}, {"scale", model->scale}, {"shift", model->shift}};
    for (int i = 0; done && i < 3; i++) {
        cJSON *list = cJSON_CreateDoubleArray(threes[i].values, 3);
        char *text = list ? cJSON_PrintUnformatted(list) : NULL;
        done = text ? vks_safetensors_set_metadata(writer, threes[i].key, text, error)
                    : vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory while writing a model");
        cJSON_free(text);
        cJSON_Delete(list);
    }
    return done && vks_safetensors_set_metadata(writer, "license", model->license, error) &&
           vks_safetensors_set_metadata(writer, "source", model->source, error);
}

bool vks_model_write(const vkstyle_model *model, const char *path, vkstyle_error *error)
{
    vks_safetensors_writer *writer = vks_safetensors_writer_create(error);
    bool done = writer && write_metadata(writer, model, error);
    for (int i = 0; done && i < model->layer_count; i++) {
        const vks_layer *layer = &model->layers[i];
        if (layer->kind == VKS_POOL)
            continue;
        char name[VKSTYLE_NAME + 16];
        int64_t length = layer->out;
        snprintf(name, sizeof name, "%s.bias", layer->name);
        done = write_weights(writer, layer, model->bits, error) &&
               vks_safetensors_add(writer, name, VKS_F32, 1, &length, layer->bias, error);
    }
    done = done && vks_safetensors_write(writer, path, error);
    vks_safetensors_writer_free(&writer);
    return done;
}
