// SPDX-License-Identifier: MIT
//
// Many contents into one folder. Device, model and style are opened once; the engine keeps the
// style's Gram matrices from one transfer to the next.
#include "cli_transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct tally {
    int painted, skipped, failed;
    int status; // of the first failure
    char which[512];
} tally;

static int check_options(const cli_transfer *t, const char *ending)
{
    static const char *const endings[] = {"png", "jpg", "safetensors", NULL};
    if (t->report_path)
        return cli_fail(VKSTYLE_USAGE,
                        "--report: in a folder each result has its own report beside it");
    for (int i = 0; endings[i]; i++)
        if (!strcmp(endings[i], ending))
            return VKSTYLE_DONE;
    return cli_fail(VKSTYLE_USAGE,
                    "--format: no choice is called '%s'; choices: png, jpg, "
                    "safetensors",
                    ending);
}

// Two contents may not become one result.
static int check_names(const cli_transfer *t, const char *ending)
{
    char name[VKSTYLE_PATH];
    cli_names results = {0};
    int status = VKSTYLE_DONE;
    for (int i = 0; !status && i < t->contents.count; i++) {
        if (!cli_result_name(t->output, t->contents.list[i], ending, name, sizeof name))
            status = cli_fail(VKSTYLE_USAGE, "-o: the name is too long");
        for (int k = 0; !status && k < results.count; k++)
            if (!strcmp(results.list[k], name))
                status = cli_fail(VKSTYLE_USAGE,
                                  "%s and %s would both become %s; give them apart, each with a "
                                  "folder of its own",
                                  t->contents.list[k], t->contents.list[i], name);
        if (!status)
            status = cli_names_keep(&results, name);
    }
    cli_names_free(&results);
    return status;
}

static void note_failure(tally *sum, int status, const char *content)
{
    size_t used = strlen(sum->which);
    snprintf(sum->which + used, sizeof sum->which - used, "%s%s", used ? ", " : "", content);
    sum->failed++;
    if (!sum->status)
        sum->status = status;
}

// One content; returns its exit status.
static int paint(cli_transfer *t)
{
    vkstyle_error error = {0};
    int status = cli_transfer_check_output(t);
    if (status)
        return status;
    if (!(t->content = vkstyle_image_load(t->source.content, &error)))
        return cli_fail_error(&error);
    status = cli_transfer_work(t);
    vkstyle_image_free(&t->content);
    vkstyle_image_free(&t->result);
    free(t->report);
    t->report = NULL;
    return status;
}

static int paint_all(cli_transfer *t, const char *ending, tally *sum)
{
    char output[VKSTYLE_PATH], report[VKSTYLE_PATH];
    const char *folder = t->output;
    bool again = cli_args_value(t->args, "again") != NULL;
    int status = VKSTYLE_DONE;
    t->output = output;
    t->report_path = report;
    for (int i = 0;
         i < t->contents.count && status != VKSTYLE_INTERRUPTED && status != VKSTYLE_NO_DEVICE;
         i++) {
        t->source.content = t->contents.list[i];
        cli_result_name(folder, t->source.content, ending, output, sizeof output);
        if (!cli_result_name(folder, t->source.content, "json", report, sizeof report)) {
            status = cli_fail(VKSTYLE_USAGE, "-o: the name is too long");
        } else if (!again && cli_is_made(&t->source, output, report)) {
            if (cli_progress_talks())
                cli_note("%s: done before, left as it is", output);
            sum->skipped++;
            continue;
        } else {
            if (cli_progress_talks())
                cli_note("%s (%d of %d)", t->source.content, i + 1, t->contents.count);
            status = paint(t);
        }
        if (!status)
            sum->painted++;
        else if (status != VKSTYLE_INTERRUPTED)
            note_failure(sum, status, t->source.content);
    }
    t->output = folder;
    t->report_path = NULL;
    return status;
}

int cli_transfer_folder(cli_transfer *t)
{
    const char *format = cli_args_value(t->args, "format"), *ending = format ? format : "png";
    tally sum = {0};
    int status = check_options(t, ending);
    if (!status)
        status = check_names(t, ending);
    if (status)
        return status;
    if (mkdir(t->output, 0777) && errno != EEXIST)
        return cli_fail(VKSTYLE_FAILED, "-o: the folder %s cannot be made: %s", t->output,
                        strerror(errno));
    if (!cli_is_folder(t->output))
        return cli_fail(VKSTYLE_FAILED, "-o: %s is not a folder", t->output);
    status = paint_all(t, ending, &sum);
    if (cli_progress_talks())
        cli_note("%s: %d painted, %d done before, %d failed", t->output, sum.painted, sum.skipped,
                 sum.failed);
    if (status == VKSTYLE_INTERRUPTED)
        return cli_fail(VKSTYLE_INTERRUPTED,
                        "interrupted; %d of %d are done; the same command "
                        "goes on from there",
                        sum.painted + sum.skipped, t->contents.count);
    if (sum.failed)
        return cli_fail((vkstyle_status)sum.status, "%d of %d failed: %s", sum.failed,
                        t->contents.count, sum.which);
    return cli_finish_output(VKSTYLE_DONE);
}
