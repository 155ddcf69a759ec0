#version 450
// 3x3 convolution by matrix units, implicit GEMM: fp16 operands, float32 sums
// (GL_KHR_cooperative_matrix, 16x16x16, scope subgroup).
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
//   and serves all nine taps: a tap is an offset, the stride is a pixel, and 16 pixels of a row are
//   the columns of a matrix. Weights come straight from memory, 512 bytes a matrix; all workgroups
//   at work read the same ones.
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

SOURCE(0, source);
layout(set = 0, binding = 1, std430) readonly buffer weights_block { f16vec4 weights[]; };
TARGET32(2, result);
PUSH(vks_push_coop);

const uint PATCH_X = 34, PATCH_Y = 6, PITCH = 6;     // f16vec4s a pixel
const uint COUNT = PATCH_X * PATCH_Y * 4;
const uint FETCH = (COUNT + WIDTH - 1) / WIDTH;

shared f16vec4 patch_k[PATCH_X * PATCH_Y * PITCH];
shared vec4 stage[4 * 64]; // one matrix of sums a subgroup, [16 pixels][16 outputs]

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

    // [block][2 rows][2 halves of a row]
    coopmat<float, gl_ScopeSubgroup, 16, 16, gl_MatrixUseAccumulator> sum[BLOCKS * 4];
    [[unroll]] for (uint i = 0; i < BLOCKS * 4; ++i)
        sum[i] = coopmat<float, gl_ScopeSubgroup, 16, 16, gl_MatrixUseAccumulator>(0.0);

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
            coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseB> b[4];
            [[unroll]] for (uint i = 0; i < 4; ++i) {
                const uint y = half_y * 2 + i / 2 + tap / 3, x = i % 2 * 16 + tap % 3;
                coopMatLoad(b[i], patch_k, (y * PATCH_X + x) * PITCH, PITCH,
                            gl_CooperativeMatrixLayoutColumnMajor);
            }
            [[unroll]] for (uint n = 0; n < BLOCKS; ++n) {
                coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseA> a;
                const uint block = min(first_block + n, last_block);
                coopMatLoad(a, weights,
                            ((block * push.k_slices + push.k_first + s) * 9 + tap) * 64, 4,
                            gl_CooperativeMatrixLayoutRowMajor);
                [[unroll]] for (uint i = 0; i < 4; ++i)
                    sum[n * 4 + i] = coopMatMulAdd(a, b[i], sum[n * 4 + i]);
            }
        }
    }

    [[unroll]] for (uint n = 0; n < BLOCKS; ++n) {
        [[unroll]] for (uint i = 0; i < 4; ++i) {
            subgroupMemoryBarrierShared();
            subgroupBarrier(); // all have read the matrix before
            coopMatStore(sum[n * 4 + i], stage, gl_SubgroupID * 64, 4,
                         gl_CooperativeMatrixLayoutColumnMajor);
            subgroupMemoryBarrierShared();
            subgroupBarrier();
            const uint row = half_y * 2 + i / 2;
            for (uint j = gl_SubgroupInvocationID; j < 64; j += gl_SubgroupSize) {
                // Lanes along tiles first, then pixels of a tile, then quads.
                const uint x = j % 4 * 4 + j / 4 % 4, quad = j / 16;
                const uint tile = tile_x + i % 2 * 4 + x / 4;
                const uint out_quad = (first_block + n) * 4 + quad;
                if (tile < push.tiles_x && out_quad < push.out_quads) {
                    const uint to = ((row * 4 + x % 4) * push.out_quads + out_quad) * push.columns +
                                    tile_row * push.tiles_x + tile;
                    vec4 v = stage[gl_SubgroupID * 64 + x * 4 + quad];
                    if (ACCUMULATE == 1)
                        v += result[to];
                    result[to] = v;
                }
            }
        }
    }
}
