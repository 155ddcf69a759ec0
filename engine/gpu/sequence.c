// SPDX-License-Identifier: MIT
//
// Sequences: dispatches collected, checked and recorded once.
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct item {
    vks_dispatch dispatch;  // of a copy: slices 0 and 1, label
    vks_pipeline *pipeline; // NULL: a copy
    VkDescriptorSet set;
} item;

typedef struct part {
    int first, last; // items
    double cost;
    bool submitted;
} part;

struct vks_sequence {
    vks_gpu *gpu;
    bool timed, recorded;
    item *items;
    int item_count, item_capacity;
    part *parts;
    int part_count, part_capacity;
    VkCommandPool pool;
    VkCommandBuffer *commands; // one a part
    VkDescriptorPool descriptors;
    VkQueryPool queries; // part p's begin at its first item + p: one before it, one after each item
    vks_timing *timings;
    uint64_t ticket; // of the last submission
};

vks_sequence *vks_sequence_create(vks_gpu *gpu, bool timed, vkstyle_error *error)
{
    if (!vks_gpu_alive(gpu, error))
        return NULL;
    if (timed && gpu->is.timestamp_bits == 0) {
        vks_fail(
            error, VKSTYLE_FAILED,
            "%s has no timestamps on its compute queue, so that its kernels cannot be timed one by "
            "one",
            gpu->is.info.name);
        return NULL;
    }
    vks_sequence *sequence = calloc(1, sizeof *sequence);
    if (!sequence) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
        return NULL;
    }
    sequence->gpu = gpu;
    sequence->timed = timed;
    return sequence;
}

// ---------------------------------------------------------------- adding

// Room for one more; items and parts are plain data.
static bool grow(void **list, int count, int *capacity, size_t size, vkstyle_error *error)
{
    if (count < *capacity)
        return true;
    const int more = *capacity ? 2 * *capacity : 64;
    void *grown = realloc(*list, (size_t)more * size);
    if (!grown)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
    *list = grown;
    *capacity = more;
    return true;
}

static bool unrecorded(const vks_sequence *sequence, vkstyle_error *error)
{
    if (sequence->recorded)
        return vks_fail(error, VKSTYLE_FAILED,
                        "the sequence has been recorded: nothing can be added to it");
    return vks_gpu_alive(sequence->gpu, error);
}

static const char *label_of(const vks_dispatch *d)
{
    return d->label ? d->label : "unnamed";
}

static bool exceeds(const vks_sequence *sequence, const vks_dispatch *d, const char *what,
                    unsigned long long value, const char *limit, unsigned long long most,
                    vkstyle_error *error)
{
    return vks_fail(error, VKSTYLE_FAILED, "kernel %s (%s): %s is %llu, and %s allows %llu (%s)",
                    vks_kernel_name(d->kernel), label_of(d), what, value,
                    sequence->gpu->is.info.name, most, limit);
}

static bool check_binding(const vks_sequence *sequence, const vks_dispatch *d, int i,
                          vkstyle_error *error)
{
    const vks_gpu *gpu = sequence->gpu;
    const vks_gpu_limits *limits = &gpu->is.limits;
    const vks_slice *slice = &d->slices[i];
    const char letter = vks_kernel_bindings(d->kernel)[i];
    const char *name = vks_kernel_name(d->kernel);
    char what[200];
    snprintf(what, sizeof what, "kernel %s (%s), binding %d", name, label_of(d), i);
    if (!vks_slice_check(slice, what, error))
        return false;
    if (slice->block->gpu != gpu)
        return vks_fail(error, VKSTYLE_FAILED, "%s: the slice belongs to another device", what);
    if (slice->offset % limits->alignment != 0)
        return vks_fail(error, VKSTYLE_FAILED,
                        "%s: the offset %llu is not a multiple of %u (alignment)", what,
                        (unsigned long long)slice->offset, limits->alignment);
    if (vks_binding_type(gpu, letter) == VK_DESCRIPTOR_TYPE_STORAGE_BUFFER) {
        snprintf(what, sizeof what, "the size in bytes of binding %d", i);
        return slice->bytes <= limits->storage_range ||
               exceeds(sequence, d, what, slice->bytes, "storage_range", limits->storage_range,
                       error);
    }
    const VkFormat format = vks_binding_format(letter, d->storage);
    const uint64_t texel = format == VK_FORMAT_R32G32B32A32_SFLOAT ? 16 : 8;
    if (slice->bytes % texel != 0)
        return vks_fail(error, VKSTYLE_FAILED,
                        "%s: %llu bytes are not a whole number of texels of %llu", what,
                        (unsigned long long)slice->bytes, (unsigned long long)texel);
    snprintf(what, sizeof what, "the number of vec4s of binding %d", i);
    return slice->bytes / texel <= limits->texel_elements ||
           exceeds(sequence, d, what, slice->bytes / texel, "texel_elements",
                   limits->texel_elements, error);
}

