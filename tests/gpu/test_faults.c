// SPDX-License-Identifier: MIT
//
// Each Vulkan call that can fail does, once: the error has the right status and names the call,
// what was half built is freed (the validation layer and AddressSanitizer watch), and the device
// goes on working where it can.
#include "support.h"

#include "gpu/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The result that the replaced call gives, after `pass` calls that go through.
static VkResult fault;
static int pass;
static struct VolkDeviceTable real;

#define STUB(name, parameters, arguments)                                                          \
    static VKAPI_ATTR VkResult VKAPI_CALL stub_##name parameters                                   \
    {                                                                                              \
        return pass-- > 0 ? real.name arguments : fault;                                           \
    }
#define CREATE_STUB(name, info, handle)                                                            \
    STUB(name, (VkDevice device, const info *i, const VkAllocationCallbacks *a, handle *h),        \
         (device, i, a, h))

CREATE_STUB(vkCreateBuffer, VkBufferCreateInfo, VkBuffer)
CREATE_STUB(vkAllocateMemory, VkMemoryAllocateInfo, VkDeviceMemory)
CREATE_STUB(vkCreateBufferView, VkBufferViewCreateInfo, VkBufferView)
CREATE_STUB(vkCreateCommandPool, VkCommandPoolCreateInfo, VkCommandPool)
CREATE_STUB(vkCreateDescriptorSetLayout, VkDescriptorSetLayoutCreateInfo, VkDescriptorSetLayout)
CREATE_STUB(vkCreatePipelineLayout, VkPipelineLayoutCreateInfo, VkPipelineLayout)
CREATE_STUB(vkCreateShaderModule, VkShaderModuleCreateInfo, VkShaderModule)
CREATE_STUB(vkCreateDescriptorPool, VkDescriptorPoolCreateInfo, VkDescriptorPool)
CREATE_STUB(vkCreateQueryPool, VkQueryPoolCreateInfo, VkQueryPool)
STUB(vkBindBufferMemory, (VkDevice device, VkBuffer b, VkDeviceMemory m, VkDeviceSize o),
     (device, b, m, o))
STUB(vkMapMemory,
     (VkDevice device, VkDeviceMemory m, VkDeviceSize o, VkDeviceSize n, VkMemoryMapFlags f,
      void **p),
     (device, m, o, n, f, p))
STUB(vkCreateComputePipelines,
     (VkDevice device, VkPipelineCache c, uint32_t n, const VkComputePipelineCreateInfo *i,
      const VkAllocationCallbacks *a, VkPipeline *p),
     (device, c, n, i, a, p))
STUB(vkAllocateDescriptorSets,
     (VkDevice device, const VkDescriptorSetAllocateInfo *i, VkDescriptorSet *s), (device, i, s))
STUB(vkAllocateCommandBuffers,
     (VkDevice device, const VkCommandBufferAllocateInfo *i, VkCommandBuffer *b), (device, i, b))
STUB(vkBeginCommandBuffer, (VkCommandBuffer c, const VkCommandBufferBeginInfo *i), (c, i))
STUB(vkEndCommandBuffer, (VkCommandBuffer c), (c))
STUB(vkResetFences, (VkDevice device, uint32_t n, const VkFence *f), (device, n, f))
STUB(vkQueueSubmit, (VkQueue q, uint32_t n, const VkSubmitInfo *i, VkFence f), (q, n, i, f))
STUB(vkWaitForFences, (VkDevice device, uint32_t n, const VkFence *f, VkBool32 all, uint64_t t),
     (device, n, f, all, t))
STUB(vkGetQueryPoolResults,
     (VkDevice device, VkQueryPool q, uint32_t first, uint32_t n, size_t size, void *data,
      VkDeviceSize stride, VkQueryResultFlags flags),
     (device, q, first, n, size, data, stride, flags))

// ---------------------------------------------------------------- the work that is disturbed

