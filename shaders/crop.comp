#version 450
// A rectangle of one tensor written into another: halos cut off on the way up, zeros put around on
// the way down, a tile's features taken out of the whole picture's or put there.
//
//   source   tensor [quads][source_plane]
//   result   tensor [quads][plane]; pixel (x, y) of the rectangle becomes the source's
//            (x + shift_x, y + shift_y), or 0 where the source has no such pixel
//   grid     (rectangle's width / WIDTH rounded up, its height, quads)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;

SOURCE(0, source);
TARGET(1, result);
PUSH(vks_push_crop);

void main()
{
    const int x = int(push.x0 + gl_GlobalInvocationID.x), y = int(push.y0 + gl_WorkGroupID.y);
    if (x >= int(push.x1))
        return;
    const int sx = x + push.shift_x, sy = y + push.shift_y;
    const int from = clamp(sy, 0, int(push.source_height) - 1) * int(push.source_pitch) +
                     clamp(sx, 0, int(push.source_width) - 1);
    vec4 v = LOAD(source, gl_WorkGroupID.z * push.source_plane + uint(from));
    if (uint(sx) >= push.source_width || uint(sy) >= push.source_height)
        v = vec4(0);
    STORE(result, gl_WorkGroupID.z * push.plane + uint(y) * push.pitch + uint(x), v);
}
