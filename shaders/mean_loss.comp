#version 450
// The losses of a layer's means and standard deviations, after style_loss.comp. One workgroup.
//
//   sums        [chunks][padded / 4] vec4 (feature_mean.comp)
//   aims        [2][padded] floats as vec4s: the style's means, then its standard deviations
//   gram        [padded][padded] floats: this picture's Gram matrix a position
//   means       [padded] floats: this picture's means (written)
//   vector      [padded] floats: the loss' gradient at the means, times push.vector (MOMENTS = 1)
//   difference  [N / 16][K][4] vec4: the deviations' share joins the diagonal (MOMENTS = 1)
//   values      floats; values[to] += the two losses in units of push.unit (MOMENTS = 1)
//
// deviation = sqrt(g_ii - mean^2 + floor).
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;
layout(constant_id = 1) const uint MOMENTS = 1; // 0: the means only

SOURCE32(0, sums);
SOURCE32(1, aims);
layout(set = 0, binding = 2, std430) buffer gram_block { float gram[]; };
layout(set = 0, binding = 3, std430) buffer means_block { float means[]; };
layout(set = 0, binding = 4, std430) buffer vector_block { float vector[]; };
layout(set = 0, binding = 5, std430) buffer difference_block { float difference[]; };
layout(set = 0, binding = 6, std430) buffer values_block { float values[]; };
PUSH(vks_push_means);

shared float squares[WIDTH];

void main()
{
    const uint lane = gl_LocalInvocationID.x;
    float total = 0.0;
    for (uint i = lane; i < push.padded; i += WIDTH) {
        float sum = 0.0;
        for (uint n = 0; n < push.chunks; ++n)
            sum += LOAD32(sums, n * (push.padded / 4) + i / 4)[i % 4];
        const float mean = sum * push.scale;
        means[i] = mean;
        if (MOMENTS == 1) {
            const bool there = i < push.channels;
            const float aim = LOAD32(aims, i / 4)[i % 4];
            const float aim_deviation = LOAD32(aims, (push.padded + i) / 4)[i % 4];
            const float variance = max(gram[i * push.padded + i] - mean * mean, 0.0);
            const float deviation = sqrt(variance + push.least);
            const float d = there ? mean - aim : 0.0;
            const float s = there ? deviation - aim_deviation : 0.0;
            total += push.mean_weight * d * d + push.deviation_weight * s * s;
            // d/dg_ii (deviation - aim)^2 = (deviation - aim) / deviation
            const float slope = push.deviation_weight * s / deviation;
            vector[i] = push.vector * (2.0 * push.mean_weight * d - 2.0 * mean * slope);
            difference[(((i / 16) * push.padded + i) * 4 + (i / 4) % 4) * 4 + i % 4] +=
                push.matrix * slope;
        }
    }
    if (MOMENTS == 0)
        return;
    squares[lane] = total;
    barrier();
    for (uint n = WIDTH / 2; n > 0; n /= 2) {
        if (lane < n)
            squares[lane] += squares[lane + n];
        barrier();
    }
    if (lane == 0)
        values[push.to] += squares[0];
}
