// SPDX-License-Identifier: MIT
#include "kernel_choice.h"
#include "../error.h"

vkstyle_kernels vks_kernels_auto(const vks_gpu_limits *limits)
{
    return limits->software ? VKSTYLE_KERNELS_WINOGRAD : VKSTYLE_KERNELS_TILED;
}

bool vks_kernels_resolve(vkstyle_kernels asked, const vks_gpu_limits *limits, vks_storage storage,
                         vkstyle_kernels *kernels, vkstyle_error *error)
{
    *kernels = asked == VKSTYLE_KERNELS_AUTO ? vks_kernels_auto(limits) : asked;
    if (asked != VKSTYLE_KERNELS_COOPMAT)
        return true;
    if (!limits->matrix[0])
        return vks_fail(error, VKSTYLE_USAGE, "--kernels coopmat: %s; choose auto or tiled",
                        vks_coopmat_built()
                            ? "the device or its driver offers no matrix products of fp16 into "
                              "fp32 (VK_KHR_cooperative_matrix)"
                            : "this vkstyle was built with a shader compiler that does not know "
                              "GL_KHR_cooperative_matrix (glslang 13 or newer does)");
    if (storage != VKS_HALF)
        return vks_fail(error, VKSTYLE_USAGE,
                        "--kernels coopmat multiplies fp16 numbers: it needs --precision fp16");
    return true;
}

const char *vks_kernels_name(vkstyle_kernels kernels)
{
    static const char *const names[] = {"auto", "direct", "winograd", "tiled", "coopmat"};
    return names[kernels];
}
