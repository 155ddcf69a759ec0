// Reads one tile of sums from the scratch: 36 Winograd frequencies (WINOGRAD = 1, transformed back)
// or 16 pixels (direct convolution).  Needs: SOURCE32(?, sums), PUSH(vks_push_tiles).
void read_tile(uint column, uint quad, out vec4 o[16])
{
    const uint at = quad * push.columns + column;
    const uint step = push.quads * push.columns;
    if (WINOGRAD == 1) {
        vec4 m[24];
        [[unroll]] for (int j = 0; j < 6; ++j)
            output_line(LOAD32(sums, at + j * step), LOAD32(sums, at + (6 + j) * step),
                        LOAD32(sums, at + (12 + j) * step), LOAD32(sums, at + (18 + j) * step),
                        LOAD32(sums, at + (24 + j) * step), LOAD32(sums, at + (30 + j) * step),
                        m[j], m[6 + j], m[12 + j], m[18 + j]);
        [[unroll]] for (int i = 0; i < 4; ++i)
            output_line(m[i * 6], m[i * 6 + 1], m[i * 6 + 2], m[i * 6 + 3], m[i * 6 + 4],
                        m[i * 6 + 5], o[i * 4], o[i * 4 + 1], o[i * 4 + 2], o[i * 4 + 3]);
    } else {
        [[unroll]] for (int i = 0; i < 16; ++i)
            o[i] = LOAD32(sums, at + i * step);
    }
}
