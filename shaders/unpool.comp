#version 450
// Gradient through a 2x2 pooling and the ReLU before it, one 4x4 tile of one channel quad.
//
//   pooled    tensor [quads][pooled_plane]: gradient of the pooled layer
//   mask      [quads][mask_plane] uvec2 (tile.glsl): which pixels of a cell the gradient goes to
//   joining   tensor [quads][plane]: gradient of losses at this layer, before its ReLU
//   activation tensor [quads][plane]: of this layer, for that ReLU
//   gradient  tensor [quads][plane]
//   grid      (tiles / WIDTH rounded up, quads of the bound slices)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "tile.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint JOIN = 0;

SOURCE(0, pooled);
SOURCE_BITS(1, mask);
SOURCE(2, joining);
SOURCE(3, activation);
TARGET(4, gradient);
PUSH(vks_push_unpool);

void main()
{
    const uint quad = gl_WorkGroupID.y;
    const Tile t = tile_at(gl_GlobalInvocationID.x, 0, push.tiles, push.tiles_x,
                           push.inverse_tiles_x);
    const uvec2 bits = LOAD_BITS(mask, quad * push.mask_plane + t.index);
    const uint to = quad * push.plane + uint(t.y) * push.pitch + uint(t.x);
    [[unroll]] for (uint cell = 0; cell < 4; ++cell) {
        const uint x = uint(t.x) / 2 + cell % 2, y = uint(t.y) / 2 + cell / 2;
        const uint from = min(y, push.pooled_height - 1) * push.pooled_pitch +
                          min(x, push.pooled_width - 1);
        vec4 g = push.scale * LOAD(pooled, quad * push.pooled_plane + from);
        if (x >= push.pooled_width || y >= push.pooled_height)
            g = vec4(0);
        [[unroll]] for (uint p = 0; p < 4; ++p) {
            const uint i = ((cell / 2) * 2 + p / 2) * push.pitch + (cell % 2) * 2 + p % 2;
            vec4 v = g * mask_of(bits, cell, p);
            if (JOIN == 1)
                v += LOAD(joining, to + i) * vec4(greaterThan(LOAD(activation, to + i), vec4(0)));
            STORE(gradient, to + i, v);
        }
    }
}
