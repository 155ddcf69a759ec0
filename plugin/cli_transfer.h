// SPDX-License-Identifier: MIT
//
// What the files of the transfer command share.
#ifndef VKSTYLE_CLI_TRANSFER_H
#define VKSTYLE_CLI_TRANSFER_H

#include "cli.h"

// Everything of one run that has to be given back. A folder run goes over many contents with the
// same of everything else.
typedef struct cli_transfer {
    const cli_args *args;
    cli_source source; // names of the content at work and of all else
    cli_names contents, style_names;
    double weights[VKSTYLE_MAX_STYLES];
    vkstyle_params params;
    const char *others[2];
    const char *output, *report_path, *init_path;
    char *plan; // text of an earlier report
    int save_every;
    bool keep_partial;
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

// Paints t->content and writes t->output and, where asked for, t->report_path. Returns an exit
// status; on failure the reason has been printed.
int cli_transfer_work(cli_transfer *t);

// All contents into the folder t->output.
int cli_transfer_folder(cli_transfer *t);

#endif
