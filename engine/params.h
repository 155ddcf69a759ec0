// SPDX-License-Identifier: MIT
// What the engine itself asks of the parameters.
#ifndef VKS_PARAMS_H
#define VKS_PARAMS_H

#include "vkstyle.h"

// The style layers with their weights, in the order given.
typedef struct vks_style_layers {
    int count;
    char name[VKSTYLE_MAX_LAYERS][VKSTYLE_NAME];
    double weight[VKSTYLE_MAX_LAYERS]; // add up to 1; with raw losses as given
} vks_style_layers;

// Splits params->style_layers and params->layer_weights. Fails where the counts differ, a name
// repeats or a weight is negative. Whether the model has such layers is the caller's to check.
bool vks_params_style_layers(const vkstyle_params *params, vks_style_layers *layers,
                             vkstyle_error *error);

#endif
