// SPDX-License-Identifier: MIT
//
// The Vulkan instance: one for the process, made for the first gpu or list and destroyed after the
// last. Here it shows whether the machine has Vulkan at all.
#include "internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LAYER "VK_LAYER_KHRONOS_validation"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static vks_instance instance;
static int users;

static bool extension_in(const char *layer, const char *name, bool *found, vkstyle_error *error)
{
    *found = false;
    uint32_t count = 0;
    VkResult result = vkEnumerateInstanceExtensionProperties(layer, &count, NULL);
    if (result != VK_SUCCESS)
        return vks_fail(error, VKSTYLE_NO_DEVICE,
                        "the Vulkan loader cannot list its extensions: %s",
                        vks_result_name(result));
    VkExtensionProperties *list = calloc(count + 1, sizeof *list);
    if (!list)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
    result = vkEnumerateInstanceExtensionProperties(layer, &count, list);
    // VK_INCOMPLETE: one was installed between the two calls; we do not need it.
    for (uint32_t i = 0; i < count && (result == VK_SUCCESS || result == VK_INCOMPLETE); ++i)
        if (strcmp(list[i].extensionName, name) == 0)
            *found = true;
    free(list);
    return true;
}

static bool layer_present(void)
{
    uint32_t count = 0;
    if (vkEnumerateInstanceLayerProperties(&count, NULL) != VK_SUCCESS || count == 0)
        return false;
    VkLayerProperties *list = calloc(count, sizeof *list);
    if (!list)
        return false;
    bool found = false;
    if (vkEnumerateInstanceLayerProperties(&count, list) >= VK_SUCCESS)
        for (uint32_t i = 0; i < count; ++i)
            found = found || strcmp(list[i].layerName, LAYER) == 0;
    free(list);
    return found;
}

static bool load_vulkan(vkstyle_error *error)
{
    if (volkInitialize() != VK_SUCCESS)
        return vks_fail(
            error, VKSTYLE_NO_DEVICE,
            "the Vulkan loader libvulkan.so.1 is not installed. Debian and Ubuntu: apt install "
            "libvulkan1 mesa-vulkan-drivers (AMD, Intel, or no GPU at all; for NVIDIA cards "
            "NVIDIA's "
            "own driver brings the rest); Fedora: vulkan-loader mesa-vulkan-drivers; macOS: "
            "MoltenVK");
    if (!vkEnumerateInstanceVersion || volkGetInstanceVersion() < VK_API_VERSION_1_1)
        return vks_fail(error, VKSTYLE_NO_DEVICE,
                        "the Vulkan loader libvulkan.so.1 is older than 1.1: install a newer one "
                        "(Debian and Ubuntu: libvulkan1)");
    return true;
}

