#version 450
// The end of an iteration's losses: their weighted sum, and a record for the host, which reads it
// when it likes. One invocation.
//
//   values   floats: [0] total (written here), [1 .. terms] the losses
//   weights  floats: [1 .. terms]
//   state    uint: iterations so far
//   ring     floats, [records][stride], host-visible: values of iteration i in record i % records
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;

layout(set = 0, binding = 0, std430) buffer values_block { float values[]; };
layout(set = 0, binding = 1, std430) buffer weights_block { float weights[]; };
layout(set = 0, binding = 2, std430) buffer state_block { uint state[]; };
layout(set = 0, binding = 3, std430) buffer ring_block { float ring[]; };
PUSH(vks_push_tally);

void main()
{
    if (gl_GlobalInvocationID.x > 0)
        return;
    float total = 0.0;
    for (uint i = 1; i <= push.terms; ++i)
        total += weights[i] * values[i];
    values[0] = total;
    const uint to = (state[0] % push.records) * push.stride;
    for (uint i = 0; i <= push.terms; ++i)
        ring[to + i] = values[i];
    state[0] += 1;
}
