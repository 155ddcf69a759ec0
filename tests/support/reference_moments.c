// SPDX-License-Identifier: MIT
//
// Style losses beyond Gram matrices, by eigenvalues (Jacobi's rotations: slow and sure).
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double *reference_means(const reference_tensor *f)
{
    size_t n = (size_t)f->channels, plane = (size_t)f->height * (size_t)f->width;
    double *mean = calloc(n, sizeof *mean);
    if (!mean)
        abort();
    for (size_t i = 0; i < n * plane; i++)
        mean[i / plane] += f->at[i] / (double)plane;
    return mean;
}

static double *square_matrix(size_t n)
{
    double *m = calloc(n * n, sizeof *m);
    if (!m)
        abort();
    return m;
}

static double *product(size_t n, const double *a, const double *b)
{
    double *m = square_matrix(n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j < n; j++)
                m[i * n + j] += a[i * n + k] * b[k * n + j];
    return m;
}

// a symmetric: becomes diagonal; v: its eigenvectors as rows.
static void jacobi(size_t n, double *a, double *v)
{
    memset(v, 0, n * n * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i * n + i] = 1;
    for (int sweep = 0; sweep < 60; sweep++) {
        double off = 0, size = 0;
        for (size_t i = 0; i < n * n; i++) {
            size += a[i] * a[i];
            off += i % (n + 1) ? a[i] * a[i] : 0;
        }
        if (off <= 1e-30 * size)
            return;
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++) {
                if (a[p * n + q] == 0)
                    continue;
                double angle = 0.5 * atan2(2 * a[p * n + q], a[q * n + q] - a[p * n + p]);
                double c = cos(angle), s = sin(angle);
                for (size_t k = 0; k < n; k++) {
                    double x = a[k * n + p], y = a[k * n + q];
                    a[k * n + p] = c * x - s * y;
                    a[k * n + q] = s * x + c * y;
                }
                for (size_t k = 0; k < n; k++) {
                    double x = a[p * n + k], y = a[q * n + k];
                    a[p * n + k] = c * x - s * y;
                    a[q * n + k] = s * x + c * y;
                    x = v[p * n + k];
                    y = v[q * n + k];
                    v[p * n + k] = c * x - s * y;
                    v[q * n + k] = s * x + c * y;
                }
            }
    }
}

// The matrix with `power` of its eigenvalues (below `least`: as that), and their sum.
static double *powered(size_t n, const double *matrix, double power, double least, double *trace)
{
    double *a = square_matrix(n), *v = square_matrix(n), *m = square_matrix(n);
    memcpy(a, matrix, n * n * sizeof *a);
    jacobi(n, a, v);
    *trace = 0;
    for (size_t k = 0; k < n; k++) {
        double value = fmax(a[k * n + k], least);
        double x = value > 0 ? pow(value, power) : 0;
        *trace += x;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                m[i * n + j] += x * v[k * n + i] * v[k * n + j];
    }
    free(a);
    free(v);
    return m;
}

static double *covariance(size_t n, const double *gram, const double *mean)
{
    double *c = square_matrix(n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            c[i * n + j] = gram[i * n + j] - mean[i] * mean[j];
    return c;
}

static double trace_of(size_t n, const double *m)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += m[i * n + i];
    return sum;
}

static double largest_value(size_t n, const double *matrix)
{
    double *a = square_matrix(n), *v = square_matrix(n), largest = 0;
    memcpy(a, matrix, n * n * sizeof *a);
    jacobi(n, a, v);
    for (size_t k = 0; k < n; k++)
        largest = fmax(largest, a[k * n + k]);
    free(a);
    free(v);
    return largest;
}

