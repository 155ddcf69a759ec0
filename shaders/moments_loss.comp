#version 450
// The loss of channels' means and standard deviations: squared misses, what they add to the matrix of
// the style gradient (deviations: its diagonal), and the vector that is added to the gradient at
// every position (means, and deviations around them).
//
// With m the mean, d = sqrt(max(G_cc - m^2, 0) + floor) and k the factors of the two sums,
//   gradient at G_cc: k_d (d - d_s) / d,   at m: 2 k_m (m - m_s) - 2 k_d (d - d_s) m / d.
//
//   sums        floats [padded]: sums of features
//   aim         floats [2][padded]: the style's means and deviations
//   gram        floats [padded][padded], a position
//   difference  [N / 16][K][4] vec4 as floats, weights of the gradient's product: its diagonal is
//               added to
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
layout(set = 0, binding = 3, std430) buffer difference_block { float difference[]; };
layout(set = 0, binding = 4, std430) buffer shift_block { float shift[]; };
layout(set = 0, binding = 5, std430) buffer partials_block { float partials[]; };
PUSH(vks_push_moments);

shared float squares[WIDTH];

void main()
{
    const uint c = gl_GlobalInvocationID.x;
    float square = 0.0, moved = 0.0;
    if (c < push.channels) {
        const float mean = push.scale * sums[c];
        const float spread = gram[c * push.padded + c] - mean * mean;
        const float deviation = sqrt(max(spread, 0.0) + push.floor);
        const float off_mean = mean - aim[c], off = deviation - aim[push.padded + c];
        square = push.mean * off_mean * off_mean + push.deviation * off * off;
        const float slope = push.deviation * off / deviation;
        difference[((c / 16 * push.padded + c) * 4 + c / 4 % 4) * 4 + c % 4] +=
            2.0 * push.factor * slope;
        moved = 2.0 * push.shift * (push.mean * off_mean - slope * mean);
    }
    shift[c] = moved;
    squares[gl_LocalInvocationID.x] = square;
    barrier();
    for (uint n = WIDTH / 2; n > 0; n /= 2) {
        if (gl_LocalInvocationID.x < n)
            squares[gl_LocalInvocationID.x] += squares[gl_LocalInvocationID.x + n];
        barrier();
    }
    if (gl_LocalInvocationID.x == 0)
        partials[gl_WorkGroupID.x] = squares[0];
}
