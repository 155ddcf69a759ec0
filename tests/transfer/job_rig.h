// SPDX-License-Identifier: MIT
// What the tests of whole jobs share: a small encoder with VGG-19's layer names, one job with its
// report, and a progress function that looks, counts and decides.
#ifndef JOB_RIG_H
#define JOB_RIG_H

#include "iteration_rig.h"

#include <cjson/cJSON.h>

extern const char job_chain[];

// What was seen of a job, and what shall be done.
typedef struct job_watch {
    // Decide so at the first call of that phase (NULL: any) with at least so many iterations done.
    vkstyle_decision decision;
    const char *phase;
    int iteration;
    // Seen:
    double decided; // when, job_seconds
    int calls, pictures, levels_seen;
    int picture_at[64], picture_width[64];
    double picture_time[64];
    int last_iteration;
    int tiles; // of the last pass over tiles
    bool no_such_tile;
    bool went_back; // the count of iterations fell
    vkstyle_image *last_picture;
} job_watch;

double job_seconds(void); // monotonic
vkstyle_decision job_look(const vkstyle_progress *progress, void *user);

typedef struct job_result {
    vkstyle_image *image; // NULL: failed
    cJSON *report;
    char *text; // of the report
    vkstyle_error error;
    double seconds;
} job_result;

// What a file of tests keeps from its first to its last.
typedef struct job_stage {
    vkstyle_context *context;
    vkstyle_model *model;
    vkstyle_image *style, *content;
} job_stage;

void job_stage_open(job_stage *stage, int style_width, int style_height, int content_width,
                    int content_height);
int job_stage_close(job_stage *stage); // what validation layers had to say: 0 is nothing

// Few iterations at one level, in float32.
vkstyle_params job_params(int iterations);
job_result job_run(vkstyle_context *context, const vkstyle_model *model, const vkstyle_job *job,
                   const vkstyle_params *params);
// The same for one content and one style, nothing else.
job_result job_simple(vkstyle_context *context, const vkstyle_model *model,
                      const vkstyle_image *content, const vkstyle_image *style,
                      const vkstyle_params *params);
void job_free(job_result *result);

// A member of the report by path ("memory.peak"); ends the test when it is not there.
const cJSON *job_member(const job_result *result, const char *path);
double job_number(const job_result *result, const char *path);
const char *job_text(const job_result *result, const char *path);
// Loss of an iteration, from the end when negative.
double job_loss(const job_result *result, int iteration);
// The same of any of the report's losses ("coarse").
double job_value(const job_result *result, const char *loss, int iteration);
bool job_same(const vkstyle_image *a, const vkstyle_image *b); // size and bits of rgb

#endif
