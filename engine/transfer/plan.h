// SPDX-License-Identifier: MIT
//
// A plan: the list of kernel dispatches of one piece of work (usually one iteration), its buffers
// and their lifetimes. It is built once, its memory is known before anything is allocated, it is
// recorded once and replayed.
//
//   plan = vks_plan_create(limits, storage)
//   b = vks_plan_buffer(plan, ...); vks_plan_add(plan, &step) ...; vks_plan_cut(plan) ...
//   vks_plan_bytes(plan)                      what it will take
//   vks_plan_realise(plan, gpu, timed, error)  allocates and records
//   vks_plan_run / vks_gpu_submit(gpu, vks_plan_sequence(plan), ...)
//
// Building never fails half way: the first mistake is remembered and reported by realise.
#ifndef VKS_PLAN_H
#define VKS_PLAN_H

#include "../gpu/gpu.h"
#include "../sha256.h"

typedef struct vks_plan vks_plan;

// How long a buffer's contents live.
typedef enum vks_life {
    VKS_PASSING, // from its first use in the plan to its last; memory is shared with others
    VKS_KEPT,    // as long as the plan: state between iterations, what the host reads or writes
    VKS_MAPPED   // kept, host-visible and mapped (losses)
} vks_life;

// Part of a buffer. bytes 0: from offset to the end.
typedef struct vks_use {
    int buffer;
    uint64_t offset, bytes;
} vks_use;

typedef struct vks_step {
    vks_kernel kernel;
    uint32_t spec[VKS_MAX_SPEC];
    int spec_count;
    vks_use uses[VKS_MAX_BINDINGS]; // in binding order
    int use_count;
    const void *push; // copied
    uint32_t push_bytes;
    uint32_t groups[3]; // zeros stand for 1
    const char *label;  // static string
    double flops, bytes;
} vks_step;

vks_plan *vks_plan_create(const vks_gpu_limits *limits, vks_storage storage, vkstyle_error *error);
void vks_plan_free(vks_plan **plan);
const vks_gpu_limits *vks_plan_limits(const vks_plan *plan);
vks_storage vks_plan_storage(const vks_plan *plan);

// A new buffer; name is a static string. Returns its number.
int vks_plan_buffer(vks_plan *plan, const char *name, uint64_t bytes, vks_life life);
// A buffer whose memory belongs to somebody else (weights, another plan's state).
int vks_plan_external(vks_plan *plan, const char *name, vks_slice slice);
uint64_t vks_plan_buffer_bytes(const vks_plan *plan, int buffer);

void vks_plan_add(vks_plan *plan, const vks_step *step);
// Copies `bytes` between buffers (both uses must have the same bytes).
void vks_plan_copy(vks_plan *plan, vks_use from, vks_use to);
// A good place to end a submission.
void vks_plan_cut(vks_plan *plan);
// Parts so far: cuts.
int vks_plan_parts(const vks_plan *plan);
// Remembers a mistake found while building (the first one counts); realise reports it.
void vks_plan_fail(vks_plan *plan, vkstyle_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Fixes the layout and returns the device bytes of all own buffers. No step may follow.
uint64_t vks_plan_bytes(vks_plan *plan);
double vks_plan_flops(const vks_plan *plan);

// Takes in all that the plan's results depend on but its inputs and the kernels themselves: what is
// done, in which order, to which bytes. Before realise.
void vks_plan_digest(const vks_plan *plan, vks_sha256 *hash);
// Has the pipelines of the plan's steps compiled in the background (vks_gpu_foretell), for a plan
// like it. Before realise.
void vks_plan_foretell(const vks_plan *plan, vks_gpu *gpu);

// The plan shall use this block instead of one of its own: plans that run one at a time can share
// one. Before realise; it has at least vks_plan_bytes, outlives the plan and is not the plan's.
void vks_plan_share(vks_plan *plan, vks_block *arena);
bool vks_plan_realise(vks_plan *plan, vks_gpu *gpu, bool timed, vkstyle_error *error);
vks_sequence *vks_plan_sequence(const vks_plan *plan);
// Where a buffer lies; after realise.
vks_slice vks_plan_slice(const vks_plan *plan, int buffer);
void *vks_plan_mapped(const vks_plan *plan, int buffer);
// Submits the whole plan once and waits for it.
bool vks_plan_run(vks_plan *plan, vkstyle_error *error);

#endif
