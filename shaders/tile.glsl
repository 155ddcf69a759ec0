// Tiles of 4x4 pixels and the Winograd F(4x4,3x3) transforms over them.
//
// Winograd (Lavin and Gray, CVPR 2016): out = A^T [ (G g G^T) * (B^T d B) ] A with the points
// 0, 1, -1, 2, -2, infinity. The transforms act on vec4s of four channels.

// Where an invocation's tile lies; lanes beyond the strip's end repeat its last tile.
struct Tile {
    uint column; // in the scratch
    uint index;  // in the image
    int x, y;    // first pixel
};

Tile tile_at(uint lane, uint tile_first, uint tile_count, uint tiles_x, float inverse_tiles_x)
{
    Tile t;
    t.column = min(lane, tile_count - 1);
    t.index = tile_first + t.column;
    // Exact for indices below 2^22: half a tile of slack against rounding.
    const uint row = uint((float(t.index) + 0.5) * inverse_tiles_x);
    t.x = int(t.index - row * tiles_x) * 4;
    t.y = int(row) * 4;
    return t;
}

// B^T d for one line of six.
void input_line(inout vec4 d0, inout vec4 d1, inout vec4 d2, inout vec4 d3, inout vec4 d4,
                inout vec4 d5)
{
    const vec4 a = d4 - 4.0 * d2;
    const vec4 b = d3 - 4.0 * d1;
    const vec4 c = d4 - d2;
    const vec4 e = 2.0 * (d3 - d1);
    d0 = 4.0 * d0 - 5.0 * d2 + d4;
    d5 = 4.0 * d1 - 5.0 * d3 + d5;
    d1 = a + b;
    d2 = a - b;
    d3 = c + e;
    d4 = c - e;
}

// A^T m for one line of six.
void output_line(vec4 m0, vec4 m1, vec4 m2, vec4 m3, vec4 m4, vec4 m5, out vec4 o0, out vec4 o1,
                 out vec4 o2, out vec4 o3)
{
    const vec4 a = m1 + m2;
    const vec4 b = m1 - m2;
    const vec4 c = m3 + m4;
    const vec4 e = m3 - m4;
    o0 = m0 + a + c;
    o1 = b + 2.0 * e;
    o2 = a + 4.0 * c;
    o3 = b + 8.0 * e + m5;
}

// The mask of a tile has one bit for each pixel and channel of a quad, 64 in all. Nibbles belong to
// the four 2x2 cells of the tile, so that the same bits serve ReLU and pooling:
//   bit = cell * 16 + channel * 4 + position in the cell,   cell and position row by row.
uint mask_shift(uint cell, uint channel, uint position)
{
    return (cell & 1u) * 16u + channel * 4u + position;
}
vec4 mask_of(uvec2 bits, uint cell, uint position)
{
    const uint word = (cell < 2u ? bits.x : bits.y) >> ((cell & 1u) * 16u + position);
    return vec4(float(word & 1u), float((word >> 4) & 1u), float((word >> 8) & 1u),
                float((word >> 12) & 1u));
}
