// SPDX-License-Identifier: MIT
//
// What the files of engine/gpu share: the objects with their Vulkan handles, and the check macro.
// Nothing outside this folder includes it.
#ifndef VKS_GPU_INTERNAL_H
#define VKS_GPU_INTERNAL_H

#include <stdatomic.h>
#include <volk.h>

#include "gpu.h"
#include "../error.h"

// Oldest device API that we accept.
#define VKS_API VK_API_VERSION_1_2

enum { VKS_IN_FLIGHT = 64 };

// ---------------------------------------------------------------- checks

// Runs a device-level Vulkan call that has to succeed; otherwise fills *error and leaves by `goto
// fail`. Positive results (VK_TIMEOUT, VK_NOT_READY, VK_INCOMPLETE) count as failures too: calls
// that may give one are not made through this macro.
#define VK(gpu, error, call)                                                                       \
    do {                                                                                           \
        const VkResult vk_result_ = (gpu)->vk.call;                                                \
        if (vk_result_ != VK_SUCCESS) {                                                            \
            vks_vulkan_fail(gpu, vk_result_, #call, error);                                        \
            goto fail;                                                                             \
        }                                                                                          \
    } while (0)

const char *vks_result_name(VkResult result);
// Fills *error for a failed call ("vkCreateFence(...)": only the name is shown). Device loss is
// remembered in the gpu. Returns false.
bool vks_vulkan_fail(vks_gpu *gpu, VkResult result, const char *call, vkstyle_error *error);
// false, with the text of the loss, once the device has been lost.
bool vks_gpu_alive(const vks_gpu *gpu, vkstyle_error *error);

// "300 bytes", "12 KiB", "1536 MiB": rounded up, no decimals and so no locale.
typedef struct vks_size_text {
    char text[32];
} vks_size_text;
vks_size_text vks_size(uint64_t bytes);

uint64_t vks_hash(uint64_t seed, const void *data, size_t bytes); // FNV-1a
#define VKS_HASH_SEED 0xcbf29ce484222325u

// ---------------------------------------------------------------- instance

// One VkInstance for the process, counted: volk keeps instance functions in globals.
typedef struct vks_instance {
    VkInstance handle;
    VkDebugUtilsMessengerEXT messenger;
    bool debug_utils; // names and labels can be given
    bool validation;
} vks_instance;

const vks_instance *vks_instance_acquire(vkstyle_error *error);
void vks_instance_release(void);

// What VKSTYLE_VALIDATION asks for.
typedef enum vks_validation {
    VKS_VALIDATION_OFF,
    VKS_VALIDATION_ON,
    VKS_VALIDATION_SYNC // also hazards between dispatches
} vks_validation;
bool vks_validation_wanted(vks_validation *wanted, vkstyle_error *error);
void vks_validation_messenger(VkDebugUtilsMessengerCreateInfoEXT *info);
void vks_validation_begin(void); // arranges for the exit status

// ---------------------------------------------------------------- devices

// A physical device as found, looked at, but not opened.
typedef struct vks_candidate {
    VkPhysicalDevice physical;
    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceMemoryProperties memory;
    vkstyle_device info;
    vks_gpu_limits limits;
    uint64_t main_memory;    // free when we looked; UINT64_MAX where nobody says
    uint64_t budget_cap;     // simulated; UINT64_MAX when not
    uint32_t family;         // of the queue
    uint32_t timestamp_bits; // 0: no timestamps
    uint32_t heap;           // where blocks go
    bool has_memory_budget, has_portability_subset;
    char key[96];
} vks_candidate;

// The largest device-local heap: fills heap and limits.memory from `memory`.
void vks_choose_heap(vks_candidate *candidate);
void vks_candidates_sort(vks_candidate *candidates, int count); // best first; gives the indices
// Best first; *candidates is malloc'ed. Fails when there is none.
bool vks_candidates(const vks_instance *instance, vks_candidate **candidates, int *count,
                    vkstyle_error *error);
// The one that `choice` means; NULL with an error that lists what there is.
const vks_candidate *vks_choose(const vks_candidate *candidates, int count, const char *choice,
                                vkstyle_error *error);
// Free bytes of main memory when we have `allocated` bytes of it; UINT64_MAX where nobody says.
uint64_t vks_main_memory_free(const vks_candidate *candidate, uint64_t allocated);
// Free bytes of the candidate's heap when we have `allocated` bytes of it.
uint64_t vks_heap_free(const vks_candidate *candidate, uint64_t allocated);

// The features that cooperative matrices need (coopmat.c), as one chain. The extension's own struct
// is spelled out: Debian 12's headers do not know it.
#define VKS_COOPMAT_EXTENSION "VK_KHR_cooperative_matrix"
#define VKS_COOPMAT_FEATURES  ((VkStructureType)1000506000)
typedef struct vks_coopmat_features {
    VkPhysicalDeviceFeatures2 features;
    struct {
        VkStructureType sType;
        void *pNext;
        VkBool32 cooperativeMatrix, cooperativeMatrixRobustBufferAccess;
    } matrix;
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT size;
    VkPhysicalDevice16BitStorageFeatures bits;
    VkPhysicalDeviceShaderFloat16Int8Features half;
    VkPhysicalDeviceVulkanMemoryModelFeatures model;
} vks_coopmat_features;
void vks_coopmat_chain(vks_coopmat_features *features); // to be asked for: all off
void vks_coopmat_enable(vks_coopmat_features *features);
// Fills limits.matrix if the device can run what coop.glsl describes. The other limits are known, and it has
// both extensions.
void vks_coopmat_look(const vks_instance *instance, vks_candidate *candidate);

// VKSTYLE_DEBUG_LIMITS, parsed.
enum { VKS_SIMULATED = 16 };
typedef struct vks_simulation {
    const char *text; // NULL: nothing is simulated
    bool set[VKS_SIMULATED];
    uint64_t value[VKS_SIMULATED];
    uint32_t api; // 0: not set
} vks_simulation;

bool vks_simulation_read(vks_simulation *simulation, vkstyle_error *error);
// The two limits that others follow from: NULL where not simulated, or its value.
const uint64_t *vks_simulated(const vks_simulation *simulation, const char *name);
void vks_simulation_apply(const vks_simulation *simulation, vks_candidate *candidate);

// ---------------------------------------------------------------- objects

typedef struct vks_view {
    VkBufferView handle;
    VkFormat format;
    uint64_t offset, bytes;
} vks_view;

// Asks for huge pages where the device is software; a fresh block, not mapped yet.
void vks_block_advise(vks_gpu *gpu, vks_block *block);

struct vks_block {
    vks_gpu *gpu;
    const char *name;
    VkBuffer buffer;
    VkDeviceMemory memory;
    uint64_t bytes;
    uint64_t counted; // bytes in the gpu's sums
    uint32_t heap;
    bool beside; // HOST memory of software Vulkan: no part of what its heap is said to hold
    void *map;
    vks_view *views;
    int view_count, view_capacity;
};

// A pipeline is known by kernel, storage and specialisation; it is compiled when first recorded.
typedef struct vks_pipeline {
    struct vks_pipeline *next;
    vks_kernel kernel;
    vks_storage storage;
    uint32_t spec[VKS_MAX_SPEC];
    int spec_count;
    VkPipeline handle;
    VkResult result;  // of the compilation
    atomic_bool made; // there is a handle; before that both may be another thread's
} vks_pipeline;

typedef struct vks_batch vks_batch;

typedef struct vks_layout {
    VkDescriptorSetLayout set;
    VkPipelineLayout pipeline;
} vks_layout;

typedef struct vks_item {
    vks_dispatch dispatch;  // of a copy: slices 0 and 1, label
    vks_pipeline *pipeline; // NULL: a copy
    VkDescriptorSet set;
} vks_item;

typedef struct vks_part {
    int first, last; // items
    double cost;
    bool submitted;
} vks_part;

struct vks_sequence {
    vks_gpu *gpu;
    bool timed;
    bool begun, recorded; // recording has begun, and has ended well
    vks_item *items;
    int item_count, item_capacity;
    vks_part *parts;
    int part_count, part_capacity;
    VkCommandPool pool;
    VkCommandBuffer *commands; // one a part
    VkDescriptorPool descriptors;
    VkQueryPool queries; // part p's begin at its first item + p: one before it, one after each item
    vks_timing *timings;
    uint64_t ticket; // of the last submission
};

struct vks_gpu {
    const vks_instance *instance;
    vks_candidate is;
    VkDevice device;
    struct VolkDeviceTable vk;
    VkQueue queue;

    // memory.c
    uint64_t heap_used[VK_MAX_MEMORY_HEAPS];
    uint64_t allocated, peak;
    vks_block *staging;
    VkCommandPool copy_pool;
    VkCommandBuffer copy_commands;

    // kernels.c, cache.c
    VkPipelineCache cache;
    bool cache_dirty;
    vks_layout layouts[VKS_KERNEL_COUNT];
    vks_pipeline *pipelines;
    vks_batch *batch; // of pipelines being compiled; NULL: none
    double compile_seconds;

    // submit.c: ticket t has fence t % VKS_IN_FLIGHT
    VkFence fences[VKS_IN_FLIGHT];
    uint64_t submitted, finished; // tickets
    uint64_t lose_at, lose_count; // VKSTYLE_DEBUG_LOSE
    char lost[512];               // text, once the device has been lost
};

// ---------------------------------------------------------------- between the files

// A static name for debuggers; does nothing where they are not there to see it.
void vks_name(vks_gpu *gpu, VkObjectType type, uint64_t handle, const char *name);

// The memory type for a block among the `allowed` ones; -1: none.
int vks_choose_type(const vks_candidate *candidate, uint32_t allowed, vks_memory kind);
bool vks_slice_check(const vks_slice *slice, const char *what, vkstyle_error *error);
// The view of a texel binding; made once, lives as long as the block.
bool vks_block_view(const vks_slice *slice, VkFormat format, VkBufferView *view,
                    vkstyle_error *error);

const char *vks_kernel_bindings(vks_kernel kernel); // letters, see shaders/meson.build
// The layouts of a kernel on this device, made when first asked for.
bool vks_kernel_layout(vks_gpu *gpu, vks_kernel kernel, const vks_layout **layout,
                       vkstyle_error *error);
VkDescriptorType vks_binding_type(const vks_gpu *gpu, char letter);
VkFormat vks_binding_format(char letter, vks_storage storage);
// The pipeline of a dispatch, compiled or not.
vks_pipeline *vks_pipeline_find(vks_gpu *gpu, const vks_dispatch *dispatch, vkstyle_error *error);
// Compiles one, on any thread; its kernel has its layout.
void vks_pipeline_compile(vks_gpu *gpu, vks_pipeline *pipeline);
// Whether that went well.
bool vks_pipeline_check(vks_gpu *gpu, const vks_pipeline *pipeline, vkstyle_error *error);
// Compiles those pipelines that are not yet, on several threads. NULLs among them are passed over.
bool vks_pipelines_compile(vks_gpu *gpu, vks_pipeline *const *pipelines, int count,
                           vkstyle_error *error);
// Waits for the batch at work, if there is one; needed: helps, else drops what has not begun.
void vks_batch_end(vks_gpu *gpu, bool needed);
void vks_kernels_free(vks_gpu *gpu);

void vks_cache_load(vks_gpu *gpu);
void vks_cache_save(vks_gpu *gpu);

bool vks_submit_open(vks_gpu *gpu, vkstyle_error *error);
void vks_submit_close(vks_gpu *gpu);
bool vks_submit(vks_gpu *gpu, const VkCommandBuffer *commands, uint32_t count, uint64_t *ticket,
                vkstyle_error *error);
// Waits even when the device has been declared lost; for freeing.
void vks_drain(vks_gpu *gpu, uint64_t ticket);

const char *vks_label(const vks_dispatch *dispatch);
// false when recording has begun or the device is lost.
bool vks_sequence_unrecorded(const vks_sequence *sequence, vkstyle_error *error);
// Parts of a sequence, for submit.c.
bool vks_sequence_commands(vks_sequence *sequence, int first, int last,
                           const VkCommandBuffer **commands, vkstyle_error *error);
void vks_sequence_submitted(vks_sequence *sequence, int first, int last, uint64_t ticket);

// Makes what was written before visible to what comes after, in a command buffer.
void vks_barrier(vks_gpu *gpu, VkCommandBuffer commands);
// Makes it visible to the host, once the submission is done.
void vks_barrier_host(vks_gpu *gpu, VkCommandBuffer commands);

#endif
