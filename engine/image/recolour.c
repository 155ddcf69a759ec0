// SPDX-License-Identifier: MIT
#include "recolour.h"

#include <math.h>
#include <string.h>

static const double LUMA[3] = {0.299, 0.587, 0.114}; // Rec. 601
static const double LEAST_VARIANCE = 1e-5;

// ---------------------------------------------------------------- statistics

void vks_colours_of(vks_colours *colours, const vkstyle_image *image)
{
    size_t n = (size_t)image->width * (size_t)image->height;
    double weight = 0;
    *colours = (vks_colours){0};
    for (size_t i = 0; i < n; i++) {
        double w = image->alpha ? image->alpha[i] : 1;
        weight += w;
        for (int c = 0; c < 3; c++)
            colours->mean[c] += w * image->rgb[(size_t)c * n + i];
    }
    if (!(weight > 0))
        return;
    for (int c = 0; c < 3; c++)
        colours->mean[c] /= weight;
    for (size_t i = 0; i < n; i++) {
        double w = image->alpha ? image->alpha[i] : 1, d[3];
        for (int c = 0; c < 3; c++)
            d[c] = image->rgb[(size_t)c * n + i] - colours->mean[c];
        for (int r = 0; r < 3; r++)
            for (int c = 0; c <= r; c++)
                colours->covariance[r][c] += w * d[r] * d[c];
    }
    for (int r = 0; r < 3; r++)
        for (int c = 0; c <= r; c++)
            colours->covariance[c][r] = colours->covariance[r][c] /= weight;
}

// Mean and standard deviation of luma.
static void luma_of(const vks_colours *colours, double *mean, double *deviation)
{
    double variance = LEAST_VARIANCE;
    *mean = 0;
    for (int r = 0; r < 3; r++) {
        *mean += LUMA[r] * colours->mean[r];
        for (int c = 0; c < 3; c++)
            variance += LUMA[r] * colours->covariance[r][c] * LUMA[c];
    }
    *deviation = sqrt(variance);
}

// ---------------------------------------------------------------- three by three

static void multiply(double product[3][3], const double a[3][3], const double b[3][3])
{
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++)
            product[r][c] = a[r][0] * b[0][c] + a[r][1] * b[1][c] + a[r][2] * b[2][c];
}

// Lower triangle L with L·Lᵀ = m.
static void cholesky(double l[3][3], const double m[3][3])
{
    memset(l, 0, 9 * sizeof l[0][0]);
    for (int r = 0; r < 3; r++)
        for (int c = 0; c <= r; c++) {
            double rest = m[r][c];
            for (int k = 0; k < c; k++)
                rest -= l[r][k] * l[c][k];
            // Positive, since a variance was added; rounding may not make it a NaN all the same.
            l[r][c] = r == c ? sqrt(fmax(rest, 1e-12)) : rest / l[c][c];
        }
}

static void invert_lower(double inverse[3][3], const double l[3][3])
{
    memset(inverse, 0, 9 * sizeof inverse[0][0]);
    for (int c = 0; c < 3; c++)
        for (int r = c; r < 3; r++) {
            double rest = r == c;
            for (int k = c; k < r; k++)
                rest -= l[r][k] * inverse[k][c];
            inverse[r][c] = rest / l[r][r];
        }
}

// m^power of a symmetric positive matrix, by Jacobi's rotations.
static void symmetric_power(double result[3][3], const double m[3][3], double power)
{
    double a[3][3], v[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    memcpy(a, m, sizeof a);
    for (int sweep = 0; sweep < 30; sweep++)
        for (int p = 0; p < 2; p++)
            for (int q = p + 1; q < 3; q++) {
                if (a[p][q] == 0)
                    continue;
                double theta = 0.5 * atan2(2 * a[p][q], a[q][q] - a[p][p]);
                double c = cos(theta), s = sin(theta);
                for (int k = 0; k < 3; k++) {
                    double kp = a[k][p], kq = a[k][q];
                    a[k][p] = c * kp - s * kq;
                    a[k][q] = s * kp + c * kq;
                }
                for (int k = 0; k < 3; k++) {
                    double pk = a[p][k], qk = a[q][k];
                    a[p][k] = c * pk - s * qk;
                    a[q][k] = s * pk + c * qk;
                    double kp = v[k][p], kq = v[k][q];
                    v[k][p] = c * kp - s * kq;
                    v[k][q] = s * kp + c * kq;
                }
            }
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) {
            result[r][c] = 0;
            for (int k = 0; k < 3; k++)
                result[r][c] += v[r][k] * pow(fmax(a[k][k], 1e-12), power) * v[c][k];
        }
}

