// SPDX-License-Identifier: MIT
//
// The kernels by number: their SPIR-V, their layouts and their pipelines.
#include "internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct vks_spirv {
    const uint32_t *words;
    size_t bytes;
} vks_spirv;

// A product (gemm.glsl) whose loops have been unrolled when the program was built: constant 1 is
// `chunk`, constant 2 is 4. Of the variant float_texel.
typedef struct vks_ready {
    uint32_t chunk; // 0: none
    vks_spirv spirv;
} vks_ready;

typedef struct vks_kernel_source {
    const char *name, *bindings;
    bool matrices;         // needs matrix units (coop.glsl)
    vks_spirv variants[4]; // float, float_texel, half, half_texel
    vks_ready ready[3];
} vks_kernel_source;

#include "kernels_table.h"

const char *vks_kernel_name(vks_kernel kernel)
{
    return (unsigned)kernel < VKS_KERNEL_COUNT ? kernel_sources[kernel].name : "copy";
}

bool vks_kernel_writes(vks_kernel kernel, int binding)
{
    return kernel_sources[kernel].bindings[binding] == 'w';
}

const char *vks_kernel_bindings(vks_kernel kernel)
{
    return kernel_sources[kernel].bindings;
}

bool vks_coopmat_built(void)
{
    return kernel_sources[VKS_KERNEL_CONV_COOP_FORWARD].variants[0].words != NULL;
}

void vks_kernels_digest(vks_sha256 *hash)
{
    for (int k = 0; k < VKS_KERNEL_COUNT; ++k) {
        const vks_kernel_source *source = &kernel_sources[k];
        for (int i = 0; i < 4; ++i)
            vks_sha256_fold(hash, source->variants[i].words, source->variants[i].bytes);
        for (int i = 0; i < 3; ++i)
            vks_sha256_fold(hash, source->ready[i].spirv.words, source->ready[i].spirv.bytes);
    }
}

VkDescriptorType vks_binding_type(const vks_gpu *gpu, char letter)
{
    return letter != 'w' && letter != 'r' && gpu->is.limits.texel
               ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
               : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
}

VkFormat vks_binding_format(char letter, vks_storage storage)
{
    if (letter == 'u')
        return VK_FORMAT_R32G32_UINT;
    return letter == 's' && storage == VKS_HALF ? VK_FORMAT_R16G16B16A16_SFLOAT
                                                : VK_FORMAT_R32G32B32A32_SFLOAT;
}

bool vks_kernel_layout(vks_gpu *gpu, vks_kernel kernel, const vks_layout **layout,
                       vkstyle_error *error)
{
    vks_layout *own = &gpu->layouts[kernel];
    const char *letters = vks_kernel_bindings(kernel);
    const uint32_t count = (uint32_t)strlen(letters);
    *layout = own;
    if (own->pipeline)
        return true;
    VkDescriptorSetLayoutBinding bindings[VKS_MAX_BINDINGS];
    uint32_t buffers = 0;
    if (count > VKS_MAX_BINDINGS)
        return vks_fail(error, VKSTYLE_FAILED, "kernel %s has %u bindings, more than %d",
                        vks_kernel_name(kernel), count, VKS_MAX_BINDINGS);
    for (uint32_t i = 0; i < count; ++i) {
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = vks_binding_type(gpu, letters[i]),
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
        buffers += bindings[i].descriptorType == VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    }
    const uint32_t most = gpu->is.properties.limits.maxPerStageDescriptorStorageBuffers;
    if (buffers > most)
        return vks_fail(
            error, VKSTYLE_NO_DEVICE,
            "kernel %s binds %u storage buffers, and %s takes %u: choose another --device",
            vks_kernel_name(kernel), buffers, gpu->is.info.name, most);
    if (!own->set)
        VK(gpu, error,
           vkCreateDescriptorSetLayout(
               gpu->device,
               &(VkDescriptorSetLayoutCreateInfo){
                   .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                   .bindingCount = count,
                   .pBindings = bindings,
               },
               NULL, &own->set));
    VK(gpu, error,
       vkCreatePipelineLayout(gpu->device,
                              &(VkPipelineLayoutCreateInfo){
                                  .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                  .setLayoutCount = 1,
                                  .pSetLayouts = &own->set,
                                  .pushConstantRangeCount = 1,
                                  .pPushConstantRanges =
                                      &(VkPushConstantRange){
                                          .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
                                          .size = VKS_MAX_PUSH,
                                      },
                              },
                              NULL, &own->pipeline));
    return true;
fail:
    return false;
}

vks_pipeline *vks_pipeline_find(vks_gpu *gpu, const vks_dispatch *dispatch, vkstyle_error *error)
{
    vks_pipeline *pipeline = gpu->pipelines;
    const size_t bytes = (size_t)dispatch->spec_count * sizeof dispatch->spec[0];
    for (; pipeline; pipeline = pipeline->next)
        if (pipeline->kernel == dispatch->kernel && pipeline->storage == dispatch->storage &&
            pipeline->spec_count == dispatch->spec_count &&
            memcmp(pipeline->spec, dispatch->spec, bytes) == 0)
            return pipeline;
    pipeline = calloc(1, sizeof *pipeline);
    if (!pipeline) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
        return NULL;
    }
    pipeline->kernel = dispatch->kernel;
    pipeline->storage = dispatch->storage;
    pipeline->spec_count = dispatch->spec_count;
    memcpy(pipeline->spec, dispatch->spec, bytes);
    pipeline->next = gpu->pipelines;
    gpu->pipelines = pipeline;
    return pipeline;
}

