#version 450
// The style losses' gradient at a layer where a guide or a loss of means asks for more than the plain
// product (gemm_tensor): result = weight of the pixel * (difference * F + vector).
//
//   weights  [N / 16][K][4] vec4: the difference matrix (style_loss.comp)
//   source   tensor [K / 4][columns]: F
//   guide    [columns / 4] vec4 of four pixels: weights (GUIDED = 1)
//   vector   [N / 4] vec4 (VECTOR = 1): the loss' gradient at the means
//   result   tensor [N / 4][columns]
//   grid     (columns / WIDTH, N / 16)
//
// Straight-line below the barrier for the reason given in gemm.glsl.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;
layout(constant_id = 1) const uint CHUNK = 64;     // values of k in this dispatch, multiple of 4
layout(constant_id = 2) const uint ACCUMULATE = 0; // 1: add to what the result holds
layout(constant_id = 3) const uint GUIDED = 0;
layout(constant_id = 4) const uint VECTOR = 0;

SOURCE32(0, weights);
SOURCE(1, source);
SOURCE32(2, guide);
SOURCE32(3, vector);
TARGET(4, result);
PUSH(vks_push_gemm);

shared vec4 w[CHUNK * 4];

void main()
{
    const uint x = gl_GlobalInvocationID.x;
    const uint block = gl_WorkGroupID.y;
    const uint from = (block * push.k_quads + push.k_first) * 16;
    [[unroll]] for (uint i = 0; i < CHUNK * 4; i += WIDTH) {
        const uint j = min(i + gl_LocalInvocationID.x, CHUNK * 4 - 1);
        w[j] = LOAD32(weights, from + j);
    }
    barrier();

    const uint to = block * 4 * push.result_columns + x;
    vec4 sum[4];
    [[unroll]] for (uint o = 0; o < 4; ++o)
        sum[o] = vec4(0);
    [[unroll]] for (uint k = 0; k < CHUNK / 4; ++k) {
        const vec4 v = LOAD(source, x + k * push.source_columns);
        [[unroll]] for (uint o = 0; o < 4; ++o) {
            sum[o] += v.x * w[(k * 4 + 0) * 4 + o];
            sum[o] += v.y * w[(k * 4 + 1) * 4 + o];
            sum[o] += v.z * w[(k * 4 + 2) * 4 + o];
            sum[o] += v.w * w[(k * 4 + 3) * 4 + o];
        }
    }
    if (VECTOR == 1) {
        [[unroll]] for (uint o = 0; o < 4; ++o)
            sum[o] += LOAD32(vector, block * 4 + o);
    }
    if (GUIDED == 1) {
        // What lies in the padding of F is unspecified, NaN perhaps: a weight of 0 must win.
        const float t = LOAD32(guide, x / 4)[x % 4];
        [[unroll]] for (uint o = 0; o < 4; ++o)
            sum[o] = t > 0.0 ? t * sum[o] : vec4(0);
    }
    if (ACCUMULATE == 1) {
        [[unroll]] for (uint o = 0; o < 4; ++o)
            sum[o] += READ(result, to + o * push.result_columns);
    }
    [[unroll]] for (uint o = 0; o < 4; ++o)
        STORE(result, to + o * push.result_columns, sum[o]);
}
