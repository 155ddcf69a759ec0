// SPDX-License-Identifier: MIT
// Which kernels a device's class gets: what "auto" stands for, and whether what was asked for can
// be.
#ifndef VKS_KERNEL_CHOICE_H
#define VKS_KERNEL_CHOICE_H

#include "../gpu/gpu.h"
#include "../vkstyle.h"

// What a job's kernels and precision come to; auto stands for Winograd and float32 on software
// Vulkan, matrix units and half precision on a GPU that has them, tiled and float32 on others.
// Fails with VKSTYLE_USAGE where the device cannot what was asked for.
bool vks_kernels_resolve(const vkstyle_params *params, const vks_gpu_limits *limits,
                         vkstyle_kernels *kernels, vks_storage *storage, vkstyle_error *error);
const char *vks_kernels_name(vkstyle_kernels kernels); // as --kernels takes it

// Whether losses use the products of product.h.
static inline bool vks_on_gpu(vkstyle_kernels kernels)
{
    return kernels == VKSTYLE_KERNELS_TILED || kernels == VKSTYLE_KERNELS_COOPMAT;
}

#endif
