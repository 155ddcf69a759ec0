// SPDX-License-Identifier: MIT
// One iteration as a plan: target -> encoder -> losses -> gradient at the pixels (-> optimiser).
#ifndef VKS_ITERATION_H
#define VKS_ITERATION_H

#include "losses.h"
#include "optimiser.h"
#include "region.h"

enum { VKS_RECORDS = 256, VKS_RECORD_FLOATS = 32 }; // the ring of losses: the least of floats

// One style loss: a region's at a layer.
typedef struct vks_term {
    int region, index; // of the setting's style layers
    vks_aim aim;       // k * what is in its units
    double k;          // see losses.h
    vks_guide guide;   // buffer -1: everywhere
    float *weights;    // the guide's, until they are uploaded
    uint32_t count;    // of them
    vks_gram gram;
} vks_term;

typedef struct vks_iteration {
    vks_plan *plan;
    vks_encoding encoding;
    vks_setting setting;
    uint32_t width, height;
    int target, gradient; // [height][width] vec4
    int values, weights, state, ring;
    vks_term *terms; // all layers of the first region, then of the next
    int term_count;
    int gate; // pixels that may move; -1: all
    const vks_regions *regions;
    int content;
    double k_content;         // see losses.h
    double tv;                // factor of the sum of squared differences
    uint32_t stride;          // floats a record of the ring
    vks_optimiser *optimiser; // NULL: losses and gradient only
} vks_iteration;

typedef struct vks_iteration_options {
    uint32_t width, height;
    const vks_style *style;     // everywhere; NULL: no style loss, or that of the regions
    const vks_regions *regions; // NULL: none; else they outlive the iteration
    const vks_content *content; // NULL: no content loss
    const struct vks_optimiser_options *optimiser; // NULL: none
    bool readable;                                 // kept activations can be read afterwards
    const bool *also_keep; // layers whose activations to keep besides, or NULL
} vks_iteration_options;

// Builds the plan (nothing is allocated yet but weights); style and content must be ready, and
// content outlive it. With a dry network, and style and content that hold no values, the plan is
// for counting bytes and work only.
bool vks_iteration_build(vks_iteration *iteration, const vks_gpu_limits *limits,
                         vks_network *network, const vks_setting *setting,
                         const vks_iteration_options *options, vkstyle_error *error);
// Allocates, records, uploads the style's Gram matrices and the weights, sets the count to 0.
bool vks_iteration_realise(vks_iteration *iteration, vks_gpu *gpu, const vks_style *style,
                           bool timed, vkstyle_error *error);
void vks_iteration_free(vks_iteration *iteration);

// Losses of one iteration from its record of the ring.
typedef struct vks_losses {
    double total;
    double content, style;         // as minimised, without alpha and beta
    double raw_content, raw_style; // of the paper, layer weights applied
    double tv;
    double variation; // sum of squared differences of neighbours
} vks_losses;
vks_losses vks_iteration_losses(const vks_iteration *iteration, uint64_t number);

#endif
