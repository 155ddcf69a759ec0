// SPDX-License-Identifier: MIT
#include "aim.h"
#include "../error.h"
#include "eigen.h"
#include "wasserstein.h"

#include <math.h>
#include <stdlib.h>

size_t vks_aim_floats(vkstyle_style_loss loss, uint32_t padded)
{
    size_t n = padded;
    return loss == VKSTYLE_LOSS_GRAM        ? 0
           : loss == VKSTYLE_LOSS_GRAM_MEAN ? 2 * n
                                            : 2 * n + 2 * n * n;
}

// Deviations are those of variances with a little added, a ten-thousandth of their mean: a channel
// that is dead in the target has a slope as well. The millionth of the mean square is for styles
// of one colour, whose variances are what rounding left.
static void find_deviations(vks_style *style, int i)
{
    size_t n = style->padded[i];
    uint32_t channels = style->channels[i];
    float *mean = style->moments[i], *deviation = mean + n;
    double spread = 0;
    for (size_t c = 0; c < channels; c++)
        style->mean_square[i] += (double)mean[c] * mean[c];
    for (size_t c = 0; c < channels; c++)
        spread += fmax(0, style->gram[i][c * n + c] - (double)mean[c] * mean[c]);
    style->floor[i] = fmax(fmax(1e-4 * spread, 1e-6 * style->trace[i]) / channels, 1e-30);
    for (size_t c = 0; c < channels; c++) {
        double variance = fmax(0, style->gram[i][c * n + c] - (double)mean[c] * mean[c]);
        deviation[c] = (float)sqrt(variance + style->floor[i]);
    }
}

// R = S^1/2, as a product's source and as its weights; what is added to the squared spectrum, and
// the part of the distance that only the style knows: with it, the distance of the style from
// itself is 0.
static bool find_root(vks_style *style, int i, vkstyle_error *error)
{
    size_t n = style->padded[i], channels = style->channels[i];
    const float *gram = style->gram[i], *mean = style->moments[i];
    double *root = malloc(channels * channels * sizeof *root);
    double *values = malloc(channels * sizeof *values);
    bool done = root && values;
    if (!done)
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a style's covariance");
    for (size_t a = 0; done && a < channels; a++)
        for (size_t b = 0; b < channels; b++) // the larger index first: the same bits both ways
            root[a * channels + b] =
                gram[(a > b ? a : b) * n + (a > b ? b : a)] - (double)mean[a] * mean[b];
    double rounding = VKS_WASSERSTEIN_ROUNDING * style->mean_square[i];
    done = done && vks_matrix_root(root, values, (uint32_t)channels, rounding, error);
    if (done) {
        double fourth = 0, trace = 0, largest = 0, least;
        for (size_t k = 0; k < channels; k++) {
            double s = values[k];
            fourth += s * s * s * s; // |S^2| squared
            trace += s;
            largest = fmax(largest, s);
        }
        // What is added keeps the spectrum above 0, also where the target's covariance, G - m m^T
        // with means like the style's, is nothing but rounding.
        style->floor[i] =
            fmax(VKS_WASSERSTEIN_LEAST * VKS_WASSERSTEIN_LEAST * sqrt(fourth), rounding * largest);
        least = (double)(n - channels) * sqrt(style->floor[i]);
        for (size_t k = 0; k < channels; k++)
            least += sqrt(values[k] * values[k] + style->floor[i]);
        style->constant[i] = 2 * least - trace;
        float *source = style->moments[i] + 2 * n, *weights = source + n * n;
        for (size_t a = 0; a < channels; a++)
            for (size_t b = 0; b < channels; b++) {
                float v = (float)root[a * channels + b];
                source[(a / 4 * n + b) * 4 + a % 4] = v;
                weights[((a / 16 * n + b) * 4 + a / 4 % 4) * 4 + a % 4] = v;
            }
    }
    free(root);
    free(values);
    return done;
}

bool vks_aim_style(vks_style *style, vkstyle_style_loss loss, vkstyle_error *error)
{
    for (int i = 0; i < style->count && loss != VKSTYLE_LOSS_GRAM; i++) {
        find_deviations(style, i);
        if (loss == VKSTYLE_LOSS_WASSERSTEIN && !find_root(style, i, error))
            return false;
    }
    return true;
}

vks_aim vks_aim_at(const vks_setting *setting, const vks_style *style, int i, double weight)
{
    // The style's mean square at that layer, |m|^2 + tr S. A layer that is dead in it is left out.
    double all = style->trace[i], means = all, spread = all;
    if (setting->style_loss == VKSTYLE_LOSS_GRAM_MEAN) {
        // Each relative to its own size, but to no less than a hundredth of both: a style of one
        // colour has next to no deviations.
        means = fmax(0.01 * all, style->mean_square[i]);
        spread = fmax(0.01 * all, all - style->mean_square[i]);
    }
    return (vks_aim){.loss = setting->style_loss,
                     .buffer = -1,
                     .k = all > 1e-30 ? weight / means : 0,
                     .k_spread = all > 1e-30 ? weight / spread : 0,
                     .floor = style->floor[i],
                     .constant = style->constant[i],
                     .beta = setting->beta};
}
