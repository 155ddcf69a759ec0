// Batched matrix product for GPUs, both operands in tiles of shared memory:
//   out[b][n][x] = sum_k weights[b][k][n] in[b][k][x].
//
//   weights  [batch][out_quads / 4][k_quads * 4][4] vec4 of outputs (blocks of 16)
//   source   [batch][quads][source_columns] vec4 of four k
//   result   [batch][out_quads][result_columns] vec4 of four outputs
//
//                     COLUMNS
//                  +-----------+
//      DEPTH quads |     v     |       a workgroup makes OUTS quads of outputs x COLUMNS columns,
//                  +-----------+       slice after slice of k: while one slice is multiplied, the
//     +-----+      +-----------+       next is on its way from memory to registers, then to the
//     |     |      |           |       other half of shared memory. One barrier a slice.
//     |  w  |      |    sum    | OUTS
//     |     |      |           | quads  An invocation has MINE_O quads of outputs (LANES_O apart) x
//     +-----+      +-----------+        MINE_X columns (LANES_X apart): neighbouring lanes read
//   DEPTH * 4 k                         neighbouring columns, and write them in whole lines.
//
//   grid     (columns / COLUMNS, out_quads / OUTS, batch), each rounded up
//
// Every sum runs over k in order, one multiply-add after another, whatever the tile: with float32
// all tile shapes give the same bits.

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint OUTS = 16;
layout(constant_id = 2) const uint COLUMNS = 64;
layout(constant_id = 3) const uint DEPTH = 2;
layout(constant_id = 4) const uint MINE_O = 2;
layout(constant_id = 5) const uint MINE_X = 4;
layout(constant_id = 6) const uint ACCUMULATE = 0; // 1: add to what result holds

SOURCE32(0, weights);
GEMM_SOURCE(1, source);
GEMM_TARGET(2, result);
PUSH(vks_push_tiled);

const uint LANES_X = COLUMNS / MINE_X;
const uint LANES_O = OUTS / MINE_O;
const uint LANES = LANES_X * LANES_O; // the workgroup's width
const uint W = DEPTH * 4 * OUTS, V = DEPTH * COLUMNS; // vec4s of a slice, multiples of LANES
const uint FETCH_W = W / LANES, FETCH_V = V / LANES;

shared vec4 w[2 * W]; // [2][DEPTH * 4][OUTS]
shared vec4 v[2 * V]; // [2][DEPTH][COLUMNS]

void main()
{
    const uint lane = gl_LocalInvocationID.x;
    const uint batch = gl_WorkGroupID.z;
    const uint last_block = push.out_quads / 4 - 1;
    const uint slices = (push.quads + DEPTH - 1) / DEPTH;

    // Where this lane's share of a slice comes from. Outputs and columns past the end repeat the
    // last one, and are not stored.
    uint w_from[FETCH_W], v_from[FETCH_V];
    [[unroll]] for (uint i = 0; i < FETCH_W; ++i) {
        const uint j = i * LANES + lane; // [OUTS / 4 blocks][DEPTH * 4][4], as it lies in memory
        const uint block = min(gl_WorkGroupID.y * (OUTS / 4) + j / (DEPTH * 16), last_block);
        w_from[i] = (batch * (last_block + 1) + block) * push.k_quads * 16 +
                    push.k_first * 16 + j % (DEPTH * 16);
    }
    [[unroll]] for (uint i = 0; i < FETCH_V; ++i) {
        const uint j = i * LANES + lane;
        const uint x = min(gl_WorkGroupID.x * COLUMNS + j % COLUMNS, push.columns - 1);
        v_from[i] = (batch * push.source_quads + j / COLUMNS) * push.source_columns + x;
    }

    vec4 sum[MINE_O * MINE_X];
    [[unroll]] for (uint i = 0; i < MINE_O * MINE_X; ++i)
        sum[i] = vec4(0);
    const uint lane_x = lane % LANES_X, lane_o = lane / LANES_X;

    vec4 next_w[FETCH_W], next_v[FETCH_V];
    for (uint s = 0; s <= slices; ++s) {
        // From memory: slice s, while slice s - 1 is multiplied.
        if (s < slices) {
            const uint left = push.quads - s * DEPTH; // quads from here to the end of k
            [[unroll]] for (uint i = 0; i < FETCH_W; ++i) {
                const uint k = ((i * LANES + lane) % (DEPTH * 16)) / 16;
                const uint back = k < left ? 0 : (k + 1 - left) * 16;
                next_w[i] = LOAD32(weights, w_from[i] + s * DEPTH * 16 - back);
            }
            [[unroll]] for (uint i = 0; i < FETCH_V; ++i) {
                const uint q = (i * LANES + lane) / COLUMNS;
                const uint back = q < left ? 0 : q + 1 - left;
                const vec4 r = GEMM_LOAD(source, v_from[i] + (s * DEPTH - back) * push.source_columns);
                next_v[i] = q < left ? r : vec4(0);
            }
        }
        if (s > 0) {
            const uint half_w = ((s - 1) & 1) * W, half_v = ((s - 1) & 1) * V;
            [[unroll]] for (uint q = 0; q < DEPTH; ++q) {
                vec4 a[MINE_X];
                [[unroll]] for (uint x = 0; x < MINE_X; ++x)
                    a[x] = v[half_v + q * COLUMNS + lane_x + x * LANES_X];
                [[unroll]] for (uint c = 0; c < 4; ++c) {
                    [[unroll]] for (uint o = 0; o < MINE_O; ++o) {
                        const vec4 b = w[half_w + (q * 4 + c) * OUTS + lane_o + o * LANES_O];
                        [[unroll]] for (uint x = 0; x < MINE_X; ++x)
                            sum[o * MINE_X + x] = fma(vec4(a[x][c]), b, sum[o * MINE_X + x]);
                    }
                }
            }
        }
        if (s < slices) {
            [[unroll]] for (uint i = 0; i < FETCH_W; ++i) {
                const uint j = i * LANES + lane;
                w[(s & 1) * W + (j % (DEPTH * 16)) / 4 * OUTS + j / (DEPTH * 16) * 4 + j % 4] = next_w[i];
            }
            [[unroll]] for (uint i = 0; i < FETCH_V; ++i)
                v[(s & 1) * V + i * LANES + lane] = next_v[i];
            barrier();
        }
    }

    [[unroll]] for (uint o = 0; o < MINE_O; ++o) {
        const uint quad = gl_WorkGroupID.y * OUTS + lane_o + o * LANES_O;
        [[unroll]] for (uint x = 0; x < MINE_X; ++x) {
            const uint column = gl_WorkGroupID.x * COLUMNS + lane_x + x * LANES_X;
            if (quad < push.out_quads && column < push.columns) {
                const uint to = (batch * push.out_quads + quad) * push.result_columns + column;
                vec4 r = sum[o * MINE_X + x];
                if (ACCUMULATE == 1)
                    r += GEMM_READ(result, to);
                GEMM_STORE(result, to, r);
            }
        }
    }
}
