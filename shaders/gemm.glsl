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

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;
#ifdef VKS_CHUNK // unrolled by spirv-opt when the program is built
const uint CHUNK = VKS_CHUNK, OC = 4;
#else
layout(constant_id = 1) const uint CHUNK = 64;     // values of k in this dispatch, multiple of 4
layout(constant_id = 2) const uint OC = 4;         // output quads of a block
#endif

SOURCE32(0, weights);
GEMM_SOURCE(1, source);
GEMM_TARGET(2, result);

PUSH(vks_push_gemm);

const uint BATCH = 4;

shared vec4 w[CHUNK * OC];

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
    // Read a few quads at once, then add: on llvmpipe each read is a call, around which all sums
    // are put by.
    [[unroll]] for (uint k = 0; k < CHUNK / 4; k += BATCH) {
        vec4 v[BATCH];
        [[unroll]] for (uint i = 0; i < BATCH; ++i)
            v[i] = GEMM_LOAD(source, at + min(k + i, CHUNK / 4 - 1) * push.source_columns);
        [[unroll]] for (uint o = 0; o < OC; ++o) {
            [[unroll]] for (uint i = 0; i < BATCH; ++i) {
                if (k + i < CHUNK / 4) { // known when compiled; unrolling takes no longer condition
                    sum[o] += v[i].x * w[((k + i) * 4 + 0) * OC + o];
                    sum[o] += v[i].y * w[((k + i) * 4 + 1) * OC + o];
                    sum[o] += v[i].z * w[((k + i) * 4 + 2) * OC + o];
                    sum[o] += v[i].w * w[((k + i) * 4 + 3) * OC + o];
                }
            }
        }
    }
    // Added last: shorter chains of additions round less.
    if (push.accumulate == 1) {
        [[unroll]] for (uint o = 0; o < OC; ++o)
            sum[o] += GEMM_READ(result, to + o * push.result_columns);
    }
    [[unroll]] for (uint o = 0; o < OC; ++o)
        GEMM_STORE(result, to + o * push.result_columns, sum[o]);
}
