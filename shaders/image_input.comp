#version 450
// The target as the encoder sees it: channels reordered, scaled and shifted, with a border of one
// pixel for conv1_1 (zero, replicated or reflected).
//
//   image    [height][width] vec4 (r, g, b, -)
//   result   tensor of one quad, [height + 2][pitch]
//   grid     (pitch / WIDTH rounded up, height + 2)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "padding.glsl"

layout(local_size_x_id = 0) in;

SOURCE32(0, image);
TARGET(1, result);
PUSH(vks_push_image);

void main()
{
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    if (x >= int(push.pitch))
        return;
    bool zero = x >= int(push.width) + 2;
    const int sx = pad(x - 1, int(push.width), zero), sy = pad(y - 1, int(push.height), zero);
    const vec4 p = LOAD32(image, sy * int(push.width) + sx);
    const vec4 v = vec4(p[push.order_x] * push.scale_x + push.shift_x,
                        p[push.order_y] * push.scale_y + push.shift_y,
                        p[push.order_z] * push.scale_z + push.shift_z, 0.0);
    STORE(result, y * int(push.pitch) + x, zero ? vec4(0) : v);
}
