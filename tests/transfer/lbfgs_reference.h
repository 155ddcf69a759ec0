// SPDX-License-Identifier: MIT
// The textbook's two loops over whole vectors, in double, from the device's own points: so that
// every step can be compared and rounding does not add up.
#ifndef LBFGS_REFERENCE_H
#define LBFGS_REFERENCE_H

#include "transfer/optimiser.h"
#include "state.h"

typedef struct reference {
    uint64_t n; // floats
    int history, pairs;
    bool clamp;
    double *s[VKS_LBFGS_HISTORY_MAX], *y[VKS_LBFGS_HISTORY_MAX]; // newest first
    float *base;
    double *base_gradient, *direction;
} reference;

void reference_make(reference *r, const struct vks_optimiser_options *o, uint64_t count);
void reference_drop(reference *r);
// Takes (x, g) as the new base; direction is the step to take from there.
void reference_accept(reference *r, const float *x, const float *g, bool first);
// Distance between the device's trial and the reference's, over the length of the step.
double reference_error(const reference *r, const float *trial);

#endif
