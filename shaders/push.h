// SPDX-License-Identifier: MIT
// The push constants of every kernel, shared between C and GLSL: one definition, no two copies to
// keep in step.
#ifndef VKS_PUSH_H
#define VKS_PUSH_H

#ifdef GL_core_profile
#define VKS_PUSH(name, fields)                                                                     \
    layout(push_constant, scalar) uniform name##_block { fields } push;
#define VKS_UINT uint
#else
#include <stdint.h>
#define VKS_PUSH(name, fields) typedef struct name { fields } name;
#define VKS_UINT uint32_t
#endif

#endif
