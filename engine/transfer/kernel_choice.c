// SPDX-License-Identifier: MIT
#include "kernel_choice.h"
#include "../error.h"

bool vks_kernels_resolve(const vkstyle_params *params, const vks_gpu_limits *limits,
                         vkstyle_kernels *kernels, vks_storage *storage, vkstyle_error *error)
{
    vkstyle_kernels asked = params->kernels;
    vkstyle_precision precision = params->precision;
    // The raw losses are for those who compare numbers.
    bool matrices = limits->matrix[0] && !limits->software && !params->raw_losses;
    if (precision == VKSTYLE_PRECISION_AUTO &&
        ((asked == VKSTYLE_KERNELS_AUTO && matrices) || asked == VKSTYLE_KERNELS_COOPMAT))
        precision = VKSTYLE_PRECISION_FP16;
    *storage = precision == VKSTYLE_PRECISION_FP16 ? VKS_HALF : VKS_FLOAT;
    *kernels = asked != VKSTYLE_KERNELS_AUTO      ? asked
               : limits->software                 ? VKSTYLE_KERNELS_WINOGRAD
               : matrices && *storage == VKS_HALF ? VKSTYLE_KERNELS_COOPMAT
                                                  : VKSTYLE_KERNELS_TILED;
    if (*kernels != VKSTYLE_KERNELS_COOPMAT)
        return true;
    if (!limits->matrix[0])
        return vks_fail(error, VKSTYLE_USAGE, "--kernels coopmat: %s; choose auto or tiled",
                        vks_coopmat_built()
                            ? "the device or its driver offers no matrix products of fp16 into "
                              "fp32 (VK_KHR_cooperative_matrix) that it gets right"
                            : "this vkstyle was built with a shader compiler that does not know "
                              "GL_KHR_cooperative_matrix (glslang 13 or newer does)");
    if (*storage != VKS_HALF)
        return vks_fail(error, VKSTYLE_USAGE,
                        "--kernels coopmat multiplies fp16 numbers: it needs --precision fp16");
    return true;
}

const char *vks_kernels_name(vkstyle_kernels kernels)
{
    static const char *const names[] = {"auto", "direct", "winograd", "tiled", "coopmat"};
    return names[kernels];
}
