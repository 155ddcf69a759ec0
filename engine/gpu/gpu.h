// SPDX-License-Identifier: MIT
//
// The one header of engine/gpu: compute on a Vulkan device, without a Vulkan type in sight. It
// knows nothing of networks: blocks of memory, kernels by number, dispatches, and sequences of
// dispatches that are recorded once and replayed.
#ifndef VKS_GPU_H
#define VKS_GPU_H

#include "../sha256.h"
#include "../vkstyle.h"

typedef struct vks_gpu vks_gpu;

// ---------------------------------------------------------------- device

// What a plan has to know of a device. `simulate` below can lower any of them.
typedef struct vks_gpu_limits {
    bool software;           // VK_PHYSICAL_DEVICE_TYPE_CPU: kernels shaped for software Vulkan pay
    bool texel;              // sources may be bound as texel buffers (see VKS_SOURCE)
    uint64_t storage_range;  // bytes one binding may span (maxStorageBufferRange)
    uint64_t texel_elements; // vec4s one texel binding may span (maxTexelBufferElements)
    uint64_t allocation;     // bytes of the largest single block
    uint32_t invocations;    // of one workgroup
    uint32_t shared_bytes;   // of one workgroup
    uint32_t push_bytes;     // at least 128
    uint32_t groups[3];      // workgroups of one dispatch
    uint32_t alignment;      // of a slice's offset, bytes
    uint32_t subgroup;       // lanes; 0 where unknown
    uint32_t matrix[3];      // rows, columns, depth of a product that the device's matrix units do,
                             // fp16 into fp32 (VK_KHR_cooperative_matrix); zeros: none
    uint32_t matrix_lanes;   // of a subgroup in kernels with such products
    uint64_t memory, budget; // bytes of the heap used, and how many of them are free
} vks_gpu_limits;

// All devices, best first (discrete, integrated, virtual, software). See vkstyle_devices.
bool vks_gpu_list(vkstyle_device **devices, int *count, vkstyle_error *error);

// choice as for vkstyle_open. Does not run the self-test (that needs kernels: selftest.c does).
//
// Debug variables (documented in docs/debugging.md):
//   VKSTYLE_DEBUG_LIMITS  "storage_range=1048576,invocations=128,shared_bytes=16384,texel=0,..."
//                         lowers limits by the field names above, to simulate small devices;
//                         "api=1.1" and "memory=..." likewise.
//   VKSTYLE_VALIDATION=1  loads VK_LAYER_KHRONOS_validation; it is an error if it cannot be loaded;
//                         each message of warning or error severity is printed to stderr, counted,
//                         and makes vks_gpu_close report and the process exit status non-zero
//                         (vks_gpu_validation_messages below lets hosts and tests ask).
vks_gpu *vks_gpu_open(const char *choice, vkstyle_error *error);
void vks_gpu_close(vks_gpu **gpu);
const vks_gpu_limits *vks_gpu_get_limits(const vks_gpu *gpu);
void vks_gpu_describe(const vks_gpu *gpu, vkstyle_device *device);
// A name that is the same for the same device and driver: key of caches and calibrations.
const char *vks_gpu_key(const vks_gpu *gpu);
// Free bytes now (VK_EXT_memory_budget, or the heap less what this process has allocated).
uint64_t vks_gpu_budget(const vks_gpu *gpu);
// Bytes allocated by blocks now, and the most ever.
uint64_t vks_gpu_allocated(const vks_gpu *gpu);
uint64_t vks_gpu_peak(const vks_gpu *gpu);
// Seconds that compiling kernels has taken so far (wall clock).
double vks_gpu_compile_seconds(const vks_gpu *gpu);
// Validation messages of this process so far; 0 when the layers are off or silent.
int vks_gpu_validation_messages(void);

// ---------------------------------------------------------------- memory

typedef struct vks_block vks_block;

typedef enum vks_memory {
    VKS_MEMORY_DEVICE,   // fast for the device; the host reaches it by upload and download
    VKS_MEMORY_READBACK, // host-visible, coherent and mapped (cached where there is such); small
                         // things
    VKS_MEMORY_HOST // the same, but large: main memory that the device reaches itself, for what
                    // its own has no room for
} vks_memory;

// name: a debug label (static string). Zeroed? No: contents are undefined until written.
vks_block *vks_block_create(vks_gpu *gpu, uint64_t bytes, vks_memory kind, const char *name,
                            vkstyle_error *error);
void vks_block_free(vks_block **block); // only when no submitted work uses it
uint64_t vks_block_bytes(const vks_block *block);
void *vks_block_map(vks_block *block); // READBACK and HOST; else NULL

typedef struct vks_slice {
    vks_block *block;
    uint64_t offset, bytes; // offset a multiple of limits.alignment
} vks_slice;

