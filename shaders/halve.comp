#version 450
// A picture at half its size: each pixel the mean of four. An odd last column or row is left out.
//
//   fine     floats, pixels of fine_step each, fine_pitch a row
//   coarse   floats, the same; of a pixel's fourth float, where there is one, becomes 0
//   grid     (width / WIDTH rounded up, rows of this dispatch), of the coarse picture
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;

layout(set = 0, binding = 0, std430) readonly buffer fine_block { float fine[]; };
layout(set = 0, binding = 1, std430) buffer coarse_block { float coarse[]; };
PUSH(vks_push_halve);

void main()
{
    const uint x = gl_GlobalInvocationID.x, y = gl_WorkGroupID.y;
    if (x >= push.width)
        return;
    const uint from = push.fine_first + 2 * y * push.fine_pitch + 2 * x * push.fine_step;
    const uint to = push.coarse_first + y * push.coarse_pitch + x * push.coarse_step;
    for (uint c = 0; c < 3; ++c) {
        const uint a = from + c, b = a + push.fine_pitch;
        coarse[to + c] =
            0.25 * (fine[a] + fine[a + push.fine_step] + fine[b] + fine[b + push.fine_step]);
    }
    if (push.coarse_step > 3)
        coarse[to + 3] = 0.0;
}
