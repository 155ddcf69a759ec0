// SPDX-License-Identifier: MIT
// Push constants of the picture: windows, smaller scales, and the optimiser's steps.
// Included by push.h alone.

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