// Blocking copies, through a staging block of bounded size. The device is idle when they return.
// The staging block is counted by vks_gpu_allocated from the first copy on.
enum { VKS_STAGING_BYTES = 4 << 20 };
bool vks_upload(vks_gpu *gpu, vks_slice to, const void *data, vkstyle_error *error);
bool vks_download(vks_gpu *gpu, vks_slice from, void *data, vkstyle_error *error);
bool vks_clear(vks_gpu *gpu, vks_slice to, vkstyle_error *error); // zero bytes

// ---------------------------------------------------------------- kernels

// One number a shader file; the table in kernels.c has its SPIR-V variants and bindings. The order
// is that of shaders/meson.build, which generates the enum (kernels_gen.h): VKS_KERNEL_GEMM, ...
#include "kernels_gen.h"

enum { VKS_MAX_BINDINGS = 10, VKS_MAX_SPEC = 12, VKS_MAX_PUSH = 128 };

// Kernel variants. VKS_HALF: tensors of activations and gradients are stored as 16-bit floats.
typedef enum vks_storage { VKS_FLOAT, VKS_HALF } vks_storage;

// ---------------------------------------------------------------- sequences

typedef struct vks_dispatch {
    vks_kernel kernel;
    vks_storage storage;
    uint32_t spec[VKS_MAX_SPEC]; // specialisation constants 0..; constant 0 is local_size_x
    int spec_count;
    vks_slice slices[VKS_MAX_BINDINGS]; // as many as the kernel has bindings
    int slice_count;
    uint32_t push[VKS_MAX_PUSH / 4];
    uint32_t push_bytes;
    uint32_t groups[3];
    bool overlap;      // true: needs nothing that earlier dispatches wrote since the last barrier
    const char *label; // static string: what profile and debuggers show
    double flops;      // useful arithmetic, for the profile; 0 for copies
    double bytes;      // least memory traffic
} vks_dispatch;

// A list of dispatches, recorded once, submitted any number of times. It is made of parts, each one
// command buffer, so that a submission can hold as much work as about 100 ms take.
typedef struct vks_sequence vks_sequence;

vks_sequence *vks_sequence_create(vks_gpu *gpu, bool timed, vkstyle_error *error);
// Fails, naming the limit, when the dispatch breaks one. spec[0], the workgroup's width, is a must.
bool vks_sequence_add(vks_sequence *sequence, const vks_dispatch *dispatch, vkstyle_error *error);
// Copies bytes on the device, ordered like a dispatch. Offsets and sizes may be any.
bool vks_sequence_copy(vks_sequence *sequence, vks_slice from, vks_slice to, vkstyle_error *error);
// Ends a part here: the next dispatch starts a new one. `cost`: relative work of the part (flops).
// A part has at least one dispatch or copy, and the last one ends with a cut.
bool vks_sequence_cut(vks_sequence *sequence, double cost, vkstyle_error *error);
// After the last cut; compiles missing pipelines (in parallel) and records.
bool vks_sequence_record(vks_sequence *sequence, vkstyle_error *error);
// Waits for its own submissions. Before its blocks and its gpu are gone.
void vks_sequence_free(vks_sequence **sequence);
int vks_sequence_parts(const vks_sequence *sequence);
double vks_sequence_cost(const vks_sequence *sequence, int part);

// A hint: begins in the background to compile the pipelines that dispatches to come will need. Of
// each only kernel, storage and specialisation count. What fails is tried again, and told, when a
// sequence with it is recorded.
void vks_gpu_foretell(vks_gpu *gpu, const vks_dispatch *dispatches, int count);

// Seconds of each dispatch in its latest run (a sequence created with timed = true, run finished).
// Copies have an entry too, with kernel VKS_KERNEL_COUNT. Timed sequences run without overlap.
typedef struct vks_timing {
    const char *label;
    vks_kernel kernel;
    double seconds, flops, bytes;
} vks_timing;
// *count entries that belong to the sequence.
const vks_timing *vks_sequence_timings(vks_sequence *sequence, int *count, vkstyle_error *error);

// Submits parts [first, last) behind everything submitted before; returns at once. Ticket: for
// vks_gpu_done; tickets grow. At most 64 may be in flight: more wait.
bool vks_gpu_submit(vks_gpu *gpu, vks_sequence *sequence, int first, int last, uint64_t *ticket,
                    vkstyle_error *error);
// Waits up to `seconds` for the ticket (0: just look). false only on failure (device lost: says so
// and what to do); *done tells whether it has finished.
bool vks_gpu_done(vks_gpu *gpu, uint64_t ticket, double seconds, bool *done, vkstyle_error *error);

const char *vks_kernel_name(vks_kernel kernel);
// Takes in the kernels of this build, all variants.
void vks_kernels_digest(vks_sha256 *hash);
// Whether the shader compiler at build time knew GL_KHR_cooperative_matrix.
bool vks_coopmat_built(void);
// From here on the device has no matrix units: what they compute was found to be wrong.
void vks_gpu_forgo_matrices(vks_gpu *gpu);
// Whether the kernel writes (kind 'w') the binding.
bool vks_kernel_writes(vks_kernel kernel, int binding);

#endif
