#version 450
// Holds the pixels where no style acts: their gradient becomes 0, so that no optimiser moves them.
//
//   gate      [count / 4 rounded up] vec4 of four pixels: 0 or 1
//   gradient  [count] vec4
//   grid      (count / (WIDTH * 4) rounded up)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

SOURCE32(0, gate);
TARGET32(1, gradient);
PUSH(vks_push_gate);

void main()
{
    for (uint n = 0; n < 4; ++n) {
        const uint i = (gl_WorkGroupID.x * 4 + n) * WIDTH + gl_LocalInvocationID.x;
        if (i < push.count && LOAD32(gate, i / 4)[i % 4] == 0.0)
            gradient[i] = vec4(0);
    }
}
