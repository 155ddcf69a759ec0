#version 450
// The end of a forward convolution, one 4x4 tile of one channel quad: sums from the scratch, bias,
// ReLU, then whatever the plan needs of it: the activations, the mask for the way back, and the
// pooled activations.
//
//   sums        [36 or 16][quads][columns] vec4, float32
//   bias        [quads] vec4
//   activation  tensor [quads][plane]
//   mask        [quads][mask_plane] uvec2: bits of tile.glsl. Without pooling, or with average
//               pooling: positive values. With max pooling: the first largest of each 2x2 cell, if
//               positive.
//   pooled      tensor [quads][pooled_plane]
//
// A tensor's rows and columns are padded to multiples of 4. What lies in the padding is unspecified:
// every reader checks against the true size, so no store here needs a guard.
//   grid        (columns / WIDTH, quads of the bound slices)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "tile.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint WINOGRAD = 1;
layout(constant_id = 2) const uint KEEP = 1;  // write activation
layout(constant_id = 3) const uint MASK = 1;  // write mask
layout(constant_id = 4) const uint POOL = 0;  // 1: max, 2: average

SOURCE32(0, sums);
SOURCE32(1, bias);
TARGET(2, activation);
TARGET_BITS(3, mask);
TARGET(4, pooled);
PUSH(vks_push_tiles);

#include "scratch.glsl"

void main()
{
    const uint quad = gl_WorkGroupID.y;
    const Tile t = tile_at(gl_GlobalInvocationID.x, push.tile_first, push.tile_count, push.tiles_x,
                           push.inverse_tiles_x);
    vec4 o[16];
    read_tile(t.column, push.quad_first + quad, o);
    const vec4 b = LOAD32(bias, push.quad_first + quad);
    [[unroll]] for (int i = 0; i < 16; ++i)
        o[i] = max(o[i] + b, vec4(0));
    if (KEEP == 1) {
        const uint to = quad * push.plane + uint(t.y) * push.pitch + uint(t.x);
        [[unroll]] for (uint i = 0; i < 16; ++i)
            STORE(activation, to + (i / 4) * push.pitch + i % 4, o[i]);
    }
    uvec2 bits = uvec2(0);
    if (POOL == 0) {
        if (MASK == 1) {
            [[unroll]] for (uint i = 0; i < 16; ++i) {
                const uint cell = (i / 8) * 2 + (i % 4) / 2;
                const uint position = ((i / 4) % 2) * 2 + i % 2;
                const uvec4 on = uvec4(greaterThan(o[i], vec4(0)));
                const uint word = (on.x | on.y << 4 | on.z << 8 | on.w << 12)
                                  << ((cell & 1u) * 16u + position);
                if (cell < 2)
                    bits.x |= word;
                else
                    bits.y |= word;
            }
        }
    } else {
        [[unroll]] for (uint cell = 0; cell < 4; ++cell) {
            const uint at = (cell / 2) * 8 + (cell % 2) * 2;
            const vec4 p0 = o[at], p1 = o[at + 1], p2 = o[at + 4], p3 = o[at + 5];
            vec4 value;
            uvec4 b0, b1, b2, b3;
            if (POOL == 1) {
                value = max(max(p0, p1), max(p2, p3));
                const uvec4 on = uvec4(greaterThan(value, vec4(0)));
                b0 = on & uvec4(equal(p0, value));
                b1 = on & uvec4(equal(p1, value)) & ~b0;
                b2 = on & uvec4(equal(p2, value)) & ~(b0 | b1);
                b3 = on & ~(b0 | b1 | b2);
            } else {
                value = 0.25 * ((p0 + p1) + (p2 + p3));
                b0 = uvec4(greaterThan(p0, vec4(0)));
                b1 = uvec4(greaterThan(p1, vec4(0)));
                b2 = uvec4(greaterThan(p2, vec4(0)));
                b3 = uvec4(greaterThan(p3, vec4(0)));
            }
            const uvec4 nibble = b0 | b1 << 1 | b2 << 2 | b3 << 3;
            const uint word = (nibble.x | nibble.y << 4 | nibble.z << 8 | nibble.w << 12)
                              << ((cell & 1u) * 16u);
            if (cell < 2)
                bits.x |= word;
            else
                bits.y |= word;
            const uint x = uint(t.x) / 2 + cell % 2, y = uint(t.y) / 2 + cell / 2;
            if (x < push.pooled_width && y < push.pooled_height)
                STORE(pooled, quad * push.pooled_plane + y * push.pooled_pitch + x, value);
        }
    }
    if (MASK == 1)
        mask[quad * push.mask_plane + t.index] = bits;
}
