#version 450
// A tensor's gradient, zero outside the rectangle that a tile owns: other tiles have that part.
//
//   gradient  tensor, a slice of `count` vec4s
//   grid      (count / (WIDTH * 4) rounded up)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

TARGET(0, gradient);
PUSH(vks_push_clip);

void main()
{
    for (uint n = 0; n < 4; ++n) {
        const uint i = (gl_WorkGroupID.x * 4 + n) * WIDTH + gl_LocalInvocationID.x;
        const uint p = i % push.plane;
        const uint y = p / push.pitch, x = p - y * push.pitch;
        const bool own = x >= push.x0 && x < push.x1 && y >= push.y0 && y < push.y1;
        if (i < push.count && !own)
            STORE(gradient, i, vec4(0));
    }
}
