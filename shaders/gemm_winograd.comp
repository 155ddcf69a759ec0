#version 450
// Matrix product in the Winograd domain, float32: see gemm.glsl.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

#define GEMM_WINOGRAD
#define GEMM_SOURCE(b, name) SOURCE32(b, name)
#define GEMM_LOAD(name, i) LOAD32(name, i)
#define GEMM_TARGET(b, name) TARGET32(b, name)
#define GEMM_READ(name, i) name[i]
#define GEMM_STORE(name, i, v) name[i] = (v)
#include "gemm.glsl"
