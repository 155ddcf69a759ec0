#version 450
// Partial sums of a layer's features over the pixels that count, each times its weight.
//
//   source    tensor [quads][plane]
//   guide     [plane / 4] vec4 of four pixels: weights (GUIDED = 1)
//   partials  [chunks][channels padded / 4] vec4; quads that do not exist are zero
//   grid      (chunks, quads of the bound slice, or what pads to 64 channels with the last one)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;
layout(constant_id = 1) const uint GUIDED = 0;
layout(constant_id = 2) const uint PIXELS = 1024; // of a chunk

SOURCE(0, source);
SOURCE32(1, guide);
TARGET32(2, partials);
PUSH(vks_push_transpose);

shared vec4 sums[WIDTH];

void main()
{
    const uint quad = gl_WorkGroupID.y, lane = gl_LocalInvocationID.x;
    vec4 sum = vec4(0);
    for (uint n = 0; n < PIXELS / WIDTH; ++n) {
        const uint p = gl_WorkGroupID.x * PIXELS + n * WIDTH + lane;
        const uint y = p / push.pitch, x = p - y * push.pitch;
        if (quad < push.quads && p < push.plane && x >= push.x0 && x < push.x1 && y >= push.y0 &&
            y < push.y1) {
            const float t = GUIDED == 1 ? LOAD32(guide, p / 4)[p % 4] : 1.0;
            sum += t * LOAD(source, quad * push.plane + p);
        }
    }
    sums[lane] = sum;
    barrier();
    for (uint n = WIDTH / 2; n > 0; n /= 2) {
        if (lane < n)
            sums[lane] += sums[lane + n];
        barrier();
    }
    if (lane == 0)
        partials[gl_WorkGroupID.x * (push.channels / 4) + push.quad_first + quad] = sums[0];
}
