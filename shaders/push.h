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

#include "push_encoder.h"
#include "push_losses.h"
#include "push_picture.h"

#ifndef VULKAN
#undef uint
#endif
#endif
