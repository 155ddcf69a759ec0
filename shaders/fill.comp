#version 450
// Zeros, where sums over tiles begin.
//
//   result   [count] vec4
//   grid     (count / (WIDTH * 4) rounded up)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

TARGET32(0, result);
PUSH(vks_push_fill);

void main()
{
    for (uint n = 0; n < 4; ++n) {
        const uint i = (gl_WorkGroupID.x * 4 + n) * WIDTH + gl_LocalInvocationID.x;
        if (i < push.count)
            result[i] = vec4(0);
    }
}
