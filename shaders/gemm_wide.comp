#version 450
// Matrix product in the Winograd domain for short rows of columns, float32: that of gemm.comp with its
// sides changed. Lanes run along outputs, and the block in shared memory
// is 16 columns, which many more lanes share.
//
//   weights  [batch][N/16][K/4][16] vec4 of four k
//   source   [batch][K/4][columns] vec4 of channels
//   result   [batch][N/4][columns] vec4 of channels
//   grid     (N / WIDTH, columns / 16, batch)
//
// For software Vulkan, whose subgroups are runs of lanes. Every output is added up in the same order
// as there: the same bits.
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "common.glsl"
#include "push.h"
#include "gemm_sum.glsl"

shared float w[CHUNK * OC * 4]; // [k][16 columns]
#define AT(k, o) (((k) * OC + o) * 4)
#define BLOCK(k, o) vec4(w[AT(k, o)], w[AT(k, o) + 1], w[AT(k, o) + 2], w[AT(k, o) + 3])

SOURCE32(0, weights);
SOURCE32(1, source);
TARGET32(2, result);
PUSH(vks_push_gemm);

// Lanes a distance apart exchange: `mine` for what the other gives.
vec2 exchange(vec2 mine, uint distance)
{
    return subgroupShuffle(mine, gl_SubgroupInvocationID ^ distance);
}

void main()
{
    const uint n = gl_GlobalInvocationID.x, blocks = gl_NumWorkGroups.x * (WIDTH / 16);
    const uint first = push.source_first + gl_WorkGroupID.y * 16;
    const uint batch = gl_WorkGroupID.z;
    [[unroll]] for (uint i = 0; i < CHUNK * OC; i += WIDTH) {
        const uint j = min(i + gl_LocalInvocationID.x, CHUNK * OC - 1), k = j / 16 * 4, c = j % 16;
        const vec4 v = LOAD32(source, (batch * push.k_quads + push.source_quad + j / 16) *
                                              push.source_columns + first + c);
        [[unroll]] for (uint m = 0; m < 4; ++m)
            w[(k + m) * 16 + c] = v[m];
    }
    barrier();

    vec4 sum[OC]; // of four columns each
    [[unroll]] for (uint o = 0; o < OC; ++o)
        sum[o] = vec4(0);
    const uint at = ((batch * blocks + n / 16) * push.k_quads + push.k_first) * 16 + n % 16;
#define NEXT(q) LOAD32(weights, at + (q) * 16)
    SUM_UP

    // From four columns of one output to four outputs of one column: squares of four lanes.
    const bool odd = (gl_SubgroupInvocationID & 1) != 0, high = (gl_SubgroupInvocationID & 2) != 0;
    const uint to = (batch * push.out_quads + n / 4) * push.result_columns + push.result_first +
                    gl_WorkGroupID.y * 16 + n % 4;
    [[unroll]] for (uint o = 0; o < OC; ++o) {
        vec4 s = sum[o];
        const vec2 near = exchange(mix(s.yw, s.xz, bvec2(odd)), 1);
        s = mix(vec4(s.x, near.x, s.z, near.y), vec4(near.x, s.y, near.y, s.w), bvec4(odd));
        const vec2 far = exchange(mix(s.zw, s.xy, bvec2(high)), 2);
        s = mix(vec4(s.xy, far), vec4(far, s.zw), bvec4(high));
        if (push.accumulate == 1)
            s += result[to + o * 4];
        result[to + o * 4] = s;
    }
}
