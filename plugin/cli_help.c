// SPDX-License-Identifier: MIT
//
// Help, manual page and completion, all from the same two places: the commands' own lists and the
// engine's table of parameters.
#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 80, HELP_COLUMN = 26 };

static const char *const exit_statuses[] = {
    "0",  "done",          "1",   "failure: a file, a value or the computation is at fault",
    "2",  "wrong usage",   "3",   "no usable Vulkan device",
    "4",  "out of memory", "130", "interrupted",
    NULL,
};

static void add_presets(char *help, size_t size)
{
    int count;
    const vkstyle_preset *table = vkstyle_preset_table(&count);
    for (int i = 0; i < count; i++) {
        size_t used = strlen(help);
        snprintf(help + used, size - used, " %s: %s", table[i].name, table[i].help);
    }
}

// What the option's value looks like, and its help with the default; false for a parameter that the
// engine's table does not know, which is a mistake in a command's list.
static bool describe(const cli_option *option, char *value, size_t value_size, char *help,
                     size_t help_size)
{
    value[0] = '\0';
    if (option->help) {
        snprintf(value, value_size, "%s", option->metavar ? option->metavar : "");
        snprintf(help, help_size, "%s", option->help);
        if (!strcmp(option->name, "preset"))
            add_presets(help, help_size);
        return true;
    }
    const vkstyle_param *param = vkstyle_param_find(option->name);
    if (!param)
        return false;
    if (param->kind == VKSTYLE_CHOICE)
        for (int i = 0; param->choices[i]; i++) {
            size_t used = strlen(value);
            snprintf(value + used, value_size - used, "%s%s", i ? "|" : "", param->choices[i]);
        }
    else if (param->kind != VKSTYLE_FLAG)
        snprintf(value, value_size, "%s", param->metavar ? param->metavar : "X");
    char initial[256] = "";
    if (param->kind == VKSTYLE_CHOICE)
        snprintf(initial, sizeof initial, "%s", param->choices[(int)param->initial]);
    else if (param->kind == VKSTYLE_TEXT)
        snprintf(initial, sizeof initial, "%s", param->initial_text);
    else if (param->kind != VKSTYLE_FLAG)
        snprintf(initial, sizeof initial, "%.10g", param->initial);
    // Where 0 means "chosen for you", the help says so and the number would only puzzle.
    bool automatic = strstr(param->help, "0: ") && !strcmp(initial, "0");
    snprintf(help, help_size, "%s%s%s%s", param->help, initial[0] && !automatic ? " Default: " : "",
             automatic ? "" : initial, initial[0] && !automatic ? "." : "");
    return true;
}

// Prints text in lines of WIDTH, from `column` on; the cursor stands at `at`.
static void print_wrapped(FILE *out, const char *text, int column, int at)
{
    int here = at;
    while (*text) {
        size_t length = strcspn(text, " ");
        if (here > column && here + 1 + (int)length > WIDTH) {
            fprintf(out, "\n");
            here = 0;
        }
        if (here < column)
            here += fprintf(out, "%*s", column - here, "");
        else if (here > column)
            here += fprintf(out, " ");
        here += fprintf(out, "%.*s", (int)length, text);
        text += length;
        text += strspn(text, " ");
    }
    fprintf(out, "\n");
}

static void print_option(FILE *out, const cli_option *option)
{
    char value[256], help[1024], left[320];
    if (!describe(option, value, sizeof value, help, sizeof help))
        return;
    char letter[8] = "";
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    int at = snprintf(left, sizeof left, "  %s--%s%s%s", letter, option->name, value[0] ? " " : "",
                      value);
    fputs(left, out);
    if (at >= HELP_COLUMN - 1) {
        fprintf(out, "\n");
        at = 0;
    }
    print_wrapped(out, help, HELP_COLUMN, at);
}

void cli_help_command_text(const cli_command *command, FILE *out)
{
    fprintf(out, "Usage: vkstyle %s %s\n\n", command->name, command->synopsis);
    print_wrapped(out, command->about, 0, 0);
    fprintf(out, "\nExamples:\n");
    for (int i = 0; command->examples[i]; i += 2) {
        fprintf(out, "  %s\n", command->examples[i]);
        print_wrapped(out, command->examples[i + 1], 6, 0);
    }
    cli_option option;
    const char *group = "";
    for (int i = 0; cli_command_option(command, i, &option); i++) {
        if (strcmp(group, option.group))
            fprintf(out, "\n%s:\n", group = option.group);
        print_option(out, &option);
    }
}

