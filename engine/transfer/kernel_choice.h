// SPDX-License-Identifier: MIT
// Which kernels a device's class gets: what "auto" stands for, and whether what was asked for can
// be.
#ifndef VKS_KERNEL_CHOICE_H
#define VKS_KERNEL_CHOICE_H

#include "../gpu/gpu.h"

// Software Vulkan: VKSTYLE_KERNELS_WINOGRAD; GPUs: VKSTYLE_KERNELS_TILED.
vkstyle_kernels vks_kernels_auto(const vks_gpu_limits *limits);
// What `asked` comes to. Fails with VKSTYLE_USAGE where the device cannot.
bool vks_kernels_resolve(vkstyle_kernels asked, const vks_gpu_limits *limits, vks_storage storage,
                         vkstyle_kernels *kernels, vkstyle_error *error);
const char *vks_kernels_name(vkstyle_kernels kernels); // as --kernels takes it

// Whether losses use the products of product.h.
static inline bool vks_on_gpu(vkstyle_kernels kernels)
{
    return kernels == VKSTYLE_KERNELS_TILED || kernels == VKSTYLE_KERNELS_COOPMAT;
}

#endif