static bool check(const vks_sequence *sequence, const vks_dispatch *d, vkstyle_error *error)
{
    const vks_gpu_limits *limits = &sequence->gpu->is.limits;
    if ((unsigned)d->kernel >= VKS_KERNEL_COUNT)
        return vks_fail(error, VKSTYLE_FAILED, "dispatch %s: there is no kernel %d", label_of(d),
                        (int)d->kernel);
    const char *name = vks_kernel_name(d->kernel);
    const int bindings = (int)strlen(vks_kernel_bindings(d->kernel));
    if (d->slice_count != bindings)
        return vks_fail(error, VKSTYLE_FAILED, "kernel %s (%s): %d slices for %d bindings", name,
                        label_of(d), d->slice_count, bindings);
    if (d->storage != VKS_FLOAT && d->storage != VKS_HALF)
        return vks_fail(error, VKSTYLE_FAILED, "kernel %s (%s): there is no storage %d", name,
                        label_of(d), (int)d->storage);
    if (d->spec_count < 1 || d->spec_count > VKS_MAX_SPEC || d->spec[0] == 0)
        return vks_fail(
            error, VKSTYLE_FAILED,
            "kernel %s (%s): needs 1 to %d specialisation constants, of which the first is "
            "the workgroup's width",
            name, label_of(d), VKS_MAX_SPEC);
    if (d->spec[0] > limits->invocations)
        return exceeds(sequence, d, "the workgroup's width", d->spec[0], "invocations",
                       limits->invocations, error);
    if (d->push_bytes % 4 != 0)
        return vks_fail(error, VKSTYLE_FAILED,
                        "kernel %s (%s): %u bytes of push constants are not a multiple of 4", name,
                        label_of(d), d->push_bytes);
    const uint32_t push = limits->push_bytes < VKS_MAX_PUSH ? limits->push_bytes : VKS_MAX_PUSH;
    if (d->push_bytes > push)
        return exceeds(sequence, d, "the size of the push constants", d->push_bytes, "push_bytes",
                       push, error);
    for (int i = 0; i < 3; ++i) {
        static const char *const axes[] = {"the number of workgroups in x",
                                           "the number of workgroups in y",
                                           "the number of workgroups in z"};
        if (d->groups[i] == 0)
            return vks_fail(error, VKSTYLE_FAILED, "kernel %s (%s): %s is 0", name, label_of(d),
                            axes[i]);
        if (d->groups[i] > limits->groups[i])
            return exceeds(sequence, d, axes[i], d->groups[i], "groups", limits->groups[i], error);
    }
    for (int i = 0; i < bindings; ++i)
        if (!check_binding(sequence, d, i, error))
            return false;
    return true;
}

bool vks_sequence_add(vks_sequence *sequence, const vks_dispatch *dispatch, vkstyle_error *error)
{
    if (!unrecorded(sequence, error) || !check(sequence, dispatch, error) ||
        !grow((void **)&sequence->items, sequence->item_count, &sequence->item_capacity,
              sizeof *sequence->items, error))
        return false;
    const vks_layout *layout;
    vks_pipeline *pipeline = vks_pipeline_find(sequence->gpu, dispatch, error);
    if (!pipeline || !vks_kernel_layout(sequence->gpu, dispatch->kernel, &layout, error))
        return false;
    sequence->items[sequence->item_count++] = (item){.dispatch = *dispatch, .pipeline = pipeline};
    return true;
}

bool vks_sequence_copy(vks_sequence *sequence, vks_slice from, vks_slice to, vkstyle_error *error)
{
    if (!unrecorded(sequence, error) || !vks_slice_check(&from, "copy, source", error) ||
        !vks_slice_check(&to, "copy, target", error))
        return false;
    if (from.bytes != to.bytes)
        return vks_fail(error, VKSTYLE_FAILED, "copy: %llu bytes into %llu bytes",
                        (unsigned long long)from.bytes, (unsigned long long)to.bytes);
    if (from.block == to.block && from.offset < to.offset + to.bytes &&
        to.offset < from.offset + from.bytes)
        return vks_fail(error, VKSTYLE_FAILED, "copy: source and target in block %s overlap",
                        from.block->name);
    if (!grow((void **)&sequence->items, sequence->item_count, &sequence->item_capacity,
              sizeof *sequence->items, error))
        return false;
    item *added = &sequence->items[sequence->item_count++];
    *added = (item){0};
    added->dispatch.kernel = VKS_KERNEL_COUNT;
    added->dispatch.slices[0] = from;
    added->dispatch.slices[1] = to;
    added->dispatch.label = "copy";
    added->dispatch.bytes = 2.0 * (double)from.bytes;
    return true;
}

