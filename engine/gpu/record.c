// SPDX-License-Identifier: MIT
//
// Sequences, recorded: pipelines, descriptor sets, command buffers, and the times they took.
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static bool compile(vks_sequence *sequence, vkstyle_error *error)
{
    vks_pipeline **all = calloc((size_t)sequence->item_count + 1, sizeof *all);
    if (!all)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
    for (int i = 0; i < sequence->item_count; ++i)
        all[i] = sequence->items[i].pipeline;
    const bool good = vks_pipelines_compile(sequence->gpu, all, sequence->item_count, error);
    free(all);
    return good;
}

static bool write_set(vks_sequence *sequence, vks_item *it, vkstyle_error *error)
{
    vks_gpu *gpu = sequence->gpu;
    const vks_dispatch *d = &it->dispatch;
    const char *letters = vks_kernel_bindings(d->kernel);
    VK(gpu, error,
       vkAllocateDescriptorSets(gpu->device,
                                &(VkDescriptorSetAllocateInfo){
                                    .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                    .descriptorPool = sequence->descriptors,
                                    .descriptorSetCount = 1,
                                    .pSetLayouts = &gpu->layouts[d->kernel].set,
                                },
                                &it->set));
    VkWriteDescriptorSet writes[VKS_MAX_BINDINGS];
    VkDescriptorBufferInfo buffers[VKS_MAX_BINDINGS];
    VkBufferView views[VKS_MAX_BINDINGS];
    for (int i = 0; i < d->slice_count; ++i) {
        const vks_slice *slice = &d->slices[i];
        writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = it->set,
            .dstBinding = (uint32_t)i,
            .descriptorCount = 1,
            .descriptorType = vks_binding_type(gpu, letters[i]),
            .pBufferInfo = &buffers[i],
            .pTexelBufferView = &views[i],
        };
        buffers[i] = (VkDescriptorBufferInfo){
            .buffer = slice->block->buffer, .offset = slice->offset, .range = slice->bytes};
        if (writes[i].descriptorType == VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER &&
            !vks_block_view(slice, vks_binding_format(letters[i], d->storage), &views[i], error))
            return false;
    }
    gpu->vk.vkUpdateDescriptorSets(gpu->device, (uint32_t)d->slice_count, writes, 0, NULL);
    return true;
fail:
    return false;
}

static bool write_sets(vks_sequence *sequence, vkstyle_error *error)
{
    vks_gpu *gpu = sequence->gpu;
    uint32_t sets = 0, sizes[2] = {0, 0};
    for (int i = 0; i < sequence->item_count; ++i) {
        const vks_item *it = &sequence->items[i];
        sets += it->pipeline != NULL;
        for (int j = 0; it->pipeline && j < it->dispatch.slice_count; ++j)
            ++sizes[vks_binding_type(gpu, vks_kernel_bindings(it->dispatch.kernel)[j]) ==
                    VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER];
    }
    if (sets == 0)
        return true;
    VkDescriptorPoolSize pools[2];
    uint32_t pool_count = 0;
    if (sizes[0])
        pools[pool_count++] = (VkDescriptorPoolSize){VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, sizes[0]};
    if (sizes[1])
        pools[pool_count++] =
            (VkDescriptorPoolSize){VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, sizes[1]};
    VK(gpu, error,
       vkCreateDescriptorPool(gpu->device,
                              &(VkDescriptorPoolCreateInfo){
                                  .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                  .maxSets = sets,
                                  .poolSizeCount = pool_count,
                                  .pPoolSizes = pools,
                              },
                              NULL, &sequence->descriptors));
    for (int i = 0; i < sequence->item_count; ++i)
        if (sequence->items[i].pipeline && !write_set(sequence, &sequence->items[i], error))
            return false;
    return true;
fail:
    return false;
}

static void record_item(vks_sequence *sequence, VkCommandBuffer commands, const vks_item *it)
{
    vks_gpu *gpu = sequence->gpu;
    const vks_dispatch *d = &it->dispatch;
    if (gpu->instance->debug_utils)
        vkCmdBeginDebugUtilsLabelEXT(
            commands, &(VkDebugUtilsLabelEXT){.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT,
                                              .pLabelName = vks_label(d)});
    if (it->pipeline) {
        const VkPipelineLayout layout = gpu->layouts[d->kernel].pipeline;
        gpu->vk.vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, it->pipeline->handle);
        gpu->vk.vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1,
                                        &it->set, 0, NULL);
        if (d->push_bytes)
            gpu->vk.vkCmdPushConstants(commands, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                                       d->push_bytes, d->push);
        gpu->vk.vkCmdDispatch(commands, d->groups[0], d->groups[1], d->groups[2]);
    } else {
        gpu->vk.vkCmdCopyBuffer(commands, d->slices[0].block->buffer, d->slices[1].block->buffer, 1,
                                &(VkBufferCopy){.srcOffset = d->slices[0].offset,
                                                .dstOffset = d->slices[1].offset,
                                                .size = d->slices[0].bytes});
    }
    if (gpu->instance->debug_utils)
        vkCmdEndDebugUtilsLabelEXT(commands);
}

