// SPDX-License-Identifier: MIT
//
// How far the work is: one live line on a terminal, a line now and then in a log, or JSON for
// programs.
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR, PLAIN, JSON, NONE };

static int style = NONE;
static bool line_open;  // the bar's line is on the screen
static double shown_at; // when something was last printed
static int shown_iteration = -1, shown_tile;
static char shown_phase[128];

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

bool cli_progress_choose(const char *how)
{
    static const char *const names[] = {"auto", "plain", "json", "none", NULL};
    if (!how || !strcmp(how, "auto")) {
        const char *terminal = getenv("TERM");
        style = isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") ? BAR : PLAIN;
        return true;
    }
    for (int i = 1; names[i]; i++)
        if (!strcmp(how, names[i])) {
            style = i;
            return true;
        }
    const char *nearest = vkstyle_nearest(how, names);
    if (nearest)
        cli_fail(VKSTYLE_USAGE, "--progress: no choice is called '%s'; did you mean '%s'?", how,
                 nearest);
    else
        cli_fail(VKSTYLE_USAGE,
                 "--progress: no choice is called '%s'; choices: auto, plain, json, none", how);
    return false;
}

bool cli_progress_talks(void)
{
    return style == BAR || style == PLAIN;
}

bool cli_progress_is_json(void)
{
    return style == JSON;
}

void cli_progress_end(void)
{
    if (!line_open)
        return;
    line_open = false;
    fputs("\r\033[K", stderr);
    fflush(stderr);
}

static void left_text(char *buffer, size_t size, double seconds)
{
    char time[32];
    buffer[0] = '\0';
    if (seconds >= 0)
        snprintf(buffer, size, "%s left", cli_seconds_text(time, sizeof time, seconds));
}

static void tile_text(char *buffer, size_t size, const vkstyle_progress *p)
{
    buffer[0] = '\0';
    if (p->tiles)
        snprintf(buffer, size, ", tile %d of %d", p->tile, p->tiles);
}

static void show_bar(const vkstyle_progress *p)
{
    char line[512], loss[48] = "", left[48], tile[48];
    if (isfinite(p->loss))
        snprintf(loss, sizeof loss, "  loss %.4g", p->loss);
    left_text(left, sizeof left, p->seconds_left);
    tile_text(tile, sizeof tile, p);
    int count = p->iterations > 0 ? p->iterations : 1, cells = 20;
    int full = (int)((long)p->iteration * cells / count);
    full = full < 0 ? 0 : full > cells ? cells : full;
    char bar[32];
    for (int i = 0; i < cells; i++)
        bar[i] = i < full ? '#' : '-';
    bar[cells] = '\0';
    // What matters most comes first: a narrow terminal cuts the rest.
    snprintf(line, sizeof line, "[%s] %d/%d%s%s%s  %s%s  %dx%d", bar, p->iteration, p->iterations,
             left[0] ? "  " : "", left, loss, p->phase ? p->phase : "", tile, p->width, p->height);
    // A line longer than the terminal would wrap and could not be taken back.
    struct winsize window;
    size_t columns = 80;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1)
        columns = window.ws_col;
    if (strlen(line) >= columns)
        line[columns - 1] = '\0';
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    line_open = true;
}

static void show_plain(const vkstyle_progress *p)
{
    char left[48], time[32], tile[48];
    left_text(left, sizeof left, p->seconds_left);
    tile_text(tile, sizeof tile, p);
    fprintf(stderr, "%s%s: %dx%d, iteration %d of %d", p->phase ? p->phase : "working", tile,
            p->width, p->height, p->iteration, p->iterations);
    if (isfinite(p->loss))
        fprintf(stderr, ", loss %.4g (content %.4g, style %.4g)", p->loss, p->content_loss,
                p->style_loss);
    fprintf(stderr, ", %s%s%s\n", cli_seconds_text(time, sizeof time, p->seconds),
            left[0] ? ", " : "", left);
    fflush(stderr);
}

static void json_number(const char *name, double value)
{
    if (isfinite(value))
        printf(", \"%s\": %.9g", name, value);
    else
        printf(", \"%s\": null", name);
}

static void show_json(const vkstyle_progress *p)
{
    // Phases are the engine's own plain words; a quote or backslash in one is dropped.
    printf("{\"phase\": \"");
    for (const char *c = p->phase ? p->phase : ""; *c; c++)
        if ((unsigned char)*c >= ' ' && *c != '"' && *c != '\\')
            putchar(*c);
    printf("\", \"iteration\": %d, \"iterations\": %d, \"level\": %d, \"levels\": %d, "
           "\"width\": %d, \"height\": %d, \"tile\": %d, \"tiles\": %d",
           p->iteration, p->iterations, p->level, p->levels, p->width, p->height, p->tile,
           p->tiles);
    json_number("loss", p->loss);
    json_number("content_loss", p->content_loss);
    json_number("style_loss", p->style_loss);
    json_number("seconds", p->seconds);
    json_number("seconds_left", p->seconds_left >= 0 ? p->seconds_left : NAN);
    printf("}\n");
    fflush(stdout);
}

void cli_progress_show(const vkstyle_progress *p)
{
    if (style == NONE)
        return;
    const char *phase = p->phase ? p->phase : "";
    bool new_phase = strncmp(shown_phase, phase, sizeof shown_phase - 1) != 0;
    bool new_iteration = new_phase || p->iteration != shown_iteration;
    bool moved = new_iteration || p->tile != shown_tile;
    bool last = p->iterations > 0 && p->iteration == p->iterations;
    double time = now(), pause = time - shown_at;
    // A bar is redrawn at most ten times a second, a log gets a line every five seconds and at
    // every change of phase, a program every iteration; and both a tile now and then.
    bool due = style == BAR    ? (moved && pause >= 0.1) || pause >= 1
               : style == JSON ? new_iteration || (moved && pause >= 1)
                               : new_phase || (moved && (pause >= 5 || last));
    if (!due)
        return;
    shown_at = time;
    shown_iteration = p->iteration;
    shown_tile = p->tile;
    snprintf(shown_phase, sizeof shown_phase, "%s", phase);
    if (style == BAR)
        show_bar(p);
    else if (style == JSON)
        show_json(p);
    else
        show_plain(p);
}
