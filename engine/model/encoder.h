// SPDX-License-Identifier: MIT
// An encoder as data: a chain of 3x3 convolutions (padding 1, bias, ReLU) and 2x2 poolings.
#ifndef VKS_ENCODER_H
#define VKS_ENCODER_H

#include "../vkstyle.h"

typedef enum vks_layer_kind { VKS_CONV, VKS_POOL } vks_layer_kind;

typedef struct vks_layer {
    vks_layer_kind kind;
    char name[VKSTYLE_NAME]; // "conv1_1" (its values after ReLU), "pool1"
    int in, out;             // channels
    // One of the two: float32 weights, or 8-bit indices into a codebook of 256 values.
    float *weights;          // [out][in][3][3] or NULL
    uint8_t *indices;        // [out][in][3][3] or NULL
    float *codebook;         // 256 values or NULL
    float *bias;             // [out]
} vks_layer;

struct vkstyle_model {
    char name[VKSTYLE_NAME];
    char path[VKSTYLE_PATH];
    char sha256[65];  // of the file, hexadecimal
    char *license;    // text, never NULL
    char *source;     // where the weights come from, never NULL
    int bits;         // 8, 16 or 32
    // Preprocessing of R'G'B' in 0..1: x[i] = rgb[order[i]] * scale[i] + shift[i].
    int order[3];
    float scale[3], shift[3];
    int layer_count;
    vks_layer *layers; // in order; pools stand where they act
};

// Index of a layer by name, or -1.
int vks_model_find(const vkstyle_model *model, const char *name);
// The layer's weights as float32 [out][in][3][3] in a fresh array (codebook looked up); free() it.
float *vks_layer_weights(const vks_layer *layer, vkstyle_error *error);

#endif
