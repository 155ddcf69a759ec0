#version 450
// The trace of a product of two symmetric matrices, tr A B = sum of A_ij B_ij: partial sums.
//
//   a, b      vec4s, the same elements in the same places
//   partials  one float a workgroup
//   grid      (count / (WIDTH * 4) rounded up)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

SOURCE32(0, a);
SOURCE32(1, b);
layout(set = 0, binding = 2, std430) buffer partials_block { float partials[]; };
PUSH(vks_push_trace);

shared float sums[WIDTH];

void main()
{
    const uint lane = gl_LocalInvocationID.x;
    float sum = 0.0;
    for (uint n = 0; n < 4; ++n) {
        const uint i = (gl_WorkGroupID.x * 4 + n) * WIDTH + lane;
        if (i < push.count)
            sum += dot(LOAD32(a, i), LOAD32(b, i));
    }
    sums[lane] = sum;
    barrier();
    for (uint n = WIDTH / 2; n > 0; n /= 2) {
        if (lane < n)
            sums[lane] += sums[lane + n];
        barrier();
    }
    if (lane == 0)
        partials[gl_WorkGroupID.x] = sums[0];
}
