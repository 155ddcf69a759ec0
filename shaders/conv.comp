#version 450
// Direct 3x3 convolution, part of its inputs a dispatch: 16 outputs of one pixel an invocation.
//
//   source   tensor, the quads of this dispatch: [QUADS][plane], zero outside width x height
//   weights  [blocks of 16 outputs][K][9 taps][4] vec4 of outputs
//   result   [16 pixels of a tile][out_quads][columns] vec4, float32: as the Winograd scratch, but
//            with pixels for frequencies, so that the same output kernels follow
//   grid     (columns / WIDTH, blocks, 16); lanes run along tiles
//
// Backward is the same kernel with flipped weights whose inputs and outputs have changed places.
// Straight-line below the barrier for the reason given in gemm.comp.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "tile.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;
layout(constant_id = 1) const uint QUADS = 4;      // input quads of this dispatch
layout(constant_id = 2) const uint ACCUMULATE = 0; // 1: add to what result holds

SOURCE(0, source);
SOURCE32(1, weights);
TARGET32(2, result);
PUSH(vks_push_conv);

const uint COUNT = QUADS * 4 * 9 * 4;
shared vec4 w[COUNT];

void main()
{
    const uint block = gl_WorkGroupID.y;
    const uint pixel = gl_WorkGroupID.z;
    const uint from = (block * push.k_quads + push.k_first) * (4 * 9 * 4);
    [[unroll]] for (uint i = 0; i < COUNT; i += WIDTH) {
        const uint j = min(i + gl_LocalInvocationID.x, COUNT - 1);
        w[j] = LOAD32(weights, from + j);
    }
    barrier();

    const Tile t = tile_at(gl_GlobalInvocationID.x, push.tile_first, push.tile_count, push.tiles_x,
                           push.inverse_tiles_x);
    const uint to = (pixel * push.out_quads + block * 4) * push.columns + gl_GlobalInvocationID.x;
    // Summed in blocks, a tap of this dispatch's inputs each, then over taps, then over dispatches:
    // one long chain of additions would lose a digit, and the sign of a value near zero with it.
    vec4 sum[4];
    [[unroll]] for (uint o = 0; o < 4; ++o)
        sum[o] = vec4(0);
    const int x0 = t.x + int(pixel % 4) + push.shift;
    const int y0 = t.y + int(pixel / 4) + push.shift;
    [[unroll]] for (uint tap = 0; tap < 9; ++tap) {
        const int x = x0 + int(tap % 3), y = y0 + int(tap / 3);
        const bool inside = uint(x) < push.width && uint(y) < push.height;
        const int at = clamp(y, 0, int(push.height) - 1) * int(push.pitch) +
                       clamp(x, 0, int(push.width) - 1);
        vec4 part[4];
        [[unroll]] for (uint o = 0; o < 4; ++o)
            part[o] = vec4(0);
        [[unroll]] for (uint q = 0; q < QUADS; ++q) {
            const vec4 r = LOAD(source, int(q * push.plane) + at);
            const vec4 v = inside ? r : vec4(0);
            [[unroll]] for (uint o = 0; o < 4; ++o) {
                part[o] += v.x * w[((q * 4 + 0) * 9 + tap) * 4 + o];
                part[o] += v.y * w[((q * 4 + 1) * 9 + tap) * 4 + o];
                part[o] += v.z * w[((q * 4 + 2) * 9 + tap) * 4 + o];
                part[o] += v.w * w[((q * 4 + 3) * 9 + tap) * 4 + o];
            }
        }
        [[unroll]] for (uint o = 0; o < 4; ++o)
            sum[o] += part[o];
    }
    if (ACCUMULATE == 1) {
        [[unroll]] for (uint o = 0; o < 4; ++o)
            sum[o] += result[to + o * push.columns];
    }
    [[unroll]] for (uint o = 0; o < 4; ++o)
        result[to + o * push.columns] = sum[o];
}
