// SPDX-License-Identifier: MIT
//
// Options. Strict on purpose: what is not understood is refused before any work, with the nearest
// thing that would have been.
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool cli_command_option(const cli_command *command, int index, cli_option *option)
{
    int own = 0;
    while (command->options[own].name)
        own++;
    if (index < own) {
        *option = command->options[index];
        return true;
    }
    if (!command->all_parameters)
        return false;
    int count, rest = index - own;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++) {
        bool listed = false;
        for (int k = 0; k < own; k++)
            listed |= !strcmp(command->options[k].name, table[i].name);
        if (!listed && rest-- == 0) {
            *option = (cli_option){table[i].name, 0, "More", table[i].metavar, NULL};
            return true;
        }
    }
    return false;
}

// True when the option takes a value. A parameter of the table knows by its kind.
static bool takes_value(const cli_option *option)
{
    const vkstyle_param *param = option->help ? NULL : vkstyle_param_find(option->name);
    return param ? param->kind != VKSTYLE_FLAG : option->metavar != NULL;
}

// Other spellings of an option's name.
static const char *spelling(const char *name, size_t *length)
{
    static const char *const pairs[] = {"color", "colour", "color-strength", "colour-strength"};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i += 2)
        if (strlen(pairs[i]) == *length && !strncmp(pairs[i], name, *length)) {
            *length = strlen(pairs[i + 1]);
            return pairs[i + 1];
        }
    return name;
}

static int find_option(const cli_command *command, const char *name, size_t length, char letter,
                       cli_option *option)
{
    if (!letter)
        name = spelling(name, &length);
    for (int i = 0; i < CLI_MAX_OPTIONS && cli_command_option(command, i, option); i++)
        if (letter ? option->letter == letter
                   : strlen(option->name) == length && !strncmp(option->name, name, length))
            return i;
    return -1;
}

static bool unknown_option(const cli_command *command, const char *argument)
{
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(argument, "="), argument);
    const char *stem = word + strspn(word, "-");
    const char *names[CLI_MAX_OPTIONS + 2];
    int count = 0;
    cli_option option;
    while (count < CLI_MAX_OPTIONS && cli_command_option(command, count, &option))
        names[count++] = option.name;
    names[count++] = "help";
    names[count] = NULL;
    const char *nearest = vkstyle_nearest(stem, names);
    if (nearest)
        cli_fail(VKSTYLE_USAGE, "%s: no such option; did you mean --%s?", word, nearest);
    else
        cli_fail(VKSTYLE_USAGE, "%s: no such option ('vkstyle %s --help' lists them)", word,
                 command->name);
    return false;
}

static bool take(cli_args *args, int place, const cli_option *option, const char *value)
{
    if (place >= CLI_MAX_OPTIONS) {
        cli_fail(VKSTYLE_FAILED, "--%s: too many options are known", option->name);
        return false;
    }
    if (option->repeats) {
        if (args->repeated_count == VKSTYLE_MAX_STYLES) {
            cli_fail(VKSTYLE_USAGE, "--%s: at most %d of them", option->name, VKSTYLE_MAX_STYLES);
            return false;
        }
        args->repeated[args->repeated_count++] = value;
    }
    args->values[place] = value ? value : "";
    if (option->help)
        return true;
    vkstyle_error error = {0};
    if (vkstyle_params_set(&args->params, option->name, value ? value : "true", &error))
        return true;
    cli_fail_error(&error);
    return false;
}

