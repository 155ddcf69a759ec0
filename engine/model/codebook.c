// SPDX-License-Identifier: MIT
#include "codebook.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

enum { CODES = 256, BINS = 1 << 16, ROUNDS = 1000 };

// Index of the first entry of the ascending list that is at least value; count if there is none.
static size_t lower_bound(const float *list, size_t count, float value)
{
    size_t low = 0;
    while (count > 0) {
        size_t half = count / 2;
        if (list[low + half] < value) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

// Gathers the different values, ascending; false as soon as there are more than fit.
static bool gather_distinct(const float *values, size_t count, float codebook[CODES])
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        size_t place = lower_bound(codebook, used, values[i]);
        if (place < used && codebook[place] == values[i])
            continue;
        if (used == CODES)
            return false;
        memmove(codebook + place + 1, codebook + place, (used - place) * sizeof *codebook);
        codebook[place] = values[i];
        used++;
    }
    for (size_t i = used; i < CODES; i++)
        codebook[i] = codebook[used - 1];
    return true;
}

// For 0 and more. Not cbrt: C libraries differ in its last bit, and then the files would.
static double cube_root(double value)
{
    double root = value > 1 ? value : 1;
    for (int i = 0; value > 0 && i < 60; i++)
        root = (2 * root + value / (root * root)) / 3;
    return value > 0 ? root : 0;
}

// Running totals over the bins of a histogram: entry i is over all bins below i.
typedef struct totals {
    double low, width; // of bin 0, of a bin
    double count[BINS + 1], sum[BINS + 1];
} totals;

static size_t bin_of(const totals *all, double value)
{
    double bin = (value - all->low) / all->width;
    return bin <= 0 ? 0 : bin >= BINS - 1 ? BINS - 1 : (size_t)bin;
}

static void count_values(totals *all, const float *values, size_t count)
{
    double low = values[0], high = values[0];
    for (size_t i = 1; i < count; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    memset(all, 0, sizeof *all);
    all->low = low;
    all->width = (high - low) / BINS;
    for (size_t i = 0; i < count; i++) {
        size_t bin = bin_of(all, values[i]) + 1;
        all->count[bin]++;
        all->sum[bin] += values[i];
    }
}

static void add_up(totals *all)
{
    for (size_t i = 1; i <= BINS; i++) {
        all->count[i] += all->count[i - 1];
        all->sum[i] += all->sum[i - 1];
    }
}

// Where Lloyd's iteration begins: quantiles of the density's cube root, which is how codes lie when
// there are many of them (Panter and Dite, "Quantization distortion in pulse-count modulation with
// nonuniform spacing of levels", 1951). Begun at plain quantiles it ends far from the optimum.
// Needs the counts before add_up.
static void place_codes(const totals *all, double codes[CODES])
{
    double whole = 0, passed = 0;
    for (size_t i = 1; i <= BINS; i++)
        whole += cube_root(all->count[i]);
    int next = 0;
    for (size_t i = 1; i <= BINS; i++) {
        passed += cube_root(all->count[i]);
        while (next < CODES && (next + 0.5) / CODES * whole <= passed)
            codes[next++] = all->low + ((double)i - 0.5) * all->width;
    }
    while (next < CODES)
        codes[next++] = all->low + BINS * all->width;
}

// One round of Lloyd: every code becomes the mean of what is nearest to it. True if any moved.
static bool improve(const totals *all, double codes[CODES])
{
    bool moved = false;
    size_t begin = 0;
    for (int k = 0; k < CODES; k++) {
        size_t end = BINS;
        if (k < CODES - 1)
            end = bin_of(all, 0.5 * (codes[k] + codes[k + 1]));
        if (end < begin)
            end = begin;
        double count = all->count[end] - all->count[begin];
        double mean = count > 0 ? (all->sum[end] - all->sum[begin]) / count : codes[k];
        moved = moved || mean != codes[k];
        codes[k] = mean;
        begin = end;
    }
    return moved;
}

static void choose_nearest(const float *values, size_t count, const float codebook[CODES],
                           uint8_t *indices)
{
    float borders[CODES - 1];
    for (int k = 0; k < CODES - 1; k++)
        borders[k] = (float)(0.5 * ((double)codebook[k] + codebook[k + 1]));
    for (size_t i = 0; i < count; i++)
        indices[i] = (uint8_t)lower_bound(borders, CODES - 1, values[i]);
}

bool vks_codebook_fit(const float *values, size_t count, float codebook[256], uint8_t *indices,
                      vkstyle_error *error)
{
    if (gather_distinct(values, count, codebook)) {
        for (size_t i = 0; i < count; i++)
            indices[i] = (uint8_t)lower_bound(codebook, CODES, values[i]);
        return true;
    }
    totals *all = malloc(sizeof *all);
    if (!all)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory while making a codebook");
    double codes[CODES];
    count_values(all, values, count);
    place_codes(all, codes);
    add_up(all);
    for (int round = 0; round < ROUNDS && improve(all, codes); round++)
        continue;
    for (int k = 0; k < CODES; k++)
        codebook[k] = (float)codes[k];
    choose_nearest(values, count, codebook, indices);
    free(all);
    return true;
}
