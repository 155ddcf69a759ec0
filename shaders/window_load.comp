#version 450
// A window of the whole picture, as the encoder's steps take it.
//
//   whole    floats (r, g, b) without gaps, a slice that begins with the window's first row
//   window   [height][width] vec4 (r, g, b, 0)
//   grid     (width / WIDTH rounded up, rows of this dispatch)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;

layout(set = 0, binding = 0, std430) readonly buffer whole_block { float whole[]; };
TARGET32(1, window);
PUSH(vks_push_window);

void main()
{
    const uint x = gl_GlobalInvocationID.x, y = gl_WorkGroupID.y;
    if (x >= push.width)
        return;
    const uint at = push.whole_first + y * push.whole_pitch + x * 3;
    window[push.window_first + y * push.width + x] =
        vec4(whole[at], whole[at + 1], whole[at + 2], 0.0);
}
