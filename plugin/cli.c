// SPDX-License-Identifier: MIT
//
// vkstyle on the command line: finds the command, parses its options, runs it.
#include "cli.h"

#include <string.h>

const cli_command *const cli_commands[] = {
    &cli_transfer_command,   &cli_devices_command,      &cli_doctor_command,
    &cli_model_info_command, &cli_model_import_command, &cli_bench_command,
    &cli_evaluate_command,   &cli_help_command,         NULL,
};

static void on_notice(const char *text, void *user)
{
    (void)user;
    cli_note("note: %s", text);
}

// The command that begins at argv[1]; *used says how many words its name has.
static const cli_command *find_command(int argc, char **argv, int *used)
{
    for (int i = 0; cli_commands[i]; i++) {
        const char *name = cli_commands[i]->name, *space = strchr(name, ' ');
        size_t first = space ? (size_t)(space - name) : strlen(name);
        if (strlen(argv[1]) != first || strncmp(argv[1], name, first))
            continue;
        if (!space) {
            *used = 1;
            return cli_commands[i];
        }
        if (argc > 2 && !strcmp(argv[2], space + 1)) {
            *used = 2;
            return cli_commands[i];
        }
    }
    return NULL;
}

static int no_command(int argc, char **argv)
{
    static const char *const first_words[] = {"transfer", "devices",  "doctor", "model",
                                              "bench",    "evaluate", "help",   NULL};
    if (!strcmp(argv[1], "model")) {
        if (argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"))) {
            cli_help_command_text(&cli_model_info_command, stdout);
            fputs("\n", stdout);
            cli_help_command_text(&cli_model_import_command, stdout);
            return cli_finish_output(VKSTYLE_DONE);
        }
        if (argc > 2)
            return cli_fail(VKSTYLE_USAGE,
                            "model %s: no such command; there are 'model info' and "
                            "'model import'",
                            argv[2]);
        return cli_fail(VKSTYLE_USAGE, "model: give 'model info' or 'model import'");
    }
    const char *nearest = vkstyle_nearest(argv[1], first_words);
    if (nearest)
        return cli_fail(VKSTYLE_USAGE, "%s: no such command; did you mean '%s'?", argv[1], nearest);
    if (argv[1][0] == '-')
        return cli_fail(VKSTYLE_USAGE,
                        "%s: the command comes first, as in 'vkstyle transfer photo.jpg "
                        "painting.jpg -o result.png'",
                        argv[1]);
    return cli_fail(VKSTYLE_USAGE, "%s: no such command ('vkstyle --help' lists them)", argv[1]);
}

int main(int argc, char **argv)
{
    cli_signals_install();
    vkstyle_set_notice(on_notice, NULL);
    if (argc < 2) {
        fputs("Usage: vkstyle transfer CONTENT STYLE... -o OUT [OPTION]...\n"
              "       vkstyle devices | doctor | model | bench | evaluate | help\n",
              stderr);
        return cli_fail(VKSTYLE_USAGE, "a command is missing ('vkstyle --help' lists them)");
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        cli_help_overview(stdout);
        return cli_finish_output(VKSTYLE_DONE);
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        printf("vkstyle %s\n", VKSTYLE_VERSION);
        return cli_finish_output(VKSTYLE_DONE);
    }
    int used = 0;
    const cli_command *command = find_command(argc, argv, &used);
    if (!command)
        return no_command(argc, argv);
    cli_args args = {.argc = argc, .argv = argv};
    if (!cli_args_parse(&args, command, argc - 1 - used, argv + 1 + used))
        return VKSTYLE_USAGE;
    if (args.help) {
        cli_help_command_text(command, stdout);
        return cli_finish_output(VKSTYLE_DONE);
    }
    return command->run(&args);
}
