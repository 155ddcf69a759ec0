// SPDX-License-Identifier: MIT
// A job between two iterations as a file: what a run of hours goes on from after a power cut, to
// the same bits. The file is written beside its name, flushed to the disk and renamed into place:
// it is whole or it is the one before.
#ifndef VKS_CHECKPOINT_H
#define VKS_CHECKPOINT_H

#include "iteration.h"
#include "journal.h"
#include "../sha256.h"

#include <stdio.h>

typedef struct vks_checkpoint {
    FILE *file; // at the optimiser's parts; NULL: there is no checkpoint
    const char *path;
    int level, before, count; // level at work, iterations before it, iterations done in all
    struct {
        uint32_t tile;
        int32_t resident, lean, history, coarser;
    } ways[VKS_MAX_LEVELS]; // how each level is worked on (vks_level)
    int product_tile;       // of its kernels
} vks_checkpoint;

// What a job must have in common with its checkpoint: pictures, model, options, schedule.
void vks_checkpoint_key(char key[VKS_SHA256_TEXT], const vkstyle_job *job,
                        const vkstyle_params *params, const vkstyle_model *model,
                        const vks_setting *setting, const vks_schedule *schedule);
// Opens a checkpoint and gives the journal its losses. No file is no failure; a broken one, or that
// of another job, is.
bool vks_checkpoint_open(vks_checkpoint *checkpoint, const char *path,
                         const char key[VKS_SHA256_TEXT], vks_journal *journal,
                         vkstyle_error *error);
// Fills a realised iteration of the checkpoint's level.
bool vks_checkpoint_restore(vks_checkpoint *checkpoint, const vks_iteration *iteration,
                            vks_gpu *gpu, vkstyle_error *error);
void vks_checkpoint_close(vks_checkpoint *checkpoint);

// Writes one; the device must be idle.
bool vks_checkpoint_save(const char *path, const char key[VKS_SHA256_TEXT],
                         const vks_schedule *schedule, int level, int before,
                         const vks_journal *journal, const vks_iteration *iteration, vks_gpu *gpu,
                         vkstyle_error *error);

#endif