// ---------------------------------------------------------------- compilation

// Software Vulkan turns SPIR-V into its own form at every start, whatever caches hold, and takes
// three times as long where it has to unroll loops.
static const vks_spirv *spirv_of(const vks_gpu *gpu, const vks_pipeline *pipeline)
{
    const vks_kernel_source *source = &kernel_sources[pipeline->kernel];
    const bool texel = gpu->is.limits.texel, half = pipeline->storage == VKS_HALF;
    const bool same = !half || !strchr(source->bindings, 's'); // float32 in either storage
    for (int i = 0; i < 3 && texel && same && pipeline->spec_count == 3; ++i)
        if (source->ready[i].chunk && source->ready[i].chunk == pipeline->spec[1] &&
            pipeline->spec[2] == 4)
            return &source->ready[i].spirv;
    return &source->variants[2 * half + texel];
}

void vks_pipeline_compile(vks_gpu *gpu, vks_pipeline *pipeline)
{
    const vks_spirv *spirv = spirv_of(gpu, pipeline);
    VkShaderModule module = VK_NULL_HANDLE;
    if (!spirv->words) { // left out of this build (shaders/meson.build)
        pipeline->result = VK_ERROR_FEATURE_NOT_PRESENT;
        return;
    }
    pipeline->result =
        gpu->vk.vkCreateShaderModule(gpu->device,
                                     &(VkShaderModuleCreateInfo){
                                         .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                         .codeSize = spirv->bytes,
                                         .pCode = spirv->words,
                                     },
                                     NULL, &module);
    if (pipeline->result != VK_SUCCESS)
        return;
    VkSpecializationMapEntry entries[VKS_MAX_SPEC];
    for (int i = 0; i < pipeline->spec_count; ++i)
        entries[i] = (VkSpecializationMapEntry){
            .constantID = (uint32_t)i, .offset = (uint32_t)i * 4, .size = 4};
    const VkSpecializationInfo specialization = {
        .mapEntryCount = (uint32_t)pipeline->spec_count,
        .pMapEntries = entries,
        .dataSize = (size_t)pipeline->spec_count * 4,
        .pData = pipeline->spec,
    };
    const bool matrices = kernel_sources[pipeline->kernel].matrices;
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT size = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT,
        .requiredSubgroupSize = gpu->is.limits.matrix_lanes,
    };
    pipeline->result = gpu->vk.vkCreateComputePipelines(
        gpu->device, gpu->cache, 1,
        &(VkComputePipelineCreateInfo){
            .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
            .stage =
                {
                    .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                    .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                    .module = module,
                    .pName = "main",
                    // Four subgroups share the work of this one: it needs to know what they are.
                    .pNext = matrices ? &size : NULL,
                    .flags = matrices
                                 ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT
                                 : 0,
                    .pSpecializationInfo = &specialization,
                },
            .layout = gpu->layouts[pipeline->kernel].pipeline,
        },
        NULL, &pipeline->handle);
    gpu->vk.vkDestroyShaderModule(gpu->device, module, NULL);
    if (pipeline->result != VK_SUCCESS)
        return;
    vks_name(gpu, VK_OBJECT_TYPE_PIPELINE, (uint64_t)pipeline->handle,
             vks_kernel_name(pipeline->kernel));
    atomic_store(&pipeline->made, true);
}

bool vks_pipeline_check(vks_gpu *gpu, const vks_pipeline *p, vkstyle_error *error)
{
    if (p->result == VK_ERROR_OUT_OF_HOST_MEMORY || p->result == VK_ERROR_DEVICE_LOST)
        return vks_vulkan_fail(gpu, p->result, "vkCreateComputePipelines", error);
    return p->result == VK_SUCCESS ||
           vks_fail(error, VKSTYLE_FAILED,
                    "the driver of %s (%s) cannot compile kernel %s with workgroups of %u: %s. "
                    "A newer driver or another --device may help",
                    gpu->is.info.name, gpu->is.info.driver, vks_kernel_name(p->kernel), p->spec[0],
                    vks_result_name(p->result));
}

void vks_kernels_free(vks_gpu *gpu)
{
    vks_batch_end(gpu, false);
    for (vks_pipeline *pipeline = gpu->pipelines, *next; pipeline; pipeline = next) {
        next = pipeline->next;
        gpu->vk.vkDestroyPipeline(gpu->device, pipeline->handle, NULL);
        free(pipeline);
    }
    gpu->pipelines = NULL;
    for (int i = 0; i < VKS_KERNEL_COUNT; ++i) {
        gpu->vk.vkDestroyPipelineLayout(gpu->device, gpu->layouts[i].pipeline, NULL);
        gpu->vk.vkDestroyDescriptorSetLayout(gpu->device, gpu->layouts[i].set, NULL);
    }
}
