// Batched matrix product for long rows of columns: out[b][n][x] = sum_k weights[b][k][n] in[b][k][x].
//
// Used in the Winograd domain (b = 36 frequencies, x = tiles), for the Gram matrices' gradient
// (x = pixels) and for conv1_1's gradient to the image.
//
//   weights  [batch][N/(4*OC)][K][OC] vec4 of output channels
//   in       [batch][K/4][columns] vec4 of channels
//   out      [batch][N/4][columns] vec4 of channels
//
//   workgroup = WIDTH columns x one block of 4*OC outputs x one batch entry
//   grid      = (columns / WIDTH, N / (4*OC), batch)
//
// The weights' block of one chunk (CHUNK values of k) is staged in shared memory; after the barrier
// the code is straight-line, so that software Vulkan can use the block as broadcast memory operands:
// no loop, no branch, no return below the barrier. Longer K: further dispatches with
// push.accumulate (no constant: each kernel that need not be compiled starts a job 50 ms earlier).

#include "gemm_sum.glsl"

SOURCE32(0, weights);
GEMM_SOURCE(1, source);
GEMM_TARGET(2, result);

PUSH(vks_push_gemm);

shared vec4 w[CHUNK * OC];
#define BLOCK(k, o) w[(k) * OC + o]

void main()
{
    const uint x = gl_GlobalInvocationID.x;
    const uint block = gl_WorkGroupID.y;
    const uint batch = gl_WorkGroupID.z;

    const uint from = ((batch * gl_NumWorkGroups.y + block) * push.k_quads + push.k_first) * 4 * OC;
    [[unroll]] for (uint i = 0; i < CHUNK * OC; i += WIDTH) {
        const uint j = min(i + gl_LocalInvocationID.x, CHUNK * OC - 1);
        w[j] = LOAD32(weights, from + j);
    }
    barrier();

    const uint to = (batch * push.out_quads + block * OC) * push.result_columns +
                    push.result_first + x;
    vec4 sum[OC];
    [[unroll]] for (uint o = 0; o < OC; ++o)
        sum[o] = vec4(0);
    const uint at = (batch * push.k_quads + push.source_quad) * push.source_columns +
                    push.source_first + x;
#define NEXT(q) GEMM_LOAD(source, at + (q) * push.source_columns)
    SUM_UP
    // Added last: shorter chains of additions round less.
    if (push.accumulate == 1) {
        [[unroll]] for (uint o = 0; o < OC; ++o)
            sum[o] += GEMM_READ(result, to + o * push.result_columns);
    }
    [[unroll]] for (uint o = 0; o < OC; ++o)
        GEMM_STORE(result, to + o * push.result_columns, sum[o]);
}
