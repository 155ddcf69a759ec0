// SPDX-License-Identifier: MIT
#ifndef VKS_CLOCK_H
#define VKS_CLOCK_H

// Seconds of a clock that never goes back, from an arbitrary start.
double vks_seconds(void);

#endif
