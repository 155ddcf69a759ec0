#version 450
// Adds one number a channel to the gradient at every position: what a loss of channel means gives,
// through the mask where there is one.
//
//   shift     [quads] vec4, from push.quad_first on
//   mask      floats [plane] (push.masked = 1)
//   gradient  tensor, a slice of `count` vec4s
//   grid      (count / (WIDTH * 4) rounded up)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

SOURCE32(0, shift);
layout(set = 0, binding = 1, std430) readonly buffer mask_block { float mask[]; };
TARGET(2, gradient);
PUSH(vks_push_shift);

void main()
{
    for (uint n = 0; n < 4; ++n) {
        const uint i = (gl_WorkGroupID.x * 4 + n) * WIDTH + gl_LocalInvocationID.x;
        if (i >= push.count)
            return;
        const float m = push.masked == 1 ? mask[i % push.plane] : 1.0;
        const vec4 v = m * LOAD32(shift, push.quad_first + i / push.plane);
        STORE(gradient, i, READ(gradient, i) + v);
    }
}