static bool create(vkstyle_error *error)
{
    vks_validation validation;
    if (!vks_validation_wanted(&validation, error) || !load_vulkan(error))
        return false;
    if (validation && !layer_present())
        return vks_fail(error, VKSTYLE_FAILED,
                        "VKSTYLE_VALIDATION asks for the layer " LAYER ", which is not installed: "
                        "install it (Debian and Ubuntu: apt install vulkan-validationlayers) or "
                        "unset the variable");

    bool debug_utils, portability, features = false, layer_debug_utils = false;
    if (!extension_in(NULL, VK_EXT_DEBUG_UTILS_EXTENSION_NAME, &debug_utils, error) ||
        !extension_in(NULL, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME, &portability, error))
        return false;
    if (validation &&
        (!extension_in(LAYER, VK_EXT_DEBUG_UTILS_EXTENSION_NAME, &layer_debug_utils, error) ||
         !extension_in(LAYER, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME, &features, error)))
        return false;
    debug_utils = debug_utils || layer_debug_utils;
    if (validation && !debug_utils)
        return vks_fail(error, VKSTYLE_FAILED,
                        "VKSTYLE_VALIDATION needs " VK_EXT_DEBUG_UTILS_EXTENSION_NAME
                        " to hear the layer's messages: install a newer Vulkan loader and layer");
    if (validation == VKS_VALIDATION_SYNC && !features)
        return vks_fail(
            error, VKSTYLE_FAILED,
            "VKSTYLE_VALIDATION=sync needs a layer with " VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME
            ": install a newer one");

    const char *extensions[3];
    uint32_t extension_count = 0;
    if (debug_utils)
        extensions[extension_count++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    if (portability)
        extensions[extension_count++] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
    if (validation == VKS_VALIDATION_SYNC)
        extensions[extension_count++] = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;
    const char *const layers[] = {LAYER};

    VkDebugUtilsMessengerCreateInfoEXT messenger;
    vks_validation_messenger(&messenger);
    const VkValidationFeatureEnableEXT enables[] = {
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
    const VkValidationFeaturesEXT sync = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
        .enabledValidationFeatureCount = 1,
        .pEnabledValidationFeatures = enables,
    };
    if (validation == VKS_VALIDATION_SYNC)
        messenger.pNext = &sync;

    const VkResult result = vkCreateInstance(
        &(VkInstanceCreateInfo){
            .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
            .pNext = validation ? &messenger : NULL, // hears of vkCreateInstance itself
            .flags = portability ? VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR : 0,
            .pApplicationInfo =
                &(VkApplicationInfo){
                    .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                    .pApplicationName = "vkstyle",
                    .pEngineName = "vkstyle",
                    .apiVersion = VKS_API,
                },
            .enabledLayerCount = validation ? 1 : 0,
            .ppEnabledLayerNames = layers,
            .enabledExtensionCount = extension_count,
            .ppEnabledExtensionNames = extensions,
        },
        NULL, &instance.handle);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        return vks_fail(
            error, VKSTYLE_NO_DEVICE,
            "no Vulkan driver is installed. Debian and Ubuntu: apt install "
            "mesa-vulkan-drivers (AMD, Intel, or no GPU at all: software Vulkan); NVIDIA "
            "cards: NVIDIA's own driver (nvidia-driver, nvidia-vulkan-icd); macOS: "
            "MoltenVK");
    if (result != VK_SUCCESS)
        return vks_fail(error, VKSTYLE_NO_DEVICE,
                        "Vulkan cannot be started: vkCreateInstance gave %s. Check the driver's "
                        "installation with vulkaninfo (Debian and Ubuntu: vulkan-tools)",
                        vks_result_name(result));
    volkLoadInstanceOnly(instance.handle);
    instance.debug_utils = debug_utils;
    instance.validation = validation != VKS_VALIDATION_OFF;
    if (!instance.validation)
        return true;

    messenger.pNext = NULL;
    const VkResult heard =
        vkCreateDebugUtilsMessengerEXT(instance.handle, &messenger, NULL, &instance.messenger);
    if (heard != VK_SUCCESS) {
        vkDestroyInstance(instance.handle, NULL);
        instance = (vks_instance){0};
        return vks_fail(error, VKSTYLE_FAILED, "vkCreateDebugUtilsMessengerEXT failed: %s",
                        vks_result_name(heard));
    }
    vks_validation_begin();
    return true;
}

// The layers of an instance are fixed when it is made.
static bool reuse(vkstyle_error *error)
{
    vks_validation validation;
    if (!vks_validation_wanted(&validation, error))
        return false;
    if (validation && !instance.validation)
        return vks_fail(
            error, VKSTYLE_FAILED,
            "VKSTYLE_VALIDATION was set after a device had been opened without it: set it "
            "before");
    return true;
}

const vks_instance *vks_instance_acquire(vkstyle_error *error)
{
    pthread_mutex_lock(&lock);
    const vks_instance *got = NULL;
    if (users > 0 ? reuse(error) : create(error)) {
        ++users;
        got = &instance;
    }
    pthread_mutex_unlock(&lock);
    return got;
}

void vks_instance_release(void)
{
    pthread_mutex_lock(&lock);
    if (users > 0 && --users == 0) {
        if (instance.messenger)
            vkDestroyDebugUtilsMessengerEXT(instance.handle, instance.messenger, NULL);
        vkDestroyInstance(instance.handle, NULL);
        instance = (vks_instance){0};
    }
    pthread_mutex_unlock(&lock);
}
