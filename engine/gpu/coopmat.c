// SPDX-License-Identifier: MIT
//
// VK_KHR_cooperative_matrix: whether a device multiplies matrices as coop.glsl needs it, and
// what has to be enabled for it. The headers of Debian 12 are older than the extension, so its few
// definitions are here too (Vulkan specification, appendix VK_KHR_cooperative_matrix).
#include "internal.h"

#include <string.h>

#ifndef VK_KHR_cooperative_matrix
typedef VkFlags VkScopeKHR, VkComponentTypeKHR;
#define VK_SCOPE_SUBGROUP_KHR                               3
#define VK_COMPONENT_TYPE_FLOAT16_KHR                       0
#define VK_COMPONENT_TYPE_FLOAT32_KHR                       1
#define VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR ((VkStructureType)1000506001)

typedef struct VkCooperativeMatrixPropertiesKHR {
    VkStructureType sType;
    void *pNext;
    uint32_t MSize, NSize, KSize;
    VkComponentTypeKHR AType, BType, CType, ResultType;
    VkBool32 saturatingAccumulation;
    VkScopeKHR scope;
} VkCooperativeMatrixPropertiesKHR;

typedef VkResult(VKAPI_PTR *PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)(
    VkPhysicalDevice, uint32_t *, VkCooperativeMatrixPropertiesKHR *);
#endif

enum { SUBGROUPS = 4 }; // of a workgroup

// Whether the kernel's tiles are made of such matrices.
static bool suits(const VkCooperativeMatrixPropertiesKHR *s)
{
    return (s->MSize == 8 || s->MSize == 16) && (s->NSize == 8 || s->NSize == 16) &&
           (s->KSize == 8 || s->KSize == 16) && s->AType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
           s->BType == VK_COMPONENT_TYPE_FLOAT16_KHR && s->CType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
           s->ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR && !s->saturatingAccumulation &&
           s->scope == VK_SCOPE_SUBGROUP_KHR;
}

// The largest product that suits.
static void choose(const vks_instance *instance, vks_candidate *candidate)
{
    PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR get =
        (PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)(void (*)(
            void))vkGetInstanceProcAddr(instance->handle,
                                        "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
    VkCooperativeMatrixPropertiesKHR shapes[64];
    uint32_t count = sizeof shapes / sizeof *shapes, *best = candidate->limits.matrix;
    for (uint32_t i = 0; i < count; ++i)
        shapes[i] = (VkCooperativeMatrixPropertiesKHR){
            .sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR};
    if (!get)
        return;
    const VkResult result = get(candidate->physical, &count, shapes);
    if (result != VK_SUCCESS && result != VK_INCOMPLETE)
        return;
    for (uint32_t i = 0; i < count; ++i) {
        const VkCooperativeMatrixPropertiesKHR *s = &shapes[i];
        if (suits(s) && s->MSize * s->NSize * s->KSize > best[0] * best[1] * best[2]) {
            best[0] = s->MSize;
            best[1] = s->NSize;
            best[2] = s->KSize;
        }
    }
}

// All that the kernels' SPIR-V asks for, and a subgroup size that can be insisted on: four
// subgroups share the work, and a driver may otherwise choose another size for each kernel.
void vks_coopmat_look(const vks_instance *instance, vks_candidate *candidate)
{
    vks_coopmat_features has;
    vks_coopmat_chain(&has);
    vkGetPhysicalDeviceFeatures2(candidate->physical, &has.features);
    VkPhysicalDeviceSubgroupSizeControlPropertiesEXT sizes = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT};
    vkGetPhysicalDeviceProperties2(
        candidate->physical,
        &(VkPhysicalDeviceProperties2){.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                       .pNext = &sizes});
    // Intel's sizes vary, and its matrix units work at the smallest.
    const uint32_t lanes = candidate->properties.vendorID == 0x8086 ? sizes.minSubgroupSize
                                                                    : candidate->limits.subgroup;
    candidate->limits.matrix_lanes = lanes;
    if (has.matrix.cooperativeMatrix && has.size.subgroupSizeControl &&
        has.size.computeFullSubgroups && has.bits.storageBuffer16BitAccess &&
        has.half.shaderFloat16 && has.model.vulkanMemoryModel && lanes >= 8 && lanes <= 64 &&
        lanes >= sizes.minSubgroupSize && lanes <= sizes.maxSubgroupSize &&
        (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
        lanes * SUBGROUPS <= candidate->limits.invocations)
        choose(instance, candidate);
}

void vks_coopmat_chain(vks_coopmat_features *f)
{
    memset(f, 0, sizeof *f);
    f->features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    f->features.pNext = &f->matrix;
    f->matrix.sType = VKS_COOPMAT_FEATURES;
    f->matrix.pNext = &f->size;
    f->size.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT;
    f->size.pNext = &f->bits;
    f->bits.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
    f->bits.pNext = &f->half;
    f->half.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES;
    f->half.pNext = &f->model;
    f->model.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES;
}

// The same chain with just what is used, for vkCreateDevice.
void vks_coopmat_enable(vks_coopmat_features *f)
{
    vks_coopmat_chain(f);
    f->matrix.cooperativeMatrix = VK_TRUE;
    f->size.subgroupSizeControl = f->size.computeFullSubgroups = VK_TRUE;
    f->bits.storageBuffer16BitAccess = VK_TRUE;
    f->half.shaderFloat16 = VK_TRUE;
    f->model.vulkanMemoryModel = VK_TRUE;
}

void vks_gpu_forgo_matrices(vks_gpu *gpu)
{
    memset(gpu->is.limits.matrix, 0, sizeof gpu->is.limits.matrix);
}
