// SPDX-License-Identifier: MIT
// Push constants of the encoder: products of matrices, Winograd transforms, convolutions, poolings, and the
// picture as it goes in and its gradient as it comes out.
// Included by push.h alone.

struct vks_push_gemm {
    uint source_columns; // stride between quads of the source, vec4s
    uint source_first;   // first column in the source
    uint k_quads;        // K/4 of the whole product
    uint k_first;        // first quad of k of this dispatch, in the weights
    uint source_quad;    // the same in the source
    uint out_quads;      // quads of the result
    uint result_columns; // stride between quads of the result, vec4s
    uint result_first;   // first column in the result
    uint accumulate;     // 1: add to what the result holds
};

struct vks_push_tiled {
    uint columns;        // of the source and the result that count
    uint source_columns; // stride between quads of the source, vec4s
    uint source_quads;   // of one batch entry of the source
    uint quads;          // of k in this dispatch; the source's first is that of the bound slice
    uint k_quads;        // of k in the weights
    uint k_first;        // first quad of k of this dispatch, in the weights
    uint out_quads;      // of the result and the weights, multiple of 4
    uint result_columns; // stride between quads of the result, vec4s
};

// Tiles of 4x4 pixels: the grain of Winograd transforms, ReLU masks and poolings.
struct vks_push_tiles {
    uint width, height; // of the tensor that is read (input side) or written (output side)
    uint pitch;         // pixels a row, multiple of 4
    uint plane;         // vec4s a channel quad
    uint tiles_x;       // tiles a row
    uint tile_first;    // first tile of this strip
    uint tile_count;    // tiles of the strip
    uint columns;       // stride of the scratch: tile_count rounded up to the workgroup's width
    uint quads;         // channel quads of the scratch
    uint quad_first;    // channel quad of the scratch where gl_WorkGroupID.y = 0 is
    float inverse_tiles_x;
    // Forward output only:
    uint pooled_width, pooled_height, pooled_pitch, pooled_plane;
    uint mask_plane;    // uvec2s a channel quad of the mask
};

struct vks_push_conv {
    uint width, height; // of the source
    uint pitch, plane;  // of the source
    int shift;          // source pixel of output pixel p under tap 0: p + shift (-1, or 0 when the
                        // source carries its own border)
    uint tiles_x, tile_first, tile_count, columns;
    uint k_quads;       // quads of the whole input
    uint k_first;       // first quad of this dispatch: where the bound slice of source begins
    uint out_quads;     // of the scratch
    float inverse_tiles_x;
};

struct vks_push_coop {
    uint width, height, pitch, plane; // of the source
    uint quads;         // of the source
    uint k_slices;      // of 16 k
    int shift;          // as in vks_push_conv
    uint tiles_x;       // of the output
    uint out_tall;      // rows of the output, padded to whole tiles
    uint out_pitch, out_plane;
    uint out_quads;     // of the output
    uint out_blocks;    // of 16 outputs in the weights
    uint mask_plane;    // uvec2s a channel quad of the mask
    uint pooled_height, pooled_pitch, pooled_plane; // forward only
};

struct vks_push_weights {
    uint k, blocks; // inputs, blocks of 16 outputs
};

struct vks_push_unpool {
    uint width, height, pitch, plane; // of the gradient that is written (full size)
    uint pooled_width, pooled_height, pooled_pitch, pooled_plane;
    uint tiles_x, tiles, mask_plane;
    float inverse_tiles_x;
    float scale;        // 1 for max pooling, 1/4 for average pooling
};

struct vks_push_image {
    uint width, height;               // of the target
    uint pitch, plane;                // of the tensor: encoder input, or conv1_1's gradient
    uint padding;                     // vkstyle_padding
    float scale_x, scale_y, scale_z;  // of the encoder's channels
    float shift_x, shift_y, shift_z;
    uint order_x, order_y, order_z;   // which of r, g, b feeds each
    float gradient;                   // factor that undoes storage scales
    float tv;                         // weight of total variation's gradient, a pixel value
    uint x0, y0, x1, y1;              // the pixels that count in total variation
};
