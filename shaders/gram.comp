#version 450
// Partial Gram matrices, G = F F^T over a chunk of pixels: WIDTH channels x 16 channels a workgroup.
//
//   turned   [pixels / 4][channels] vec4 of four pixels (gram_transpose), channels a multiple of 64
//   result   [splits][channels / 16][4][channels] vec4: sums over the chunks of each split;
//            element (lane channel, 16 * block + 4 * quad + component)
//   grid     (pairs, splits)
//
// G is symmetric: only pairs of a lane block and a channel block that touch the triangle
// lane channel >= block channel are computed, numbered row by row; readers take (max, min).
// Straight-line below the barrier for the reason given in gemm.glsl.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;
layout(constant_id = 1) const uint QUADS = 32;     // quads of pixels a chunk

SOURCE32(0, turned);
TARGET32(1, result);
PUSH(vks_push_gram);

const uint BATCH = 4; // QUADS is a multiple of it

shared vec4 w[QUADS * 16];

void main()
{
    // Row r of lane blocks meets (r + 1) * WIDTH / 16 channel blocks.
    const uint per = WIDTH / 16;
    const uint pair = gl_WorkGroupID.x;
    uint row = uint((sqrt(8.0 * float(pair / per) + 1.0) - 1.0) * 0.5);
    row -= uint(row * (row + 1) / 2 * per > pair);
    row += uint((row + 1) * (row + 2) / 2 * per <= pair);
    const uint block = pair - row * (row + 1) / 2 * per;
    const uint split = gl_WorkGroupID.y;
    const uint at = (push.pixels_first + (push.chunk_first + split) * QUADS) * push.channels;

    [[unroll]] for (uint i = 0; i < QUADS * 16; i += WIDTH) {
        const uint j = min(i + gl_LocalInvocationID.x, QUADS * 16 - 1);
        w[j] = LOAD32(turned, at + (j / 16) * push.channels + block * 16 + j % 16);
    }
    barrier();

    const uint lane = row * WIDTH + gl_LocalInvocationID.x;
    const uint to = ((split * (push.channels / 16) + block) * 4) * push.channels + lane;
    vec4 sum[4];
    [[unroll]] for (uint o = 0; o < 4; ++o)
        sum[o] = vec4(0);
    // A few reads at once, for the reason given there, too.
    [[unroll]] for (uint p = 0; p < QUADS; p += BATCH) {
        vec4 v[BATCH];
        [[unroll]] for (uint i = 0; i < BATCH; ++i)
            v[i] = LOAD32(turned, at + (p + i) * push.channels + lane);
        [[unroll]] for (uint o = 0; o < 4; ++o) {
            [[unroll]] for (uint c = 0; c < 4; ++c) {
                [[unroll]] for (uint i = 0; i < BATCH; ++i) {
                    const vec4 f = w[(p + i) * 16 + o * 4 + c];
                    sum[o][c] += v[i].x * f.x + v[i].y * f.y + v[i].z * f.z + v[i].w * f.w;
                }
            }
        }
    }
    if (push.accumulate == 1) {
        [[unroll]] for (uint o = 0; o < 4; ++o)
            sum[o] += result[to + o * push.channels];
    }
    [[unroll]] for (uint o = 0; o < 4; ++o)
        result[to + o * push.channels] = sum[o];
}
