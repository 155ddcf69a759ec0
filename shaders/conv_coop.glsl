// 3x3 convolution by matrix units, implicit GEMM (coop.glsl).
//
//   source   tensor [quads][plane] of four halves, zero outside width x height
//   weights  [blocks of 16 outputs][k_slices][9 taps][16 outputs][16 k] fp16
//   grid     (groups of OUTPUTS outputs, runs of 16 pixels, groups of TALL rows)
//
//   A workgroup of four subgroups makes OUTPUTS outputs of 16 x TALL pixels; each of its subgroups
//   BLOCKS blocks of 16 outputs of ROWS rows, SPLIT subgroups along outputs, the others along rows.
//
//   For each slice of 16 k the patch of (16 + 2) x (TALL + 2) input pixels is brought to shared
//   memory once, [pixel][16 k], and serves all nine taps: a tap is an offset, the stride is a pixel,
//   and N pixels of a row are the columns of a matrix. Weights come a row of taps at a time, into
//   two halves in turn. What comes next is on its way from memory to registers meanwhile.
//
// A pixel's 32 bytes are padded to 48 and an output's 96 bytes of weights to 112, so that eight
// neighbours lie in eight different bank groups.
//
// The file that includes this has finish(), which is called for four pixels of two rows at a time.
layout(constant_id = 4) const uint BLOCKS = 4;
layout(constant_id = 5) const uint ROWS = 4; // even
layout(constant_id = 6) const uint SPLIT = 1;

const uint OUTPUTS = 16 * BLOCKS * SPLIT, TALL = ROWS * (4 / SPLIT);
const uint PATCH_X = 18, PIXELS = PATCH_X * (TALL + 2), PIXEL = 3, OUTPUT = 7; // uvec4s of each
const uint PATCH = PIXELS * PIXEL, HALF = OUTPUTS * OUTPUT;
const uint FETCH_P = (PIXELS * 2 + WIDTH - 1) / WIDTH, FETCH_W = (OUTPUTS * 6 + WIDTH - 1) / WIDTH;
const uint SUMS_M = BLOCKS * 16 / M, SUMS_N = ROWS * 16 / N, ROW = 16 / N; // matrices of a subgroup
const uint CHUNKS = BLOCKS * ROWS / 2, CHUNK = 128, STAGE = 4 * 2 * CHUNK;
const uint POOL_SIZE = PATCH + 2 * HALF > STAGE ? PATCH + 2 * HALF : STAGE;

shared uvec4 pool[POOL_SIZE];

const uint OUTSIDE = 0xffffffffu;

void fetch_patch(const uint from[FETCH_P], uint slice, out uvec4 next[FETCH_P])
{
    [[unroll]] for (uint i = 0; i < FETCH_P; ++i) {
        const uint quad = slice * 4 + (i * WIDTH + gl_LocalInvocationID.x) / PIXELS * 2;
        const uint at = from[i] + slice * 4 * push.plane;
        next[i] = uvec4(0);
        if (from[i] != OUTSIDE && quad < push.quads)
            next[i].xy = source[at];
        if (from[i] != OUTSIDE && quad + 1 < push.quads)
            next[i].zw = source[at + push.plane];
    }
}

void fetch_weights(const uint from[FETCH_W], uint stage, out uvec4 next[FETCH_W])
{
    [[unroll]] for (uint i = 0; i < FETCH_W; ++i)
        next[i] = weights[from[i] + stage * 96];
}

// Writes one chunk of sums, 16 outputs (of block n) of 32 pixels (of rows 2 r, 2 r + 1), to this
// subgroup's stage: [pixel][16 outputs]. finish() reads two of them.
#define STORE_CHUNK(c)                                                                             \
    [[unroll]] for (uint m = 0; m < 16 / M; ++m) {                                                 \
        [[unroll]] for (uint i = 0; i < 2 * ROW; ++i)                                              \
            coopMatStore(sum[((c) / (ROWS / 2) * (16 / M) + m) * SUMS_N +                          \
                             (c) % (ROWS / 2) * 2 * ROW + i],                                      \
                         pool, gl_SubgroupID * 2 * CHUNK + (c) % 2 * CHUNK + i * N * 4 + m * M / 4, \
                         4, gl_CooperativeMatrixLayoutColumnMajor);                                \
    }

