// SPDX-License-Identifier: MIT
#include "import.h"

#include "../error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// In "features.N.weight": N counts convolutions, ReLUs and poolings alike, so that the gaps between
// convolutions tell where the poolings are: conv, ReLU, conv is a gap of 2; with a pooling, 3.
enum { PLAIN_GAP = 2, POOL_GAP = 3, LAST_INDEX = 3 * VKS_MODEL_LAYERS };

static const vks_tensor_info *find(const vks_safetensors *file, int index, const char *ending)
{
    char name[64];
    snprintf(name, sizeof name, "features.%d.%s", index, ending);
    return vks_safetensors_find(file, name);
}

static bool fill_layer(vkstyle_model *model, const char *path, const char *name,
                       const vks_tensor_info *weight, const vks_tensor_info *bias,
                       vkstyle_error *error)
{
    vkstyle_error fault;
    vks_layer *layer = vks_model_add(model, name, (int)weight->shape[0], &fault);
    if (!layer)
        return vks_fail(error, fault.status, "'%s': %.600s", path, fault.text);
    if (weight->shape[1] != layer->in)
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': tensor '%s' expects %lld inputs but %d arrive from the layer before",
                        path, weight->name, (long long)weight->shape[1], layer->in);
    layer->weights = vks_safetensors_floats(weight, error);
    if (!layer->weights)
        return false;
    layer->bias = vks_safetensors_floats(bias, error);
    if (!layer->bias)
        return false;
    if (!vks_all_finite(layer->weights, weight->values) ||
        !vks_all_finite(layer->bias, bias->values))
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': tensors '%s' and its bias have values that are not finite", path,
                        weight->name);
    return true;
}

static bool check_shapes(const char *path, const vks_tensor_info *weight,
                         const vks_tensor_info *bias, int index, vkstyle_error *error)
{
    if (weight->rank == 1)
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s' normalises batches (features.%d); only plain VGG networks can be "
                        "imported",
                        path, index);
    if (weight->rank != 4 || weight->shape[2] != 3 || weight->shape[3] != 3 ||
        weight->shape[0] < 1 || weight->shape[0] > VKS_MODEL_CHANNELS || weight->dtype == VKS_U8)
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': tensor '%s' is not [outputs, inputs, 3, 3] of numbers", path,
                        weight->name);
    if (!bias || bias->rank != 1 || bias->shape[0] != weight->shape[0] || bias->dtype == VKS_U8)
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': tensor 'features.%d.bias' is missing or not [outputs] of numbers",
                        path, index);
    return true;
}

static bool read_chain(vkstyle_model *model, const char *path, const vks_safetensors *file,
                       vkstyle_error *error)
{
    int previous = -1, block = 1, conv = 0;
    for (int index = 0; index <= LAST_INDEX; index++) {
        const vks_tensor_info *weight = find(file, index, "weight");
        if (!weight)
            continue;
        const vks_tensor_info *bias = find(file, index, "bias");
        if (!check_shapes(path, weight, bias, index, error))
            return false;
        char name[VKSTYLE_NAME];
        if (previous < 0 ? index != 0
                         : index - previous != PLAIN_GAP && index - previous != POOL_GAP)
            return vks_fail(error, VKSTYLE_FAILED,
                            "'%s': tensor '%s' does not fit a chain of convolutions, ReLUs and "
                            "poolings; tensors are missing or the network is no VGG",
                            path, weight->name);
        conv++;
        if (previous >= 0 && index - previous == POOL_GAP) {
            vkstyle_error fault;
            snprintf(name, sizeof name, "pool%d", block);
            if (!vks_model_add(model, name, 0, &fault))
                return vks_fail(error, fault.status, "'%s': %.600s", path, fault.text);
            block++;
            conv = 1;
        }
        snprintf(name, sizeof name, "conv%d_%d", block, conv);
        if (!fill_layer(model, path, name, weight, bias, error))
            return false;
        previous = index;
    }
    // What the walk has not met would be dropped without a word.
    int convs = 0, features = 0;
    for (int i = 0; i < model->layer_count; i++)
        convs += model->layers[i].kind == VKS_CONV;
    for (int i = 0; i < vks_safetensors_count(file); i++)
        features += !strncmp(vks_safetensors_at(file, i)->name, "features.", 9);
    if (features != 2 * convs)
        return vks_fail(
            error, VKSTYLE_FAILED,
            "'%s' has %d tensors named features... where a VGG of %d convolutions has %d", path,
            features, convs, 2 * convs);
    return true;
}

vkstyle_model *vks_import_torch(const char *path, const vks_safetensors *file, vkstyle_error *error)
{
    // What torchvision trains with: R, G, B in 0..1, less the mean, by the standard deviation.
    static const double mean[3] = {0.485, 0.456, 0.406}, deviation[3] = {0.229, 0.224, 0.225};
    if (!find(file, 0, "weight")) {
        vks_fail(error, VKSTYLE_FAILED,
                 "'%s' has no tensor 'features.0.weight': it is not a VGG from torchvision", path);
        return NULL;
    }
    vkstyle_model *model = vks_model_create(error);
    if (!model)
        return NULL;
    for (int i = 0; i < 3; i++) {
        model->scale[i] = 1 / deviation[i];
        model->shift[i] = -mean[i] / deviation[i];
    }
    const char *license = vks_safetensors_metadata(file, "license");
    char source[512];
    snprintf(source, sizeof source, "%.300s, with torchvision's names", vks_base_name(path));
    if (!read_chain(model, path, file, error) ||
        !vks_model_set_text(&model->source, source, error) ||
        !vks_model_set_text(&model->license, license ? license : "not stated", error))
        vkstyle_model_free(&model);
    return model;
}
