// SPDX-License-Identifier: MIT
#include "runner.h"
#include "clock.h"

// Seconds a submission should take, and how many may be under way.
static const double SUBMISSION = 0.05;
enum { AHEAD = 3 };

typedef struct batch {
    uint64_t ticket;
    double cost;
    int finishes; // iterations that are finished with it (0 or more)
} batch;

typedef struct feed {
    vks_run *run;
    vks_sequence *sequence;
    int parts;
    batch queue[AHEAD];
    int head, length;
    double last;  // when the device was last known to start or end a batch
} feed;

// Waits for the oldest batch; ticks meanwhile.
static bool finish_oldest(feed *f, vkstyle_error *error)
{
    vks_run *run = f->run;
    batch *b = &f->queue[f->head];
    for (bool done = false; !done;) {
        if (!vks_gpu_done(run->gpu, b->ticket, SUBMISSION, &done, error))
            return false;
        if (!done && run->decision == VKSTYLE_CONTINUE && run->tick)
            run->decision = run->tick(run->done, run->user);
    }
    double now = vks_seconds(), took = now - f->last;
    f->last = now;
    if (took > 1e-6) {
        double rate = b->cost / took;
        // A smoothed rate; the first measurement includes compilation and is soon forgotten.
        *run->rate = *run->rate > 0 ? 0.7 * *run->rate + 0.3 * rate : rate;
    }
    run->done += b->finishes;
    f->head = (f->head + 1) % AHEAD;
    f->length--;
    if (run->decision == VKSTYLE_CONTINUE && run->tick)
        run->decision = run->tick(run->done, run->user);
    return true;
}

static bool drain(feed *f, vkstyle_error *error)
{
    while (f->length)
        if (!finish_oldest(f, error))
            return false;
    return true;
}

bool vks_run_iterations(vks_run *run, vkstyle_error *error)
{
    feed f = {.run = run, .sequence = vks_plan_sequence(run->iteration->plan)};
    double start = f.last = vks_seconds();
    f.parts = vks_sequence_parts(f.sequence);
    run->done = 0;
    run->decision = VKSTYLE_CONTINUE;
    int part = 0;
    for (int begun = 0; begun < run->count && run->decision == VKSTYLE_CONTINUE;) {
        if (f.length == AHEAD && !finish_oldest(&f, error))
            return false;
        if (run->decision != VKSTYLE_CONTINUE)
            break;
        int first = part;
        batch b = {0};
        do
            b.cost += vks_sequence_cost(f.sequence, part++);
        while (part < f.parts &&
               b.cost + vks_sequence_cost(f.sequence, part) < *run->rate * SUBMISSION);
        b.finishes = part == f.parts;
        if (!f.length)
            f.last = vks_seconds();
        if (!vks_gpu_submit(run->gpu, f.sequence, first, part, &b.ticket, error))
            return false;
        f.queue[(f.head + f.length++) % AHEAD] = b;
        if (part == f.parts) {
            part = 0;
            begun++;
            if (run->pause_every && begun % run->pause_every == 0 && !drain(&f, error))
                return false;
        }
    }
    if (!drain(&f, error))
        return false;
    run->seconds = vks_seconds() - start;
    return true;
}
