// SPDX-License-Identifier: MIT
//
// Blocking copies between the host and blocks, in pieces through one small staging block.
#include "internal.h"

#include <string.h>

void vks_barrier(vks_gpu *gpu, VkCommandBuffer commands)
{
    const VkPipelineStageFlags stages =
        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    gpu->vk.vkCmdPipelineBarrier(
        commands, stages, stages, 0, 1,
        &(VkMemoryBarrier){
            .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
            .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
            .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                             VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        },
        0, NULL, 0, NULL);
}

void vks_barrier_host(vks_gpu *gpu, VkCommandBuffer commands)
{
    gpu->vk.vkCmdPipelineBarrier(
        commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
        VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
        &(VkMemoryBarrier){
            .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
            .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
            .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
        },
        0, NULL, 0, NULL);
}

static bool prepare(vks_gpu *gpu, bool staging, vkstyle_error *error)
{
    if (!vks_gpu_alive(gpu, error))
        return false;
    if (!gpu->copy_pool)
        VK(gpu, error,
           vkCreateCommandPool(gpu->device,
                               &(VkCommandPoolCreateInfo){
                                   .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                   .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT |
                                            VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                   .queueFamilyIndex = gpu->is.family,
                               },
                               NULL, &gpu->copy_pool));
    if (!gpu->copy_commands)
        VK(gpu, error,
           vkAllocateCommandBuffers(gpu->device,
                                    &(VkCommandBufferAllocateInfo){
                                        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = gpu->copy_pool,
                                        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                        .commandBufferCount = 1,
                                    },
                                    &gpu->copy_commands));
    if (staging && !gpu->staging)
        gpu->staging =
            vks_block_create(gpu, VKS_STAGING_BYTES, VKS_MEMORY_READBACK, "staging", error);
    return !staging || gpu->staging;
fail:
    return false;
}

static bool begin(vks_gpu *gpu, vkstyle_error *error)
{
    // Explicitly: a copy that failed may have left the commands half recorded.
    VK(gpu, error, vkResetCommandBuffer(gpu->copy_commands, 0));
    VK(gpu, error,
       vkBeginCommandBuffer(gpu->copy_commands,
                            &(VkCommandBufferBeginInfo){
                                .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
                            }));
    vks_barrier(gpu, gpu->copy_commands);
    return true;
fail:
    return false;
}

static bool end_and_wait(vks_gpu *gpu, vkstyle_error *error)
{
    vks_barrier_host(gpu, gpu->copy_commands);
    VK(gpu, error, vkEndCommandBuffer(gpu->copy_commands));
    uint64_t ticket;
    bool done = false;
    if (!vks_submit(gpu, &gpu->copy_commands, 1, &ticket, error))
        return false;
    while (!done)
        if (!vks_gpu_done(gpu, ticket, 1.0, &done, error)) {
            // The caller will free the block, and we shall record again: try to have it idle.
            (void)gpu->vk.vkDeviceWaitIdle(gpu->device);
            return false;
        }
    return true;
fail:
    return false;
}

static bool copy(vks_gpu *gpu, VkBuffer from, uint64_t from_offset, VkBuffer to, uint64_t to_offset,
                 uint64_t bytes, vkstyle_error *error)
{
    if (!begin(gpu, error))
        return false;
    gpu->vk.vkCmdCopyBuffer(
        gpu->copy_commands, from, to, 1,
        &(VkBufferCopy){.srcOffset = from_offset, .dstOffset = to_offset, .size = bytes});
    return end_and_wait(gpu, error);
}

static uint64_t piece(uint64_t left)
{
    return left < VKS_STAGING_BYTES ? left : VKS_STAGING_BYTES;
}

bool vks_upload(vks_gpu *gpu, vks_slice to, const void *data, vkstyle_error *error)
{
    if (!prepare(gpu, true, error) || !vks_slice_check(&to, "upload", error))
        return false;
    for (uint64_t at = 0; at < to.bytes; at += VKS_STAGING_BYTES) {
        const uint64_t bytes = piece(to.bytes - at);
        memcpy(gpu->staging->map, (const char *)data + at, bytes);
        if (!copy(gpu, gpu->staging->buffer, 0, to.block->buffer, to.offset + at, bytes, error))
            return false;
    }
    return true;
}

bool vks_download(vks_gpu *gpu, vks_slice from, void *data, vkstyle_error *error)
{
    if (!prepare(gpu, true, error) || !vks_slice_check(&from, "download", error))
        return false;
    for (uint64_t at = 0; at < from.bytes; at += VKS_STAGING_BYTES) {
        const uint64_t bytes = piece(from.bytes - at);
        if (!copy(gpu, from.block->buffer, from.offset + at, gpu->staging->buffer, 0, bytes, error))
            return false;
        memcpy((char *)data + at, gpu->staging->map, bytes);
    }
    return true;
}

bool vks_clear(vks_gpu *gpu, vks_slice to, vkstyle_error *error)
{
    if (!prepare(gpu, false, error) || !vks_slice_check(&to, "clear", error))
        return false;
    if (to.offset % 4 != 0)
        return vks_fail(error, VKSTYLE_FAILED, "clear: the offset %llu is not a multiple of 4",
                        (unsigned long long)to.offset);
    const uint64_t whole = to.bytes & ~(uint64_t)3;
    if (whole) {
        if (!begin(gpu, error))
            return false;
        gpu->vk.vkCmdFillBuffer(gpu->copy_commands, to.block->buffer, to.offset, whole, 0);
        if (!end_and_wait(gpu, error))
            return false;
    }
    if (whole == to.bytes)
        return true;
    const char zeros[4] = {0};
    return vks_upload(gpu, (vks_slice){to.block, to.offset + whole, to.bytes - whole}, zeros,
                      error);
}
