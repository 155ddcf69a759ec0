// SPDX-License-Identifier: MIT
// Eigenvalues and eigenvectors of a symmetric matrix, in double precision.
#ifndef VKS_EIGEN_H
#define VKS_EIGEN_H

#include "../error.h"

#include <stdint.h>

// matrix [n][n], symmetric, becomes its eigenvectors: row k is that of values[k], of length 1. In
// no order. Fails where memory is short, or with VKSTYLE_FAILED where no end is in sight (a matrix
// that is not finite).
bool vks_eigen(double *matrix, double *values, uint32_t n, vkstyle_error *error);
// matrix becomes its square root; eigenvalues up to `least` (0 or the size of rounding) count as 0.
// values [n] receives the eigenvalues that counted.
bool vks_matrix_root(double *matrix, double *values, uint32_t n, double least,
                     vkstyle_error *error);

#endif
