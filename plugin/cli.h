// SPDX-License-Identifier: MIT
//
// What the files of the command line share. The command line is a host like any other: it sees the
// engine's public header and nothing below it.
//
// Every command returns an exit status (vkstyle_status). On failure it has printed one line that
// begins "vkstyle: " as the last one on stderr.
#ifndef VKSTYLE_CLI_H
#define VKSTYLE_CLI_H

#include "vkstyle.h"

#include <stdio.h>

// ---------------------------------------------------------------- commands and their options

// An option of a command. Where help is NULL it is the parameter of that name in the engine's
// table, and its value goes straight into cli_args.params.
typedef struct cli_option {
    const char *name; // without dashes; NULL ends a list
    char letter;      // 'o' for -o; 0: none
    const char *group;
    const char *metavar; // NULL: a flag
    const char *help;
} cli_option;

typedef struct cli_args cli_args;

typedef struct cli_command {
    const char *name;            // "transfer", "model import"
    const char *synopsis;        // what follows the name
    const char *summary;         // half a line, no full stop
    const char *about;           // paragraphs, separated by '\n'
    const char *const *examples; // pairs: command line, what it does; NULL-terminated
    int min_words, max_words;    // operands: names that are not options
    const char *missing;         // said when there are too few of them
    const cli_option *options;
    bool all_parameters; // the rest of the engine's table as well, under "More"
    int (*run)(const cli_args *args);
} cli_command;

extern const cli_command cli_transfer_command, cli_evaluate_command, cli_devices_command,
    cli_model_info_command, cli_model_import_command, cli_bench_command, cli_doctor_command,
    cli_help_command;
// All of them, NULL-terminated, in the order of the help.
extern const cli_command *const cli_commands[];

enum { CLI_MAX_OPTIONS = 64, CLI_MAX_WORDS = VKSTYLE_MAX_STYLES + 2 };

// A parsed command line. The strings are argv's.
struct cli_args {
    const cli_command *command;
    int argc; // the whole command line, for the report
    char *const *argv;
    vkstyle_params params;
    const char *words[CLI_MAX_WORDS]; // operands
    int word_count;
    const char *values[CLI_MAX_OPTIONS]; // by place in the command's options; NULL: not given
    bool help;
};

// ---------------------------------------------------------------- cli_args.c

// Fills args from what follows the command's name. False after printing what is wrong.
bool cli_args_parse(cli_args *args, const cli_command *command, int argc, char **argv);

// The text given for an option ("" for a flag), or NULL.
const char *cli_args_value(const cli_args *args, const char *name);

// A whole number given for an option, or `fallback`. False after printing what is wrong.
bool cli_args_whole(const cli_args *args, const char *name, int minimum, int maximum, int fallback,
                    int *value);

// The i-th option of a command, those of the engine's table included; false past the last.
bool cli_command_option(const cli_command *command, int index, cli_option *option);

// ---------------------------------------------------------------- cli_help.c

void cli_help_command_text(const cli_command *command, FILE *out);
void cli_help_overview(FILE *out);

// ---------------------------------------------------------------- cli_say.c

// Prints "vkstyle: ..." and returns status.
int cli_fail(vkstyle_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The same for an error of the engine.
int cli_fail_error(const vkstyle_error *error);

// Prints one line of notice on stderr, not harming a progress bar.
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Standard output is a file like any other: a full disk is a failure. Returns status, or
// VKSTYLE_FAILED after saying so.
int cli_finish_output(int status);

// "1.5 GiB", "12.0 s"-like texts for people; return buffer.
char *cli_bytes_text(char *buffer, size_t size, double bytes);
char *cli_seconds_text(char *buffer, size_t size, double seconds);

// ---------------------------------------------------------------- cli_signal.c

// SIGINT, SIGTERM and SIGHUP end the program with status 130 and a message; deferred, the first one
// is only noted and the next one ends it.
void cli_signals_install(void);
void cli_signals_defer(bool defer);
bool cli_signals_seen(void);
// Holds signals back while a file is written, so that no half-written one is left.
void cli_signals_hold(bool hold);

// ---------------------------------------------------------------- cli_progress.c

// Chooses how progress is shown: auto, plain, json or none. False after printing what is wrong.
bool cli_progress_choose(const char *how);
void cli_progress_show(const vkstyle_progress *progress);
// Ends the bar's line; safe to call at any time.
void cli_progress_end(void);
// True where progress goes to a person or a log (not with none).
bool cli_progress_talks(void);
// True where progress is printed as JSON on stdout.
bool cli_progress_is_json(void);

// ---------------------------------------------------------------- cli_files.c

// 0 when a file can be created at path (folder there and writable, not a folder itself, not one of
// the inputs), else an exit status. option: for the message, such as "-o".
int cli_output_check(const char *option, const char *path, const char *const *inputs,
                     int input_count);

// "out.png", 50 -> "out-000050.png".
bool cli_numbered_name(const char *path, int number, char *name, size_t size);

// Writes text to path, whole or not at all. False after filling error.
bool cli_write_text(const char *path, const char *text, vkstyle_error *error);
// The whole of a text file in a fresh string (free() it), NULL after filling error.
char *cli_read_text(const char *path, vkstyle_error *error);

// ---------------------------------------------------------------- cli_masks.c

// What --mask names; zeroed at first.
typedef struct cli_masks {
    char *text;
    const char *names[VKSTYLE_MAX_STYLES]; // NULL: none at this place
    vkstyle_image *images[VKSTYLE_MAX_STYLES];
    int count; // 0: no masks
} cli_masks;

// text NULL: no masks. Both return 0 or an exit status.
int cli_masks_split(cli_masks *masks, const char *text, int styles);
int cli_masks_load(cli_masks *masks);
void cli_masks_free(cli_masks *masks);

// ---------------------------------------------------------------- shared by commands

// Opens model and device in this order, both as the options say. Returns 0 or an exit status.
int cli_open(const cli_args *args, vkstyle_model **model, vkstyle_context **context);

#define CLI_MODEL_HELP                                                                             \
    "Encoder to use: a name in the models folder or a .safetensors file. Default: the VGG-19 "     \
    "that "                                                                                        \
    "ships."
#define CLI_DEVICE_HELP                                                                            \
    "Device to use: its number in 'vkstyle devices', part of its name, or its UUID. Default: the " \
    "best one."

#endif
