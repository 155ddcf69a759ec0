#version 450
// A convolution back to its inputs by matrix units, from tensor to tensor: the sums of
// conv_coop.glsl, the loss gradient that joins there, and ReLU's mask, as backward_output.comp.
// Tensors are halves; buffers that the plan does not need are not touched.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "coop.glsl"
#include "tile.glsl"

layout(constant_id = 7) const uint JOIN = 0;
layout(constant_id = 8) const uint MASK = 1; // 0: the gradient is that of a pooled tensor

layout(set = 0, binding = 0, std430) readonly buffer source_block { uvec2 source[]; };
layout(set = 0, binding = 1, std430) readonly buffer weights_block { uvec4 weights[]; };
// Half a tile of a mask an element, and two pixels.
layout(set = 0, binding = 2, std430) readonly buffer mask_block { uint mask[]; };
layout(set = 0, binding = 3, std430) readonly buffer joining_block { uvec4 joining[]; };
layout(set = 0, binding = 4, std430) writeonly buffer gradient_block { uvec4 gradient[]; };
PUSH(vks_push_coop);

void finish(vec4 g[8], uint quad, uint tile_x, uint y)
{
    const uint to = (quad * push.out_plane + y * push.out_pitch) / 2 + tile_x * 2;
    const uint bits =
        MASK == 1 ? mask[(quad * push.mask_plane + y / 4 * push.tiles_x + tile_x) * 2 + y / 2 % 2] : 0;
    [[unroll]] for (uint i = 0; i < 4; ++i) {
        const uint at = to + i / 2 * (push.out_pitch / 2) + i % 2;
        vec4 a = g[i * 2], b = g[i * 2 + 1];
        if (JOIN == 1) {
            const uvec4 j = joining[at];
            a += vec4(unpackHalf2x16(j.x), unpackHalf2x16(j.y));
            b += vec4(unpackHalf2x16(j.z), unpackHalf2x16(j.w));
        }
        if (MASK == 1) {
            a *= mask_of(uvec2(bits), i % 2, i / 2 * 2);
            b *= mask_of(uvec2(bits), i % 2, i / 2 * 2 + 1);
        }
        gradient[at] = halves(a, b);
    }
}

#include "conv_coop.glsl"
