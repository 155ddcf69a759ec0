#version 450
// gram_transpose.comp for a guided Gram matrix (Gatys et al., CVPR 2017): each pixel times the root
// of its weight, so that the product of two channels carries the weight once.
//
//   source   tensor [quads][plane]
//   guide    [plane / 4] vec4 of four pixels: weights, 0 outside the picture
//   result   [pixels / 4][channels] vec4 of four pixels, float32
//   grid     (pixel quads / WIDTH rounded up to whole workgroups, channels / 4)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;

SOURCE(0, source);
SOURCE32(1, guide);
TARGET32(2, result);
PUSH(vks_push_transpose);

void main()
{
    const uint quad = gl_WorkGroupID.y;
    const uint p = push.first + gl_GlobalInvocationID.x * 4;
    const uint y = p / push.pitch, x = p - y * push.pitch;
    const uint at = min(quad, push.quads - 1) * push.plane + min(p, push.plane - 4);
    const vec4 root = sqrt(LOAD32(guide, min(p, push.plane - 4) / 4));
    vec4 v[4];
    [[unroll]] for (uint i = 0; i < 4; ++i) {
        const bool counts = x + i >= push.x0 && x + i < push.x1 && y >= push.y0 && y < push.y1 &&
                            quad < push.quads;
        const vec4 r = LOAD(source, at + i) * root[i];
        v[i] = counts ? r : vec4(0);
    }
    const uint to = gl_GlobalInvocationID.x * push.channels + (push.quad_first + quad) * 4;
    [[unroll]] for (uint c = 0; c < 4; ++c)
        result[to + c] = vec4(v[0][c], v[1][c], v[2][c], v[3][c]);
}
