#version 450
// The end of a backward convolution, one 4x4 tile of one channel quad: the gradient that came
// through the convolution, plus the loss gradient that joins at this layer, through ReLU.
//
//   sums      [36 or 16][quads][columns] vec4, float32
//   mask      [quads][mask_plane] uvec2 (tile.glsl), positive values of this layer
//   joining   tensor [quads][plane]: gradient of the losses at this layer
//   gradient  tensor [quads][plane]
//   grid      (columns / WIDTH, quads of the bound slices)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "tile.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint WINOGRAD = 1; // 2: there are no sums, this is the deepest layer
layout(constant_id = 2) const uint JOIN = 0;
layout(constant_id = 3) const uint MASK = 1; // 0: the gradient is that of a pooled tensor

SOURCE32(0, sums);
SOURCE_BITS(1, mask);
SOURCE(2, joining);
TARGET(3, gradient);
PUSH(vks_push_tiles);

#include "scratch.glsl"

void main()
{
    const uint quad = gl_WorkGroupID.y;
    const Tile t = tile_at(gl_GlobalInvocationID.x, push.tile_first, push.tile_count, push.tiles_x,
                           push.inverse_tiles_x);
    vec4 o[16];
    if (WINOGRAD == 2) {
        [[unroll]] for (int i = 0; i < 16; ++i)
            o[i] = vec4(0);
    } else {
        read_tile(t.column, push.quad_first + quad, o);
    }
    const uint to = quad * push.plane + uint(t.y) * push.pitch + uint(t.x);
    const uvec2 bits = MASK == 1 ? LOAD_BITS(mask, quad * push.mask_plane + t.index) : uvec2(0);
    [[unroll]] for (uint i = 0; i < 16; ++i) {
        vec4 v = o[i];
        if (JOIN == 1)
            v += LOAD(joining, to + (i / 4) * push.pitch + i % 4);
        if (MASK == 1)
            v *= mask_of(bits, (i / 8) * 2 + (i % 4) / 2, ((i / 4) % 2) * 2 + i % 2);
        STORE(gradient, to + (i / 4) * push.pitch + i % 4, v);
    }
}
