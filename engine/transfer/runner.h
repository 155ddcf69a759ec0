// SPDX-License-Identifier: MIT
// Feeds a device with runs of a plan: submissions of about 50 ms each, a few ahead of the device,
// so that it never idles, a desktop stays alive, watchdogs sleep and a cancel is quick. The host
// waits for the device only when it is that far ahead.
#ifndef VKS_RUNNER_H
#define VKS_RUNNER_H

#include "plan.h"

// How fast a device has worked of late: costs and the seconds they took, older ones fading. Cost
// over seconds, not a mean of speeds: a host that comes late finds several batches finished at
// once.
typedef struct vks_pace {
    double cost, seconds;
} vks_pace;

// Cost units a second; 0: not known yet.
double vks_pace_rate(vks_pace pace);

// Who looks on while the device works.
typedef struct vks_watch {
    // Called about every 50 ms, and whenever something has finished. `done`: runs of the plan that
    // have finished. Returns VKSTYLE_CONTINUE, or what ends the work. May be NULL.
    vkstyle_decision (*tick)(int done, void *user);
    void *user;
    vks_pace *pace;             // learnt as it goes, and known to the next run. May be NULL
    const struct vks_run **run; // where the run at work is to be found, else NULL. May be NULL
} vks_watch;

typedef struct vks_run {
    vks_gpu *gpu;
    vks_sequence *sequence;
    vks_sequence *const *sequences; // several in turn instead of one, NULL: `sequence`
    int sequence_count;
    // Of passes over tiles: how many sequences there are up to the end of each, and which of all
    // tiles the first is. NULL: no tiles.
    const int *tile_ends;
    uint32_t first_tile, tile_count;
    const vks_watch *watch; // NULL: nobody
    int count;              // how often to run the sequence
    int first, last; // of one sequence: the first run begins at that part; all end before part
                     // `last`, 0: at the end
    double seconds;  // OUT: of the whole
    int done;        // OUT: runs finished on the device
    int at;          // OUT: sequences of the present run that have finished
    vkstyle_decision decision; // OUT: how it ended
} vks_run;

// False only for failures of the device. After STOP or CANCEL the device has finished what it was
// given; the last run is then perhaps not whole.
bool vks_run_sequence(vks_run *run, vkstyle_error *error);

// The same, where a watch that does not want to continue is a failure: VKSTYLE_INTERRUPTED.
bool vks_run_whole(vks_run *run, vkstyle_error *error);

// The tile at work, from 0, of a run that has tiles.
uint32_t vks_run_tile(const vks_run *run);

// vks_run_whole of a plan, once.
bool vks_run_plan(vks_gpu *gpu, vks_plan *plan, const vks_watch *watch, vkstyle_error *error);

#endif
