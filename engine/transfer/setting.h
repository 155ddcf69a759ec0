// SPDX-License-Identifier: MIT
// What a job asks of the encoder, resolved from vkstyle_params against a model and a device: layer
// numbers for names, kernels and storage for "auto", padding and loss forms.
#ifndef VKS_SETTING_H
#define VKS_SETTING_H

#include "encode.h"

typedef struct vks_setting {
    int style_count;
    int style_layers[VKSTYLE_MAX_LAYERS];     // indices into the model's layers
    double layer_weights[VKSTYLE_MAX_LAYERS]; // w_l
    int content_layer;                        // -1: none
    double alpha, beta, tv;
    vkstyle_style_loss style_loss;
    int regions; // styles that act through masks (region.h), set by the job; 0: none
    bool raw;    // minimise the raw losses of the paper
    vks_storage storage;
    uint32_t tile; // side of the tiles that pictures are worked on in (tiles.h); 0: in one piece
    bool lean;     // the content's features are computed again for each tile, not kept
    int resident;  // how many vectors of its size then stay in the device's memory (vks_place)
    vks_encode_options encode; // keep[] and depth set for all layers in use, scales 1
} vks_setting;

// Fails with VKSTYLE_USAGE for a layer that the model does not have (and lists those it has).
bool vks_setting_resolve(vks_setting *setting, const vkstyle_model *model,
                         const vkstyle_params *params, const vks_gpu_limits *limits,
                         vkstyle_error *error);

#endif
