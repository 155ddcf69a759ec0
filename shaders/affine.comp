#version 450
// One step of a matrix polynomial: a I + b M, written as what products take on either side.
//
//   source   [N / 4][N] vec4: M, as a product's result lies
//   scalars  floats: the square of a norm; b is divided by the norm where push.divided is 1, by its
//            root where it is 2
//   result   [N / 4][N] vec4 (push.write & 1): the source of a product, the same place as M
//   weights  [N / 16][N][4] vec4 (push.write & 2): its weights
//   grid     (N * N / 4 / WIDTH)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;

SOURCE32(0, source);
layout(set = 0, binding = 1, std430) readonly buffer scalars_block { float scalars[]; };
TARGET32(2, result);
TARGET32(3, weights);
PUSH(vks_push_affine);

void main()
{
    const uint i = gl_GlobalInvocationID.x;
    const uint quad = i / push.padded, column = i - quad * push.padded;
    float b = push.b;
    if (push.divided > 0) {
        const float norm = sqrt(max(scalars[0], 1e-37)); // a style without any spread: zeros
        b /= push.divided == 1 ? norm : sqrt(norm);
    }
    vec4 v = b * LOAD32(source, i);
    if (column / 4 == quad)
        v[column % 4] += push.a;
    if ((push.write & 1) != 0)
        result[i] = v;
    if ((push.write & 2) != 0)
        weights[((quad / 4) * push.padded + column) * 4 + quad % 4] = v;
}
