// SPDX-License-Identifier: MIT
//
// A program for the tests that need a process of their own: "probe list", "probe open [DEVICE]",
// "probe misuse" (breaks a rule of Vulkan, for the validation layer to see). Prints one line
// "STATUS TEXT"; its exit status is 0 unless the validation layer's messages change it.
#include "gpu/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void misuse(vks_gpu *gpu)
{
    VkBuffer buffer = VK_NULL_HANDLE;
    const VkResult result = gpu->vk.vkCreateBuffer(
        gpu->device,
        &(VkBufferCreateInfo){
            .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = 64, .usage = 0},
        NULL, &buffer);
    if (result == VK_SUCCESS)
        gpu->vk.vkDestroyBuffer(gpu->device, buffer, NULL);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    vkstyle_error error = {0};
    if (strcmp(what, "list") == 0) {
        vkstyle_device *devices;
        int count;
        if (vkstyle_devices(&devices, &count, &error))
            printf("0 %d devices, first %s\n", count, devices[0].name);
        else
            printf("%d %s\n", (int)error.status, error.text);
        free(devices);
        return 0;
    }
    vks_gpu *gpu = vks_gpu_open(argc > 2 ? argv[2] : NULL, &error);
    if (!gpu) {
        printf("%d %s\n", (int)error.status, error.text);
        return 0;
    }
    if (strcmp(what, "misuse") == 0)
        misuse(gpu);
    printf("0 messages %d\n", vks_gpu_validation_messages());
    vks_gpu_close(&gpu);
    return 0;
}
