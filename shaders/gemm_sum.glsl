// The heart of gemm.glsl and gemm_wide.comp, a product with a block that lies in shared memory.
//
// Long straight-line code, CHUNK values of k: software Vulkan then uses the block as broadcast
// memory operands. No loop, no branch, no return below the barrier.

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;
#ifdef VKS_CHUNK // unrolled by spirv-opt when the program is built
const uint CHUNK = VKS_CHUNK, OC = 4;
#else
layout(constant_id = 1) const uint CHUNK = 64;     // values of k in this dispatch, multiple of 4
layout(constant_id = 2) const uint OC = 4;         // vec4s of a block for each k
#endif

const uint BATCH = 4;

// sum[OC] += BLOCK(k, OC) * what NEXT(quad of k) reads for this invocation. A few quads are read at
// once, then added: on llvmpipe each read is a call, around which all sums are put by.
#define SUM_UP                                                                                     \
    [[unroll]] for (uint k = 0; k < CHUNK / 4; k += BATCH) {                                       \
        vec4 v[BATCH];                                                                             \
        [[unroll]] for (uint i = 0; i < BATCH; ++i)                                                \
            v[i] = NEXT(min(k + i, CHUNK / 4 - 1));                                                \
        [[unroll]] for (uint o = 0; o < OC; ++o) {                                                 \
            [[unroll]] for (uint i = 0; i < BATCH; ++i) {                                          \
                if (k + i < CHUNK / 4) { /* known when compiled; unrolling takes no other way */   \
                    sum[o] += v[i].x * BLOCK((k + i) * 4 + 0, o);                                  \
                    sum[o] += v[i].y * BLOCK((k + i) * 4 + 1, o);                                  \
                    sum[o] += v[i].z * BLOCK((k + i) * 4 + 2, o);                                  \
                    sum[o] += v[i].w * BLOCK((k + i) * 4 + 3, o);                                  \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
