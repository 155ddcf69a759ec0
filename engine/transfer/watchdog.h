// SPDX-License-Identifier: MIT
// Looks at the losses of a level as they come in: is something wrong with the picture, or has it
// stopped changing? Both answers depend on the losses alone, not on when they were seen.
#ifndef VKS_WATCHDOG_H
#define VKS_WATCHDOG_H

#include "iteration.h"

typedef enum vks_trouble {
    VKS_NO_TROUBLE,
    VKS_NOT_A_NUMBER,
    VKS_FLAT,     // black, grey or another single colour
    VKS_EXPLODING // the loss grows out of all proportion
} vks_trouble;

// Debug variable VKSTYLE_DEBUG_PICTURE=nan|black|grey|huge[:N] spoils the target after the N-th
// iteration (default 12) and every later one, until the job backs off for the first time.
typedef struct vks_watchdog {
    double variation;  // of a picture that is not flat: sum of squares of neighbours' differences
    double scale;      // a loss that is large: alpha + beta of the relative losses; 0: not known
    double early_stop; // 0: off
    int seen;
    int numberless, flat, high; // in a row
    bool was_alive;             // it was not flat at first
    double reference;           // largest of the first losses
    double sums[2];             // of the window before and of the present one
} vks_watchdog;

enum {
    VKS_STILL_WINDOW = 10, // iterations whose mean loss is compared with that of those before
    VKS_STILL_LAG = 8      // a decision takes effect that many iterations later: more than the
                           // runner has under way (runner.c), so that it never comes too late
};

// The variation below which a level's picture counts as flat, from content and style: neither may
// be flat itself.
void vks_watchdog_start(vks_watchdog *dog, const vks_setting *setting, double early_stop,
                        const vkstyle_image *content, const vkstyle_image *style);
// Takes note of one iteration's losses.
vks_trouble vks_watchdog_see(vks_watchdog *dog, const vks_losses *losses);
// True when the loss seen last says that the picture does not change any more.
bool vks_watchdog_still(const vks_watchdog *dog);

// For people: "black or grey".
const char *vks_trouble_text(vks_trouble trouble);

// What the debug variable asks for at that iteration (over all levels), as the value of each pixel.
bool vks_debug_picture(int iteration, float *value);

#endif
