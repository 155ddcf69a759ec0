// SPDX-License-Identifier: MIT
// Readers of other programs' files of weights; each makes a float32 model without a path.
#ifndef VKS_IMPORT_H
#define VKS_IMPORT_H

#include "encoder.h"
#include "map.h"
#include "safetensors.h"

// What both kinds of published VGG weights say of themselves.
#define VKS_OXFORD_LICENSE                                                                         \
    "CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), Karen Simonyan and Andrew "         \
    "Zisserman, Visual Geometry Group, University of Oxford"

// Keras' HDF5 (map of the file at path): blockB_convC with kernels [3,3,in,out] for B, G, R.
vkstyle_model *vks_import_keras(const char *path, const vks_map *map, vkstyle_error *error);
// torchvision's names: features.N.weight [out,in,3,3] and features.N.bias for R, G, B.
vkstyle_model *vks_import_torch(const char *path, const vks_safetensors *file,
                                vkstyle_error *error);
// "folder/file" is "file".
const char *vks_base_name(const char *path);

#endif
