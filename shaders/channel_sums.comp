#version 450
// Partial sums of a layer's features over the rectangle that counts, one a channel, each pixel times
// a mask where there is one (the features are masked themselves already: squares weigh).
//
//   source    tensor [quads][plane], from quad_first on
//   mask      floats [plane] (push.masked = 1)
//   partials  [splits][channels / 4] vec4, channels padded to 64; those that are not there are 0
//   grid      (splits, quads); with the last slice also the quads that pad
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

SOURCE(0, source);
layout(set = 0, binding = 1, std430) readonly buffer mask_block { float mask[]; };
TARGET32(2, partials);
PUSH(vks_push_channels);

shared vec4 sums[WIDTH];

void main()
{
    const uint quad = gl_WorkGroupID.y, split = gl_WorkGroupID.x, lane = gl_LocalInvocationID.x;
    vec4 sum = vec4(0);
    if (quad < push.quads) {
        const uint end = min((split + 1) * push.pixels, push.plane);
        for (uint p = split * push.pixels + lane; p < end; p += WIDTH) {
            const uint y = p / push.pitch, x = p - y * push.pitch;
            const float m = push.masked == 1 ? mask[p] : 1.0;
            // What lies in a tensor's padding may be no number: nothing comes of it.
            if (x >= push.x0 && x < push.x1 && y >= push.y0 && y < push.y1 && m != 0.0)
                sum += m * LOAD(source, quad * push.plane + p);
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
        partials[split * (push.channels / 4) + push.quad_first + quad] = sums[0];
}
