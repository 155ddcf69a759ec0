#version 450
// The last step of every reduction: one workgroup adds partial sums in a fixed order, so that the
// same input gives the same bits.
//
//   partials  floats
//   values    floats; values[to] = factor * sum of `count` partials from `first`, or += it
//   grid      (1)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

layout(set = 0, binding = 0, std430) buffer partials_block { float partials[]; };
layout(set = 0, binding = 1, std430) buffer values_block { float values[]; };
PUSH(vks_push_sum);

shared float sums[WIDTH];

void main()
{
    const uint lane = gl_LocalInvocationID.x;
    float sum = 0.0;
    for (uint i = lane; i < push.count; i += WIDTH)
        sum += partials[push.first + i];
    sums[lane] = sum;
    barrier();
    for (uint n = WIDTH / 2; n > 0; n /= 2) {
        if (lane < n)
            sums[lane] += sums[lane + n];
        barrier();
    }
    if (lane == 0)
        values[push.to] = (push.add != 0 ? values[push.to] : 0.0) + push.factor * sums[0];
}
