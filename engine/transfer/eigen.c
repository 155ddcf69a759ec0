// SPDX-License-Identifier: MIT
//
// Householder's reduction to three diagonals, then implicit QL steps: Golub and Van Loan, "Matrix
// Computations", 8.3. Vectors are kept as rows, so that every rotation runs along memory.
#include "eigen.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Turns a (its lower half is read) into `diagonal` and `beside` (beside[i] between i and i + 1),
// and `vectors` into the orthogonal Q^T, with a = Q T Q^T.
static void reduce(double *a, double *vectors, double *diagonal, double *beside, double *v,
                   double *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            vectors[i * n + k] = i == k;
    for (size_t k = 0; k + 2 < n; k++) {
        // The reflection that leaves of column k, below the diagonal, its first element.
        double square = 0;
        for (size_t i = k + 1; i < n; i++) {
            v[i] = a[i * n + k];
            square += v[i] * v[i];
        }
        double tail = square - v[k + 1] * v[k + 1];
        beside[k] = v[k + 1];
        if (!(tail > 0))
            continue;
        double length = v[k + 1] > 0 ? -sqrt(square) : sqrt(square);
        beside[k] = length;
        v[k + 1] -= length;
        double beta = 2 / (tail + v[k + 1] * v[k + 1]), dot = 0;
        // a -= v q^T + q v^T, q = p - (beta v.p / 2) v, p = beta a v.
        for (size_t i = k + 1; i < n; i++) {
            double sum = 0;
            for (size_t j = k + 1; j < n; j++)
                sum += a[i * n + j] * v[j];
            p[i] = beta * sum;
            dot += p[i] * v[i];
        }
        for (size_t i = k + 1; i < n; i++)
            p[i] -= 0.5 * beta * dot * v[i];
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = k + 1; j < n; j++)
                a[i * n + j] -= v[i] * p[j] + p[i] * v[j];
        // Q^T <- H Q^T, row by row: p = v^T Q^T, then rows less their share of it.
        memset(p, 0, n * sizeof *p);
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = 0; j < n; j++)
                p[j] += v[i] * vectors[i * n + j];
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = 0; j < n; j++)
                vectors[i * n + j] -= beta * v[i] * p[j];
    }
    for (size_t i = 0; i < n; i++)
        diagonal[i] = a[i * n + i];
    if (n > 1)
        beside[n - 2] = a[(n - 1) * n + n - 2];
    if (n > 0)
        beside[n - 1] = 0;
}

// Rows i and i + 1 turned.
static void turn(double *vectors, size_t i, size_t n, double c, double s)
{
    double *a = vectors + i * n, *b = a + n;
    for (size_t j = 0; j < n; j++) {
        double x = a[j], y = b[j];
        a[j] = c * x - s * y;
        b[j] = s * x + c * y;
    }
}

// Diagonalises; false where a value takes more than `most` steps.
static bool iterate(double *d, double *e, double *vectors, size_t n)
{
    const int most = 60;
    double size = 0; // what is nothing: many values may be, and then so are their neighbours
    for (size_t i = 0; i < n; i++)
        size = fmax(size, fabs(d[i]) + fabs(e[i]));
    for (size_t low = 0; low < n; low++) {
        for (int steps = 0;; steps++) {
            size_t m = low; // e[m] is the first that is nothing
            while (m + 1 < n && fabs(e[m]) > DBL_EPSILON * size)
                m++;
            if (m == low)
                break;
            if (steps == most)
                return false;
            // Wilkinson's shift, and the bulge chased upwards.
            double g = (d[low + 1] - d[low]) / (2 * e[low]), r = hypot(g, 1);
            g = d[m] - d[low] + e[low] / (g + copysign(r, g));
            double s = 1, c = 1, p = 0;
            size_t i = m;
            while (i-- > low) {
                double f = s * e[i], b = c * e[i];
                r = hypot(f, g);
                e[i + 1] = r;
                if (r == 0) {
                    d[i + 1] -= p;
                    e[m] = 0;
                    break;
                }
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                r = (d[i] - g) * s + 2 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
                turn(vectors, i, n, c, s);
            }
            if (r == 0 && i + 1 > low)
                continue;
            d[low] -= p;
            e[low] = g;
            e[m] = 0;
        }
    }
    return true;
}

bool vks_eigen(double *matrix, double *values, uint32_t count, vkstyle_error *error)
{
    size_t n = count;
    double *work = malloc((n * n + 3 * n) * sizeof *work);
    if (!work)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the eigenvalues of a matrix");
    double *vectors = work, *beside = work + n * n, sum = 0;
    for (size_t i = 0; i < n * n; i++)
        sum += fabs(matrix[i]);
    reduce(matrix, vectors, values, beside, beside + n, beside + 2 * n, n);
    bool done = isfinite(sum) && iterate(values, beside, vectors, n);
    memcpy(matrix, vectors, n * n * sizeof *matrix);
    free(work);
    return done || vks_fail(error, VKSTYLE_FAILED,
                            "the eigenvalues of a matrix of %u channels were not found; the device "
                            "may compute wrongly: try another --device",
                            count);
}

bool vks_matrix_root(double *matrix, double *values, uint32_t count, double least,
                     vkstyle_error *error)
{
    size_t n = count;
    if (!vks_eigen(matrix, values, count, error))
        return false;
    double *rows = malloc(n * n * sizeof *rows);
    if (!rows)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the root of a matrix");
    // A^1/2 = sum of root(value) v v^T = W^T W with W's rows value^1/4 v.
    for (size_t k = 0; k < n; k++) {
        values[k] = values[k] > least ? values[k] : 0;
        double fourth = sqrt(sqrt(values[k]));
        for (size_t i = 0; i < n; i++)
            rows[k * n + i] = fourth * matrix[k * n + i];
    }
    memset(matrix, 0, n * n * sizeof *matrix);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < n; i++) {
            double x = rows[k * n + i];
            for (size_t j = 0; x != 0 && j < n; j++)
                matrix[i * n + j] += x * rows[k * n + j];
        }
    free(rows);
    return true;
}
