// SPDX-License-Identifier: MIT
//
// Blocks: one buffer in one allocation each. They are few and large; plans cut them into slices.
#include "internal.h"

#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- memory types

// A score for a type, below zero when it will not do.
static int score_type(const vks_candidate *candidate, const VkMemoryType *type, vks_memory kind)
{
    const VkMemoryPropertyFlags flags = type->propertyFlags;
    const VkMemoryPropertyFlags known =
        VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
        VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    if (flags & ~known) // protected, lazily allocated, uncached on the device
        return -1;
    const bool local = flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    const bool visible = flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
    if (kind == VKS_MEMORY_DEVICE)
        return !local || type->heapIndex != candidate->heap ? -1 : visible ? 0 : 1;
    if (!visible || !(flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT))
        return -1;
    // Not in the card's memory, where the host reads slowly.
    return (flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT ? 2 : 0) + (local ? 0 : 1);
}

int vks_choose_type(const vks_candidate *candidate, uint32_t allowed, vks_memory kind)
{
    int best = -1, best_score = -1;
    for (uint32_t i = 0; i < candidate->memory.memoryTypeCount; ++i) {
        const int score = score_type(candidate, &candidate->memory.memoryTypes[i], kind);
        if ((allowed & 1u << i) && score > best_score) {
            best = (int)i;
            best_score = score;
        }
    }
    return best;
}

// ---------------------------------------------------------------- blocks

// True when the device can give so much; drivers are asked only after that, because software ones
// say yes to everything and are killed by the system later.
static bool fits(const vks_gpu *gpu, uint64_t bytes, uint32_t heap, bool beside, const char *name,
                 vkstyle_error *error)
{
    const vks_gpu_limits *limits = &gpu->is.limits;
    if (bytes > limits->allocation)
        return vks_fail(error, VKSTYLE_NO_MEMORY,
                        "%s needs %s in one piece, and %s gives at most %s: use a smaller --size",
                        name, vks_size(bytes).text, gpu->is.info.name,
                        vks_size(limits->allocation).text);
    if (beside) {
        const uint64_t left = vks_main_memory_free(&gpu->is, gpu->allocated);
        return bytes <= left ||
               vks_fail(error, VKSTYLE_NO_MEMORY,
                        "%s needs %s of main memory, and %s are free: use a smaller --size, or "
                        "close other programs",
                        name, vks_size(bytes).text, vks_size(left).text);
    }
    if (heap != gpu->is.heap)
        return true;
    const uint64_t used = gpu->heap_used[heap];
    const uint64_t available =
        gpu->is.info.type == VKSTYLE_DEVICE_SOFTWARE || gpu->is.budget_cap != UINT64_MAX
            ? vks_gpu_budget(gpu)
            : limits->memory - (used < limits->memory ? used : limits->memory);
    if (bytes > available)
        return vks_fail(
            error, VKSTYLE_NO_MEMORY,
            "%s needs %s of device memory, and %s has %s free: use a smaller --size, or "
            "close other programs",
            name, vks_size(bytes).text, gpu->is.info.name, vks_size(available).text);
    return true;
}

static bool allocate(vks_gpu *gpu, vks_block *block, vks_memory kind, vkstyle_error *error)
{
    VkMemoryRequirements needs;
    gpu->vk.vkGetBufferMemoryRequirements(gpu->device, block->buffer, &needs);
    const int type = vks_choose_type(&gpu->is, needs.memoryTypeBits, kind);
    if (type < 0)
        return vks_fail(error, VKSTYLE_FAILED,
                        "%s has no memory type for %s: this is a fault of its driver (%s)",
                        gpu->is.info.name,
                        kind == VKS_MEMORY_DEVICE ? "storage buffers" : "reading results back",
                        gpu->is.info.driver);
    block->heap = gpu->is.memory.memoryTypes[type].heapIndex;
    if (!fits(gpu, needs.size, block->heap, block->beside, block->name, error))
        return false;
    const VkResult result =
        gpu->vk.vkAllocateMemory(gpu->device,
                                 &(VkMemoryAllocateInfo){
                                     .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                     .allocationSize = needs.size,
                                     .memoryTypeIndex = (uint32_t)type,
                                 },
                                 NULL, &block->memory);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY)
        return vks_fail(
            error, VKSTYLE_NO_MEMORY,
            "%s needs %s, and %s cannot give it (%s; %s free): use a smaller --size, or "
            "close other programs",
            block->name, vks_size(needs.size).text, gpu->is.info.name, vks_result_name(result),
            vks_size(vks_gpu_budget(gpu)).text);
    if (result != VK_SUCCESS)
        return vks_vulkan_fail(gpu, result, "vkAllocateMemory", error);
    block->counted = needs.size;
    if (!block->beside)
        gpu->heap_used[block->heap] += needs.size;
    gpu->allocated += needs.size;
    if (gpu->allocated > gpu->peak)
        gpu->peak = gpu->allocated;
    return true;
}

