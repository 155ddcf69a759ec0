#version 450
// A tensor times a mask, pixel by pixel: guided Gram matrices (Gatys et al., CVPR 2017) measure
// masked features, and their gradient passes through the mask on its way back.
//
//   from  tensor, a slice of `count` vec4s
//   mask  floats [plane], 0 in the padding
//   to    tensor, the same slice: mask * from, added to what is there where push.add is 1
//   grid  (count / (WIDTH * 4) rounded up)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

SOURCE(0, from);
layout(set = 0, binding = 1, std430) readonly buffer mask_block { float mask[]; };
TARGET(2, to);
PUSH(vks_push_mask);

void main()
{
    for (uint n = 0; n < 4; ++n) {
        const uint i = (gl_WorkGroupID.x * 4 + n) * WIDTH + gl_LocalInvocationID.x;
        if (i >= push.count)
            return;
        const float m = mask[i % push.plane];
        // What lies in a tensor's padding may be no number: nothing comes of it.
        vec4 v = m == 0.0 ? vec4(0) : m * LOAD(from, i);
        if (push.add != 0)
            v += READ(to, i);
        STORE(to, i, v);
    }
}
