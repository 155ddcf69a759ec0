#version 450
// Matrix product over the scratch, float32, for GPUs: see gemm_tiled.glsl.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

#define GEMM_SOURCE(b, name) SOURCE32(b, name)
#define GEMM_LOAD(name, i) LOAD32(name, i)
#define GEMM_TARGET(b, name) TARGET32(b, name)
#define GEMM_READ(name, i) name[i]
#define GEMM_STORE(name, i, v) name[i] = (v)
#include "gemm_tiled.glsl"
