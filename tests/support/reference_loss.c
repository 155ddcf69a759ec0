// SPDX-License-Identifier: MIT
#include "reference.h"

#include <stdlib.h>

double *reference_gram(const reference_tensor *f)
{
    size_t n = (size_t)f->channels, plane = (size_t)f->height * (size_t)f->width;
    double *gram = calloc(n * n, sizeof *gram);
    if (!gram)
        abort();
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            double sum = 0;
            for (size_t p = 0; p < plane; p++)
                sum += f->at[i * plane + p] * f->at[k * plane + p];
            gram[i * n + k] = sum / (double)plane;
        }
    }
    return gram;
}

void reference_aim_style(reference_loss *loss, const vkstyle_image *const *styles,
                         const double *weights, int count)
{
    double total = 0;
    for (int s = 0; s < count; s++)
        total += weights ? weights[s] : 1;
    for (int s = 0; s < count; s++) {
        reference_tensor picture = reference_picture(styles[s]);
        reference_pass pass;
        reference_forward(&pass, &loss->encoder, &picture);
        for (int i = 0; i < loss->style_count; i++) {
            const reference_tensor *f = &pass.layer[loss->style_layers[i]];
            size_t n = (size_t)f->channels * (size_t)f->channels;
            double *gram = reference_gram(f), share = (weights ? weights[s] : 1) / total;
            if (!loss->gram[i] && !(loss->gram[i] = calloc(n, sizeof *gram)))
                abort();
            for (size_t k = 0; k < n; k++)
                loss->gram[i][k] += share * gram[k];
            free(gram);
            double *mean = reference_means(f);
            if (!loss->mean[i] && !(loss->mean[i] = calloc((size_t)f->channels, sizeof *mean)))
                abort();
            for (size_t k = 0; k < (size_t)f->channels; k++)
                loss->mean[i][k] += share * mean[k];
            free(mean);
        }
        reference_pass_free(&pass);
        reference_free(&picture);
    }
}

void reference_aim_content(reference_loss *loss, const vkstyle_image *content)
{
    reference_tensor picture = reference_picture(content);
    reference_pass pass;
    reference_forward(&pass, &loss->encoder, &picture);
    loss->content = pass.layer[loss->content_layer];
    pass.layer[loss->content_layer].at = NULL;
    reference_pass_free(&pass);
    reference_free(&picture);
}

void reference_loss_free(reference_loss *loss)
{
    for (int i = 0; i < VKSTYLE_MAX_LAYERS; i++) {
        free(loss->gram[i]);
        free(loss->mean[i]);
        loss->gram[i] = loss->mean[i] = NULL;
    }
    reference_free(&loss->content);
}

// A layer that is dead in what is to be reached has no size to compare with: it is left out.
static double relative(double weight, double square)
{
    return square > 1e-30 ? weight / square : 0;
}

static double sum_of_squares(const double *v, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += v[i] * v[i];
    return sum;
}

static reference_tensor *joining_at(reference_tensor *joining, const reference_tensor *f)
{
    if (!joining->at)
        *joining = reference_zeros(f->channels, f->height, f->width);
    return joining;
}

// d/dF = (2 D F + m 1^T) / M with D the gradient at the Gram matrix and m that at the means.
static void measure_moments(const reference_loss *loss, int i, const reference_tensor *f,
                            reference_tensor *to, reference_values *values)
{
    size_t n = (size_t)f->channels, plane = (size_t)f->height * (size_t)f->width;
    double *gram = reference_gram(f), *mean = reference_means(f);
    double *d = calloc(n * n, sizeof *d), *m = calloc(n, sizeof *m), w = loss->layer_weights[i];
    if (!d || !m)
        abort();
    values->style += w * reference_style_loss(loss->style_loss, n, gram, mean, loss->gram[i],
                                              loss->mean[i], d, m);
    double factor = loss->beta * w / (double)plane;
    for (size_t a = 0; a < n; a++)
        for (size_t p = 0; p < plane; p++) {
            double sum = m[a];
            for (size_t b = 0; b < n; b++)
                sum += 2 * d[a * n + b] * f->at[b * plane + p];
            to->at[a * plane + p] += factor * sum;
        }
    free(gram);
    free(mean);
    free(d);
    free(m);
}