void main()
{
    const uint lane = gl_LocalInvocationID.x;
    const int x0 = int(gl_WorkGroupID.y * 16) + push.shift;
    const int y0 = int(gl_WorkGroupID.z * TALL) + push.shift;
    const uint mine_o = gl_SubgroupID % SPLIT, mine_y = gl_SubgroupID / SPLIT * ROWS;

    // Where this lane's share of a slice comes from, and goes to.
    uint patch_from[FETCH_P], weights_from[FETCH_W];
    [[unroll]] for (uint i = 0; i < FETCH_P; ++i) {
        const uint j = i * WIDTH + lane, p = j % PIXELS; // [2 pairs of quads][pixels]
        const int x = x0 + int(p % PATCH_X), y = y0 + int(p / PATCH_X);
        const bool inside = uint(x) < push.width && uint(y) < push.height && j < PIXELS * 2;
        patch_from[i] = inside ? j / PIXELS * 2 * push.plane + uint(y) * push.pitch + uint(x) : OUTSIDE;
    }
    [[unroll]] for (uint i = 0; i < FETCH_W; ++i) {
        const uint j = i * WIDTH + lane; // [blocks][3 taps][16 outputs][2]
        const uint block = min(gl_WorkGroupID.x * (OUTPUTS / 16) + j / 96, push.out_blocks - 1);
        weights_from[i] = block * push.k_slices * 288 + j % 96;
    }

    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sum[SUMS_M * SUMS_N];
    [[unroll]] for (uint i = 0; i < SUMS_M * SUMS_N; ++i)
        sum[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);

    uvec4 next_patch[FETCH_P], next_weights[FETCH_W];
    fetch_patch(patch_from, 0, next_patch);
    fetch_weights(weights_from, 0, next_weights);
    for (uint s = 0; s < push.k_slices; ++s) {
        [[unroll]] for (uint r = 0; r < 3; ++r) {
            const uint half_w = PATCH + ((s + r) & 1) * HALF;
            if (r == 0) {
                barrier(); // all have read the slice before
                [[unroll]] for (uint i = 0; i < FETCH_P; ++i) {
                    const uint j = i * WIDTH + lane;
                    if (j < PIXELS * 2)
                        pool[j % PIXELS * PIXEL + j / PIXELS] = next_patch[i];
                }
            }
            [[unroll]] for (uint i = 0; i < FETCH_W; ++i) {
                const uint j = i * WIDTH + lane;
                if (j < OUTPUTS * 6)
                    pool[half_w + (j / 96 * 16 + j % 32 / 2) * OUTPUT + j % 96 / 32 * 2 + j % 2] =
                        next_weights[i];
            }
            barrier();
            if (r < 2 || s + 1 < push.k_slices)
                fetch_weights(weights_from, s * 3 + r + 1, next_weights);
            if (r == 0 && s + 1 < push.k_slices)
                fetch_patch(patch_from, s + 1, next_patch);
            [[unroll]] for (uint tap = 0; tap < 3; ++tap) {
                [[unroll]] for (uint k = 0; k < 16; k += K) {
                    coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[SUMS_M];
                    [[unroll]] for (uint n = 0; n < SUMS_M; ++n)
                        coopMatLoad(a[n], pool,
                                    half_w + (mine_o * BLOCKS * 16 + n * M) * OUTPUT + tap * 2 + k / 8,
                                    OUTPUT, gl_CooperativeMatrixLayoutRowMajor);
                    [[unroll]] for (uint i = 0; i < SUMS_N; ++i) {
                        coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
                        const uint y = mine_y + i / ROW + r, x = i % ROW * N + tap;
                        coopMatLoad(b, pool, (y * PATCH_X + x) * PIXEL + k / 8, PIXEL,
                                    gl_CooperativeMatrixLayoutColumnMajor);
                        [[unroll]] for (uint n = 0; n < SUMS_M; ++n)
                            sum[n * SUMS_N + i] = coopMatMulAdd(a[n], b, sum[n * SUMS_N + i]);
                    }
                }
            }
        }
    }

    barrier(); // the stages lie where the patch and the weights were
    [[unroll]] for (uint c = 0; c < CHUNKS; c += 2) {
        STORE_CHUNK(c)
        if (c + 1 < CHUNKS)
            STORE_CHUNK(c + 1)
        subgroupMemoryBarrierShared();
        subgroupBarrier();
        // A lane has four pixels of two rows, of one quad: half a tile.
        for (uint j = gl_SubgroupInvocationID; j < 32; j += gl_SubgroupSize) {
            const uint mine = c + j / 16, tile = j % 4, quad = j / 4 % 4;
            const uint y = uint(gl_WorkGroupID.z) * TALL + mine_y + mine % (ROWS / 2) * 2;
            const uint tile_x = gl_WorkGroupID.y * 4 + tile;
            const uint block = gl_WorkGroupID.x * (OUTPUTS / 16) + mine_o * BLOCKS + mine / (ROWS / 2);
            const uint out_quad = block * 4 + quad, stage = (gl_SubgroupID * 2 + j / 16) * CHUNK;
            vec4 v[8];
            [[unroll]] for (uint i = 0; i < 8; ++i)
                v[i] = uintBitsToFloat(pool[stage + (i / 4 * 16 + tile * 4 + i % 4) * 4 + quad]);
            if (mine < CHUNKS && tile_x < push.tiles_x && y < push.out_tall && out_quad < push.out_quads)
                finish(v, out_quad, tile_x, y);
        }
        subgroupMemoryBarrierShared();
        subgroupBarrier(); // all have read them
    }
}
