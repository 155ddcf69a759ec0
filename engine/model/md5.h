// SPDX-License-Identifier: MIT
// MD5 (RFC 1321). It recognises the one file that Keras publishes by this sum; it guards nothing.
#ifndef VKS_MD5_H
#define VKS_MD5_H

#include <stddef.h>

// Writes 32 lower-case hexadecimal digits and the closing zero.
void vks_md5(const void *data, size_t size, char text[33]);

#endif
