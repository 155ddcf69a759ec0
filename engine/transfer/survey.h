// SPDX-License-Identifier: MIT
// Forward passes in tiles over a picture that is not optimised: what prepare.c does for pictures
// that are to be worked on in tiles.
#ifndef VKS_SURVEY_H
#define VKS_SURVEY_H

#include "prepare.h"

// Gram matrices a position of the style layers, [padded][padded] each, and where the setting's loss
// compares them the channels' means, [padded] (else NULL), into fresh arrays (free() them);
// positions of each layer.
bool vks_survey_grams(float *grams[VKSTYLE_MAX_LAYERS], float *means[VKSTYLE_MAX_LAYERS],
                      double *positions, vks_gpu *gpu, vks_network *network,
                      const vks_setting *setting, const vkstyle_image *image, vkstyle_error *error);

// As vks_prepare_content: the features lie as those of the whole picture.
bool vks_survey_content(vks_content *content, vks_gpu *gpu, vks_network *network,
                        const vks_setting *setting, const vkstyle_image *image,
                        vkstyle_error *error);

// The activations of a convolution, plain [channels][height][width] of the whole picture, handed
// over one layer after the other.
typedef bool (*vks_survey_fn)(void *user, int layer, vks_shape shape, const float *values,
                              vkstyle_error *error);
bool vks_survey_activations(vks_survey_fn take, void *user, vks_gpu *gpu, vks_network *network,
                            const vks_setting *setting, const vkstyle_image *image,
                            vkstyle_error *error);

// The most bytes that a survey of so large a picture takes beside weights and features.
bool vks_survey_bytes(uint64_t *bytes, vks_network *dry, const vks_gpu_limits *limits,
                      const vks_setting *setting, uint32_t width, uint32_t height,
                      vkstyle_error *error);

#endif
