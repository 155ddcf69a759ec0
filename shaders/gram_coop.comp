#version 450
// Partial Gram matrices by matrix units, G = F F^T over a run of pixels, straight from a tensor of
// halves: 64 x 64 channels a workgroup of four subgroups, pixels in slices of 64 through shared
// memory, both operands. Result, grid and pairs: as in gram_tiled.comp.
//
// A slice in shared memory is [64 pixels][64 channels], the row of a pixel padded by 16 bytes: eight
// rows lie in eight bank groups. Lanes bring pixels, matrices are read along channels.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "coop.glsl"

layout(set = 0, binding = 0, std430) readonly buffer source_block { uvec2 source[]; };
TARGET32(1, result);
PUSH(vks_push_gram_tiled);

const uint PIXELS = 64, PITCH = 9, SIDE = 32; // uvec4s a pixel; channels of a subgroup's part
const uint FETCH = PIXELS * 8 / WIDTH;
const uint SUMS_M = SIDE / M, SUMS_N = SIDE / N;

shared uvec4 pool[2 * PIXELS * PITCH]; // rows, columns; at the end a stage for each subgroup

// A lane's share of a slice: the same pixel in all of them where WIDTH is a multiple of 64.
void fetch(uint tile, uint first, out uvec4 next[FETCH])
{
    [[unroll]] for (uint i = 0; i < FETCH; ++i) {
        const uint j = i * WIDTH + gl_LocalInvocationID.x;
        const uint p = first + j % PIXELS, quad = tile * 16 + j / PIXELS * 2;
        const uint y = p / push.pitch, x = p - y * push.pitch;
        const bool counts = x >= push.x0 && x < push.x1 && y >= push.y0 && y < push.y1 && p < push.plane;
        next[i] = uvec4(0);
        if (counts && quad < push.quads)
            next[i].xy = source[quad * push.plane + p];
        if (counts && quad + 1 < push.quads)
            next[i].zw = source[(quad + 1) * push.plane + p];
    }
}

void main()
{
    const uint lane = gl_LocalInvocationID.x, split = gl_WorkGroupID.y, pair = gl_WorkGroupID.x;
    uint row = uint((sqrt(8.0 * float(pair) + 1.0) - 1.0) * 0.5);
    row -= uint(row * (row + 1) / 2 > pair);
    row += uint((row + 1) * (row + 2) / 2 <= pair);
    const uint column = pair - row * (row + 1) / 2;
    const uint mine_m = gl_SubgroupID % 2 * SIDE, mine_n = gl_SubgroupID / 2 * SIDE;
    const uint columns = row == column ? 0 : PIXELS * PITCH; // where they lie

    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sum[SUMS_M * SUMS_N];
    [[unroll]] for (uint i = 0; i < SUMS_M * SUMS_N; ++i)
        sum[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
    uvec4 next_a[FETCH], next_b[FETCH];
    const uint first = split * push.slices * PIXELS;
    fetch(row, first, next_a);
    if (columns > 0)
        fetch(column, first, next_b);
    for (uint s = 0; s < push.slices; ++s) {
        barrier(); // all have read the slice before
        [[unroll]] for (uint i = 0; i < FETCH; ++i) {
            const uint j = i * WIDTH + lane, to = j % PIXELS * PITCH + j / PIXELS;
            pool[to] = next_a[i];
            if (columns > 0)
                pool[columns + to] = next_b[i];
        }
        barrier();
        // The next slice is on its way while this one is multiplied.
        if (s + 1 < push.slices) {
            fetch(row, first + (s + 1) * PIXELS, next_a);
            if (columns > 0)
                fetch(column, first + (s + 1) * PIXELS, next_b);
        }
        [[unroll]] for (uint p = 0; p < PIXELS; p += K) {
            coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[SUMS_M];
            [[unroll]] for (uint m = 0; m < SUMS_M; ++m)
                coopMatLoad(a[m], pool, p * PITCH + (mine_m + m * M) / 8, PITCH,
                            gl_CooperativeMatrixLayoutColumnMajor);
            [[unroll]] for (uint n = 0; n < SUMS_N; ++n) {
                coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
                coopMatLoad(b, pool, columns + p * PITCH + (mine_n + n * N) / 8, PITCH,
                            gl_CooperativeMatrixLayoutRowMajor);
                [[unroll]] for (uint m = 0; m < SUMS_M; ++m)
                    sum[m * SUMS_N + n] = coopMatMulAdd(a[m], b, sum[m * SUMS_N + n]);
            }
        }
    }

    barrier(); // the stages lie where the slices were
    const uint stage = gl_SubgroupID * SIDE * SIDE / 4; // [32 rows][32 columns] floats
    [[unroll]] for (uint m = 0; m < SUMS_M; ++m) {
        [[unroll]] for (uint n = 0; n < SUMS_N; ++n)
            coopMatStore(sum[m * SUMS_N + n], pool, stage + m * M * (SIDE / 4) + n * N / 4, SIDE / 4,
                         gl_CooperativeMatrixLayoutRowMajor);
    }
    subgroupMemoryBarrierShared();
    subgroupBarrier();
    const uint to = (split * (push.channels / 4) + column * 16 + mine_n / 4) * push.channels +
                    row * 64 + mine_m;
    for (uint j = gl_SubgroupInvocationID; j < SIDE * SIDE / 4; j += gl_SubgroupSize)
        result[to + j / SIDE * push.channels + j % SIDE] =
            uintBitsToFloat(pool[stage + j % SIDE * (SIDE / 4) + j / SIDE]);
}
