#version 450
// Winograd input transform: 6x6 pixels of one channel quad -> 36 frequencies.
//
//   source   tensor [quads][plane], zero outside width x height
//   result   [36][quads][columns] vec4, float32
//   grid     (columns / WIDTH, quads of the bound slice); lanes run along tiles
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "tile.glsl"

layout(local_size_x_id = 0) in;

SOURCE(0, source);
TARGET32(1, result);
PUSH(vks_push_tiles);

void main()
{
    const uint quad = gl_WorkGroupID.y;
    const Tile t = tile_at(gl_GlobalInvocationID.x, push.tile_first, push.tile_count, push.tiles_x,
                           push.inverse_tiles_x);
    const int base = int(quad * push.plane);
    vec4 d[36];
    [[unroll]] for (int i = 0; i < 6; ++i) {
        const int y = t.y - 1 + i;
        const bool row = uint(y) < push.height;
        const int line = base + clamp(y, 0, int(push.height) - 1) * int(push.pitch);
        [[unroll]] for (int j = 0; j < 6; ++j) {
            const int x = t.x - 1 + j;
            const vec4 v = LOAD(source, line + clamp(x, 0, int(push.width) - 1));
            d[i * 6 + j] = row && uint(x) < push.width ? v : vec4(0);
        }
        input_line(d[i * 6], d[i * 6 + 1], d[i * 6 + 2], d[i * 6 + 3], d[i * 6 + 4], d[i * 6 + 5]);
    }
    const uint to = (push.quad_first + quad) * push.columns + gl_GlobalInvocationID.x;
    const uint step = push.quads * push.columns;
    [[unroll]] for (int j = 0; j < 6; ++j) {
        input_line(d[j], d[6 + j], d[12 + j], d[18 + j], d[24 + j], d[30 + j]);
        [[unroll]] for (int i = 0; i < 6; ++i)
            result[to + (i * 6 + j) * step] = d[i * 6 + j];
    }
}
