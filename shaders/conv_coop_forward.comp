#version 450
// A forward convolution by matrix units, from tensor to tensor: the sums of conv_coop.glsl, bias,
// ReLU, and what the plan needs of it, as forward_output.comp makes it: activations, mask, pooled
// activations. Tensors are halves; buffers that the plan does not need are not touched.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "coop.glsl"

layout(constant_id = 7) const uint KEEP = 1; // write activation
layout(constant_id = 8) const uint MASK = 1; // write mask
layout(constant_id = 9) const uint POOL = 0; // 1: max, 2: average

layout(set = 0, binding = 0, std430) readonly buffer source_block { uvec2 source[]; };
layout(set = 0, binding = 1, std430) readonly buffer weights_block { uvec4 weights[]; };
layout(set = 0, binding = 2, std430) readonly buffer bias_block { vec4 bias[]; };
// Two pixels an element, and half a tile of a mask.
layout(set = 0, binding = 3, std430) writeonly buffer activation_block { uvec4 activation[]; };
layout(set = 0, binding = 4, std430) writeonly buffer mask_block { uint mask[]; };
layout(set = 0, binding = 5, std430) writeonly buffer pooled_block { uvec4 pooled[]; };
PUSH(vks_push_coop);

void finish(vec4 o[8], uint quad, uint tile_x, uint y)
{
    const vec4 b = bias[quad];
    [[unroll]] for (uint i = 0; i < 8; ++i)
        o[i] = max(o[i] + b, vec4(0));
    if (KEEP == 1) {
        const uint to = (quad * push.out_plane + y * push.out_pitch) / 2 + tile_x * 2;
        [[unroll]] for (uint i = 0; i < 4; ++i)
            activation[to + i / 2 * (push.out_pitch / 2) + i % 2] = halves(o[i * 2], o[i * 2 + 1]);
    }
    uint bits = 0;
    if (POOL == 0) {
        [[unroll]] for (uint i = 0; i < 8; ++i) {
            const uvec4 on = uvec4(greaterThan(o[i], vec4(0)));
            bits |= (on.x | on.y << 4 | on.z << 8 | on.w << 12) << (i % 4 / 2 * 16 + i / 4 * 2 + i % 2);
        }
    } else {
        vec4 value[2];
        [[unroll]] for (uint cell = 0; cell < 2; ++cell) {
            const vec4 p0 = o[cell * 2], p1 = o[cell * 2 + 1], p2 = o[cell * 2 + 4], p3 = o[cell * 2 + 5];
            uvec4 b0, b1, b2, b3;
            if (POOL == 1) {
                value[cell] = max(max(p0, p1), max(p2, p3));
                const uvec4 on = uvec4(greaterThan(value[cell], vec4(0)));
                b0 = on & uvec4(equal(p0, value[cell]));
                b1 = on & uvec4(equal(p1, value[cell])) & ~b0;
                b2 = on & uvec4(equal(p2, value[cell])) & ~(b0 | b1);
                b3 = on & ~(b0 | b1 | b2);
            } else {
                value[cell] = 0.25 * ((p0 + p1) + (p2 + p3));
                b0 = uvec4(greaterThan(p0, vec4(0)));
                b1 = uvec4(greaterThan(p1, vec4(0)));
                b2 = uvec4(greaterThan(p2, vec4(0)));
                b3 = uvec4(greaterThan(p3, vec4(0)));
            }
            const uvec4 nibble = b0 | b1 << 1 | b2 << 2 | b3 << 3;
            bits |= (nibble.x | nibble.y << 4 | nibble.z << 8 | nibble.w << 12) << (cell * 16);
        }
        if (y / 2 < push.pooled_height && tile_x * 2 < push.pooled_pitch)
            pooled[(quad * push.pooled_plane + y / 2 * push.pooled_pitch) / 2 + tile_x] =
                halves(value[0], value[1]);
    }
    if (MASK == 1)
        mask[(quad * push.mask_plane + y / 4 * push.tiles_x + tile_x) * 2 + y / 2 % 2] = bits;
}

#include "conv_coop.glsl"
