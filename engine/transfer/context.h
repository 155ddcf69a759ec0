// SPDX-License-Identifier: MIT
// A device opened for work, and the weights that its last job left there for the next one.
#ifndef VKS_CONTEXT_H
#define VKS_CONTEXT_H

#include "network.h"
#include "style_cache.h"

struct vkstyle_context {
    vks_gpu *gpu;
    vks_network *network; // of the model with this serial
    uint64_t model_serial;
    vks_style_cache styles; // of its last jobs
    double open_seconds;    // instance, device and self-test
};

// The context's network for a model: kept from the last job when it is the same model.
vks_network *vks_context_network(vkstyle_context *context, const vkstyle_model *model,
                                 vkstyle_error *error);

// Compares a small convolution and its gradient with plain C on the host, before a device is
// trusted: drivers that compute garbage exist (research on Vulkan compute programs found a dozen).
bool vks_selftest(vks_gpu *gpu, vkstyle_error *error);

#endif
