#version 450
// The content loss: sum of squares of T - C over the rectangle that counts, and its gradient.
//
//   target    tensor, a slice of `count` vec4s
//   content   tensor, the same
//   gradient  tensor, the same: factor * (T - C), before ReLU
//   partials  one float a workgroup
//   weights   floats, of which one is the rest of the factor (push.weighted = 1): it may become
//             known when all is recorded already
//   grid      (count / (WIDTH * 4) rounded up)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

SOURCE(0, target);
SOURCE(1, content);
TARGET(2, gradient);
layout(set = 0, binding = 3, std430) buffer partials_block { float partials[]; };
layout(set = 0, binding = 4, std430) buffer weights_block { float weights[]; };
PUSH(vks_push_content);

shared float squares[WIDTH];

void main()
{
    const float factor = push.weighted == 1 ? push.factor * weights[push.slot] : push.factor;
    float square = 0.0;
    for (uint n = 0; n < 4; ++n) {
        const uint i = (gl_WorkGroupID.x * 4 + n) * WIDTH + gl_LocalInvocationID.x;
        if (i < push.count) {
            const uint p = i % push.plane;
            const uint y = p / push.pitch, x = p - y * push.pitch;
            const bool counts = x >= push.x0 && x < push.x1 && y >= push.y0 && y < push.y1;
            const vec4 t = LOAD(target, i);
            const vec4 d = counts ? t - LOAD(content, i) : vec4(0);
            square += dot(d, d);
            vec4 g = factor * d;
            if (push.add > 0.0)
                g += READ(gradient, i);
            STORE(gradient, i, g);
        }
    }
    squares[gl_LocalInvocationID.x] = square;
    barrier();
    for (uint n = WIDTH / 2; n > 0; n /= 2) {
        if (gl_LocalInvocationID.x < n)
            squares[gl_LocalInvocationID.x] += squares[gl_LocalInvocationID.x + n];
        barrier();
    }
    if (gl_LocalInvocationID.x == 0)
        partials[push.partial + gl_WorkGroupID.x] = squares[0];
}
