// SPDX-License-Identifier: MIT
// What the optimisers remember between iterations on the device, as one definition for C and GLSL.
// 4-byte scalars and arrays of them only: then C's layout and std430's agree.
#ifndef VKS_STATE_H
#define VKS_STATE_H

#ifndef VULKAN
#include <stdint.h>
#define uint uint32_t
#endif

#define VKS_LBFGS_HISTORY_MAX 16
#define VKS_LBFGS_BASIS_MAX (2 * VKS_LBFGS_HISTORY_MAX + 1)
#define VKS_LBFGS_RECENT 8

// Adam. The weights are 1 - beta^steps, what the moments' exponential averages sum to, kept as sums
// because 1 - beta^steps itself cancels in float32.
struct vks_adam_state {
    uint steps;
    uint skipped;         // iterations whose loss was not finite: nothing moved
    float weight1, weight2, weight_average;
    float warmth;         // cooling^(steps - 1): the learning rate falls over a level
    float step_size;      // of this iteration: learning rate / weight1; 0: skip
    float inverse_root2;  // 1 / sqrt(weight2)
    float average_rate;   // the new iterate's share in the average
};

// What lbfgs_step.comp does.
#define VKS_LBFGS_STAY 0 // nothing: there is no usable loss yet
#define VKS_LBFGS_BACK 1 // shorten the last step
#define VKS_LBFGS_MOVE 2 // a new direction from the base

// L-BFGS. The base is the last accepted point, the trial the point under evaluation.
struct vks_lbfgs_state {
    uint steps;      // evaluations seen
    uint accepted, rejected, restarts;
    uint started;    // 1: the base is a point with a finite loss
    uint mode;       // VKS_LBFGS_...
    uint accept;     // 1: the trial becomes the base
    uint failures;   // rejections in a row
    uint pairs;      // (s, y) pairs in use: slots next - 1, next - 2, ... modulo the history
    uint next;       // slot that takes the trial's pair
    float loss;      // at the base
    float shorten;   // of the last step, for VKS_LBFGS_BACK
    float first;     // RMS of the next steepest-descent step
    uint recent_next;
    float recent[VKS_LBFGS_RECENT];  // losses of the latest accepted points
    // The direction's coefficients over s_0.., y_0.., g; and all dot products among those.
    float coefficient[VKS_LBFGS_BASIS_MAX];
    float gram[VKS_LBFGS_BASIS_MAX * VKS_LBFGS_BASIS_MAX];
};

#ifndef VULKAN
#undef uint
#endif
#endif
