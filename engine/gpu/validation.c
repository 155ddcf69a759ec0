// SPDX-License-Identifier: MIT
//
// The validation layer's messages: printed, counted, and turned into the exit status.
#include "internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int messages;

int vks_gpu_validation_messages(void)
{
    return atomic_load(&messages);
}

bool vks_validation_wanted(vks_validation *wanted, vkstyle_error *error)
{
    const char *text = getenv("VKSTYLE_VALIDATION");
    if (!text || !text[0] || strcmp(text, "0") == 0)
        *wanted = VKS_VALIDATION_OFF;
    else if (strcmp(text, "1") == 0)
        *wanted = VKS_VALIDATION_ON;
    else if (strcmp(text, "sync") == 0)
        *wanted = VKS_VALIDATION_SYNC;
    else
        return vks_fail(error, VKSTYLE_USAGE, "VKSTYLE_VALIDATION is \"%s\": it takes 0, 1 or sync",
                        text);
    return true;
}

static VKAPI_ATTR VkBool32 VKAPI_CALL receive(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                              VkDebugUtilsMessageTypeFlagsEXT types,
                                              const VkDebugUtilsMessengerCallbackDataEXT *data,
                                              void *user)
{
    (void)user;
    // The loader speaks here too (a driver it had to skip, say): worth reading, but no mistake of
    // ours and so not counted.
    const bool ours = types & VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
    if (ours)
        atomic_fetch_add(&messages, 1);
    const bool is_error = severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
    fprintf(stderr, "vkstyle: %s %s: %s\n", ours ? "validation" : "Vulkan",
            is_error ? "error" : "warning", data->pMessage ? data->pMessage : "(no text)");
    return VK_FALSE;
}

void vks_validation_messenger(VkDebugUtilsMessengerCreateInfoEXT *info)
{
    *info = (VkDebugUtilsMessengerCreateInfoEXT){
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT |
                       VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = receive,
    };
}

// A run that made the layer speak must not pass for a good one, whatever its caller returns.
static void exit_status(void)
{
    if (vks_gpu_validation_messages() == 0)
        return;
    fflush(NULL);
    _exit(EXIT_FAILURE);
}

void vks_validation_begin(void)
{
    static atomic_flag registered = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&registered) && atexit(exit_status) != 0)
        fprintf(stderr, "vkstyle: the exit status will not tell of validation messages\n");
}
