// SPDX-License-Identifier: MIT
// One vkstyle_transfer at work: what its files share. transfer.c runs the job, level.c one pyramid
// level, progress.c tells how far it is.
#ifndef VKS_JOB_H
#define VKS_JOB_H

#include "carry.h"
#include "checkpoint.h"
#include "context.h"
#include "estimate.h"
#include "journal.h"
#include "runner.h"
#include "scale.h"
#include "watchdog.h"
#include "../image/image.h"
#include "../image/recolour.h"

// A picture that is the job's own or, where no copy is needed, somebody else's: of 24 megapixels
// each takes 288 MB.
typedef struct vks_picture {
    const vkstyle_image *at;
    vkstyle_image *own; // NULL: borrowed
} vks_picture;
// A new picture instead of the old one; NULL: none. Returns whether there is one.
bool vks_picture_own(vks_picture *picture, vkstyle_image *image);
void vks_picture_borrow(vks_picture *picture, const vkstyle_image *image);
// from at width x height, padded where that is small.
bool vks_picture_sized(vks_picture *picture, const vkstyle_image *from, int width, int height,
                       vkstyle_error *error);

typedef struct vks_transfer {
    vkstyle_context *context;
    vks_gpu *gpu;
    vks_network *network;
    const vkstyle_model *model;
    const vkstyle_job *job;
    const vkstyle_params *params;
    vkstyle_params replayed; // the same, with the plan of an earlier job
    vkstyle_error *error;
    vks_setting setting;
    vks_setting here; // at the level at work
    vks_schedule schedule;
    vks_estimate estimate;
    vks_journal journal;
    bool reported;       // the journal will be read
    vks_picture content; // as the engine takes it: what is transparent is filled
    vks_colours colours; // of the content
    int width, height;   // of the job's content, which may be gone (level.c)
    bool alpha;          // it has one
    bool gone, was_origin, was_target;
    vks_picture origin;               // where the target starts; none: from noise
    vks_picture target;               // between levels: where the next one starts
    vks_scale scales[VKS_MAX_SCALES]; // of the level at work, its own size first
    vks_carry carry;
    vks_checkpoint checkpoint; // to go on from
    char key[VKS_SHA256_TEXT];
    double last_checkpoint;
    vks_iteration iteration; // of the level at work
    int level;               // from 0
    int before;              // iterations of the levels before
    int run_base;            // iterations before the run at work
    const vks_run *run;      // what the device is at (vks_watch), or NULL
    int spoilt;              // iterations of the level at work whose picture was spoilt
    vks_watchdog dog;
    vks_trouble trouble; // of the level at work
    double caution;      // factor of the learning rate
    double start, last_picture;
    vks_pace pace;
    vks_watch preparing, running;
    char phase[64];
    vkstyle_decision decision;
    bool out_of_time;
    bool failed; // inside a tick: *error is filled
} vks_transfer;

// Everything of one level, or what a spoilt picture has left of it; afterwards target is its
// result, unless there was trouble: then it is as it was.
bool vks_do_level(vks_transfer *transfer);

// Fills in scales for the level at work: styles and contents, and the options of an iteration but
// for its optimiser. content: at the level's size, padded; start: as for vks_prepare_content.
bool vks_scales_prepare(vks_transfer *transfer, const vkstyle_image *content, bool start);
void vks_scales_free(vks_transfer *transfer);

// The present result of the level at work, cropped to its true size; the device must be idle.
vkstyle_image *vks_present_picture(vks_transfer *transfer);
// The content's colours, where the job keeps them.
bool vks_keep_colours(const vks_transfer *transfer, vkstyle_image *picture);
// True when the host wants to see the growing picture now.
bool vks_picture_due(const vks_transfer *transfer);
void vks_report_progress(vks_transfer *transfer, const vkstyle_image *picture);

// Watches (runner.h): while a level is prepared, and while its iterations run.
vkstyle_decision vks_look_on(int done, void *transfer);
vkstyle_decision vks_tick(int done, void *transfer);

#endif
