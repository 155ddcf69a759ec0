// SPDX-License-Identifier: MIT
// One iteration as a plan: target -> encoder -> losses -> gradient at the pixels (-> optimiser).
#ifndef VKS_ITERATION_H
#define VKS_ITERATION_H

#include "losses.h"
#include "optimiser.h"
#include "prepare.h"
#include "region.h"

enum { VKS_RECORDS = 256, VKS_RECORD_FLOATS = 32 }; // the ring of losses

typedef struct vks_iteration {
    vks_plan *plan;
    vks_encoding encoding; // tiled: only its shapes, those of the whole picture
    vks_setting setting;
    uint32_t width, height;
    int target, gradient; // [height][width] vec4
    int values, weights, state, ring;
    int style[VKSTYLE_MAX_LAYERS]; // Gram matrices to reach
    int aim[VKSTYLE_MAX_LAYERS];   // what else there is to reach (aim.h), -1: nothing
    vks_gram gram[VKSTYLE_MAX_LAYERS];
    const vks_regions *regions; // NULL: one style everywhere
    int *region_style;          // [region][style layer]: Gram matrices to reach, -1: none
    int *region_aim;            // the same: what else
    int *region_mask;           // the same, masks
    double *region_share;       // the same: what it counts in the layer's value
    int content;
    int forward_parts;                             // of the plan: the pass forward; not tiled
    int done_parts;                                // of the next run: it begins behind them
    double k_style[VKSTYLE_MAX_LAYERS], k_content; // see losses.h
    double tv;                                     // factor of the sum of squared differences
    vks_optimiser *optimiser;                      // NULL: losses and gradient only
    // The target at half its size, whose total counts as well, times that weight. In one piece its
    // plan is this one. NULL: none.
    struct vks_iteration *coarse;
    double coarse_weight;
    const vks_style *coarse_style;
    // With tiles (vks_setting.tile) the plan above is the iteration's end only; target and gradient
    // are canvases (canvas.h), and what comes before is here. NULL: the plan is all.
    struct vks_tiles *tiles;
} vks_iteration;

typedef struct vks_iteration_options {
    uint32_t width, height;
    const vks_style *style;                        // NULL: no style loss
    const vks_regions *regions;                    // NULL: style acts everywhere (region.h);
                                                   // else style is that of the first
    const vks_content *content;                    // NULL: no content loss
    const struct vks_optimiser_options *optimiser; // NULL: none
    // What the target's losses are at half its size (rounded down), and what their total counts:
    // a picture scaled down should be the same picture. NULL: nothing.
    const struct vks_iteration_options *coarse;
    double coarse_weight;
    bool readable;         // kept activations can be read afterwards
    const bool *also_keep; // layers whose activations to keep besides, or NULL
} vks_iteration_options;

// Builds the plan (nothing is allocated yet but weights); style and content must be ready, and
// content and regions outlive it. With a dry network, and style and content that hold no values,
// the plan is for counting bytes and work only.
bool vks_iteration_build(vks_iteration *iteration, const vks_gpu_limits *limits,
                         vks_network *network, const vks_setting *setting,
                         const vks_iteration_options *options, vkstyle_error *error);
// Allocates, records, uploads the style's Gram matrices and the weights, sets the count to 0.
bool vks_iteration_realise(vks_iteration *iteration, vks_gpu *gpu, const vks_style *style,
                           bool timed, vkstyle_error *error);
void vks_iteration_free(vks_iteration *iteration);

// Bytes on the device, of which *host (may be NULL) are meant for host memory; and useful work.
uint64_t vks_iteration_bytes(const vks_iteration *iteration, uint64_t *host);
double vks_iteration_flops(const vks_iteration *iteration);
// Where the content's features are still to come (vks_expect_content): takes them from the target,
// which is the content as long as nothing has run, by the first iteration's own pass forward; that
// iteration then goes on from there. *seconds: what of the first iteration this was.
bool vks_iteration_begin(vks_iteration *iteration, vks_gpu *gpu, vks_content *content,
                         const vks_watch *watch, double *seconds, vkstyle_error *error);
// Iterations to run: sequences in turn, or one.
vks_run vks_iteration_run(vks_iteration *iteration, vks_gpu *gpu, const vks_watch *watch,
                          int count);
// Gives up the memory of all that only more iterations would need: pictures can be read, and parts
// of the optimiser, but nothing runs any more. The device must be idle.
void vks_iteration_rest(vks_iteration *iteration);
// A picture into one of the vectors of its size, and out of it; the device must be idle.
bool vks_iteration_put(const vks_iteration *iteration, vks_gpu *gpu, int buffer,
                       const vkstyle_image *image, vkstyle_error *error);
bool vks_iteration_get(const vks_iteration *iteration, vks_gpu *gpu, int buffer,
                       vkstyle_image *image, vkstyle_error *error);

// For tiles.c: factors of the losses, the scale of stored gradients, the last step of the losses.
void vks_iteration_factors(vks_iteration *iteration, const vks_iteration_options *options);
double vks_iteration_gradient_scale(const vks_iteration *iteration,
                                    const vks_iteration_options *options);
void vks_iteration_tally(vks_iteration *iteration);

// Losses of one iteration from its record of the ring.
typedef struct vks_losses {
    double total;
    double content, style;         // as minimised, without alpha and beta
    double raw_content, raw_style; // of the paper, layer weights applied
    double tv;
    double coarse;    // the total at half the size, weight applied
    double variation; // sum of squared differences of neighbours
} vks_losses;
vks_losses vks_iteration_losses(const vks_iteration *iteration, uint64_t number);

#endif
