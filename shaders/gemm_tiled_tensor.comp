#version 450
// Matrix product over tensors (stored as float or half), for GPUs: see gemm_tiled.glsl.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

#define GEMM_SOURCE(b, name) SOURCE(b, name)
#define GEMM_LOAD(name, i) LOAD(name, i)
#define GEMM_TARGET(b, name) TARGET(b, name)
#define GEMM_READ(name, i) READ(name, i)
#define GEMM_STORE(name, i, v) STORE(name, i, v)
#include "gemm_tiled.glsl"
