// SPDX-License-Identifier: MIT
#include "schedule.h"

#include <math.h>

// Measured on tubingen and others by The Starry Night (docs/decisions.md): below about 128 pixels
// the content is lost, and each doubling needs about half the iterations of the level before.
enum { COARSEST = 128, DEFAULT_SIDE = 512, DEFAULT_ITERATIONS = 200 };
static const double FINER = 0.5; // iterations of a level, relative to the coarser one's

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

void vks_schedule_make(vks_schedule *s, int content_width, int content_height,
                       const vkstyle_params *params)
{
    int side = larger(content_width, content_height);
    int goal = params->size ? params->size : side < DEFAULT_SIDE ? side : DEFAULT_SIDE;
    *s = (vks_schedule){.count = 1};
    if (params->levels)
        s->count = params->levels < VKS_MAX_LEVELS ? params->levels : VKS_MAX_LEVELS;
    else
        while (s->count < VKS_MAX_LEVELS && goal >> s->count >= COARSEST)
            s->count++;
    s->iterations = params->iterations ? params->iterations : DEFAULT_ITERATIONS;
    if (s->iterations < s->count)
        s->count = s->iterations;

    double shares = 0, share = 1;
    for (int i = 0; i < s->count; i++, share *= FINER)
        shares += share;
    share = 1 / shares;
    int left = s->iterations;
    for (int i = 0; i < s->count; i++, share *= FINER) {
        vks_level *level = &s->levels[i];
        double down = exp2(s->count - 1 - i);
        if (goal == side && i == s->count - 1) {
            level->width = content_width;
            level->height = content_height;
        } else {
            vks_fit(content_width, content_height, goal / down, &level->width, &level->height);
        }
        level->iterations = larger(1, (int)lround(s->iterations * share));
        int rest = s->count - 1 - i; // each finer level gets at least one
        if (level->iterations > left - rest || !rest)
            level->iterations = left - rest;
        left -= level->iterations;
    }
}
