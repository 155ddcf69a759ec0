// SPDX-License-Identifier: MIT
// A device's measured peak of plain float32 arithmetic, for bench.
#ifndef VKS_PEAK_H
#define VKS_PEAK_H

#include "../gpu/gpu.h"

// Operations a second (a multiplication and an addition are two), the best of a few runs.
bool vks_measure_peak(vks_gpu *gpu, double *flops, vkstyle_error *error);

#endif