// Everything that a program does with a device; false as soon as something fails. Frees all.
static bool work(vks_gpu *gpu, vkstyle_error *error)
{
    static const product small = {
        .columns = 64, .n = 16, .k = 16, .batch = 1, .width = 64, .chunk = 16, .oc = 4};
    float ones[4096];
    for (int i = 0; i < 4096; ++i)
        ones[i] = 1;
    bool good = false;
    uint64_t ticket = 0;
    vks_sequence *sequence = NULL;
    vks_block *back = NULL;
    vks_block *block = vks_block_create(gpu, sizeof ones, VKS_MEMORY_DEVICE, "weights", error);
    if (block)
        back = vks_block_create(gpu, sizeof ones, VKS_MEMORY_READBACK, "losses", error);
    if (back && vks_upload(gpu, (vks_slice){block, 0, sizeof ones}, ones, error))
        sequence = vks_sequence_create(gpu, true, error);
    if (sequence) {
        vks_dispatch d = {
            .kernel = VKS_KERNEL_GEMM,
            .spec = {64, 16, 4},
            .spec_count = 3,
            .slices = {{block, 0, 1024}, {block, 1024, 4096}, {block, 8192, 4096}},
            .slice_count = 3,
            .push = {64, 0, 4, 0, 0, 4, 64, 0, 0},
            .push_bytes = 36,
            .groups = {small.columns / small.width, 1, 1},
            .label = "product",
        };
        int count = 0;
        bool done = false;
        good = vks_sequence_add(sequence, &d, error) &&
               vks_sequence_copy(sequence, d.slices[2], (vks_slice){back, 0, 4096}, error) &&
               vks_sequence_cut(sequence, 1, error) && vks_sequence_record(sequence, error) &&
               vks_gpu_submit(gpu, sequence, 0, 1, &ticket, error);
        while (good && !done)
            good = vks_gpu_done(gpu, ticket, 1, &done, error);
        good = good && vks_sequence_timings(sequence, &count, error);
        const float *got = vks_block_map(back);
        for (int i = 0; good && i < 1024; ++i)
            assert_true(got[i] == 16);
    }
    vks_sequence_free(&sequence);
    vks_block_free(&back);
    vks_block_free(&block);
    return good;
}

// What a call gives, and how it is to be told.
typedef struct disturbance {
    const char *name;
    size_t offset; // in the table
    PFN_vkVoidFunction stub;
    int after; // calls that go well
    VkResult result;
    vkstyle_status status;
    const char *word;
} disturbance;

#define CASE(name, after, result, status, word)                                                    \
    {                                                                                              \
#name, offsetof(struct VolkDeviceTable, name), (PFN_vkVoidFunction)stub_##name, after,     \
            result, status, word                                                                   \
    }
#define NO_ROOM VK_ERROR_OUT_OF_DEVICE_MEMORY, VKSTYLE_NO_MEMORY
#define NO_HOST VK_ERROR_OUT_OF_HOST_MEMORY, VKSTYLE_NO_MEMORY
#define LOST    VK_ERROR_DEVICE_LOST, VKSTYLE_FAILED

