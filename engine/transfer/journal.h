// SPDX-License-Identifier: MIT
// What a job did, gathered while it runs, and the JSON report made of it.
#ifndef VKS_JOURNAL_H
#define VKS_JOURNAL_H

#include "context.h"
#include "iteration.h"
#include "schedule.h"

enum { VKS_MAX_EVENTS = 32 }; // more are not remembered

typedef struct vks_journal {
    vks_losses *losses; // one an iteration, over all levels
    int count, room;
    int styles_prepared;      // levels whose style was not known from the job before
    double startup_seconds;   // until the first iteration was submitted
    double seconds;           // of the whole job
    double predicted_seconds; // negative: not known
    uint64_t predicted_bytes, peak_bytes;
    uint64_t predicted_host_bytes; // of the predicted: vectors of tiles in host memory
    struct {
        double seconds, flops; // of the level's iterations, and of one of them
        int iterations;
        bool still; // ended early: --tolerance
        uint64_t plan_bytes;
    } levels[VKS_MAX_LEVELS];
    struct {
        int level, iteration; // where it was noticed, over all levels
        const char *what;     // vks_trouble_text
        double learning_rate; // from there on, relative to what was asked for
    } events[VKS_MAX_EVENTS];
    int event_count;
    char content_hash[65], style_hash[65], result_hash[65];
} vks_journal;

bool vks_journal_add(vks_journal *journal, vks_losses losses, vkstyle_error *error);
// Notes that the watchdog backed off.
void vks_journal_event(vks_journal *journal, int level, const char *what, double learning_rate);
void vks_journal_free(vks_journal *journal);

// JSON text of the report (free() it); NULL for want of memory.
char *vks_journal_json(const vks_journal *journal, const vkstyle_context *context,
                       const vkstyle_model *model, const vkstyle_params *params,
                       const vks_setting *setting, const vks_schedule *schedule,
                       const char *outcome);

#endif
