#version 450
// Winograd transform of weights, G g G^T, four outputs of one input an invocation; once a network.
//
//   weights  [blocks of 16 outputs][K][9 taps][4] vec4 of outputs
//   result   [36][blocks][K][4] vec4 of outputs
//   grid     (K * 4 / WIDTH rounded up, blocks)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;

SOURCE32(0, weights);
TARGET32(1, result);
PUSH(vks_push_weights);

void weight_line(vec4 g0, vec4 g1, vec4 g2, out vec4 u[6])
{
    const vec4 even = (g0 + g2) * (1.0 / 6.0), odd = g1 * (1.0 / 6.0);
    const vec4 a = g0 * (1.0 / 24.0) + g2 * (1.0 / 6.0), b = g1 * (1.0 / 12.0);
    u[0] = g0 * 0.25;
    u[1] = -even - odd;
    u[2] = -even + odd;
    u[3] = a + b;
    u[4] = a - b;
    u[5] = g2;
}

void main()
{
    const uint i = min(gl_GlobalInvocationID.x, push.k * 4 - 1);
    const uint k = i / 4, o = i % 4;
    const uint from = ((gl_WorkGroupID.y * push.k + k) * 9) * 4 + o;
    vec4 columns[18]; // [6 rows of G g][3]
    [[unroll]] for (uint x = 0; x < 3; ++x) {
        vec4 u[6];
        weight_line(LOAD32(weights, from + x * 4), LOAD32(weights, from + (3 + x) * 4),
                    LOAD32(weights, from + (6 + x) * 4), u);
        [[unroll]] for (uint y = 0; y < 6; ++y)
            columns[y * 3 + x] = u[y];
    }
    const uint to = (gl_WorkGroupID.y * push.k + k) * 4 + o;
    const uint step = push.blocks * push.k * 4;
    [[unroll]] for (uint y = 0; y < 6; ++y) {
        vec4 u[6];
        weight_line(columns[y * 3], columns[y * 3 + 1], columns[y * 3 + 2], u);
        [[unroll]] for (uint x = 0; x < 6; ++x)
            result[to + (y * 6 + x) * step] = u[x];
    }
}
