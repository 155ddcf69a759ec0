// SPDX-License-Identifier: MIT
// The tile of products (product.h) that is fastest on a device: measured once, in some tenths of a
// second, and remembered for that device and driver.
#ifndef VKS_TUNING_H
#define VKS_TUNING_H

#include "setting.h"

// Sets setting->encode.tile where its kernels use tiles. wanted: a tile's name (an earlier job's),
// or NULL or "": the fastest. VKSTYLE_TUNE (docs/debugging.md) names a tile for all jobs, or says
// when to measure: "0" never, "1" on software Vulkan too, "again" even if it is remembered. Fails
// with VKSTYLE_USAGE for a tile that there is not or that the device has no room for. Not being
// able to measure is no failure: tile 0 runs everywhere.
bool vks_tune(vks_setting *setting, vks_gpu *gpu, const char *wanted, vkstyle_error *error);

#endif
