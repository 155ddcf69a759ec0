// SPDX-License-Identifier: MIT
// An iteration's steps tile by tile (tile.h). Gatys' losses allow it exactly: the Gram matrix of a
// picture is the sum over its tiles, and the gradient at a tile needs the Gram matrices of the
// whole and the tile's own window. So there are two passes over the tiles:
//
//   1. forward; the tile's own positions are added to the Gram matrices
//      (then, once: the style losses and the matrices that their gradients need)
//   2. forward again and backward; the window's gradient is added to the whole picture's
//
// All of it is one plan: passing buffers of different tiles share their memory, nothing waits for
// the host, and the order of all sums is fixed.
#ifndef VKS_TILED_H
#define VKS_TILED_H

#include "iteration.h"

// Adds losses and gradient to the iteration's plan; encoding (its shapes, options.gradient), tiling
// and factors must be set. content NULL: no content loss.
bool vks_add_tiles(vks_iteration *iteration, vks_network *network, bool style,
                   const vks_content *content, vkstyle_error *error);

// The positions of a layer that a tile owns, in its window's encoding.
vks_rect vks_own_positions(const vks_encoding *encoding, const vks_tiling *tiling, uint32_t tile,
                           int layer);

// Where a tile's features lie in vks_content.features, and how many bytes all take.
vks_slice vks_tile_features(const vks_tiling *tiling, const vkstyle_model *model, int layer,
                            uint32_t texel_bytes, uint32_t tile);
uint64_t vks_tiles_features_bytes(const vks_tiling *tiling, const vkstyle_model *model, int layer,
                                  uint32_t texel_bytes);

#endif
