#version 450
// Partial Gram matrices for GPUs, G = F F^T over a run of pixels, straight from the tensor: 64 x 64
// channels a workgroup, pixels in slices of PIXELS through shared memory, both operands.
//
//   source   tensor [quads][plane]
//   result   [splits][channels / 16][4][channels] vec4, as gram.comp writes it: element
//            (channel of the tile's rows, 16 * block + 4 * quad + component of its columns)
//   grid     (pairs, splits)
//
// G is symmetric: only tiles on and below the diagonal are computed, pair = row (row + 1) / 2 +
// column; readers take (max, min). Split s adds up the pixels [s, s + 1) * slices * PIXELS; what lies
// outside the rectangle that counts, or outside the channels that there are, is zero.
//
// A slice in shared memory is [PIXELS][16 quads], the row of a pixel padded by one vec4: lanes write
// along pixels, and read along quads, eight at a time from eight different bank groups.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in; // LANES
layout(constant_id = 1) const uint PIXELS = 16;

SOURCE(0, source);
TARGET32(1, result);
PUSH(vks_push_gram_tiled);

const uint QUADS = 16, LANES = 128, PITCH = QUADS + 1;
const uint FETCH = QUADS * PIXELS / LANES;

shared vec4 a[PIXELS * PITCH]; // rows
shared vec4 b[PIXELS * PITCH]; // columns

vec4 value(uint quad, uint p)
{
    const uint y = p / push.pitch, x = p - y * push.pitch;
    const bool counts = x >= push.x0 && x < push.x1 && y >= push.y0 && y < push.y1 &&
                        quad < push.quads && p < push.plane;
    const vec4 r = LOAD(source, min(quad, push.quads - 1) * push.plane + min(p, push.plane - 1));
    return counts ? r : vec4(0);
}

void main()
{
    const uint lane = gl_LocalInvocationID.x, split = gl_WorkGroupID.y, pair = gl_WorkGroupID.x;
    uint row = uint((sqrt(8.0 * float(pair) + 1.0) - 1.0) * 0.5);
    row -= uint(row * (row + 1) / 2 > pair);
    row += uint((row + 1) * (row + 2) / 2 <= pair);
    const uint column = pair - row * (row + 1) / 2;

    // Eight channels of the rows (two quads, eight apart) by one quad of the columns.
    const uint mine_a = lane % 8, mine_b = lane / 8;
    vec4 sum[8];
    [[unroll]] for (uint i = 0; i < 8; ++i)
        sum[i] = vec4(0);
    vec4 next_a[FETCH], next_b[FETCH];
    for (uint s = 0; s <= push.slices; ++s) {
        if (s > 0) {
            barrier(); // all have read the slice before
            [[unroll]] for (uint i = 0; i < FETCH; ++i) {
                const uint j = i * LANES + lane, to = (j % PIXELS) * PITCH + j / PIXELS;
                a[to] = next_a[i];
                b[to] = next_b[i];
            }
            barrier();
        }
        // Slice s is on its way while slice s - 1 is multiplied.
        if (s < push.slices) {
            const uint first = (split * push.slices + s) * PIXELS;
            [[unroll]] for (uint i = 0; i < FETCH; ++i) {
                const uint j = i * LANES + lane, p = first + j % PIXELS, quad = j / PIXELS;
                next_a[i] = value(row * QUADS + quad, p);
                next_b[i] = value(column * QUADS + quad, p);
            }
        }
        if (s == 0)
            continue;
        [[unroll]] for (uint p = 0; p < PIXELS; ++p) {
            const vec4 low = a[p * PITCH + mine_a], high = a[p * PITCH + 8 + mine_a];
            const vec4 f = b[p * PITCH + mine_b];
            [[unroll]] for (uint c = 0; c < 4; ++c) {
                sum[c] = fma(vec4(low[c]), f, sum[c]);
                sum[4 + c] = fma(vec4(high[c]), f, sum[4 + c]);
            }
        }
    }
    const uint to = (split * (push.channels / 4) + column * QUADS + mine_b) * push.channels +
                    row * 64 + mine_a * 4;
    [[unroll]] for (uint c = 0; c < 4; ++c) {
        result[to + c] = sum[c];
        result[to + 32 + c] = sum[4 + c];
    }
}