#define CASE_(...) CASE(__VA_ARGS__)
static const disturbance disturbances[] = {
    CASE_(vkCreateBuffer, 0, NO_ROOM, "vkCreateBuffer"),
    CASE_(vkCreateBuffer, 2, NO_HOST, "computer"), // the staging block
    CASE_(vkAllocateMemory, 0, NO_ROOM, "weights needs"),
    CASE_(vkAllocateMemory, 1, NO_HOST, "losses needs"),
    CASE_(vkAllocateMemory, 2, NO_ROOM, "staging needs 4096 KiB"),
    CASE_(vkAllocateMemory, 0, VK_ERROR_TOO_MANY_OBJECTS, VKSTYLE_FAILED,
          "vkAllocateMemory failed"),
    CASE_(vkBindBufferMemory, 0, NO_ROOM, "vkBindBufferMemory"),
    CASE_(vkMapMemory, 0, VK_ERROR_MEMORY_MAP_FAILED, VKSTYLE_FAILED, "VK_ERROR_MEMORY_MAP_FAILED"),
    CASE_(vkCreateCommandPool, 0, NO_HOST, "vkCreateCommandPool"),
    CASE_(vkCreateCommandPool, 1, NO_ROOM, "vkCreateCommandPool"),
    CASE_(vkAllocateCommandBuffers, 0, NO_HOST, "vkAllocateCommandBuffers"),
    CASE_(vkAllocateCommandBuffers, 1, NO_ROOM, "vkAllocateCommandBuffers"),
    CASE_(vkBeginCommandBuffer, 0, NO_HOST, "vkBeginCommandBuffer"),
    CASE_(vkBeginCommandBuffer, 1, NO_ROOM, "vkBeginCommandBuffer"),
    CASE_(vkEndCommandBuffer, 0, NO_HOST, "vkEndCommandBuffer"),
    CASE_(vkEndCommandBuffer, 1, NO_ROOM, "vkEndCommandBuffer"),
    CASE_(vkCreateDescriptorSetLayout, 0, NO_HOST, "vkCreateDescriptorSetLayout"),
    CASE_(vkCreatePipelineLayout, 0, NO_HOST, "vkCreatePipelineLayout"),
    CASE_(vkCreateShaderModule, 0, VK_ERROR_INVALID_SHADER_NV, VKSTYLE_FAILED, "kernel gemm"),
    CASE_(vkCreateShaderModule, 0, NO_HOST, "computer"),
    CASE_(vkCreateComputePipelines, 0, VK_ERROR_UNKNOWN, VKSTYLE_FAILED, "kernel gemm"),
    CASE_(vkCreateDescriptorPool, 0, NO_ROOM, "vkCreateDescriptorPool"),
    CASE_(vkAllocateDescriptorSets, 0, NO_ROOM, "vkAllocateDescriptorSets"),
    CASE_(vkCreateBufferView, 0, NO_ROOM, "vkCreateBufferView"),
    CASE_(vkCreateBufferView, 1, NO_HOST, "vkCreateBufferView"),
    CASE_(vkCreateQueryPool, 0, NO_ROOM, "vkCreateQueryPool"),
    CASE_(vkGetQueryPoolResults, 0, NO_HOST, "vkGetQueryPoolResults"),
    CASE_(vkGetQueryPoolResults, 0, VK_NOT_READY, VKSTYLE_FAILED, "VK_NOT_READY"),
    CASE_(vkResetFences, 0, NO_ROOM, "vkResetFences"),
    CASE_(vkQueueSubmit, 0, NO_ROOM, "vkQueueSubmit"),
    CASE_(vkQueueSubmit, 1, NO_HOST, "vkQueueSubmit"),
    CASE_(vkWaitForFences, 0, NO_ROOM, "vkWaitForFences"),
    CASE_(vkQueueSubmit, 0, LOST, "vkQueueSubmit"),
    CASE_(vkQueueSubmit, 1, LOST, "vkQueueSubmit"),
    CASE_(vkWaitForFences, 0, LOST, "vkWaitForFences"),
    CASE_(vkWaitForFences, 1, LOST, "vkWaitForFences"),
    CASE_(vkGetQueryPoolResults, 0, LOST, "vkGetQueryPoolResults"),
};

static void disturb(const disturbance *d)
{
    vkstyle_error error = {0};
    vks_gpu *gpu = open_with(
        d->offset == offsetof(struct VolkDeviceTable, vkCreateBufferView) ? "texel=1" : NULL);
    real = gpu->vk;
    fault = d->result;
    pass = d->after;
    memcpy((char *)&gpu->vk + d->offset, &d->stub, sizeof d->stub);
    const bool good = work(gpu, &error);
    if (good || error.status != d->status || !strstr(error.text, d->word))
        fail_msg("%s after %d: status %d: %s", d->name, d->after, (int)error.status, error.text);
    if (pass >= 0)
        fail_msg("%s was called too rarely to fail", d->name);
    gpu->vk = real;
    if (d->result == VK_ERROR_DEVICE_LOST) {
        vkstyle_error again = {0};
        assert_false(work(gpu, &again));
        assert_string_equal(again.text, error.text);
    } else {
        assert_int_equal(vks_gpu_allocated(gpu), gpu->staging ? gpu->staging->counted : 0);
        if (!work(gpu, &error)) // it was the call's fault, not the device's
            fail_msg("after %s: %s", d->name, error.text);
    }
    vks_gpu_close(&gpu);
    if (vks_gpu_validation_messages())
        fail_msg("after %s the validation layer spoke", d->name);
}

static void undisturbed(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    vks_gpu *gpu = open_with(NULL);
    need(work(gpu, &error), &error);
    vks_gpu_close(&gpu);
}

static void disturbed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof disturbances / sizeof disturbances[0]; ++i)
        disturb(&disturbances[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undisturbed),
        cmocka_unit_test(disturbed),
    };
    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
