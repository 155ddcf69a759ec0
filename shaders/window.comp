#version 450
// Part of a picture: cut out of it, added to it, or cleared.
//
//   source   vec4s, rows of source_pitch
//   result   vec4s, rows of result_pitch
//   grid     (width / WIDTH rounded up, rows)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;

SOURCE32(0, source);
TARGET32(1, result);
PUSH(vks_push_window);

void main()
{
    const uint x = gl_GlobalInvocationID.x, y = gl_WorkGroupID.y;
    if (x >= push.width)
        return;
    const uint to = push.result_first + y * push.result_pitch + x;
    vec4 v = push.clear == 1 ? vec4(0) : LOAD32(source, push.source_first + y * push.source_pitch + x);
    if (push.add == 1)
        v += result[to];
    result[to] = v;
}
