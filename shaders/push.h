// SPDX-License-Identifier: MIT
// The push constants of every kernel as one definition for C and GLSL, so that there are no two
// copies to keep in step. Members are 4-byte scalars only: then C's layout and std430's agree.
//
// GLSL: PUSH(vks_push_gemm);  then push.columns.   C: (struct vks_push_gemm){.columns = ...}.
#ifndef VKS_PUSH_H
#define VKS_PUSH_H

#ifdef VULKAN
#define PUSH(type)                                                                                 \
    layout(push_constant, std430) uniform push_block { type push; }
#else
#include <stdint.h>
#define uint uint32_t
#endif

struct vks_push_mask {
    uint count; // vec4s of the bound slices
    uint plane; // vec4s a channel quad
    uint add;   // 1: add to what is there
};

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

struct vks_push_gram_tiled {
    uint pitch, plane;
    uint quads;    // of the tensor
    uint channels; // rounded up to 64
    uint slices;   // of pixels a split
    uint x0, y0, x1, y1; // the rectangle that counts (x1, y1 exclusive)
};

struct vks_push_gemm_coop {
    uint plane;
    uint quads;     // of the source
    uint out_quads; // of the result, multiple of 4
    uint padded;    // channels of the difference, rounded up to 64
    uint partials;  // partial sums of its squared norm
    float factor;   // of the difference, which they are without
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

struct vks_push_gram {
    uint channels;    // rounded up to 64
    uint pixels_first; // in the transposed copy, quads of pixels
    uint splits;      // partial sums
    uint chunk_first; // first chunk of this dispatch
    uint accumulate;  // 1: add to what the result holds
};

struct vks_push_transpose {
    uint pitch, plane;
    uint first;     // first pixel (of the plane) of this strip, multiple of 4
    uint channels;  // rounded up to 64: stride of the copy
    uint quads;     // that exist in the source; more are zero
    uint quad_first; // quad where the bound slice begins
    uint x0, y0, x1, y1; // the rectangle that counts (x1, y1 exclusive)
};

struct vks_push_style {
    uint channels;  // true number
    uint padded;    // rounded up to 64
    uint splits;
    float scale;    // sum -> per position: 1 / (M s^2)
    float factor;   // of the difference, for the gradient
    uint write;     // 1: write the difference matrix; 0: only the Gram matrix
};

struct vks_push_channels {
    uint pitch, plane;
    uint channels;   // rounded up to 64: stride of the partial sums
    uint quads;      // of the bound slice; more are zero
    uint quad_first; // quad where it begins
    uint pixels;     // of a split
    uint masked;     // 1: times a mask
    uint x0, y0, x1, y1; // the rectangle that counts (x1, y1 exclusive)
};

struct vks_push_moments {
    uint channels, padded;
    float scale;     // sum -> mean
    float floor;     // added to variances
    float mean, deviation; // factors of the sums of squares
    float factor;    // of what is added to the difference
    float shift;     // of the vector
};

struct vks_push_shift {
    uint count;      // vec4s of the bound slice
    uint plane;
    uint quad_first; // quad where it begins
    uint masked;     // 1: times a mask
};

struct vks_push_covariance {
    uint padded;
    float scale; // sum -> mean
};

struct vks_push_affine {
    uint padded;
    float a, b;
    uint divided; // 1: b by a norm, 2: by its root
    uint write;   // 1: as a product's source, 2: as its weights, 3: both
};

struct vks_push_trace {
    uint count; // vec4s of a matrix
};

struct vks_push_wasserstein {
    uint channels, padded;
    float scale;    // sum -> mean
    float constant; // part of the distance that is the style's alone
    float value;    // factor of the distance
    float shift;    // of the vector
    float back;     // what makes it of the difference's own factor
};

struct vks_push_content {
    uint count;     // vec4s of the bound slice
    float factor;   // gradient = factor * (T - C)
    float add;      // 1: add to what the gradient holds
    uint partial;   // first partial sum to write
    uint plane, pitch, x0, y0, x1, y1; // the rectangle that counts in the loss
    uint weighted, slot; // 1: times that weight
};

struct vks_push_window {
    uint width;        // of the window
    uint window_first; // its first vec4 of this dispatch
    uint whole_first;  // the first float of the window's first row, in the bound slice
    uint whole_pitch;  // floats a row
};

struct vks_push_halve {
    uint width;                 // of the coarse picture
    uint fine_first, fine_step; // floats: where the bound slice's first pixel is, and a pixel's
    uint fine_pitch;            // and a row's
    uint coarse_first, coarse_step, coarse_pitch;
    float factor; // of gradients on their way back
};

struct vks_push_crop {
    uint pitch, plane;
    uint x0, y0, x1; // the rectangle that is written (its height is the grid's)
    uint source_width, source_height, source_pitch, source_plane;
    int shift_x, shift_y;
};

struct vks_push_fill {
    uint count;
};

struct vks_push_clip {
    uint count; // vec4s of the bound slice
    uint plane, pitch, x0, y0, x1, y1; // the rectangle that stays
};

struct vks_push_accumulate {
    uint count;  // vec4s of a matrix
    uint splits; // partial sums of it
    uint add;    // 1: to what the result holds
};

struct vks_push_sum {
    uint count;  // partial sums
    uint first;  // of them
    uint to;     // slot of the result
    float factor;
    uint add;     // 1: add to what values[to] holds
};

struct vks_push_tally {
    uint terms;   // values 1 .. terms are weighted and added up
    uint records; // of the ring
    uint stride;  // floats a record
};

struct vks_push_peak {
    uint rounds;
    float factor, term;
};

struct vks_push_adam {
    uint count;   // vec4s of this slice
    uint clamped; // 1: the target is kept in 0..1
    uint averaged;
    float learning_rate, epsilon;
    float cooling; // of the learning rate, a step
    float beta1, beta2, decay;
    float rest1, rest2, rest_average; // 1 - beta1, 1 - beta2, 1 - decay, rounded once
};

struct vks_push_lbfgs {
    uint count;     // vec4s of this slice
    uint grain;     // vec4s that one workgroup of lbfgs_dots adds up, a multiple of the chunk
    uint partial;   // first partial sum of this slice
    uint partials;  // partial sums in all
    uint clamped;   // 1: the target is kept in 0..1
    float values;   // numbers in the whole target, three a pixel
    float learning_rate; // factor of every step
    float first;    // RMS of the first step, made without curvature
    float cap;      // of any step's RMS
};

#ifndef VULKAN
#undef uint
#endif
#endif
