// SPDX-License-Identifier: MIT
// The push constants of every kernel as one definition for C and GLSL, so that there are no two
// copies to keep in step. Members are 4-byte scalars only: then C's layout and std430's agree.
//
// GLSL: PUSH(vks_push_gemm);  then push.columns.   C: (struct vks_push_gemm){.columns = ...}.
#ifndef VKS_PUSH_H
#define VKS_PUSH_H

#ifdef VULKAN
#define PUSH(type)                                                                                 \
    layout(push_constant, std430) uniform push_block { type push; }
#else
#include <stdint.h>
#define uint uint32_t
#endif

struct vks_push_gemm {
    uint columns;   // of source and result, multiple of the workgroup's width
    uint k_quads;   // K/4 of the whole product
    uint k_first;   // first quad of k of this dispatch
    uint out_quads; // N/4
};

#ifndef VULKAN
#undef uint
#endif
#endif
