#version 450
// 3x3 convolution by matrix units, implicit GEMM: fp16 operands, float32 sums
// (GL_KHR_cooperative_matrix, scope subgroup), M x K times K x N a step, whatever the device has
// of 8 and 16: 16x16x16 on NVIDIA and AMD, 8x16x16 on Intel, 8x8x8 on software Vulkan.
//
//   source   tensor, the quads of this dispatch: [quads][plane], zero outside width x height
//   weights  [blocks of 16 outputs][k_slices][9 taps][16 outputs][16 k] fp16
//   result   [16 pixels of a tile][out_quads][columns] vec4, float32, as conv.comp writes it
//   grid     (runs of 8 tiles of a tile row, for all tile rows of the strip; outputs / OUTPUTS)
//
//   A workgroup of four subgroups makes OUTPUTS = 32 * BLOCKS outputs of 32 x 4 pixels:
//
//            32 pixels + 2            subgroup 0: outputs of the first half,  rows 0 and 1
//         +----------------+          subgroup 1:             second half,    rows 0 and 1
//   4 + 2 |   patch[16 k]  |          subgroup 2:             first half,     rows 2 and 3
//         +----------------+          subgroup 3:             second half,    rows 2 and 3
//
//   For each slice of 16 k the patch of input pixels is brought to shared memory once, [pixel][16 k],
//   and serves all nine taps: a tap is an offset, the stride is a pixel, and N pixels of a row are
//   the columns of a matrix. Weights come straight from memory; all workgroups at work read the
//   same ones.
//
// A pixel's 32 bytes in shared memory are padded to 48, so that eight neighbours lie in eight
// different bank groups.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_shader_subgroup_basic : require
#include "common.glsl"
#include "push.h"

layout(local_size_x_id = 0) in; // four subgroups
layout(constant_id = 0) const uint WIDTH = 128;
layout(constant_id = 1) const uint BLOCKS = 2;     // blocks of 16 outputs a subgroup
layout(constant_id = 2) const uint ACCUMULATE = 0; // 1: add to what result holds
layout(constant_id = 3) const uint M = 16;
layout(constant_id = 4) const uint N = 16;
layout(constant_id = 5) const uint K = 16;

SOURCE(0, source);
layout(set = 0, binding = 1, std430) readonly buffer weights_block { f16vec4 weights[]; };
TARGET32(2, result);
PUSH(vks_push_coop);

const uint PATCH_X = 34, PATCH_Y = 6, PITCH = 6;     // f16vec4s a pixel
const uint COUNT = PATCH_X * PATCH_Y * 4;
const uint SUMS_M = BLOCKS * 16 / M, SUMS_N = 64 / N, ROW = 32 / N; // matrices of a subgroup
const uint FETCH = (COUNT + WIDTH - 1) / WIDTH;

shared f16vec4 patch_k[PATCH_X * PATCH_Y * PITCH];
shared vec4 stage[4 * 64]; // one matrix of sums a subgroup, [N pixels][M outputs]

