// SPDX-License-Identifier: MIT
// What an iteration measures the target against: the style images' Gram matrices and the content
// image's features. Computed once a pyramid level.
#ifndef VKS_PREPARE_H
#define VKS_PREPARE_H

#include "losses.h"
#include "setting.h"

// Gram matrices of the style layers, a position, on the host, and what else a loss aims at.
typedef struct vks_style {
    int count;
    uint32_t channels[VKSTYLE_MAX_LAYERS], padded[VKSTYLE_MAX_LAYERS];
    float *gram[VKSTYLE_MAX_LAYERS];      // [padded][padded]
    double square[VKSTYLE_MAX_LAYERS];    // squared Frobenius norm
    double trace[VKSTYLE_MAX_LAYERS];     // mean square of an activation times channels
    double positions[VKSTYLE_MAX_LAYERS]; // of the (last) style image
    // For losses that compare more (aim.h), else NULL and 0:
    float *moments[VKSTYLE_MAX_LAYERS];     // means [padded], deviations [padded], and the root
    double mean_square[VKSTYLE_MAX_LAYERS]; // |m|^2
    double floor[VKSTYLE_MAX_LAYERS], constant[VKSTYLE_MAX_LAYERS]; // see vks_aim
} vks_style;

// Blends the Gram matrices of `count` style images with the given weights (normalised to sum 1;
// NULL: equal). Images may have different sizes.
bool vks_prepare_style(vks_style *style, vks_gpu *gpu, vks_network *network,
                       const vks_setting *setting, const vkstyle_image *const *images,
                       const double *weights, int count, vkstyle_error *error);
void vks_style_free(vks_style *style);

// The content image's features at the content layer, as they are stored on the device.
typedef struct vks_content {
    vks_block *features; // tensor, in the setting's storage
    vks_block *picture;  // instead of features: the content itself, a canvas (vks_setting.lean)
    double square;       // sum of squares over all true values
    bool to_come;        // features hold nothing yet, square is 0 (vks_iteration_begin)
} vks_content;

// start: the target will start as this picture. Then only room for the features may be made, and
// they are to come (vks_iteration_begin): not in half precision, whose gradients' scale depends on
// them, and not in tiles.
bool vks_prepare_content(vks_content *content, vks_gpu *gpu, vks_network *network,
                         const vks_setting *setting, const vkstyle_image *image, bool start,
                         vkstyle_error *error);
// Takes over features of that shape from a tensor on the device.
bool vks_keep_content(vks_content *content, vks_gpu *gpu, const vks_setting *setting,
                      vks_slice from, vks_shape shape, vkstyle_error *error);
void vks_content_free(vks_content *content);

// The picture as the kernels take it, [height][width] vec4 (r, g, b, 0), and back.
bool vks_upload_image(vks_gpu *gpu, vks_slice to, const vkstyle_image *image, vkstyle_error *error);
bool vks_download_image(vks_gpu *gpu, vks_slice from, vkstyle_image *image, vkstyle_error *error);
// A tensor of activations as plain [channels][height][width] float32 in a fresh array (free() it),
// the setting's storage scale undone.
float *vks_download_tensor(vks_gpu *gpu, vks_slice from, vks_shape shape,
                           const vks_setting *setting, vkstyle_error *error);

#endif
