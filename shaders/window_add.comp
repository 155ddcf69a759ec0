#version 450
// Adds a window's gradient to the whole picture's. Windows overlap by their halos: each adds what
// its own losses say, one window after the other, so that the sum has a fixed order.
//
//   window   [height][width] vec4
//   whole    floats (r, g, b) without gaps, a slice that begins with the window's first row
//   grid     (width / WIDTH rounded up, rows of this dispatch)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;

SOURCE32(0, window);
layout(set = 0, binding = 1, std430) buffer whole_block { float whole[]; };
PUSH(vks_push_window);

void main()
{
    const uint x = gl_GlobalInvocationID.x, y = gl_WorkGroupID.y;
    if (x >= push.width)
        return;
    const vec4 g = LOAD32(window, push.window_first + y * push.width + x);
    const uint at = push.whole_first + y * push.whole_pitch + x * 3;
    whole[at] += g.x;
    whole[at + 1] += g.y;
    whole[at + 2] += g.z;
}
