// SPDX-License-Identifier: MIT
// The optimisers as steps of a plan: they move the target along its gradient. All that changes from
// step to step lies on the device, and so do the decisions: the same steps are replayed for ever.
//
// Adam (Kingma, Ba, arXiv 1412.6980): the arithmetic of torch.optim.Adam; then, if asked for, the
// box 0..1 and the exponentially weighted average of the iterates.
//
// L-BFGS (Nocedal 1980; Liu, Nocedal 1989) with one evaluation a step and no waiting for the host:
// every replay judges the point that has just been evaluated. If its loss is finite and low enough
// it becomes the base and a new direction is taken from there, else the next trial lies nearer to
// the base. The box is kept by projection; the same picture comes out bit for bit however the
// vectors are sliced.
#ifndef VKS_OPTIMISER_H
#define VKS_OPTIMISER_H

#include "plan.h"

typedef struct vks_optimiser vks_optimiser;

struct vks_optimiser_options {
    vkstyle_optimizer kind;
    double learning_rate; // Adam: of the update; L-BFGS: factor of every step. 0: the default
    double beta1, beta2, epsilon; // Adam
    double cooling;               // Adam: the learning rate's factor a step, over a level; 1: none
    bool clamp;                   // the target stays in 0..1
    bool average;                 // Adam: the result is the average of the iterates
    double average_decay;         // of the iterates' weights, a step
    int history;                  // L-BFGS: pairs, 1 to VKS_LBFGS_HISTORY_MAX (state.h)
    // Where vectors as long as the target go; NULL: kept buffers of the plan. Returns a buffer.
    int (*part)(void *user, vks_plan *plan, const char *name, uint64_t bytes);
    void *user;
    double values; // numbers in the target; 0: three a vec4
};

// What is good for style transfer: Adam 0.02 (0.9, 0.99), clamp, average; L-BFGS 1, 10 pairs,
// clamp.
struct vks_optimiser_options vks_optimiser_default(vkstyle_optimizer kind);

// Adds one optimiser step to the plan. target, gradient: buffers of `count` vec4s (r, g, b, 0);
// values: floats, [0] is the loss of the present target. Mistakes go to the plan; NULL only for
// want of host memory. The optimiser belongs to the caller and outlives neither plan nor its
// buffers.
vks_optimiser *vks_optimiser_emit(vks_plan *plan, const struct vks_optimiser_options *options,
                                  int target, int gradient, int values, uint64_t count,
                                  vkstyle_error *error);
void vks_optimiser_free(vks_optimiser **optimiser);

// After vks_plan_realise: back to iteration 0. The target is the caller's to fill.
bool vks_optimiser_reset(vks_optimiser *optimiser, vks_gpu *gpu, vkstyle_error *error);

// The buffer ([count] vec4) that holds the picture to show: Adam's average or target, L-BFGS' base
// (its target is a trial that nobody has evaluated yet). Valid after the first step.
int vks_optimiser_result(const vks_optimiser *optimiser);

// Everything that the next step depends on, besides the gradient and the loss: what a checkpoint
// saves and restores, bit for bit, between two iterations.
typedef struct vks_optimiser_part {
    const char *name; // "target", "first moment", "history", "state", ...
    int buffer;
    uint64_t bytes;
} vks_optimiser_part;
enum { VKS_OPTIMISER_PARTS = 5 };
const vks_optimiser_part *vks_optimiser_parts(const vks_optimiser *optimiser, int *count);

// How it went, read from the device.
typedef struct vks_optimiser_tally {
    uint64_t steps;
    uint64_t rejected; // trials that L-BFGS did not accept, steps that Adam did not take
    uint64_t restarts; // L-BFGS: histories thrown away
} vks_optimiser_tally;
bool vks_optimiser_read(const vks_optimiser *optimiser, vks_gpu *gpu, vks_optimiser_tally *tally,
                        vkstyle_error *error);

#endif