void vks_colour_map(double map[3][3], vkstyle_colour how, const double from[3][3],
                    const double to[3][3])
{
    double f[3][3], t[3][3], left[3][3], right[3][3], factor[3][3];
    memcpy(f, from, sizeof f);
    memcpy(t, to, sizeof t);
    for (int i = 0; i < 3; i++) {
        f[i][i] += LEAST_VARIANCE;
        t[i][i] += LEAST_VARIANCE;
    }
    if (how == VKSTYLE_COLOUR_MATCH_PCA) {
        symmetric_power(left, t, 0.5);
        symmetric_power(right, f, -0.5);
    } else {
        cholesky(left, t);
        cholesky(factor, f);
        invert_lower(right, factor);
    }
    multiply(map, left, right);
}

// ---------------------------------------------------------------- pictures

static float clamped(double value)
{
    return (float)(value < 0 ? 0 : value > 1 ? 1 : value);
}

void vks_recolour_style(vkstyle_image *style, const vks_colours *to, vkstyle_colour how,
                        double strength)
{
    if (how == VKSTYLE_COLOUR_OFF || !(strength > 0))
        return;
    size_t n = (size_t)style->width * (size_t)style->height;
    vks_colours own;
    double map[3][3], mean = 0, deviation = 1, to_mean = 0, to_deviation = 1;
    vks_colours_of(&own, style);
    vks_colour_map(map, how, own.covariance, to->covariance);
    luma_of(&own, &mean, &deviation);
    luma_of(to, &to_mean, &to_deviation);
    for (size_t i = 0; i < n; i++) {
        double old[3], now[3], luma = 0;
        for (int c = 0; c < 3; c++) {
            old[c] = style->rgb[(size_t)c * n + i];
            luma += LUMA[c] * old[c];
        }
        double shift = (luma - mean) * to_deviation / deviation + to_mean - luma;
        for (int c = 0; c < 3; c++) {
            now[c] = old[c] + shift;
            if (how != VKSTYLE_COLOUR_LUMINANCE) {
                now[c] = to->mean[c];
                for (int k = 0; k < 3; k++)
                    now[c] += map[c][k] * (old[k] - own.mean[k]);
            }
            style->rgb[(size_t)c * n + i] = clamped(old[c] + strength * (now[c] - old[c]));
        }
    }
}

void vks_restore_chroma(vkstyle_image *result, const vkstyle_image *content, double strength)
{
    size_t n = (size_t)result->width * (size_t)result->height;
    for (size_t i = 0; strength > 0 && i < n; i++) {
        double luma = 0, other = 0, room = 1, chroma[3];
        for (int c = 0; c < 3; c++) {
            luma += LUMA[c] * result->rgb[(size_t)c * n + i];
            other += LUMA[c] * content->rgb[(size_t)c * n + i];
        }
        luma = clamped(luma);
        for (int c = 0; c < 3; c++) {
            double own = result->rgb[(size_t)c * n + i] - luma;
            chroma[c] = own + strength * (content->rgb[(size_t)c * n + i] - other - own);
            if (chroma[c] > 0)
                room = fmin(room, (1 - luma) / chroma[c]);
            else if (chroma[c] < 0)
                room = fmin(room, luma / -chroma[c]);
        }
        for (int c = 0; c < 3; c++)
            result->rgb[(size_t)c * n + i] = clamped(luma + room * chroma[c]);
    }
}
