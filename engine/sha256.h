// SPDX-License-Identifier: MIT
// SHA-256 (FIPS 180-4), streamed. It names files and pictures in reports; it guards nothing.
#ifndef VKS_SHA256_H
#define VKS_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { VKS_SHA256_TEXT = 65 }; // 64 hexadecimal digits and the closing zero

typedef struct vks_sha256 {
    uint32_t state[8];
    uint64_t bytes;    // taken in so far
    uint8_t block[64]; // bytes % 64 of them wait for a full block
} vks_sha256;

void vks_sha256_init(vks_sha256 *hash);
// size may be 0 (data then may be NULL).
void vks_sha256_update(vks_sha256 *hash, const void *data, size_t size);
// Takes in 40 bytes that stand for all of them: 2 GB a second and more, for large data that nobody
// has reason to forge. Other data of the same size is noticed as surely as by 64 random bits.
void vks_sha256_fold(vks_sha256 *hash, const void *data, size_t size);
// Writes the digest in lower-case hexadecimal. The object is used up: init it before another use.
void vks_sha256_final(vks_sha256 *hash, char text[VKS_SHA256_TEXT]);

#endif