// d/dF sum (F F^T / M - A)^2 = 4 / M (G - A) F, G - A being symmetric.
static void measure_style(const reference_loss *loss, int i, const reference_pass *pass,
                          reference_tensor *joining, reference_values *values)
{
    const reference_tensor *f = &pass->layer[loss->style_layers[i]];
    size_t n = (size_t)f->channels, plane = (size_t)f->height * (size_t)f->width;
    double *d = reference_gram(f), w = loss->layer_weights[i], raw = w / (4.0 * (double)(n * n));
    double k = loss->raw ? raw : relative(w, sum_of_squares(loss->gram[i], n * n));
    for (size_t j = 0; j < n * n; j++)
        d[j] -= loss->gram[i][j];
    double square = sum_of_squares(d, n * n);
    values->raw_style += raw * square;
    reference_tensor *to = joining_at(&joining[loss->style_layers[i]], f);
    if (!loss->raw && loss->style_loss != VKSTYLE_LOSS_GRAM) {
        measure_moments(loss, i, f, to, values);
        free(d);
        return;
    }
    values->style += k * square;
    double factor = loss->beta * k * 4 / (double)plane;
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < n; b++)
            for (size_t p = 0; p < plane; p++)
                to->at[a * plane + p] += factor * d[a * n + b] * f->at[b * plane + p];
    free(d);
}

static void measure_content(const reference_loss *loss, const reference_pass *pass,
                            reference_tensor *joining, reference_values *values)
{
    const reference_tensor *f = &pass->layer[loss->content_layer];
    reference_tensor *to = joining_at(&joining[loss->content_layer], f);
    size_t count = reference_count(f);
    double k = loss->raw ? 0.5 : relative(1, sum_of_squares(loss->content.at, count));
    for (size_t i = 0; i < count; i++) {
        double d = f->at[i] - loss->content.at[i];
        values->content += k * d * d;
        values->raw_content += 0.5 * d * d;
        to->at[i] += loss->alpha * k * 2 * d;
    }
}

// Squared differences of neighbours to the right and below.
static double measure_tv(const reference_loss *loss, const reference_tensor *t,
                         reference_tensor *gradient)
{
    double sum = 0;
    size_t width = (size_t)t->width;
    for (size_t i = 0; i < reference_count(t); i++) {
        size_t x = i % width, y = i / width % (size_t)t->height;
        size_t next[2] = {i + 1, i + width};
        bool there[2] = {x + 1 < width, y + 1 < (size_t)t->height};
        for (int k = 0; k < 2; k++) {
            if (!there[k])
                continue;
            double d = t->at[next[k]] - t->at[i];
            sum += d * d;
            if (gradient) {
                gradient->at[next[k]] += 2 * loss->tv * d;
                gradient->at[i] -= 2 * loss->tv * d;
            }
        }
    }
    return loss->tv * sum;
}

reference_values reference_measure(const reference_loss *loss, const reference_tensor *target,
                                   reference_tensor *gradient)
{
    reference_tensor joining[REFERENCE_DEPTH] = {{0}};
    reference_values values = {0};
    reference_pass pass;
    reference_forward(&pass, &loss->encoder, target);
    for (int i = 0; i < loss->style_count && loss->gram[i]; i++)
        measure_style(loss, i, &pass, joining, &values);
    if (loss->content.at)
        measure_content(loss, &pass, joining, &values);
    if (gradient)
        *gradient = reference_backward(&pass, &loss->encoder, joining);
    values.tv = measure_tv(loss, target, gradient);
    values.total = loss->alpha * values.content + loss->beta * values.style + values.tv;
    for (int i = 0; i < loss->encoder.depth; i++)
        reference_free(&joining[i]);
    reference_pass_free(&pass);
    return values;
}
