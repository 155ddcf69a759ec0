// SPDX-License-Identifier: MIT
// Feeds a device with the iterations of a plan: submissions of about 50 ms each, a few ahead of the
// device, so that it never idles, a desktop stays alive, watchdogs sleep and a cancel is quick. The
// host waits for the device only when it is that far ahead.
#ifndef VKS_RUNNER_H
#define VKS_RUNNER_H

#include "iteration.h"

// Called about every 50 ms while iterations run, and after each. Return VKSTYLE_CONTINUE, or what
// ends the run. `done`: iterations of this run that have finished on the device.
typedef vkstyle_decision (*vks_runner_fn)(int done, void *user);

typedef struct vks_run {
    vks_gpu *gpu;
    vks_iteration *iteration;
    int count;           // iterations to run
    int pause_every;     // > 0: let the device drain after every so many (for exact snapshots)
    vks_runner_fn tick;
    void *user;
    double *rate;        // cost units a second, learnt; 0: not known yet. Kept by the caller
    double seconds;      // OUT: of the run, waits for the host excluded
    int done;            // OUT: iterations finished on the device
    vkstyle_decision decision; // OUT: how it ended
} vks_run;

// Runs the iterations. False only for failures of the device. After STOP or CANCEL the device has
// finished what it was given, the last iteration perhaps not whole: its picture is that of the
// iteration before.
bool vks_run_iterations(vks_run *run, vkstyle_error *error);

#endif
