#version 450
// joining (+)= difference * F at every pixel, a product over channels by matrix units (the style
// loss' gradient). Tensors are halves, the difference is float32: it is multiplied by a power of two
// that makes its Frobenius norm about 2^10 before it becomes halves, and the sums by its inverse.
//
//   difference  [blocks of 16 outputs][padded channels][4] vec4, as gemm_tensor's weights
//   source      tensor [quads][plane]
//   partials    floats whose sum is the squared norm of the difference over `factor`
//   joining     tensor [quads rounded up to 4][plane]
//   grid        (runs of 128 pixels of the plane, groups of 64 outputs)
//
//   A workgroup makes 64 outputs of 128 pixels, each of its subgroups 32 of them. In shared memory,
//   for 64 channels at a time: [128 pixels][64 channels] and [64 channels][64 outputs], rows padded
//   by 16 bytes.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "coop.glsl"

layout(constant_id = 4) const uint ACCUMULATE = 0; // 1: add to what joining holds

layout(set = 0, binding = 0, std430) readonly buffer difference_block { vec4 difference[]; };
layout(set = 0, binding = 1, std430) readonly buffer source_block { uvec2 source[]; };
layout(set = 0, binding = 2, std430) readonly buffer partials_block { float partials[]; };
layout(set = 0, binding = 3, std430) buffer joining_block { uvec4 joining[]; }; // two pixels
PUSH(vks_push_gemm_coop);

const uint PIXELS = 128, OUTPUTS = 64, PITCH = 9;
const uint FETCH_V = PIXELS * 8 / WIDTH, FETCH_W = 64 * 8 / WIDTH;
const uint SUMS_M = OUTPUTS / M, SUMS_N = 32 / N;

shared uvec4 pool[(PIXELS + 64) * PITCH];
shared float norms[WIDTH];

// The exponent of the power of two.
int scale()
{
    const uint lane = gl_LocalInvocationID.x;
    float norm = 0.0;
    for (uint i = lane; i < push.partials; i += WIDTH)
        norm += partials[i];
    norms[lane] = norm;
    barrier();
    norm = 0.0;
    for (uint i = 0; i < WIDTH; ++i)
        norm += norms[i];
    norm = sqrt(norm) * abs(push.factor);
    return norm > 0.0 && is_finite(norm) ? 10 - clamp(int(ceil(log2(norm))), -80, 80) : 0;
}

void main()
{
    const uint lane = gl_LocalInvocationID.x;
    const uint first = gl_WorkGroupID.x * PIXELS;
    const uint last_block = push.out_quads / 4 - 1, mine_n = gl_SubgroupID * 32;
    const int exponent = scale();
    const float factor = ldexp(1.0, exponent);

    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sum[SUMS_M * SUMS_N];
    [[unroll]] for (uint i = 0; i < SUMS_M * SUMS_N; ++i)
        sum[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
    for (uint s = 0; s * 16 < push.quads; ++s) {
        uvec4 next_v[FETCH_V], next_w[FETCH_W];
        [[unroll]] for (uint i = 0; i < FETCH_V; ++i) {
            const uint j = i * WIDTH + lane, p = min(first + j % PIXELS, push.plane - 1);
            const uint quad = s * 16 + j / PIXELS * 2;
            next_v[i] = uvec4(0);
            if (quad < push.quads)
                next_v[i].xy = source[quad * push.plane + p];
            if (quad + 1 < push.quads)
                next_v[i].zw = source[(quad + 1) * push.plane + p];
        }
        [[unroll]] for (uint i = 0; i < FETCH_W; ++i) {
            const uint j = i * WIDTH + lane; // [4 blocks][64 channels][2]
            const uint block = min(gl_WorkGroupID.y * 4 + j / 128, last_block);
            const uint at = (block * push.padded + s * 64 + j % 128 / 2) * 4 + j % 2 * 2;
            next_w[i] = halves(factor * difference[at], factor * difference[at + 1]);
        }
        barrier(); // all have read the slice before
        [[unroll]] for (uint i = 0; i < FETCH_V; ++i) {
            const uint j = i * WIDTH + lane;
            pool[j % PIXELS * PITCH + j / PIXELS] = next_v[i];
        }
        [[unroll]] for (uint i = 0; i < FETCH_W; ++i) {
            const uint j = i * WIDTH + lane;
            pool[(PIXELS + j % 128 / 2) * PITCH + j / 128 * 2 + j % 2] = next_w[i];
        }
        barrier();
        [[unroll]] for (uint k = 0; k < 64; k += K) {
            coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b[SUMS_N];
            [[unroll]] for (uint n = 0; n < SUMS_N; ++n)
                coopMatLoad(b[n], pool, (mine_n + n * N) * PITCH + k / 8, PITCH,
                            gl_CooperativeMatrixLayoutColumnMajor);
            [[unroll]] for (uint m = 0; m < SUMS_M; ++m) {
                coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a;
                coopMatLoad(a, pool, (PIXELS + k) * PITCH + m * M / 8, PITCH,
                            gl_CooperativeMatrixLayoutColumnMajor);
                [[unroll]] for (uint n = 0; n < SUMS_N; ++n)
                    sum[m * SUMS_N + n] = coopMatMulAdd(a, b[n], sum[m * SUMS_N + n]);
            }
        }
    }

    barrier(); // the stages lie where the pixels were: [32 pixels][16 outputs] floats
    const uint stage = gl_SubgroupID * 128;
    const float back = ldexp(1.0, -exponent);
    [[unroll]] for (uint block = 0; block < 4; ++block) {
        [[unroll]] for (uint m = 0; m < 16 / M; ++m) {
            [[unroll]] for (uint n = 0; n < SUMS_N; ++n)
                coopMatStore(sum[(block * (16 / M) + m) * SUMS_N + n], pool,
                             stage + n * N * 4 + m * M / 4, 4, gl_CooperativeMatrixLayoutColumnMajor);
        }
        subgroupMemoryBarrierShared();
        subgroupBarrier();
        for (uint j = gl_SubgroupInvocationID; j < 64; j += gl_SubgroupSize) {
            const uint pixel = j % 16 * 2, quad = gl_WorkGroupID.y * 16 + block * 4 + j / 16;
            const uint p = first + mine_n + pixel;
            if (quad < push.out_quads && p < push.plane) {
                vec4 v0 = back * uintBitsToFloat(pool[stage + pixel * 4 + j / 16]);
                vec4 v1 = back * uintBitsToFloat(pool[stage + pixel * 4 + 4 + j / 16]);
                const uint to = (quad * push.plane + p) / 2;
                if (ACCUMULATE == 1) {
                    const uvec4 was = joining[to];
                    v0 += vec4(unpackHalf2x16(was.x), unpackHalf2x16(was.y));
                    v1 += vec4(unpackHalf2x16(was.z), unpackHalf2x16(was.w));
                }
                joining[to] = halves(v0, v1);
            }
        }
        subgroupMemoryBarrierShared();
        subgroupBarrier(); // all have read them
    }
}
