// SPDX-License-Identifier: MIT
#include "setting.h"
#include "kernel_choice.h"
#include "../error.h"
#include "../params.h"

// Weight of total variation a value where nobody asks for another.
#define VKS_TV_DEFAULT 0.001

#include <stdio.h>
#include <string.h>

static bool find_layer(const vkstyle_model *model, const char *name, const char *option, int *layer,
                       vkstyle_error *error)
{
    *layer = vks_model_find(model, name);
    if (*layer >= 0)
        return true;
    char known[600] = "";
    for (int i = 0; i < model->layer_count; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", model->layers[i].name);
    }
    return vks_fail(error, VKSTYLE_USAGE, "--%s: model %s has no layer '%s'; it has %s", option,
                    model->name, name, known);
}

static bool style_layers(vks_setting *s, const vkstyle_model *model, const vkstyle_params *params,
                         vkstyle_error *error)
{
    vks_style_layers layers;
    if (!vks_params_style_layers(params, &layers, error))
        return false;
    s->style_count = layers.count;
    memcpy(s->layer_weights, layers.weight, sizeof s->layer_weights);
    for (int i = 0; i < layers.count; i++)
        if (!find_layer(model, layers.name[i], "style-layers", &s->style_layers[i], error))
            return false;
    return true;
}

bool vks_setting_resolve(vks_setting *s, const vkstyle_model *model, const vkstyle_params *params,
                         const vks_gpu_limits *limits, vkstyle_error *error)
{
    *s = (vks_setting){.alpha = params->alpha,
                       .beta = params->beta,
                       .style_loss = params->style_loss,
                       .raw = params->raw_losses,
                       .content_layer = -1};
    if (!style_layers(s, model, params, error) ||
        !find_layer(model, params->content_layer, "content-layer", &s->content_layer, error))
        return false;
    // The raw losses are those of the paper: no total variation unless asked for, zero padding.
    s->tv = params->tv >= 0 ? params->tv : s->raw ? 0 : VKS_TV_DEFAULT;
    vkstyle_padding padding = params->padding;
    if (padding == VKSTYLE_PAD_AUTO)
        padding = s->raw ? VKSTYLE_PAD_ZERO : VKSTYLE_PAD_REPLICATE;
    vkstyle_kernels kernels;
    if (!vks_kernels_resolve(params, limits, &kernels, &s->storage, error))
        return false;
    s->encode = (vks_encode_options){
        .pool = params->pool, .padding = padding, .kernels = kernels, .scale = 1, .gradient = 1};
    // Caffe-scale activations reach some 20,000: a sixteenth keeps them well inside half precision.
    if (s->storage == VKS_HALF)
        s->encode.scale = 1.0f / 16;
    int deepest = s->content_layer;
    for (int i = 0; i < s->style_count; i++)
        deepest = s->style_layers[i] > deepest ? s->style_layers[i] : deepest;
    s->encode.depth = deepest + 1;
    if (s->encode.depth > VKS_MAX_DEPTH)
        return vks_fail(error, VKSTYLE_FAILED, "model %s: %s lies deeper than %d layers",
                        model->name, model->layers[deepest].name, VKS_MAX_DEPTH);
    for (int i = 0; i < s->style_count; i++)
        s->encode.keep[s->style_layers[i]] = true;
    s->encode.keep[s->content_layer] = true;
    return true;
}
