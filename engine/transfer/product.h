// SPDX-License-Identifier: MIT
// Matrix products through shared-memory tiles (gemm_tiled.comp, gram_tiled.comp) as steps of a
// plan: what GPUs use where software Vulkan has kernels of its own.
#ifndef VKS_PRODUCT_H
#define VKS_PRODUCT_H

#include "encode.h"

// The share of a workgroup and of an invocation in a product.
typedef struct vks_tile {
    const char *name; // "OUTPUTSxCOLUMNSxDEPTH", unique: caches and reports know it by that
    uint32_t outputs, columns; // of a workgroup
    uint32_t depth;          // values of k in shared memory at a time (twice: one is being filled)
    uint32_t mine_o, mine_x; // outputs (multiple of 4) and columns of an invocation
} vks_tile;

enum { VKS_TILES = 6 };
const vks_tile *vks_tile_at(int number);
int vks_tile_find(const char *name);            // -1: no such tile
uint32_t vks_tile_width(const vks_tile *tile);  // invocations
uint32_t vks_tile_shared(const vks_tile *tile); // bytes of shared memory
// Whether the device has room for it. Tile 0 fits every device.
bool vks_tile_fits(const vks_tile *tile, const vks_gpu_limits *limits);

// result[batch][out_quads][columns] (+)= weights . source; see gemm_tiled.glsl for the layouts.
typedef struct vks_product {
    int tile;
    bool tensor; // source and result in the plan's storage; false: float32 always
    vks_use weights, source, result;
    uint32_t batch, out_quads, columns;
    uint32_t quads; // of k in this dispatch, all of the bound source's (but for the batch)
    uint32_t k_quads, k_first; // of k in the weights, and where this dispatch begins
    uint32_t source_quads, source_columns, result_columns;
    bool accumulate;
    const char *label;
    double flops;
} vks_product;
void vks_add_product(vks_plan *plan, const vks_product *product);

// Partial Gram matrices of a layer: splits of the pixels, each [channels / 16][4][channels] vec4
// with channels = padded. For tensors that one binding spans. By matrix units where the encoding
// uses them (gram_coop.comp).
uint32_t vks_tiled_gram_splits(const vks_encoding *encoding, int layer, uint32_t padded);
void vks_add_tiled_gram(vks_encoding *encoding, int layer, vks_rect rect, int parts,
                        uint32_t padded, uint32_t splits);

#endif