void cli_help_overview(FILE *out)
{
    fprintf(out, "Usage: vkstyle COMMAND ...\n\n"
                 "Paints one picture in the manner of another, on any Vulkan GPU.\n\n"
                 "  vkstyle transfer photo.jpg painting.jpg -o result.png\n\n"
                 "Commands:\n");
    for (int i = 0; cli_commands[i]; i++)
        fprintf(out, "  %-14s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    fprintf(out, "\n'vkstyle COMMAND --help' explains a command, 'vkstyle --version' tells the "
                 "version.\n\nExit status:\n");
    for (int i = 0; exit_statuses[i]; i += 2)
        fprintf(out, "  %-5s %s\n", exit_statuses[i], exit_statuses[i + 1]);
}

// ---------------------------------------------------------------- manual page

static void man_text(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text; text++)
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            putc(*text, out);
}

static void man_line(FILE *out, const char *text)
{
    man_text(out, text);
    fputs("\n", out);
}

static void man_command(FILE *out, const cli_command *command)
{
    fprintf(out, ".SS \"vkstyle %s\"\n.B vkstyle %s\n", command->name, command->name);
    man_line(out, command->synopsis);
    fprintf(out, ".PP\n");
    man_line(out, command->about);
    cli_option option;
    const char *group = "";
    for (int i = 0; cli_command_option(command, i, &option); i++) {
        char value[256], help[1024];
        if (!describe(&option, value, sizeof value, help, sizeof help))
            continue;
        if (strcmp(group, option.group))
            fprintf(out, ".PP\n.I %s\n", group = option.group);
        fprintf(out, ".TP\n\\fB");
        if (option.letter)
            fprintf(out, "\\-%c\\fR, \\fB", option.letter);
        fprintf(out, "\\-\\-");
        man_text(out, option.name);
        fprintf(out, "\\fR \\fI");
        man_text(out, value);
        fprintf(out, "\\fR\n");
        man_line(out, help);
    }
}

static void man_pairs(FILE *out, const char *const *pairs)
{
    for (int i = 0; pairs[i]; i += 2) {
        fprintf(out, ".TP\n.B ");
        man_line(out, pairs[i]);
        man_line(out, pairs[i + 1]);
    }
}

static void print_man(FILE *out)
{
    static const char *const environment[] = {
        "VKSTYLE_MODELS",
        "Folder in which models are looked up first.",
        "VK_DRIVER_FILES",
        "Vulkan driver manifests to use instead of the system's (read by the "
        "Vulkan loader).",
        "VK_LOADER_DEBUG",
        "all: the Vulkan loader tells what it finds.",
        NULL,
    };
    fprintf(out, ".TH VKSTYLE 1 \"\" \"vkstyle %s\" \"User Commands\"\n.SH NAME\n",
            VKSTYLE_VERSION);
    fprintf(out, "vkstyle \\- paint one picture in the manner of another, on any Vulkan GPU\n"
                 ".SH SYNOPSIS\n");
    for (int i = 0; cli_commands[i]; i++) {
        fprintf(out, "%s.B vkstyle %s\n", i ? ".br\n" : "", cli_commands[i]->name);
        man_line(out, cli_commands[i]->synopsis);
    }
    fprintf(out, ".SH DESCRIPTION\n");
    man_line(out, "Style transfer by optimisation (Gatys, Ecker and Bethge, CVPR 2016): the "
                  "picture itself is changed, step by step, until a convolutional network sees in "
                  "it the objects of the content image and the textures of the style image.");
    fprintf(out, ".SH EXAMPLES\n");
    man_pairs(out, cli_transfer_command.examples);
    fprintf(out, ".SH COMMANDS\n");
    for (int i = 0; cli_commands[i]; i++)
        man_command(out, cli_commands[i]);
    fprintf(out, ".SH \"EXIT STATUS\"\n");
    man_pairs(out, exit_statuses);
    fprintf(out, ".SH ENVIRONMENT\n");
    man_pairs(out, environment);
    fprintf(out, ".SH \"SEE ALSO\"\n.BR gimp (1),\n.BR vulkaninfo (1)\n");
}

// ---------------------------------------------------------------- completion for bash

