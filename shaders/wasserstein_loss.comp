#version 450
// The end of the Wasserstein-2 style loss: its value, |m - aim|^2 + tr C + constant - 2 tr A^1/2, and
// the vector that is added to the gradient at every position, 2 (m - aim) - 2 D m with D the
// gradient at the covariance C = G - m m^T.
//
//   sums        floats [padded]: sums of features
//   aim         floats [padded]: the style's means
//   gram        floats [padded][padded], a position
//   scalars     floats: |A|^2, tr (A / |A|)^1/2
//   difference  [N / 16][K][4] vec4: weights of the gradient's product, push.factor * 2 D
//   shift       floats [padded]
//   partials    one float a workgroup
//   grid        (padded / WIDTH); an invocation has one channel
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

layout(set = 0, binding = 0, std430) readonly buffer sums_block { float sums[]; };
layout(set = 0, binding = 1, std430) readonly buffer aim_block { float aim[]; };
layout(set = 0, binding = 2, std430) readonly buffer gram_block { float gram[]; };
layout(set = 0, binding = 3, std430) readonly buffer scalars_block { float scalars[]; };
SOURCE32(4, difference);
layout(set = 0, binding = 5, std430) buffer shift_block { float shift[]; };
layout(set = 0, binding = 6, std430) buffer partials_block { float partials[]; };
PUSH(vks_push_wasserstein);

shared float terms[WIDTH];

void main()
{
    const uint c = gl_GlobalInvocationID.x;
    float term = 0.0, moved = 0.0;
    if (c < push.channels) {
        const float mean = push.scale * sums[c], off = mean - aim[c];
        term = off * off + gram[c * push.padded + c] - mean * mean;
        float turned = 0.0;
        for (uint q = 0; q < (push.channels + 3) / 4; ++q) {
            const vec4 m = vec4(sums[q * 4], sums[q * 4 + 1], sums[q * 4 + 2], sums[q * 4 + 3]);
            turned += dot(LOAD32(difference, (q / 4 * push.padded + c) * 4 + q % 4), m);
        }
        moved = push.shift * 2.0 * off - push.back * push.scale * turned;
    }
    if (c == 0)
        term += push.constant - 2.0 * sqrt(sqrt(scalars[0])) * scalars[1];
    shift[c] = moved;
    terms[gl_LocalInvocationID.x] = push.value * term;
    barrier();
    for (uint n = WIDTH / 2; n > 0; n /= 2) {
        if (gl_LocalInvocationID.x < n)
            terms[gl_LocalInvocationID.x] += terms[gl_LocalInvocationID.x + n];
        barrier();
    }
    if (gl_LocalInvocationID.x == 0)
        partials[gl_WorkGroupID.x] = terms[0];
}