// One option at argv[*i]; *i moves on over a value of its own.
static bool parse_option(cli_args *args, int argc, char **argv, int *i)
{
    const char *argument = argv[*i];
    bool is_long = argument[1] == '-';
    const char *name = argument + (is_long ? 2 : 1);
    const char *equals = is_long ? strchr(name, '=') : NULL;
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    if ((is_long && length == 4 && !strncmp(name, "help", 4) && !equals) ||
        !strcmp(argument, "-h")) {
        args->help = true;
        return true;
    }
    cli_option option;
    int place = -1;
    if (is_long)
        place = find_option(args->command, name, length, 0, &option);
    else if (length == 1)
        place = find_option(args->command, NULL, 0, name[0], &option);
    if (place < 0)
        return unknown_option(args->command, argument);
    if (equals && !takes_value(&option) && option.help) {
        cli_fail(VKSTYLE_USAGE, "--%s takes no value", option.name);
        return false;
    }
    if (equals || !takes_value(&option))
        return take(args, place, &option, equals ? equals + 1 : NULL);
    // What looks like an option is one forgotten value later; "-1" is a number, though.
    const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;
    if (!next || (next[0] == '-' && (next[1] < '0' || next[1] > '9') && next[1] != '.')) {
        cli_fail(VKSTYLE_USAGE, "%s needs a value", argument);
        return false;
    }
    ++*i;
    return take(args, place, &option, next);
}

// A preset comes first wherever it stands: what was asked for by name wins.
static bool apply_preset(cli_args *args)
{
    const char *preset = cli_args_value(args, "preset");
    vkstyle_error error = {0};
    if (!preset)
        return true;
    vkstyle_params_default(&args->params);
    bool good = vkstyle_params_preset(&args->params, preset, &error);
    cli_option option;
    for (int i = 0; good && i < CLI_MAX_OPTIONS && cli_command_option(args->command, i, &option);
         i++)
        if (args->values[i] && !option.help)
            good = vkstyle_params_set(
                &args->params, option.name,
                args->values[i][0] || takes_value(&option) ? args->values[i] : "true", &error);
    if (!good)
        cli_fail_error(&error);
    return good;
}

bool cli_args_parse(cli_args *args, const cli_command *command, int argc, char **argv)
{
    args->command = command;
    vkstyle_params_default(&args->params);
    bool only_words = false;
    for (int i = 0; i < argc; i++) {
        if (!only_words && !strcmp(argv[i], "--")) {
            only_words = true;
            continue;
        }
        if (!only_words && !strcmp(argv[i], "-")) {
            cli_fail(VKSTYLE_USAGE, "-: standard input and output are not used; name a file");
            return false;
        }
        if (!only_words && argv[i][0] == '-') {
            if (!parse_option(args, argc, argv, &i))
                return false;
            continue;
        }
        if (!argv[i][0]) {
            cli_fail(VKSTYLE_USAGE, "'': an empty name");
            return false;
        }
        if (args->word_count >= command->max_words || args->word_count >= CLI_MAX_WORDS) {
            if (command->max_words)
                cli_fail(VKSTYLE_USAGE, "%s: one name too many (usage: vkstyle %s %s)", argv[i],
                         command->name, command->synopsis);
            else
                cli_fail(VKSTYLE_USAGE, "%s: '%s' takes no names", argv[i], command->name);
            return false;
        }
        args->words[args->word_count++] = argv[i];
    }
    if (!apply_preset(args))
        return false;
    if (!args->help && args->word_count < command->min_words) {
        cli_fail(VKSTYLE_USAGE, "%s (usage: vkstyle %s %s)", command->missing, command->name,
                 command->synopsis);
        return false;
    }
    return true;
}

const char *cli_args_value(const cli_args *args, const char *name)
{
    cli_option option;
    int place = find_option(args->command, name, strlen(name), 0, &option);
    return place < 0 ? NULL : args->values[place];
}

bool cli_args_whole(const cli_args *args, const char *name, int minimum, int maximum, int fallback,
                    int *value)
{
    const char *text = cli_args_value(args, name);
    *value = fallback;
    if (!text)
        return true;
    errno = 0;
    long number = 0;
    size_t digits = strspn(text, "0123456789");
    if (!digits || text[digits]) {
        cli_fail(VKSTYLE_USAGE, "--%s: '%s' is not a whole number", name, text);
        return false;
    }
    number = strtol(text, NULL, 10);
    if (errno || number < minimum || number > maximum) {
        cli_fail(VKSTYLE_USAGE, "--%s: %s is out of range; give %d to %d", name, text, minimum,
                 maximum);
        return false;
    }
    *value = (int)number;
    return true;
}
