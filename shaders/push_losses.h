// SPDX-License-Identifier: MIT
// Push constants of the losses: Gram matrices, moments, distances and their gradients.
// Included by push.h alone.

struct vks_push_mask {
    uint count; // vec4s of the bound slices
    uint plane; // vec4s a channel quad
    uint add;   // 1: add to what is there
};

struct vks_push_gram_tiled {
    uint pitch, plane;
    uint quads;    // of the tensor
    uint channels; // rounded up to 64
    uint slices;   // of pixels a split
    uint x0, y0, x1, y1; // the rectangle that counts (x1, y1 exclusive)
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

struct vks_push_gemm_coop {
    uint plane;
    uint quads;     // of the source
    uint out_quads; // of the result, multiple of 4
    uint padded;    // channels of the difference, rounded up to 64
    uint partials;  // partial sums of its squared norm
    float factor;   // of the difference, which they are without
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
