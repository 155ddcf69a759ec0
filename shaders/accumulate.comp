#version 450
// A tile's partial sums of a Gram matrix added to those of the tiles before it, in a fixed order.
//
//   parts   [splits][count] vec4
//   total   [count] vec4
//   grid    (count / WIDTH rounded up)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;

SOURCE32(0, parts);
TARGET32(1, total);
PUSH(vks_push_accumulate);

void main()
{
    const uint i = gl_GlobalInvocationID.x;
    if (i >= push.count)
        return;
    vec4 sum = push.add == 1 ? total[i] : vec4(0);
    for (uint s = 0; s < push.splits; ++s)
        sum += LOAD32(parts, s * push.count + i);
    total[i] = sum;
}