void main()
{
    const uint lane = gl_LocalInvocationID.x;
    const uint runs = (push.tiles_x + 7) / 8;
    const uint tile_row = gl_WorkGroupID.x / runs; // in the strip
    const uint tile_x = (gl_WorkGroupID.x - tile_row * runs) * 8;
    const int x0 = int(tile_x * 4) + push.shift;
    const int y0 = int((push.tile_row + tile_row) * 4) + push.shift;

    const uint half_n = gl_SubgroupID & 1, half_y = gl_SubgroupID / 2;
    const uint first_block = (gl_WorkGroupID.y * 2 + half_n) * BLOCKS;
    const uint last_block = push.out_quads / 4 - 1;

    // [outputs / M][2 rows][pixels of a row / N]
    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sum[SUMS_M * SUMS_N];
    [[unroll]] for (uint i = 0; i < SUMS_M * SUMS_N; ++i)
        sum[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);

    for (uint s = 0; s < push.slices; ++s) {
        f16vec4 next[FETCH];
        [[unroll]] for (uint i = 0; i < FETCH; ++i) {
            const uint j = min(i * WIDTH + lane, COUNT - 1); // [PATCH_Y][4 quads][PATCH_X]
            const uint px = j % PATCH_X, quad = s * 4 + (j / PATCH_X) % 4;
            const int x = x0 + int(px), y = y0 + int(j / (PATCH_X * 4));
            const bool inside = uint(x) < push.width && uint(y) < push.height && quad < push.quads;
            const vec4 r = LOAD(source, min(quad, push.quads - 1) * push.plane +
                                            uint(clamp(y, 0, int(push.height) - 1)) * push.pitch +
                                            uint(clamp(x, 0, int(push.width) - 1)));
            next[i] = inside ? f16vec4(r) : f16vec4(0);
        }
        barrier(); // all have read the slice before
        [[unroll]] for (uint i = 0; i < FETCH; ++i) {
            const uint j = i * WIDTH + lane;
            if (j < COUNT)
                patch_k[(j / (PATCH_X * 4) * PATCH_X + j % PATCH_X) * PITCH + (j / PATCH_X) % 4] =
                    next[i];
        }
        barrier();
        for (uint tap = 0; tap < 9; ++tap) {
            [[unroll]] for (uint k = 0; k < 16; k += K) {
                coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b[SUMS_N];
                [[unroll]] for (uint i = 0; i < SUMS_N; ++i) {
                    const uint y = half_y * 2 + i / ROW + tap / 3, x = i % ROW * N + tap % 3;
                    coopMatLoad(b[i], patch_k, (y * PATCH_X + x) * PITCH + k / 4, PITCH,
                                gl_CooperativeMatrixLayoutColumnMajor);
                }
                [[unroll]] for (uint n = 0; n < SUMS_M; ++n) {
                    coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a;
                    const uint block = min(first_block + n * M / 16, last_block);
                    const uint at = ((block * push.k_slices + push.k_first + s) * 9 + tap) * 64;
                    coopMatLoad(a, weights, at + n * M % 16 * 4 + k / 4, 4,
                                gl_CooperativeMatrixLayoutRowMajor);
                    [[unroll]] for (uint i = 0; i < SUMS_N; ++i)
                        sum[n * SUMS_N + i] = coopMatMulAdd(a, b[i], sum[n * SUMS_N + i]);
                }
            }
        }
    }

    [[unroll]] for (uint n = 0; n < SUMS_M; ++n) {
        [[unroll]] for (uint i = 0; i < SUMS_N; ++i) {
            subgroupMemoryBarrierShared();
            subgroupBarrier(); // all have read the matrix before
            coopMatStore(sum[n * SUMS_N + i], stage, gl_SubgroupID * 64, M / 4,
                         gl_CooperativeMatrixLayoutColumnMajor);
            subgroupMemoryBarrierShared();
            subgroupBarrier();
            const uint row = half_y * 2 + i / ROW;
            for (uint j = gl_SubgroupInvocationID; j < M * N / 4; j += gl_SubgroupSize) {
                // Lanes along tiles first, then pixels of a tile, then quads.
                const uint x = j % (N / 4) * 4 + j / (N / 4) % 4, quad = j / N;
                const uint tile = tile_x + (i % ROW * N + x) / 4;
                const uint out_quad = first_block * 4 + n * M / 4 + quad;
                if (tile < push.tiles_x && out_quad < push.out_quads) {
                    const uint to = ((row * 4 + x % 4) * push.out_quads + out_quad) * push.columns +
                                    tile_row * push.tiles_x + tile;
                    vec4 v = stage[gl_SubgroupID * 64 + x * (M / 4) + quad];
                    if (ACCUMULATE == 1)
                        v += result[to];
                    result[to] = v;
                }
            }
        }
    }
}