vks_block *vks_block_create(vks_gpu *gpu, uint64_t bytes, vks_memory kind, const char *name,
                            vkstyle_error *error)
{
    vks_block *block = NULL;
    if (!vks_gpu_alive(gpu, error))
        return NULL;
    if (bytes == 0 || !name) {
        vks_fail(error, VKSTYLE_FAILED, "a block of device memory needs a size and a name");
        return NULL;
    }
    // Before the driver is asked for a buffer: huge ones are not all refused there.
    const bool beside = kind == VKS_MEMORY_HOST && gpu->is.info.type == VKSTYLE_DEVICE_SOFTWARE &&
                        gpu->is.budget_cap == UINT64_MAX;
    if (!fits(gpu, bytes, kind == VKS_MEMORY_DEVICE ? gpu->is.heap : UINT32_MAX, beside, name,
              error))
        return NULL;
    block = calloc(1, sizeof *block);
    if (!block) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
        return NULL;
    }
    block->gpu = gpu;
    block->name = name;
    block->bytes = bytes;
    block->beside = beside;
    VK(gpu, error,
       vkCreateBuffer(
           gpu->device,
           &(VkBufferCreateInfo){
               .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
               .size = (bytes + 3) & ~(uint64_t)3, // fills come in fours
               .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                        VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                        (gpu->is.limits.texel ? VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT : 0),
               .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
           },
           NULL, &block->buffer));
    vks_name(gpu, VK_OBJECT_TYPE_BUFFER, (uint64_t)block->buffer, name);
    if (!allocate(gpu, block, kind, error))
        goto fail;
    VK(gpu, error, vkBindBufferMemory(gpu->device, block->buffer, block->memory, 0));
    vks_block_advise(gpu, block);
    if (kind != VKS_MEMORY_DEVICE)
        VK(gpu, error, vkMapMemory(gpu->device, block->memory, 0, VK_WHOLE_SIZE, 0, &block->map));
    return block;
fail:
    vks_block_free(&block);
    return NULL;
}

void vks_block_free(vks_block **block_pointer)
{
    vks_block *block = *block_pointer;
    if (!block)
        return;
    vks_gpu *gpu = block->gpu;
    for (int i = 0; i < block->view_count; ++i)
        gpu->vk.vkDestroyBufferView(gpu->device, block->views[i].handle, NULL);
    free(block->views);
    gpu->vk.vkDestroyBuffer(gpu->device, block->buffer, NULL);
    gpu->vk.vkFreeMemory(gpu->device, block->memory, NULL); // unmaps
    if (!block->beside)
        gpu->heap_used[block->heap] -= block->counted;
    gpu->allocated -= block->counted;
    free(block);
    *block_pointer = NULL;
}

uint64_t vks_block_bytes(const vks_block *block)
{
    return block->bytes;
}

void *vks_block_map(vks_block *block)
{
    return block->map;
}

// ---------------------------------------------------------------- slices

bool vks_slice_check(const vks_slice *slice, const char *what, vkstyle_error *error)
{
    if (!slice->block || slice->bytes == 0)
        return vks_fail(error, VKSTYLE_FAILED, "%s: the slice is empty", what);
    if (slice->offset > slice->block->bytes || slice->bytes > slice->block->bytes - slice->offset)
        return vks_fail(error, VKSTYLE_FAILED,
                        "%s: bytes %llu to %llu are not all inside the block %s of %llu bytes",
                        what, (unsigned long long)slice->offset,
                        (unsigned long long)(slice->offset + slice->bytes), slice->block->name,
                        (unsigned long long)slice->block->bytes);
    return true;
}

bool vks_block_view(const vks_slice *slice, VkFormat format, VkBufferView *view,
                    vkstyle_error *error)
{
    vks_block *block = slice->block;
    for (int i = 0; i < block->view_count; ++i) {
        const vks_view *v = &block->views[i];
        if (v->format == format && v->offset == slice->offset && v->bytes == slice->bytes) {
            *view = v->handle;
            return true;
        }
    }
    if (block->view_count == block->view_capacity) {
        const int capacity = block->view_capacity ? 2 * block->view_capacity : 16;
        vks_view *views = realloc(block->views, (size_t)capacity * sizeof *views);
        if (!views)
            return vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
        block->views = views;
        block->view_capacity = capacity;
    }
    VK(block->gpu, error,
       vkCreateBufferView(block->gpu->device,
                          &(VkBufferViewCreateInfo){
                              .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
                              .buffer = block->buffer,
                              .format = format,
                              .offset = slice->offset,
                              .range = slice->bytes,
                          },
                          NULL, view));
    block->views[block->view_count++] = (vks_view){
        .handle = *view, .format = format, .offset = slice->offset, .bytes = slice->bytes};
    return true;
fail:
    return false;
}
