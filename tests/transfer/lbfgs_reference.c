// SPDX-License-Identifier: MIT
#include "lbfgs_reference.h"
#include "optimiser_rig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double product(const double *a, const double *b, uint64_t n)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

void reference_make(reference *r, const struct vks_optimiser_options *o, uint64_t count)
{
    *r = (reference){.n = 4 * count, .history = o->history, .clamp = o->clamp};
    for (int i = 0; i < r->history; i++) {
        r->s[i] = doubles(r->n);
        r->y[i] = doubles(r->n);
    }
    r->base = calloc(r->n, sizeof *r->base);
    r->base_gradient = doubles(r->n);
    r->direction = doubles(r->n);
    assert_non_null(r->base);
}

void reference_drop(reference *r)
{
    for (int i = 0; i < r->history; i++) {
        free(r->s[i]);
        free(r->y[i]);
    }
    free(r->base);
    free(r->base_gradient);
    free(r->direction);
}

// On a bound, and wants to leave.
static bool held(const reference *r, float g, float x)
{
    return r->clamp && ((x <= 0 && g > 0) || (x >= 1 && g < 0));
}

void reference_accept(reference *r, const float *x, const float *g, bool first)
{
    double *s = r->s[r->history - 1], *y = r->y[r->history - 1]; // the oldest gives its room
    for (uint64_t i = 0; i < r->n; i++) {
        s[i] = (double)x[i] - r->base[i];
        y[i] = held(r, g[i], x[i]) ? 0 : (double)g[i] - r->base_gradient[i];
        r->base_gradient[i] = g[i];
    }
    memcpy(r->base, x, r->n * sizeof *x);
    const double sy = product(s, y, r->n), ss = product(s, s, r->n), yy = product(y, y, r->n);
    if (!first && sy > 1e-4 * sqrt(ss * yy)) {
        memmove(r->s + 1, r->s, (size_t)(r->history - 1) * sizeof *r->s);
        memmove(r->y + 1, r->y, (size_t)(r->history - 1) * sizeof *r->y);
        r->s[0] = s;
        r->y[0] = y;
        r->pairs += r->pairs < r->history;
    } else if (r->pairs == r->history) {
        r->pairs--;
    }
    double *d = r->direction, alpha[VKS_LBFGS_HISTORY_MAX];
    for (uint64_t i = 0; i < r->n; i++)
        d[i] = held(r, g[i], x[i]) ? 0 : g[i];
    const double values = 0.75 * (double)r->n;
    for (int k = 0; k < r->pairs; k++) {
        alpha[k] = product(r->s[k], d, r->n) / product(r->s[k], r->y[k], r->n);
        for (uint64_t i = 0; i < r->n; i++)
            d[i] -= alpha[k] * r->y[k][i];
    }
    double scale = r->pairs ? product(r->s[0], r->y[0], r->n) / product(r->y[0], r->y[0], r->n)
                            : 0.02 / sqrt(product(d, d, r->n) / values);
    for (uint64_t i = 0; i < r->n; i++)
        d[i] *= scale;
    for (int k = r->pairs - 1; k >= 0; k--) {
        const double beta = product(r->y[k], d, r->n) / product(r->s[k], r->y[k], r->n);
        for (uint64_t i = 0; i < r->n; i++)
            d[i] += (alpha[k] - beta) * r->s[k][i];
    }
    const double rms = sqrt(product(d, d, r->n) / values);
    scale = rms > 0.1 ? -0.1 / rms : -1;
    for (uint64_t i = 0; i < r->n; i++)
        d[i] *= held(r, g[i], x[i]) ? 0 : scale;
}

double reference_error(const reference *r, const float *trial)
{
    double off = 0, length = 0;
    for (uint64_t i = 0; i < r->n; i++) {
        double x = r->base[i] + r->direction[i];
        if (r->clamp)
            x = fmin(fmax(x, 0), 1);
        off += (trial[i] - x) * (trial[i] - x);
        length += (x - r->base[i]) * (x - r->base[i]);
    }
    return length > 0 ? sqrt(off / length) : sqrt(off);
}
