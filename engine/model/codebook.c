// SPDX-License-Identifier: MIT
#include "codebook.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

enum { CODES = 256, ROUNDS = 1000 };

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

// Bits that sort as the value does: negative numbers upside down and below the positive ones.
static uint32_t sort_key(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000 ? ~bits : bits | 0x80000000;
}

// Sorts by three passes over 11 bits each, for which qsort would need seconds a network; spare has
// room for count values.
static void sort_values(float *values, float *spare, size_t count)
{
    enum { DIGITS = 1 << 11 };
    float *from = values, *to = spare;
    for (int shift = 0; shift < 33; shift += 11) {
        size_t places[DIGITS + 1] = {0};
        for (size_t i = 0; i < count; i++)
            places[(sort_key(from[i]) >> shift) % DIGITS + 1]++;
        for (int i = 1; i <= DIGITS; i++)
            places[i] += places[i - 1];
        for (size_t i = 0; i < count; i++)
            to[places[(sort_key(from[i]) >> shift) % DIGITS]++] = from[i];
        float *other = from;
        from = to;
        to = other;
    }
    // After an odd number of passes the result lies in spare.
    memcpy(values, from, count * sizeof *values);
}

// Takes the different values of a sorted list; false if there are more than fit.
static bool take_distinct(const float *sorted, size_t count, float codebook[CODES])
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (used > 0 && sorted[i] == codebook[used - 1])
            continue;
        if (used == CODES)
            return false;
        codebook[used++] = sorted[i];
    }
    for (; used < CODES; used++)
        codebook[used] = codebook[used - 1];
    return true;
}

// For 0 and more. Not cbrt: C libraries differ in its last bit, and then the files would.
static double cube_root(double value)
{
    if (!(value > 0))
        return 0;
    double root = value > 1 ? value : 1;
    for (int i = 0; i < 300; i++) {
        double next = (2 * root + value / (root * root)) / 3;
        if (!(next < root)) // Newton comes from above; it has arrived when it turns
            break;
        root = next;
    }
    return root;
}

// Where Lloyd's iteration begins: quantiles of the density's cube root, which is how codes lie when
// there are many of them (Panter and Dite, "Quantization distortion in pulse-count modulation with
// nonuniform spacing of levels", 1951). Begun at plain quantiles it ends far from the optimum.
// The density is taken over groups of equally many values: a group of width w has density 1/w, and
// the integral of its cube root is w^(2/3).
static void place_codes(const float *sorted, size_t count, double codes[CODES])
{
    enum { GROUPS = 1024 };
    double shares[GROUPS], whole = 0, passed = 0;
    size_t groups = count / 4 < GROUPS ? count / 4 : GROUPS;
    for (size_t i = 0; i < groups; i++) {
        double width =
            (double)sorted[(i + 1) * (count - 1) / groups] - sorted[i * (count - 1) / groups];
        shares[i] = cube_root(width) * cube_root(width);
        whole += shares[i];
    }
    int next = 0;
    for (size_t i = 0; i < groups; i++) {
        double low = sorted[i * (count - 1) / groups],
               high = sorted[(i + 1) * (count - 1) / groups];
        // The codes that fall into this group lie in it evenly.
        for (; next < CODES && shares[i] > 0; next++) {
            double part = ((next + 0.5) / CODES * whole - passed) / shares[i];
            if (part > 1)
                break;
            codes[next] = low + part * (high - low);
        }
        passed += shares[i];
    }
    for (; next < CODES; next++)
        codes[next] = sorted[count - 1];
}

// One round of Lloyd: every code becomes the mean of the values nearest to it. True if any moved.
// totals[i] is the sum of the first i values.
static bool improve(const float *sorted, const double *totals, size_t count, double codes[CODES])
{
    bool moved = false;
    size_t begin = 0;
    for (int k = 0; k < CODES; k++) {
        size_t end = count;
        if (k < CODES - 1) {
            float border = (float)(0.5 * (codes[k] + codes[k + 1]));
            end = begin + lower_bound(sorted + begin, count - begin, border);
        }
        double mean = codes[k];
        if (end > begin)
            mean = (totals[end] - totals[begin]) / (double)(end - begin);
        moved = moved || mean != codes[k];
        codes[k] = mean;
        begin = end;
    }
    return moved;
}

bool vks_codebook_fit(const float *values, size_t count, float codebook[256], uint8_t *indices,
                      vkstyle_error *error)
{
    float *sorted = malloc(count * sizeof *sorted);
    double *totals = malloc((count + 1) * sizeof *totals);
    bool done = sorted && totals;
    if (done) {
        memcpy(sorted, values, count * sizeof *sorted);
        sort_values(sorted, (float *)totals, count);
        if (!take_distinct(sorted, count, codebook)) {
            double codes[CODES];
            totals[0] = 0;
            for (size_t i = 0; i < count; i++)
                totals[i + 1] = totals[i] + sorted[i];
            place_codes(sorted, count, codes);
            for (int i = 0; i < ROUNDS && improve(sorted, totals, count, codes); i++)
                continue;
            for (int k = 0; k < CODES; k++)
                codebook[k] = (float)codes[k];
        }
        float borders[CODES - 1];
        for (int k = 0; k < CODES - 1; k++)
            borders[k] = (float)(0.5 * ((double)codebook[k] + codebook[k + 1]));
        for (size_t i = 0; i < count; i++)
            indices[i] = (uint8_t)lower_bound(borders, CODES - 1, values[i]);
    } else {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory while making a codebook");
    }
    free(sorted);
    free(totals);
    return done;
}
