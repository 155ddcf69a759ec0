// SPDX-License-Identifier: MIT
#include "half.h"

#include <string.h>

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t to_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float vks_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 31, mantissa = half & 1023;
    if (exponent == 31)
        return from_bits(sign | 0x7f800000 | mantissa << 13);
    if (exponent == 0) {
        // Zero and subnormals count in steps of 2^-24; the product is exact.
        float magnitude = (float)mantissa * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t vks_float_to_half(float value)
{
    uint32_t bits = to_bits(value);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000)
        return sign | 0x7e00;
    if (bits >= 0x477ff000) // 65520 and more round to infinity
        return sign | 0x7c00;
    if (bits < 0x38800000) {
        // Below 2^-14 the result is subnormal: adding 0.5 aligns the steps of 2^-24 with the last
        // bits of the mantissa, and the addition itself rounds to nearest even.
        return sign | (uint16_t)(to_bits(from_bits(bits) + 0.5f) - 0x3f000000);
    }
    bits += 0xfff + (bits >> 13 & 1);
    return sign | (uint16_t)((bits >> 13) - (112 << 10));
}

float vks_bfloat_to_float(uint16_t bfloat)
{
    return from_bits((uint32_t)bfloat << 16);
}
