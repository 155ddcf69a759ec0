#version 450
// Multiplications and additions with nothing to wait for: what a device can do at most, measured by
// bench so that each kernel's speed has something to be compared with.
//
//   result   one vec4 an invocation: only so that the work is not optimised away
//   grid     any; 2 * 4 * SUMS * STEPS * push.rounds operations an invocation
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;

TARGET32(0, result);
PUSH(vks_push_peak);

const uint SUMS = 4;   // independent vec4 chains: enough to hide an addition's latency
const uint STEPS = 16; // of each chain a round

void main()
{
    vec4 sum[SUMS];
    [[unroll]] for (uint i = 0; i < SUMS; ++i)
        sum[i] = vec4(float(i + gl_LocalInvocationID.x));
    for (uint round = 0; round < push.rounds; ++round) {
        [[unroll]] for (uint step = 0; step < STEPS; ++step) {
            [[unroll]] for (uint i = 0; i < SUMS; ++i)
                sum[i] = sum[i] * push.factor + push.term;
        }
    }
    result[gl_GlobalInvocationID.x] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
}
