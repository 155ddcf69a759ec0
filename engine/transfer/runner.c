// SPDX-License-Identifier: MIT
#include "runner.h"
#include "../clock.h"
#include "../error.h"

#include <math.h>

// Seconds a submission should take, and how many may be under way.
static const double SUBMISSION = 0.05;
enum { AHEAD = 3 };
// Seconds after which a third is left of what was learnt: the first batches include compilation.
static const double MEMORY = 2;

typedef struct batch {
    uint64_t ticket;
    double cost;
    int finishes; // runs that are finished with it: 0 or 1
    int at;       // sequences of its run that are finished with it
} batch;

typedef struct feed {
    vks_run *run;
    vks_sequence *const *sequences;
    int sequence_count;
    batch queue[AHEAD];
    int head, length;
    double last; // when the device was last known to begin or end a batch
    vks_pace pace, *learnt;
} feed;

double vks_pace_rate(vks_pace pace)
{
    return pace.seconds > 0 ? pace.cost / pace.seconds : 0;
}

static void learn(vks_pace *pace, double cost, double seconds)
{
    double kept = exp(-seconds / MEMORY);
    pace->cost = pace->cost * kept + cost;
    pace->seconds = pace->seconds * kept + seconds;
}

static void look(feed *f)
{
    const vks_watch *watch = f->run->watch;
    if (watch && watch->tick && f->run->decision == VKSTYLE_CONTINUE)
        f->run->decision = watch->tick(f->run->done, watch->user);
}

// Waits for the oldest batch.
static bool finish_oldest(feed *f, vkstyle_error *error)
{
    vks_run *run = f->run;
    batch *b = &f->queue[f->head];
    for (bool done = false; !done;) {
        if (!vks_gpu_done(run->gpu, b->ticket, SUBMISSION, &done, error))
            return false;
        if (!done)
            look(f);
    }
    double now = vks_seconds();
    learn(f->learnt, b->cost, now - f->last);
    f->last = now;
    run->done += b->finishes;
    run->at = b->at;
    f->head = (f->head + 1) % AHEAD;
    f->length--;
    look(f);
    return true;
}

static bool drain(feed *f, vkstyle_error *error)
{
    while (f->length)
        if (!finish_oldest(f, error))
            return false;
    return true;
}

// Where the next submission begins.
typedef struct cursor {
    int sequence, part;
} cursor;

// Submits as much of a sequence as takes about SUBMISSION seconds, and moves on.
static bool submit_some(feed *f, cursor *c, vkstyle_error *error)
{
    vks_sequence *sequence = f->sequences[c->sequence];
    int first = c->part, parts = vks_sequence_parts(sequence);
    if (f->run->last && !f->run->sequences)
        parts = f->run->last;
    batch b = {0};
    double most = vks_pace_rate(*f->learnt) * SUBMISSION;
    do
        b.cost += vks_sequence_cost(sequence, c->part++);
    while (c->part < parts && b.cost + vks_sequence_cost(sequence, c->part) < most);
    if (!f->length)
        f->last = vks_seconds();
    if (!vks_gpu_submit(f->run->gpu, sequence, first, c->part, &b.ticket, error))
        return false;
    if (c->part == parts) {
        c->sequence++;
        c->part = 0;
    }
    b.finishes = c->sequence == f->sequence_count;
    b.at = b.finishes ? 0 : c->sequence;
    f->queue[(f->head + f->length++) % AHEAD] = b;
    return true;
}

static bool feed_all(feed *f, vkstyle_error *error)
{
    vks_run *run = f->run;
    cursor c = {.part = run->sequences ? 0 : run->first};
    for (int begun = 0; begun < run->count;) {
        // In the first round software Vulkan compiles each kernel when it meets it, up to half a
        // second each: one at a time then, or a cancel would have to sit through three.
        if (f->length == (begun ? AHEAD : 1) && !finish_oldest(f, error))
            return false;
        if (run->decision != VKSTYLE_CONTINUE)
            break;
        if (!submit_some(f, &c, error))
            return false;
        if (c.sequence == f->sequence_count) {
            c = (cursor){0};
            begun++;
        }
    }
    return drain(f, error);
}

bool vks_run_sequence(vks_run *run, vkstyle_error *error)
{
    const vks_watch *watch = run->watch;
    feed f = {.run = run,
              .sequences = run->sequences ? run->sequences : &run->sequence,
              .sequence_count = run->sequences ? run->sequence_count : 1};
    double start = f.last = vks_seconds();
    f.learnt = watch && watch->pace ? watch->pace : &f.pace;
    run->done = run->at = 0;
    run->decision = VKSTYLE_CONTINUE;
    if (watch && watch->run)
        *watch->run = run;
    bool done = feed_all(&f, error);
    if (watch && watch->run)
        *watch->run = NULL;
    run->seconds = vks_seconds() - start;
    return done;
}

uint32_t vks_run_tile(const vks_run *run)
{
    uint32_t tile = run->first_tile;
    for (const int *end = run->tile_ends; *end <= run->at; end++)
        tile++;
    return tile;
}

bool vks_run_whole(vks_run *run, vkstyle_error *error)
{
    if (!vks_run_sequence(run, error))
        return false;
    if (run->decision != VKSTYLE_CONTINUE)
        return vks_fail(error, VKSTYLE_INTERRUPTED, "interrupted");
    return true;
}

bool vks_run_plan(vks_gpu *gpu, vks_plan *plan, const vks_watch *watch, vkstyle_error *error)
{
    vks_run run = {.gpu = gpu, .sequence = vks_plan_sequence(plan), .watch = watch, .count = 1};
    return vks_run_whole(&run, error);
}