// |m - m_s|^2 + tr C + tr S - 2 tr (R C R + e)^1/2, less what that is for C = S; `least` is the
// root of e in units of |S^2|, which is not below a millionth of |m_s|^2 |S|. at_c: I - R (R C R +
// e)^-1/2 R.
static double distance(size_t n, const double *gram, const double *mean, const double *aim_gram,
                       const double *aim_mean, double least, double *at_c)
{
    double *c = covariance(n, gram, mean), *s = covariance(n, aim_gram, aim_mean), t, u, sum = 0;
    double *r = powered(n, s, 0.5, 0, &t), *ss = product(n, s, s), square = 0;
    for (size_t i = 0; i < n * n; i++)
        square += ss[i] * ss[i];
    double aim_square = 0;
    for (size_t i = 0; i < n; i++)
        aim_square += aim_mean[i] * aim_mean[i];
    double e =
        fmax(least * least * sqrt(square), least > 0 ? 1e-6 * aim_square * largest_value(n, s) : 0);
    double *rc = product(n, r, c), *rcr = product(n, rc, r);
    for (size_t i = 0; i < n; i++) {
        ss[i * n + i] += e;
        rcr[i * n + i] += e;
        sum += (mean[i] - aim_mean[i]) * (mean[i] - aim_mean[i]);
    }
    free(powered(n, rcr, 0.5, e, &t));
    free(powered(n, ss, 0.5, e, &u));
    sum += trace_of(n, c) - trace_of(n, s) - 2 * t + 2 * u;
    if (at_c) {
        double *z = powered(n, rcr, -0.5, e, &t), *rz = product(n, r, z), *d = product(n, rz, r);
        for (size_t i = 0; i < n * n; i++)
            at_c[i] = (i % (n + 1) ? 0 : 1) - d[i];
        free(z);
        free(rz);
        free(d);
    }
    free(c);
    free(s);
    free(r);
    free(ss);
    free(rc);
    free(rcr);
    return sum;
}

double reference_distance(size_t n, const double *gram, const double *mean, const double *aim_gram,
                          const double *aim_mean)
{
    return distance(n, gram, mean, aim_gram, aim_mean, 0, NULL);
}

static double wasserstein(size_t n, const double *gram, const double *mean, const double *aim_gram,
                          const double *aim_mean, double *at_gram, double *at_mean)
{
    double k = trace_of(n, aim_gram) > 1e-30 ? 1 / trace_of(n, aim_gram) : 0;
    memset(at_mean, 0, n * sizeof *at_mean);
    memset(at_gram, 0, n * n * sizeof *at_gram);
    if (k == 0)
        return 0;
    double value = distance(n, gram, mean, aim_gram, aim_mean, 0.004, at_gram);
    for (size_t i = 0; i < n; i++) {
        at_mean[i] = 2 * k * (mean[i] - aim_mean[i]);
        for (size_t j = 0; j < n; j++) {
            at_gram[i * n + j] *= k;
            at_mean[i] -= 2 * at_gram[i * n + j] * mean[j];
        }
    }
    return k * value;
}

static double variance(size_t n, const double *gram, const double *mean, size_t c)
{
    return fmax(0, gram[c * n + c] - mean[c] * mean[c]);
}

double reference_style_loss(vkstyle_style_loss loss, size_t n, const double *gram,
                            const double *mean, const double *aim_gram, const double *aim_mean,
                            double *at_gram, double *at_mean)
{
    double size = 0, miss = 0, spread = 0, means = 0, all = trace_of(n, aim_gram);
    if (loss == VKSTYLE_LOSS_WASSERSTEIN)
        return wasserstein(n, gram, mean, aim_gram, aim_mean, at_gram, at_mean);
    memset(at_mean, 0, n * sizeof *at_mean);
    for (size_t i = 0; i < n * n; i++) {
        size += aim_gram[i] * aim_gram[i];
        miss += (gram[i] - aim_gram[i]) * (gram[i] - aim_gram[i]);
    }
    for (size_t i = 0; i < n * n; i++)
        at_gram[i] = size > 1e-30 ? 2 * (gram[i] - aim_gram[i]) / size : 0;
    double value = size > 1e-30 ? miss / size : 0;
    if (loss == VKSTYLE_LOSS_GRAM || !(all > 1e-30))
        return value;
    for (size_t c = 0; c < n; c++) {
        spread += variance(n, aim_gram, aim_mean, c);
        means += aim_mean[c] * aim_mean[c];
    }
    double k_mean = 1 / fmax(means, 0.01 * all), k_spread = 1 / fmax(spread, 0.01 * all);
    double least = fmax(fmax(1e-4 * spread, 1e-6 * all) / (double)n, 1e-30);
    for (size_t c = 0; c < n; c++) {
        double is = sqrt(variance(n, gram, mean, c) + least), off = mean[c] - aim_mean[c];
        double wide = is - sqrt(variance(n, aim_gram, aim_mean, c) + least);
        value += k_mean * off * off + k_spread * wide * wide;
        at_gram[c * n + c] += k_spread * wide / is;
        at_mean[c] = 2 * (k_mean * off - k_spread * wide / is * mean[c]);
    }
    return value;
}
