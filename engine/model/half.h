// SPDX-License-Identifier: MIT
// IEEE 754 binary16 and bfloat16 in plain C: no compiler we support everywhere has _Float16.
#ifndef VKS_HALF_H
#define VKS_HALF_H

#include <stdint.h>

// Exact, including subnormals, infinities and NaN.
float vks_half_to_float(uint16_t half);
// Rounds to nearest, ties to even; too large becomes infinity.
uint16_t vks_float_to_half(float value);
// Exact.
float vks_bfloat_to_float(uint16_t bfloat);

#endif
