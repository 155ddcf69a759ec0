// SPDX-License-Identifier: MIT
// An encoder as data: a chain of 3x3 convolutions (padding 1, bias, ReLU) and 2x2 poolings.
// docs/models.md describes the native file.
#ifndef VKS_ENCODER_H
#define VKS_ENCODER_H

#include "../vkstyle.h"

typedef enum vks_layer_kind { VKS_CONV, VKS_POOL } vks_layer_kind;

enum {
    VKS_MODEL_LAYERS = 256,    // longer chains are refused
    VKS_MODEL_POOLS = 12,      // each halves the picture; twelve leave one value of 4096 pixels
    VKS_MODEL_CHANNELS = 65536 // wider layers are refused
};

typedef struct vks_layer {
    vks_layer_kind kind;
    char name[VKSTYLE_NAME]; // "conv1_1" (its values after ReLU), "pool1"
    int in, out;             // channels
    // One of the two: float32 weights, or 8-bit indices into a codebook of 256 values.
    float *weights;   // [out][in][3][3] or NULL
    uint8_t *indices; // [out][in][3][3] or NULL
    float *codebook;  // 256 values or NULL
    float *bias;      // [out]
} vks_layer;

struct vkstyle_model {
    uint64_t serial;         // of this process, from 1: an address may be used again, a serial is not
    char name[VKSTYLE_NAME]; // the file's name without folder and ending
    char path[VKSTYLE_PATH]; // empty as long as the model is no file
    char *license;           // text, never NULL
    char *source;            // where the weights come from, never NULL
    int bits;                // 8, 16 or 32: how the file stores a weight (the widest layer)
    // Preprocessing of R'G'B' in 0..1: x[i] = rgb[order[i]] * scale[i] + shift[i].
    int order[3];
    double scale[3], shift[3];
    int layer_count;
    vks_layer *layers; // in order; pools stand where they act
};

// Index of a layer by name, or -1.
int vks_model_find(const vkstyle_model *model, const char *name);
// The layer's weights as float32 [out][in][3][3] in a fresh array (codebook looked up); free() it.
float *vks_layer_weights(const vks_layer *layer, vkstyle_error *error);
// Number of weights: out * in * 9; 0 for a pool.
size_t vks_layer_weight_count(const vks_layer *layer);
// SHA-256 of the model's file, hexadecimal. Reads the file: costs some 50 ms for 13 MB.
bool vks_model_sha256(const vkstyle_model *model, char out[65], vkstyle_error *error);

// Building one: an empty model with neutral preprocessing (R, G, B in 0..1).
vkstyle_model *vks_model_create(vkstyle_error *error);
// Appends a layer without weights; what it is follows from its name ("conv...", "pool..."), and its
// inputs from the layer before. out is ignored for pools. The text of an error names the chain's
// fault only, so that the caller can put the file's name in front.
vks_layer *vks_model_add(vkstyle_model *model, const char *name, int out, vkstyle_error *error);
// True for what the next line says and less than VKSTYLE_NAME bytes.
bool vks_is_layer_name(const char *name);
#define VKS_LAYER_NAMES "conv... or pool..., of letters, digits and underscores"
// Replaces a text that the model owns. Control characters become spaces, for texts go to terminals;
// what is not UTF-8 becomes question marks.
bool vks_model_set_text(char **slot, const char *text, vkstyle_error *error);
// True when all values are finite.
bool vks_all_finite(const float *values, size_t count);

// Reads the native file at path.
vkstyle_model *vks_model_read(const char *path, vkstyle_error *error);
// Writes the native file: layers with indices as they are, others as model->bits says (16 or 32).
bool vks_model_write(const vkstyle_model *model, const char *path, vkstyle_error *error);
// Finds the file of a model by name or path; the answer has VKSTYLE_PATH bytes.
bool vks_model_locate(const char *name_or_path, char *path, vkstyle_error *error);

#endif
