// SPDX-License-Identifier: MIT
#include "vkstyle.h"

#include <string.h>

enum { LONGEST = 40 };

// Letters to insert, drop, change or swap with their neighbour to turn `a` into `b` (optimal string
// alignment: a swap is the commonest slip of the fingers).
static int distance(const char *a, const char *b)
{
    int n = (int)strlen(a), m = (int)strlen(b);
    int cost[LONGEST + 1][LONGEST + 1];
    for (int i = 0; i <= n; i++)
        for (int j = 0; j <= m; j++) {
            if (!i || !j) {
                cost[i][j] = i + j;
                continue;
            }
            int best = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (cost[i - 1][j] + 1 < best)
                best = cost[i - 1][j] + 1;
            if (cost[i][j - 1] + 1 < best)
                best = cost[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                cost[i - 2][j - 2] + 1 < best)
                best = cost[i - 2][j - 2] + 1;
            cost[i][j] = best;
        }
    return cost[n][m];
}

const char *vkstyle_nearest(const char *word, const char *const *words)
{
    size_t length = strlen(word);
    if (!length || length > LONGEST)
        return NULL;
    // One slip in three letters is a mistyped word; more is another word.
    int best = (int)(length < 3 ? 1 : length / 3) + 1;
    const char *nearest = NULL;
    for (; *words; words++) {
        if (strlen(*words) > LONGEST)
            continue;
        int slips = distance(word, *words);
        if (length >= 3 && !strncmp(word, *words, length))
            slips = 1; // the beginning of a longer word
        if (slips < best) {
            best = slips;
            nearest = *words;
        }
    }
    return nearest;
}
