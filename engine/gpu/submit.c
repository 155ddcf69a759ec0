// SPDX-License-Identifier: MIT
//
// Submissions and their tickets. One queue: tickets finish in order, and a fence each is enough;
// fences work on every driver, timeline semaphores do not (MoltenVK issue 2697).
#include "internal.h"

#include <stdlib.h>

bool vks_submit_open(vks_gpu *gpu, vkstyle_error *error)
{
    const char *lose = getenv("VKSTYLE_DEBUG_LOSE");
    if (lose && lose[0]) {
        char *end;
        gpu->lose_at = strtoull(lose, &end, 10);
        if (*end || gpu->lose_at == 0)
            return vks_fail(
                error, VKSTYLE_USAGE,
                "VKSTYLE_DEBUG_LOSE is \"%s\": it takes the number of a submission, from 1", lose);
    }
    for (int i = 0; i < VKS_IN_FLIGHT; ++i)
        VK(gpu, error,
           vkCreateFence(gpu->device,
                         &(VkFenceCreateInfo){.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO}, NULL,
                         &gpu->fences[i]));
    return true;
fail:
    return false;
}

void vks_submit_close(vks_gpu *gpu)
{
    for (int i = 0; i < VKS_IN_FLIGHT; ++i)
        gpu->vk.vkDestroyFence(gpu->device, gpu->fences[i], NULL);
}

// Waits for a ticket's fence; `done` false after a timeout. All earlier tickets are done too: a
// fence signals after everything that was submitted before it.
static bool wait(vks_gpu *gpu, uint64_t ticket, uint64_t nanoseconds, bool *done,
                 vkstyle_error *error)
{
    const VkResult result = gpu->vk.vkWaitForFences(
        gpu->device, 1, &gpu->fences[ticket % VKS_IN_FLIGHT], VK_TRUE, nanoseconds);
    *done = result == VK_SUCCESS;
    if (*done)
        gpu->finished = ticket > gpu->finished ? ticket : gpu->finished;
    else if (result != VK_TIMEOUT)
        return vks_vulkan_fail(gpu, result, "vkWaitForFences", error);
    return true;
}

bool vks_submit(vks_gpu *gpu, const VkCommandBuffer *commands, uint32_t count, uint64_t *ticket,
                vkstyle_error *error)
{
    bool done = true;
    const uint64_t next = gpu->submitted + 1;
    if (next - gpu->finished > VKS_IN_FLIGHT &&
        !wait(gpu, next - VKS_IN_FLIGHT, UINT64_MAX, &done, error))
        return false;
    const VkFence fence = gpu->fences[next % VKS_IN_FLIGHT];
    VK(gpu, error, vkResetFences(gpu->device, 1, &fence));
    VK(gpu, error,
       vkQueueSubmit(gpu->queue, 1,
                     &(VkSubmitInfo){
                         .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                         .commandBufferCount = count,
                         .pCommandBuffers = commands,
                     },
                     fence));
    gpu->submitted = *ticket = next;
    return true;
fail:
    return false;
}

bool vks_gpu_submit(vks_gpu *gpu, vks_sequence *sequence, int first, int last, uint64_t *ticket,
                    vkstyle_error *error)
{
    const VkCommandBuffer *commands;
    if (sequence->gpu != gpu)
        return vks_fail(error, VKSTYLE_FAILED, "the sequence belongs to another device");
    if (!vks_gpu_alive(gpu, error) ||
        !vks_sequence_commands(sequence, first, last, &commands, error))
        return false;
    if (gpu->lose_at && ++gpu->lose_count == gpu->lose_at)
        return vks_vulkan_fail(gpu, VK_ERROR_DEVICE_LOST, "vkQueueSubmit", error);
    uint64_t got;
    if (!vks_submit(gpu, commands, (uint32_t)(last - first), &got, error))
        return false;
    vks_sequence_submitted(sequence, first, last, got);
    if (ticket)
        *ticket = got;
    return true;
}

bool vks_gpu_done(vks_gpu *gpu, uint64_t ticket, double seconds, bool *done, vkstyle_error *error)
{
    *done = false;
    if (!vks_gpu_alive(gpu, error))
        return false;
    if (ticket > gpu->submitted)
        return vks_fail(error, VKSTYLE_FAILED, "ticket %llu has not been handed out",
                        (unsigned long long)ticket);
    if (ticket <= gpu->finished) {
        *done = true;
        return true;
    }
    uint64_t nanoseconds = 0;
    if (seconds > 0)
        nanoseconds = seconds < 1e9 ? (uint64_t)(seconds * 1e9) : UINT64_MAX;
    return wait(gpu, ticket, nanoseconds, done, error);
}

void vks_drain(vks_gpu *gpu, uint64_t ticket)
{
    bool done;
    if (ticket > gpu->finished && ticket <= gpu->submitted &&
        !wait(gpu, ticket, UINT64_MAX, &done, NULL))
        (void)gpu->vk.vkDeviceWaitIdle(gpu->device); // of a lost device: returns at once
}