bool vks_sequence_cut(vks_sequence *sequence, double cost, vkstyle_error *error)
{
    const int first = sequence->part_count ? sequence->parts[sequence->part_count - 1].last : 0;
    if (!unrecorded(sequence, error))
        return false;
    if (first == sequence->item_count)
        return vks_fail(error, VKSTYLE_FAILED, "a part of a sequence needs at least one dispatch");
    if (!grow((void **)&sequence->parts, sequence->part_count, &sequence->part_capacity,
              sizeof *sequence->parts, error))
        return false;
    sequence->parts[sequence->part_count++] =
        (part){.first = first, .last = sequence->item_count, .cost = cost};
    return true;
}

// ---------------------------------------------------------------- recording

static bool compile(vks_sequence *sequence, vkstyle_error *error)
{
    vks_pipeline **missing = calloc((size_t)sequence->item_count + 1, sizeof *missing);
    if (!missing)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
    int count = 0;
    for (int i = 0; i < sequence->item_count; ++i) {
        vks_pipeline *pipeline = sequence->items[i].pipeline;
        bool listed = !pipeline || pipeline->handle;
        for (int j = 0; j < count && !listed; ++j)
            listed = missing[j] == pipeline;
        if (!listed)
            missing[count++] = pipeline;
    }
    const bool good = vks_pipelines_compile(sequence->gpu, missing, count, error);
    free(missing);
    return good;
}

static bool write_set(vks_sequence *sequence, item *it, vkstyle_error *error)
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
        const item *it = &sequence->items[i];
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

static void record_item(vks_sequence *sequence, VkCommandBuffer commands, const item *it)
{
    vks_gpu *gpu = sequence->gpu;
    const vks_dispatch *d = &it->dispatch;
    if (gpu->instance->debug_utils)
        vkCmdBeginDebugUtilsLabelEXT(
            commands, &(VkDebugUtilsLabelEXT){.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT,
                                              .pLabelName = label_of(d)});
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
    const part *own = &sequence->parts[p];
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
        const item *it = &sequence->items[i];
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
    if (!unrecorded(sequence, error))
        return false;
    if (last == 0 || last != sequence->item_count)
        return vks_fail(error, VKSTYLE_FAILED,
                        "the sequence has %d dispatches after its last cut: cut, then record",
                        sequence->item_count - last);
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
    return true;
fail:
    return false;
}

void vks_sequence_free(vks_sequence **sequence_pointer)
{
    vks_sequence *sequence = *sequence_pointer;
    if (!sequence)
        return;
    vks_gpu *gpu = sequence->gpu;
    vks_drain(gpu, sequence->ticket);
    gpu->vk.vkDestroyCommandPool(gpu->device, sequence->pool, NULL);
    gpu->vk.vkDestroyDescriptorPool(gpu->device, sequence->descriptors, NULL);
    gpu->vk.vkDestroyQueryPool(gpu->device, sequence->queries, NULL);
    free(sequence->commands);
    free(sequence->items);
    free(sequence->parts);
    free(sequence->timings);
    free(sequence);
    *sequence_pointer = NULL;
}

// ---------------------------------------------------------------- replaying

int vks_sequence_parts(const vks_sequence *sequence)
{
    return sequence->part_count;
}

double vks_sequence_cost(const vks_sequence *sequence, int p)
{
    return p >= 0 && p < sequence->part_count ? sequence->parts[p].cost : 0;
}

bool vks_sequence_commands(vks_sequence *sequence, int first, int last,
                           const VkCommandBuffer **commands, vkstyle_error *error)
{
    if (!sequence->recorded)
        return vks_fail(error, VKSTYLE_FAILED, "the sequence has not been recorded");
    if (first < 0 || last <= first || last > sequence->part_count)
        return vks_fail(error, VKSTYLE_FAILED,
                        "parts %d to %d of a sequence of %d cannot be submitted", first, last,
                        sequence->part_count);
    *commands = sequence->commands + first;
    return true;
}

void vks_sequence_submitted(vks_sequence *sequence, int first, int last, uint64_t ticket)
{
    for (int p = first; p < last; ++p)
        sequence->parts[p].submitted = true;
    sequence->ticket = ticket;
}

static bool read_part(vks_sequence *sequence, int p, uint64_t *ticks, vkstyle_error *error)
{
    vks_gpu *gpu = sequence->gpu;
    const part *own = &sequence->parts[p];
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
            .label = label_of(d),
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
