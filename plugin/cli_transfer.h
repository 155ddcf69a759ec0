// SPDX-License-Identifier: MIT
//
// What the files of the transfer command share.
#ifndef VKSTYLE_CLI_TRANSFER_H
#define VKSTYLE_CLI_TRANSFER_H

#include "cli.h"

// Where styles act: the words of --style-mask, one for each style that was given (a folder is one),
// and --strength-map.
typedef struct cli_masks {
    char *names;                          // the text of --style-mask, cut into words
    const char *name[VKSTYLE_MAX_STYLES]; // NULL: everywhere
    int count;
    vkstyle_image *mask[VKSTYLE_MAX_STYLES]; // styles with a mask of one name share it
    vkstyle_image *own[VKSTYLE_MAX_STYLES];  // those to be freed
    const vkstyle_image *of_picture[VKSTYLE_MAX_STYLES];
    vkstyle_image *strength;
} cli_masks;

// Everything of one run that has to be given back. A folder run goes over many contents with the
// same of everything else.
typedef struct cli_transfer {
    const cli_args *args;
    cli_source source; // names of the content at work and of all else
    cli_names contents, style_names;
    int styles_given, style_of[VKSTYLE_MAX_STYLES]; // a picture's number among the given ones
    double weights[VKSTYLE_MAX_STYLES];
    vkstyle_params params;
    const char *others[3 + VKSTYLE_MAX_STYLES]; // init, plan, strength map, masks
    const char *output, *report_path, *checkpoint, *init_path;
    char *plan;                       // text of an earlier report
    int save_every, checkpoint_every; // iterations, seconds
    bool keep_partial;
    cli_masks masks;
    vkstyle_image *content, *init, *styles[VKSTYLE_MAX_STYLES];
    vkstyle_model *model;
    vkstyle_context *context;
    vkstyle_image *result;
    char *report;
    int iteration, iterations; // where the work stands
    double seconds;
    bool stopped;             // interrupted, and the picture is kept
    vkstyle_error save_error; // of a picture saved on the way
} cli_transfer;

// 0 when output and report can be written there and are none of the inputs, else an exit status.
int cli_transfer_check_output(const cli_transfer *t);

// Cuts --style-mask into one name a style; an exit status.
int cli_masks_read(cli_masks *masks, const char *text, int styles);
int cli_masks_load(cli_masks *masks, const char *strength_path);
void cli_masks_free(cli_masks *masks);
// Gives the job its masks, for all of a style's pictures the style's. They stay here.
void cli_masks_give(cli_masks *masks, const int *style_of, vkstyle_job *job);

// Paints t->content and writes t->output and, where asked for, t->report_path. Returns an exit
// status; on failure the reason has been printed.
int cli_transfer_work(cli_transfer *t);

// All contents into the folder t->output.
int cli_transfer_folder(cli_transfer *t);

#endif
