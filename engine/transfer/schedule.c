// SPDX-License-Identifier: MIT
#include "schedule.h"
#include "pad.h"

#include <math.h>

enum { DEFAULT_SIDE = 512, UNIT_SIDE = 128 };

// What a quality means. A level's iterations depend on its own size alone, not on how many levels
// come after it: a small preview is then the beginning of the large picture's own work, and
// predicts it. Each doubling of the side needs half the iterations, since a finer level only adds
// what the coarser one could not show. The figures are knees of measured curves
// (docs/qualities.md).
static const struct {
    int coarsest;      // no level is smaller, so long as there is more than one
    double iterations; // of a level whose long side is UNIT_SIDE
    int least, most;   // iterations of any level
    double coarser;    // what the second level's picture counts at half its size; twice as much at
                       // each further level, up to 1
} qualities[] = {
    [VKSTYLE_QUALITY_DRAFT] = {96, 24, 6, 32, 0},
    [VKSTYLE_QUALITY_NORMAL] = {128, 120, 12, 120, 0.25},
    [VKSTYLE_QUALITY_BEST] = {128, 300, 30, 300, 0.25},
};

static int larger(int a, int b)
{
    return a > b ? a : b;
}

void vks_fit(int width, int height, double side, int *fit_width, int *fit_height)
{
    double scale = side / larger(width, height);
    *fit_width = larger(1, (int)lround(width * scale));
    *fit_height = larger(1, (int)lround(height * scale));
}

// A finer level forgets what the coarser ones did, unless its picture is held to look like theirs
// when it is scaled down, the stronger the fewer its iterations are (docs/qualities.md). Not so the
// raw losses, which are those of one size.
static void choose_scales(vks_schedule *s, const vkstyle_params *params)
{
    double weight = params->raw_losses ? 0 : qualities[params->quality].coarser;
    for (int i = 1; i < s->count && weight > 0; i++) {
        vks_level *level = &s->levels[i];
        int side = level->width < level->height ? level->width : level->height;
        level->coarser_weight = fmin(1, weight * exp2(i - 1));
        while (level->coarser < i && level->coarser < VKS_MAX_SCALES - 1 &&
               side >> (level->coarser + 1) >= VKS_SMALLEST_SIDE)
            level->coarser++;
    }
}

// Iterations the quality gives a level of that long side.
static double appetite(vkstyle_quality quality, double side)
{
    double n = qualities[quality].iterations * UNIT_SIDE / side;
    return fmin(fmax(n, qualities[quality].least), qualities[quality].most);
}

// Scales the levels' shares so that they add up to exactly `total`, each level getting at least
// one.
static void share_out(vks_schedule *s, const double *shares, int total)
{
    double sum = 0;
    for (int i = 0; i < s->count; i++)
        sum += shares[i];
    s->iterations = total;
    for (int i = 0, left = total; i < s->count; i++) {
        int rest = s->count - 1 - i; // each finer level gets at least one
        int n = larger(1, (int)lround(total * shares[i] / sum));
        if (n > left - rest || !rest)
            n = left - rest;
        s->levels[i].iterations = n;
        left -= n;
    }
}

void vks_schedule_make(vks_schedule *s, int content_width, int content_height,
                       const vkstyle_params *params)
{
    int side = larger(content_width, content_height), all = 0;
    int goal = params->size ? params->size : side < DEFAULT_SIDE ? side : DEFAULT_SIDE;
    double shares[VKS_MAX_LEVELS];
    *s = (vks_schedule){.count = 1};
    if (params->levels)
        s->count = params->levels < VKS_MAX_LEVELS ? params->levels : VKS_MAX_LEVELS;
    else
        while (s->count < VKS_MAX_LEVELS && goal >> s->count >= qualities[params->quality].coarsest)
            s->count++;
    if (params->iterations && params->iterations < s->count)
        s->count = params->iterations;
    for (int i = 0; i < s->count; i++) {
        vks_level *level = &s->levels[i];
        double down = exp2(s->count - 1 - i);
        if (goal == side && i == s->count - 1) {
            level->width = content_width;
            level->height = content_height;
        } else {
            vks_fit(content_width, content_height, goal / down, &level->width, &level->height);
        }
        shares[i] = appetite(params->quality, goal / down);
        level->iterations = (int)lround(shares[i]);
        all += level->iterations;
    }
    s->iterations = all;
    if (params->iterations)
        share_out(s, shares, params->iterations);
    choose_scales(s, params);
}

uint32_t vks_schedule_goal(const vks_schedule *s)
{
    const vks_level *goal = &s->levels[s->count - 1];
    return (uint32_t)(goal->width > goal->height ? goal->width : goal->height);
}
