// SPDX-License-Identifier: MIT
// What the tests of plans share: small models in memory, made pictures, one iteration run on the
// device and measured by the double-precision reference.
#ifndef ITERATION_RIG_H
#define ITERATION_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h wants these four before it
#include <cmocka.h>

#include "../support/reference.h"
#include "transfer/context.h"
#include "transfer/iteration.h"
#include "transfer/schedule.h"

// Ends the test with the error's text when `good` is false.
void need(bool good, const vkstyle_error *error);

// A device with VKSTYLE_DEBUG_LIMITS set to `limits` (NULL: unset) for this one call.
vks_gpu *rig_gpu(const char *limits);
vkstyle_context *rig_context(const char *limits); // with its self-test
// A model of that chain (support/small_model.h), read back from a file that is gone by then.
vkstyle_model *rig_model(const char *chain, unsigned seed);
// A picture with slopes, edges and grain, values within 0..1.
vkstyle_image *rig_picture(int width, int height, unsigned seed);

// Relative: |got - right| / |right|, Euclidean norms. Infinite where a number is none.
double rig_off(const float *got, const double *right, size_t count);

// What to minimise, and over which pictures.
typedef struct rig_case {
    const char *chain;
    const char *style_layers, *content_layer; // named even where that loss is left out
    int width, height, style_width, style_height;
    vkstyle_pool pool;
    vkstyle_padding padding;
    bool raw;
    vkstyle_style_loss style_loss;
    double alpha, beta, tv;
    vkstyle_precision precision;
    vkstyle_kernels kernels;
    bool no_style, no_content;
    int coarser; // smaller scales that count, too, each by this weight
    double coarser_weight;
    const char *dead; // this layer lets nothing of the style through, which is all grey; NULL: none
} rig_case;

// One case at work. The reference's side is made once; the device's for each run.
typedef struct rig {
    rig_case is;
    vkstyle_model *model;
    vkstyle_image *target, *style, *content;
    reference_loss loss, coarse_loss[VKS_MAX_SCALES]; // [0]: none
    vkstyle_image *coarse_content[VKS_MAX_SCALES];
    reference_pass right; // activations of the target
    reference_values values;
    reference_tensor gradient;
    // The last run's, on the device:
    vks_setting setting;
    vks_losses got;
    vkstyle_image *got_gradient;
    double worst_activation; // of all layers, rig_off
} rig;

// What a target's smaller scales from scale `i` on add to the loss at the next larger one, by the
// reference; gradient (or NULL) receives their share. above: the target at that larger scale.
double rig_coarser(const rig *r, int i, const reference_tensor *above, reference_tensor *gradient);
void rig_open(rig *r, const rig_case *is);
void rig_close(rig *r);
// Runs one iteration at `target` (NULL: the rig's own). keep: all activations are read and compared
// (only at the rig's own target). False with the error of what refused.
bool rig_run(rig *r, vks_gpu *gpu, vks_network *network, const vkstyle_image *target, bool keep,
             vkstyle_error *error);

#endif
