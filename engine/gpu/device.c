// SPDX-License-Identifier: MIT
//
// A device opened for work: the logical device and its queue.
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static bool create_device(vks_gpu *gpu, vkstyle_error *error)
{
    const char *extensions[4];
    uint32_t count = 0;
    if (gpu->is.has_portability_subset) // Vulkan: has to be enabled where it is there (MoltenVK)
        extensions[count++] = "VK_KHR_portability_subset";
    if (gpu->is.has_memory_budget)
        extensions[count++] = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
    const bool matrices = gpu->is.limits.matrix[0] > 0;
    vks_coopmat_features matrix;
    vks_coopmat_enable(&matrix);
    if (matrices) {
        extensions[count++] = VKS_COOPMAT_EXTENSION;
        extensions[count++] = VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;
    }
    const float priority = 0.5f;
    const VkResult result = vkCreateDevice(
        gpu->is.physical,
        &(VkDeviceCreateInfo){
            .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
            .pNext = matrices ? &matrix.features : NULL,
            .queueCreateInfoCount = 1,
            .pQueueCreateInfos =
                &(VkDeviceQueueCreateInfo){
                    .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                    .queueFamilyIndex = gpu->is.family,
                    .queueCount = 1,
                    .pQueuePriorities = &priority,
                },
            .enabledExtensionCount = count,
            .ppEnabledExtensionNames = extensions,
            // No feature of the core is needed: halves are packed by GLSL's packHalf2x16.
            .pEnabledFeatures = matrices ? NULL : &(VkPhysicalDeviceFeatures){0},
        },
        NULL, &gpu->device);
    if (result != VK_SUCCESS)
        return vks_fail(
            error, VKSTYLE_NO_DEVICE,
            "the device %s cannot be opened: vkCreateDevice gave %s. Another program may "
            "hold it, or its driver (%s) is broken; --device chooses another one",
            gpu->is.info.name, vks_result_name(result), gpu->is.info.driver);
    volkLoadDeviceTable(&gpu->vk, gpu->device);
    gpu->vk.vkGetDeviceQueue(gpu->device, gpu->is.family, 0, &gpu->queue);
    return true;
}

vks_gpu *vks_gpu_open(const char *choice, vkstyle_error *error)
{
    const vks_instance *instance = vks_instance_acquire(error);
    if (!instance)
        return NULL;
    vks_gpu *gpu = NULL;
    vks_candidate *candidates = NULL;
    int count;
    if (vks_candidates(instance, &candidates, &count, error)) {
        const vks_candidate *chosen = vks_choose(candidates, count, choice, error);
        if (chosen) {
            gpu = calloc(1, sizeof *gpu);
            if (gpu) {
                gpu->instance = instance;
                gpu->is = *chosen;
            } else {
                vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
            }
        }
    }
    free(candidates);
    if (!gpu) {
        vks_instance_release();
        return NULL;
    }
    if (!create_device(gpu, error) || !vks_submit_open(gpu, error)) {
        vks_gpu_close(&gpu);
        return NULL;
    }
    vks_cache_load(gpu);
    return gpu;
}

void vks_gpu_close(vks_gpu **gpu_pointer)
{
    vks_gpu *gpu = *gpu_pointer;
    if (!gpu)
        return;
    if (gpu->device) {
        vks_batch_end(gpu, false);
        gpu->vk.vkDeviceWaitIdle(gpu->device); // of a lost device: says so, and we know
        vks_block_free(&gpu->staging);
        if (gpu->copy_pool)
            gpu->vk.vkDestroyCommandPool(gpu->device, gpu->copy_pool, NULL);
        vks_cache_save(gpu);
        vks_kernels_free(gpu);
        vks_submit_close(gpu);
        gpu->vk.vkDestroyDevice(gpu->device, NULL);
    }
    const bool validation = gpu->instance->validation;
    vks_instance_release();
    const int messages = vks_gpu_validation_messages();
    if (validation && messages > 0)
        fprintf(stderr, "vkstyle: %d validation messages so far\n", messages);
    free(gpu);
    *gpu_pointer = NULL;
}

const vks_gpu_limits *vks_gpu_get_limits(const vks_gpu *gpu)
{
    return &gpu->is.limits;
}

void vks_gpu_describe(const vks_gpu *gpu, vkstyle_device *device)
{
    *device = gpu->is.info;
    device->budget = vks_gpu_budget(gpu);
}

const char *vks_gpu_key(const vks_gpu *gpu)
{
    return gpu->is.key;
}

uint64_t vks_gpu_budget(const vks_gpu *gpu)
{
    return vks_heap_free(&gpu->is, gpu->heap_used[gpu->is.heap]);
}

uint64_t vks_gpu_allocated(const vks_gpu *gpu)
{
    return gpu->allocated;
}

double vks_gpu_compile_seconds(const vks_gpu *gpu)
{
    return gpu->compile_seconds;
}

uint64_t vks_gpu_peak(const vks_gpu *gpu)
{
    return gpu->peak;
}

void vks_name(vks_gpu *gpu, VkObjectType type, uint64_t handle, const char *name)
{
    if (!gpu->instance->debug_utils || !name)
        return;
    // Only out of memory can fail here, and a missing name harms nobody.
    (void)vkSetDebugUtilsObjectNameEXT(
        gpu->device, &(VkDebugUtilsObjectNameInfoEXT){
                         .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                         .objectType = type,
                         .objectHandle = handle,
                         .pObjectName = name,
                     });
}
