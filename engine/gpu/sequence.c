// SPDX-License-Identifier: MIT
//
// Sequences: dispatches collected and checked, and handed to submissions once they are recorded.
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

// ---------------------------------------------------------------- adding

// The list with room for one more, perhaps moved; NULL when there is no memory. Items and parts are
// plain data.
static void *room(void *list, int count, int *capacity, size_t size, vkstyle_error *error)
{
    if (count < *capacity)
        return list;
    const int more = *capacity ? 2 * *capacity : 64;
    void *grown = realloc(list, (size_t)more * size);
    if (grown)
        *capacity = more;
    else
        vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
    return grown;
}

static vks_item *new_item(vks_sequence *sequence, vkstyle_error *error)
{
    vks_item *items =
        room(sequence->items, sequence->item_count, &sequence->item_capacity, sizeof *items, error);
    if (!items)
        return NULL;
    sequence->items = items;
    vks_item *item = &items[sequence->item_count++];
    *item = (vks_item){0};
    return item;
}

bool vks_sequence_unrecorded(const vks_sequence *sequence, vkstyle_error *error)
{
    if (sequence->begun)
        return vks_fail(error, VKSTYLE_FAILED,
                        "the sequence has been recorded: nothing can be added to it");
    return vks_gpu_alive(sequence->gpu, error);
}

const char *vks_label(const vks_dispatch *d)
{
    return d->label ? d->label : "unnamed";
}

static bool exceeds(const vks_sequence *sequence, const vks_dispatch *d, const char *what,
                    unsigned long long value, const char *limit, unsigned long long most,
                    vkstyle_error *error)
{
    return vks_fail(error, VKSTYLE_FAILED, "kernel %s (%s): %s is %llu, and %s allows %llu (%s)",
                    vks_kernel_name(d->kernel), vks_label(d), what, value,
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
    snprintf(what, sizeof what, "kernel %s (%s), binding %d", name, vks_label(d), i);
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
        return vks_fail(error, VKSTYLE_FAILED, "dispatch %s: there is no kernel %d", vks_label(d),
                        (int)d->kernel);
    const char *name = vks_kernel_name(d->kernel);
    const int bindings = (int)strlen(vks_kernel_bindings(d->kernel));
    if (d->slice_count != bindings)
        return vks_fail(error, VKSTYLE_FAILED, "kernel %s (%s): %d slices for %d bindings", name,
                        vks_label(d), d->slice_count, bindings);
    if (d->storage != VKS_FLOAT && d->storage != VKS_HALF)
        return vks_fail(error, VKSTYLE_FAILED, "kernel %s (%s): there is no storage %d", name,
                        vks_label(d), (int)d->storage);
    if (d->spec_count < 1 || d->spec_count > VKS_MAX_SPEC || d->spec[0] == 0)
        return vks_fail(
            error, VKSTYLE_FAILED,
            "kernel %s (%s): needs 1 to %d specialisation constants, of which the first is "
            "the workgroup's width",
            name, vks_label(d), VKS_MAX_SPEC);
    if (d->spec[0] > limits->invocations)
        return exceeds(sequence, d, "the workgroup's width", d->spec[0], "invocations",
                       limits->invocations, error);
    if (d->push_bytes % 4 != 0)
        return vks_fail(error, VKSTYLE_FAILED,
                        "kernel %s (%s): %u bytes of push constants are not a multiple of 4", name,
                        vks_label(d), d->push_bytes);
    const uint32_t push = limits->push_bytes < VKS_MAX_PUSH ? limits->push_bytes : VKS_MAX_PUSH;
    if (d->push_bytes > push)
        return exceeds(sequence, d, "the size of the push constants", d->push_bytes, "push_bytes",
                       push, error);
    for (int i = 0; i < 3; ++i) {
        static const char *const axes[] = {"the number of workgroups in x",
                                           "the number of workgroups in y",
                                           "the number of workgroups in z"};
        if (d->groups[i] == 0)
            return vks_fail(error, VKSTYLE_FAILED, "kernel %s (%s): %s is 0", name, vks_label(d),
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
    if (!vks_sequence_unrecorded(sequence, error) || !check(sequence, dispatch, error))
        return false;
    const vks_layout *layout;
    vks_pipeline *pipeline = vks_pipeline_find(sequence->gpu, dispatch, error);
    if (!pipeline || !vks_kernel_layout(sequence->gpu, dispatch->kernel, &layout, error))
        return false;
    vks_item *item = new_item(sequence, error);
    if (!item)
        return false;
    item->dispatch = *dispatch;
    item->pipeline = pipeline;
    return true;
}

bool vks_sequence_copy(vks_sequence *sequence, vks_slice from, vks_slice to, vkstyle_error *error)
{
    if (!vks_sequence_unrecorded(sequence, error) ||
        !vks_slice_check(&from, "copy, source", error) ||
        !vks_slice_check(&to, "copy, target", error))
        return false;
    if (from.bytes != to.bytes)
        return vks_fail(error, VKSTYLE_FAILED, "copy: %llu bytes into %llu bytes",
                        (unsigned long long)from.bytes, (unsigned long long)to.bytes);
    if (from.block == to.block && from.offset < to.offset + to.bytes &&
        to.offset < from.offset + from.bytes)
        return vks_fail(error, VKSTYLE_FAILED, "copy: source and target in block %s overlap",
                        from.block->name);
    vks_item *item = new_item(sequence, error);
    if (!item)
        return false;
    item->dispatch.kernel = VKS_KERNEL_COUNT;
    item->dispatch.slices[0] = from;
    item->dispatch.slices[1] = to;
    item->dispatch.label = "copy";
    item->dispatch.bytes = 2.0 * (double)from.bytes;
    return true;
}

bool vks_sequence_cut(vks_sequence *sequence, double cost, vkstyle_error *error)
{
    const int first = sequence->part_count ? sequence->parts[sequence->part_count - 1].last : 0;
    if (!vks_sequence_unrecorded(sequence, error))
        return false;
    if (first == sequence->item_count)
        return vks_fail(error, VKSTYLE_FAILED, "a part of a sequence needs at least one dispatch");
    vks_part *parts =
        room(sequence->parts, sequence->part_count, &sequence->part_capacity, sizeof *parts, error);
    if (!parts)
        return false;
    sequence->parts = parts;
    parts[sequence->part_count++] =
        (vks_part){.first = first, .last = sequence->item_count, .cost = cost};
    return true;
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
