#version 450
// The covariance of a layer's features from their Gram matrix and sums: G - m m^T.
//
//   gram     [padded][padded] float as vec4s, a position
//   sums     floats [padded]: sums of features; means times 1 / push.scale
//   result   [N / 16][K][4] vec4: weights of a product (gemm.glsl)
//   grid     (padded * padded / 4 / WIDTH); an invocation has four elements of a row
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;

SOURCE32(0, gram);
layout(set = 0, binding = 1, std430) readonly buffer sums_block { float sums[]; };
TARGET32(2, result);
PUSH(vks_push_covariance);

void main()
{
    const uint i = gl_GlobalInvocationID.x;
    const uint quads = push.padded / 4;
    const uint row = i / quads, column = (i - row * quads) * 4;
    const vec4 m = push.scale * vec4(sums[column], sums[column + 1], sums[column + 2], sums[column + 3]);
    result[((column / 16) * push.padded + row) * 4 + (column / 4) % 4] =
        LOAD32(gram, i) - push.scale * sums[row] * m;
}
