// SPDX-License-Identifier: MIT
// Looks at the losses of a level as they come in: is something wrong with the picture? The answer
// depends on the losses alone, not on when they were seen.
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
    double variation; // of a picture that is not flat: sum of squares of neighbours' differences
    double scale;     // a loss that is large: alpha + beta of the relative losses; 0: not known
    int seen;
    int numberless, flat, high; // in a row
    bool was_alive;             // it was not flat at first
    double reference;           // largest of the first losses
} vks_watchdog;

// The variation below which a level's picture counts as flat, from content and style: neither may
// be flat itself.
void vks_watchdog_start(vks_watchdog *dog, const vks_setting *setting, const vkstyle_image *content,
                        const vkstyle_image *style);
// Takes note of one iteration's losses.
vks_trouble vks_watchdog_see(vks_watchdog *dog, const vks_losses *losses);

// True when no loss has been a number so far.
bool vks_watchdog_blind(const vks_watchdog *dog);

// For people: "black or grey".
const char *vks_trouble_text(vks_trouble trouble);

// Whether the debug variable is set: iterations then run one at a time.
bool vks_debug_spoils(void);
// What the debug variable asks for at that iteration (over all levels), as the value of each pixel.
bool vks_debug_picture(int iteration, float *value);

#endif
