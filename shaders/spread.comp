#version 450
// The way back through halve.comp: adds a coarse pixel's gradient, times a factor, to its four fine
// ones.
//
//   coarse   floats, pixels of coarse_step each, coarse_pitch a row
//   fine     floats, the same
//   grid     (width / WIDTH rounded up, rows of this dispatch), of the coarse picture
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;

layout(set = 0, binding = 0, std430) readonly buffer coarse_block { float coarse[]; };
layout(set = 0, binding = 1, std430) buffer fine_block { float fine[]; };
PUSH(vks_push_halve);

void main()
{
    const uint x = gl_GlobalInvocationID.x, y = gl_WorkGroupID.y;
    if (x >= push.width)
        return;
    const uint from = push.coarse_first + y * push.coarse_pitch + x * push.coarse_step;
    const uint to = push.fine_first + 2 * y * push.fine_pitch + 2 * x * push.fine_step;
    for (uint c = 0; c < 3; ++c) {
        const float g = push.factor * coarse[from + c];
        const uint a = to + c, b = a + push.fine_pitch;
        fine[a] += g;
        fine[a + push.fine_step] += g;
        fine[b] += g;
        fine[b + push.fine_step] += g;
    }
}
