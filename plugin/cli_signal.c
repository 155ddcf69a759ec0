// SPDX-License-Identifier: MIT
//
// Ctrl-C. Before and after the work there is nothing to save, and the program ends where it stands;
// during the work the engine ends the job at its next progress call.
#include "cli.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t deferred, seen;

static void on_signal(int number)
{
    (void)number;
    if (deferred && !seen) {
        seen = 1;
        return;
    }
    // Only async-signal-safe calls from here. The newline first ends a progress bar.
    static const char text[] = "\nvkstyle: interrupted\n";
    size_t start = deferred ? 0 : 1;
    if (write(STDERR_FILENO, text + start, sizeof text - 1 - start) < 0)
        _exit(VKSTYLE_INTERRUPTED);
    _exit(VKSTYLE_INTERRUPTED);
}

void cli_signals_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    // Also where SIGINT came ignored, as it does to a background job of a script: whoever sends it
    // to this process by name means it.
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    // nohup asks for SIGHUP to be ignored.
    struct sigaction old;
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
    // A closed pipe and a limit on file sizes show as failed writes, with a message and the
    // temporary file removed, instead of a silent end.
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

void cli_signals_defer(bool defer)
{
    deferred = defer;
}

bool cli_signals_seen(void)
{
    return seen;
}

void cli_signals_hold(bool hold)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}
