#version 450
// The style loss of one layer: Gram matrix from its partial sums, difference from the style's, the
// sum of squares, and the matrix that the gradient's product needs.
//
//   parts       [splits][channels / 16][4][channels] vec4 (gram.comp), channels padded to 64
//   style       [channels][channels] float as vec4s, row padded: the style's Gram matrix a position
//   gram        the same shape: this picture's, a position
//   difference  [N / 16][K][4] vec4: factor * (G - A), as weights of gemm_tensor
//   partials    one float a workgroup: sum of (G - A)^2
//   grid        (padded * padded / 4 * SHARE / WIDTH); SHARE invocations have four elements of a row, each
//               every SHARE-th of the partial sums
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;
layout(constant_id = 1) const uint SHARE = 1;

SOURCE32(0, parts);
SOURCE32(1, style);
TARGET32(2, gram);
TARGET32(3, difference);
layout(set = 0, binding = 4, std430) buffer partials_block { float partials[]; };
PUSH(vks_push_style);

const uint LANES = WIDTH / SHARE;

shared vec4 sums[WIDTH];
shared float squares[WIDTH];

// Element (row, column), from where it was computed: lane channel = the larger.
float element(uint a, uint b, uint first)
{
    const uint lane = max(a, b), other = min(a, b);
    float sum = 0.0;
    for (uint s = first; s < push.splits; s += SHARE)
        sum += LOAD32(parts, ((s * (push.padded / 16) + other / 16) * 4 + (other / 4) % 4) *
                                 push.padded + lane)[other % 4];
    return sum;
}

void main()
{
    const uint mine = gl_LocalInvocationID.x, share = mine / LANES;
    const uint i = gl_WorkGroupID.x * LANES + mine % LANES;
    const uint quads = push.padded / 4;
    const uint row = i / quads, column = (i - row * quads) * 4;
    vec4 g = push.scale * vec4(element(row, column, share), element(row, column + 1, share),
                               element(row, column + 2, share), element(row, column + 3, share));
    if (SHARE > 1) {
        sums[mine] = g;
        barrier();
        for (uint k = 1; k < SHARE && share == 0; ++k)
            g += sums[k * LANES + mine];
    }
    float square = 0.0;
    if (share == 0) {
        gram[i] = g;
        const vec4 d = g - LOAD32(style, i);
        if (push.write == 1)
            difference[((column / 16) * push.padded + row) * 4 + (column / 4) % 4] = push.factor * d;
        square = dot(d, d);
    }
    squares[mine] = square;
    barrier();
    for (uint n = WIDTH / 2; n > 0; n /= 2) {
        if (mine < n)
            squares[mine] += squares[mine + n];
        barrier();
    }
    if (mine == 0)
        partials[gl_WorkGroupID.x] = squares[0];
}
