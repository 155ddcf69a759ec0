// SPDX-License-Identifier: MIT
// An optimiser on its own, for tests: the host plays the network. It evaluates a function at the
// target, uploads its value and gradient, and replays the plan.
#ifndef OPTIMISER_RIG_H
#define OPTIMISER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h wants these four before it
#include <cmocka.h>

#include "transfer/optimiser.h"

extern vks_gpu *gpu;

void need(bool good, const vkstyle_error *error); // ends the test with the error's text

// Opens the device, with VKSTYLE_DEBUG_LIMITS set to `limits` or unset.
void open_gpu(const char *limits);
int setup(void **state);
int teardown(void **state); // fails on validation messages

// A number of -1..1 that depends on a and b only.
double noise(uint32_t a, uint32_t b);
double *doubles(uint64_t n); // zeros
// Pixels of three random values around `middle` and a fourth of 0: [count][4], free() them.
float *start_at(uint64_t count, double middle, double spread);

typedef struct rig {
    vks_plan *plan;
    vks_optimiser *optimiser;
    uint64_t count;
    int target, gradient, values;
    float *x, *g; // [count][4]
} rig;

// x: [count][4], where the target starts. What lies behind the vectors is guarded.
rig rig_make(const struct vks_optimiser_options *options, uint64_t count, const float *x);
// One replay with r->g as gradient; r->x is the new target.
void rig_step(rig *r, double loss);
// [count][4] of a buffer.
void rig_fetch(rig *r, int buffer, float *to);
vks_optimiser_tally rig_tally(rig *r);
// All parts of the state, as a checkpoint holds them; free() it.
unsigned char *rig_save(rig *r);
void rig_restore(rig *r, const unsigned char *saved); // r->x too
void rig_drop(rig *r);                                // checks the guards

#endif
