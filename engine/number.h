// SPDX-License-Identifier: MIT
// Numbers to text and back, independent of the locale: GIMP sets LC_NUMERIC, and "0,5" must never
// reach a report nor "0.5" be read as 0.
#ifndef VKS_NUMBER_H
#define VKS_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Reads all of `text` as a finite decimal number: "2", "-0.5", "1e-3". No blanks, no hexadecimal.
bool vks_parse_real(const char *text, double *value);

// Reads all of `text` as a decimal whole number.
bool vks_parse_int(const char *text, int64_t *value);

// Reads a number of bytes: "1500M", "2G", "1.5GiB", "1048576". K, M, G and T are powers of 1024.
bool vks_parse_bytes(const char *text, uint64_t *value);

// Writes the shortest of %.15g and %.17g that reads back as `value`, always with a point; "nan",
// "inf" and "-inf" for what is not finite. 32 bytes are enough. Returns buffer.
char *vks_print_real(char *buffer, size_t size, double value);

#endif
