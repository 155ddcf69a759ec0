// SPDX-License-Identifier: MIT
// An encoder's weights on a device, packed for the kernels; made layer by layer when first needed.
#ifndef VKS_NETWORK_H
#define VKS_NETWORK_H

#include "runner.h"
#include "../model/encoder.h"

// Which kernels a convolution uses.
// VKS_WIDE: Winograd, too, with products whose lanes run along outputs (software Vulkan).
// VKS_MATRIX: matrix units, fp16 weights.
typedef enum vks_form { VKS_DIRECT, VKS_WINOGRAD, VKS_WIDE, VKS_MATRIX, VKS_FORMS } vks_form;
typedef enum vks_direction { VKS_FORWARD, VKS_BACKWARD } vks_direction;

typedef struct vks_network vks_network;

// The model must outlive the network's use, not the network. gpu NULL: a dry network, which only
// counts bytes, for predictions; its slices have no block.
vks_network *vks_network_create(vks_gpu *gpu, const vkstyle_model *model, vkstyle_error *error);
vks_gpu *vks_network_gpu(const vks_network *network); // NULL: dry
// Seconds that packing weights has taken so far.
double vks_network_seconds(const vks_network *network);
void vks_network_free(vks_network **network);
const vkstyle_model *vks_network_model(const vks_network *network);
// Takes in the model: what it makes of a picture follows from that. Reads all weights once.
void vks_network_digest(vks_network *network, vks_sha256 *hash);
// Who looks on while weights are packed and while plans over this network prepare a job; NULL:
// nobody. A watch that does not want to continue makes them fail with VKSTYLE_INTERRUPTED.
void vks_network_set_watch(vks_network *network, const vks_watch *watch);
const vks_watch *vks_network_watch(const vks_network *network);
// Bytes of all weights asked for so far.
uint64_t vks_network_bytes(const vks_network *network);

// Weights of convolution `layer`. VKS_DIRECT: [blocks of 16 outputs][K][9][16]; VKS_WINOGRAD:
// [36][blocks][K][16]; K is inputs rounded up to 4. VKS_WIDE: [36][blocks][K / 4][16][4].
// VKS_MATRIX: [blocks][K / 16][9][16][16] 16-bit floats, K rounded up to 16, the last index K's.
// Backward: inputs and outputs change places and the taps are flipped. The first layer's
// VKS_BACKWARD is that of image_gradient.comp: [3 rows of taps][K][3 taps * 4], K rounded up to 16.
// The slice's bytes are known before anything is allocated.
uint64_t vks_network_weight_bytes(const vkstyle_model *model, int layer, vks_direction direction,
                                  vks_form form);
bool vks_network_weights(vks_network *network, int layer, vks_direction direction, vks_form form,
                         vks_slice *weights, vkstyle_error *error);
// After the last of several: gives up the room that they shared while they were made.
void vks_network_settle(vks_network *network);
// Bias of a layer times `scale`, [quads] vec4, padded with zeros to a multiple of 16.
bool vks_network_bias(vks_network *network, int layer, float scale, vks_slice *bias,
                      vkstyle_error *error);

#endif
