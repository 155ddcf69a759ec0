// SPDX-License-Identifier: MIT
//
// From VkResult to a sentence.
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *vks_result_name(VkResult result)
{
#define NAME(name)                                                                                 \
    case name:                                                                                     \
        return #name
    switch (result) {
        NAME(VK_SUCCESS);
        NAME(VK_NOT_READY);
        NAME(VK_TIMEOUT);
        NAME(VK_INCOMPLETE);
        NAME(VK_ERROR_OUT_OF_HOST_MEMORY);
        NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY);
        NAME(VK_ERROR_INITIALIZATION_FAILED);
        NAME(VK_ERROR_DEVICE_LOST);
        NAME(VK_ERROR_MEMORY_MAP_FAILED);
        NAME(VK_ERROR_LAYER_NOT_PRESENT);
        NAME(VK_ERROR_EXTENSION_NOT_PRESENT);
        NAME(VK_ERROR_FEATURE_NOT_PRESENT);
        NAME(VK_ERROR_INCOMPATIBLE_DRIVER);
        NAME(VK_ERROR_TOO_MANY_OBJECTS);
        NAME(VK_ERROR_FORMAT_NOT_SUPPORTED);
        NAME(VK_ERROR_FRAGMENTED_POOL);
        NAME(VK_ERROR_OUT_OF_POOL_MEMORY);
        NAME(VK_ERROR_INVALID_EXTERNAL_HANDLE);
        NAME(VK_ERROR_FRAGMENTATION);
        NAME(VK_ERROR_VALIDATION_FAILED_EXT);
        NAME(VK_ERROR_INVALID_SHADER_NV);
        NAME(VK_ERROR_UNKNOWN);
    default:
        return "an unnamed VkResult";
    }
#undef NAME
}

bool vks_vulkan_fail(vks_gpu *gpu, VkResult result, const char *call, vkstyle_error *error)
{
    const int length = (int)strcspn(call, "(");
    const char *name = gpu->is.info.name;
    if (result == VK_ERROR_DEVICE_LOST) {
        if (!gpu->lost[0])
            snprintf(
                gpu->lost, sizeof gpu->lost,
                "the device %s was lost in %.*s (VK_ERROR_DEVICE_LOST): its driver reset it, most "
                "often because one step took too long or because memory ran out. Start again "
                "with a smaller --size, or another --device; the driver's log (dmesg, "
                "journalctl -k) has the reason",
                name, length, call);
        return vks_fail(error, VKSTYLE_FAILED, "%s", gpu->lost);
    }
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY) {
        const bool host = result == VK_ERROR_OUT_OF_HOST_MEMORY;
        return vks_fail(error, VKSTYLE_NO_MEMORY,
                        "%s has no memory left (%s from %.*s; %s free on the device): close other "
                        "programs, or use a smaller --size",
                        host ? "the computer" : name, vks_result_name(result), length, call,
                        vks_size(vks_gpu_budget(gpu)).text);
    }
    return vks_fail(
        error, VKSTYLE_FAILED,
        "%.*s failed on %s: %s (%d). This is a fault of the driver (%s) or of vkstyle; a "
        "newer driver may help",
        length, call, name, vks_result_name(result), (int)result, gpu->is.info.driver);
}

bool vks_gpu_alive(const vks_gpu *gpu, vkstyle_error *error)
{
    if (gpu->lost[0])
        return vks_fail(error, VKSTYLE_FAILED, "%s", gpu->lost);
    return true;
}

vks_size_text vks_size(uint64_t bytes)
{
    vks_size_text size;
    const uint64_t kib = 1024, mib = kib * kib;
    if (bytes < 10 * kib)
        snprintf(size.text, sizeof size.text, "%" PRIu64 " bytes", bytes);
    else if (bytes < 10 * mib)
        snprintf(size.text, sizeof size.text, "%" PRIu64 " KiB", bytes / kib + !!(bytes % kib));
    else
        snprintf(size.text, sizeof size.text, "%" PRIu64 " MiB", bytes / mib + !!(bytes % mib));
    return size;
}

uint64_t vks_hash(uint64_t seed, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < bytes; ++i)
        seed = (seed ^ p[i]) * 0x100000001b3u;
    return seed;
}