static void print_completion(FILE *out)
{
    fprintf(out, "# bash completion for vkstyle, made by 'vkstyle help --completion'\n"
                 "_vkstyle()\n{\n"
                 "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                 "    local command=${COMP_WORDS[1]} list=\n"
                 "    [ \"$command\" = model ] && command=\"model ${COMP_WORDS[2]}\"\n"
                 "    COMPREPLY=()\n"
                 "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
                 "        COMPREPLY=($(compgen -W \"transfer evaluate devices model bench doctor "
                 "help\" -- \"$word\"))\n        return\n    fi\n"
                 "    if [ \"$COMP_CWORD\" = 2 ] && [ \"${COMP_WORDS[1]}\" = model ]; then\n"
                 "        COMPREPLY=($(compgen -W \"info import\" -- \"$word\"))\n"
                 "        return\n    fi\n"
                 "    case $before in\n");
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++) {
        if (table[i].kind != VKSTYLE_CHOICE || !strcmp(table[i].name, "init"))
            continue;
        fprintf(out, "    --%s) list=\"", table[i].name);
        for (int k = 0; table[i].choices[k]; k++)
            fprintf(out, "%s%s", k ? " " : "", table[i].choices[k]);
        fprintf(out, "\" ;;\n");
    }
    const vkstyle_preset *presets = vkstyle_preset_table(&count);
    fprintf(out, "    --preset) list=\"");
    for (int i = 0; i < count; i++)
        fprintf(out, "%s%s", i ? " " : "", presets[i].name);
    fprintf(out, "\" ;;\n    --format) list=\"png jpg safetensors\" ;;\n");
    fprintf(out, "    --progress) list=\"auto plain json none\" ;;\n    --bits) list=\"8 16 32\" "
                 ";;\n    esac\n"
                 "    if [ -z \"$list\" ] && [[ $word == -* ]]; then\n"
                 "        case $command in\n");
    for (int i = 0; cli_commands[i]; i++) {
        fprintf(out, "        \"%s\") list=\"--help", cli_commands[i]->name);
        cli_option option;
        for (int k = 0; cli_command_option(cli_commands[i], k, &option); k++)
            fprintf(out, " --%s", option.name);
        fprintf(out, "\" ;;\n");
    }
    fprintf(out, "        esac\n    fi\n"
                 "    [ -n \"$list\" ] && COMPREPLY=($(compgen -W \"$list\" -- \"$word\"))\n"
                 "}\ncomplete -o default -F _vkstyle vkstyle\n");
}

// ---------------------------------------------------------------- the help command

static const cli_option options[] = {
    {"man", 0, "Output", NULL, "Print the manual page (for man)."},
    {"completion", 0, "Output", NULL, "Print the completion for bash."},
    {0},
};

static const char *const examples[] = {
    "vkstyle help transfer",
    "All about transfer.",
    NULL,
};

static int run(const cli_args *args)
{
    char name[64] = "";
    if (cli_args_value(args, "man")) {
        print_man(stdout);
        return cli_finish_output(VKSTYLE_DONE);
    }
    if (cli_args_value(args, "completion")) {
        print_completion(stdout);
        return cli_finish_output(VKSTYLE_DONE);
    }
    if (!args->word_count) {
        cli_help_overview(stdout);
        return cli_finish_output(VKSTYLE_DONE);
    }
    for (int i = 0; i < args->word_count; i++) {
        size_t used = strlen(name);
        snprintf(name + used, sizeof name - used, "%s%s", i ? " " : "", args->words[i]);
    }
    bool found = false;
    size_t length = strlen(name);
    for (int i = 0; cli_commands[i]; i++) {
        const char *known = cli_commands[i]->name;
        // "help model" explains both of model's commands.
        if (strncmp(known, name, length) || (known[length] && known[length] != ' '))
            continue;
        fputs(found ? "\n" : "", stdout);
        cli_help_command_text(cli_commands[i], stdout);
        found = true;
    }
    if (!found)
        return cli_fail(VKSTYLE_USAGE, "help: there is no command '%s'", name);
    return cli_finish_output(VKSTYLE_DONE);
}

const cli_command cli_help_command = {
    .name = "help",
    .synopsis = "[COMMAND]",
    .summary = "explain a command",
    .about = "Prints the same as COMMAND --help.",
    .examples = examples,
    .max_words = 2,
    .options = options,
    .run = run,
};