static bool record_part(vks_sequence *sequence, int p, vkstyle_error *error)
{
    vks_gpu *gpu = sequence->gpu;
    const vks_part *own = &sequence->parts[p];
    const VkCommandBuffer commands = sequence->commands[p];
    VK(gpu, error,
       vkBeginCommandBuffer(commands, &(VkCommandBufferBeginInfo){
                                          .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                          .flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT,
                                      }));
    vks_barrier(gpu, commands);
    uint32_t query = (uint32_t)(own->first + p);
    // Both ends of an interval at the bottom of the pipe: the work before it has then left.
    const VkPipelineStageFlagBits bottom = VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT;
    if (sequence->timed) {
        gpu->vk.vkCmdResetQueryPool(commands, sequence->queries, query,
                                    (uint32_t)(own->last - own->first + 1));
        gpu->vk.vkCmdWriteTimestamp(commands, bottom, sequence->queries, query++);
    }
    for (int i = own->first; i < own->last; ++i) {
        const vks_item *it = &sequence->items[i];
        // When timed, what could overlap is kept apart, or its times would mean nothing.
        if (i > own->first && (!it->dispatch.overlap || sequence->timed))
            vks_barrier(gpu, commands);
        record_item(sequence, commands, it);
        if (sequence->timed)
            gpu->vk.vkCmdWriteTimestamp(commands, bottom, sequence->queries, query++);
    }
    vks_barrier_host(gpu, commands);
    VK(gpu, error, vkEndCommandBuffer(commands));
    return true;
fail:
    return false;
}

bool vks_sequence_record(vks_sequence *sequence, vkstyle_error *error)
{
    vks_gpu *gpu = sequence->gpu;
    const int last = sequence->part_count ? sequence->parts[sequence->part_count - 1].last : 0;
    if (!vks_sequence_unrecorded(sequence, error))
        return false;
    if (last == 0 || last != sequence->item_count)
        return vks_fail(error, VKSTYLE_FAILED,
                        "the sequence has %d dispatches after its last cut: cut, then record",
                        sequence->item_count - last);
    sequence->begun = true;
    if (!compile(sequence, error) || !write_sets(sequence, error))
        return false;
    const uint32_t parts = (uint32_t)sequence->part_count;
    VK(gpu, error,
       vkCreateCommandPool(gpu->device,
                           &(VkCommandPoolCreateInfo){
                               .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                               .queueFamilyIndex = gpu->is.family,
                           },
                           NULL, &sequence->pool));
    sequence->commands = calloc(parts, sizeof *sequence->commands);
    if (!sequence->commands)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
    VK(gpu, error,
       vkAllocateCommandBuffers(gpu->device,
                                &(VkCommandBufferAllocateInfo){
                                    .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                    .commandPool = sequence->pool,
                                    .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                    .commandBufferCount = parts,
                                },
                                sequence->commands));
    if (sequence->timed)
        VK(gpu, error,
           vkCreateQueryPool(gpu->device,
                             &(VkQueryPoolCreateInfo){
                                 .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                 .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                 .queryCount = (uint32_t)sequence->item_count + parts,
                             },
                             NULL, &sequence->queries));
    for (int p = 0; p < sequence->part_count; ++p)
        if (!record_part(sequence, p, error))
            return false;
    sequence->recorded = true;
    if (!sequence->timed) { // the commands say it all
        free(sequence->items);
        sequence->items = NULL;
    }
    return true;
fail:
    return false;
}

// ---------------------------------------------------------------- times

static bool read_part(vks_sequence *sequence, int p, uint64_t *ticks, vkstyle_error *error)
{
    vks_gpu *gpu = sequence->gpu;
    const vks_part *own = &sequence->parts[p];
    const uint32_t count = (uint32_t)(own->last - own->first + 1);
    VK(gpu, error,
       vkGetQueryPoolResults(gpu->device, sequence->queries, (uint32_t)(own->first + p), count,
                             count * sizeof *ticks, ticks, sizeof *ticks, VK_QUERY_RESULT_64_BIT));
    const uint64_t mask =
        gpu->is.timestamp_bits >= 64 ? UINT64_MAX : ((uint64_t)1 << gpu->is.timestamp_bits) - 1;
    const double period = (double)gpu->is.properties.limits.timestampPeriod * 1e-9;
    for (int i = own->first; i < own->last; ++i) {
        const vks_dispatch *d = &sequence->items[i].dispatch;
        const int at = i - own->first;
        sequence->timings[i] = (vks_timing){
            .label = vks_label(d),
            .kernel = d->kernel,
            .seconds = (double)((ticks[at + 1] - ticks[at]) & mask) * period,
            .flops = d->flops,
            .bytes = d->bytes,
        };
    }
    return true;
fail:
    return false;
}

const vks_timing *vks_sequence_timings(vks_sequence *sequence, int *count, vkstyle_error *error)
{
    *count = 0;
    bool done, run = sequence->timed && sequence->recorded;
    for (int p = 0; p < sequence->part_count; ++p)
        run = run && sequence->parts[p].submitted;
    if (!run) {
        vks_fail(
            error, VKSTYLE_FAILED,
            "the sequence has no times: it was not created as timed, or not all of it has run");
        return NULL;
    }
    if (!vks_gpu_done(sequence->gpu, sequence->ticket, 0, &done, error))
        return NULL;
    if (!done) {
        vks_fail(error, VKSTYLE_FAILED,
                 "the sequence is still running: its times are not known yet");
        return NULL;
    }
    uint64_t *ticks = calloc((size_t)sequence->item_count + 1, sizeof *ticks);
    if (!sequence->timings)
        sequence->timings = calloc((size_t)sequence->item_count, sizeof *sequence->timings);
    bool good = ticks && sequence->timings;
    if (!good)
        vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
    for (int p = 0; good && p < sequence->part_count; ++p)
        good = read_part(sequence, p, ticks, error);
    free(ticks);
    if (!good)
        return NULL;
    *count = sequence->item_count;
    return sequence->timings;
}
