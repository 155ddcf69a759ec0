// SPDX-License-Identifier: MIT
//
// Files of the command line: what can be checked about an output before hours of work, and texts
// written whole or not at all.
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same_file(const char *path, const struct stat *there, const char *input)
{
    // An input may be FILE.safetensors:NAME; its file is what counts.
    char file[VKSTYLE_PATH];
    if (snprintf(file, sizeof file, "%s", input) >= (int)sizeof file)
        return false;
    struct stat other;
    if (stat(file, &other)) {
        char *colon = strrchr(file, ':');
        if (!colon)
            return false;
        *colon = '\0';
        if (stat(file, &other))
            return false;
    }
    return !strcmp(path, input) || (there->st_dev == other.st_dev && there->st_ino == other.st_ino);
}

// Creates and removes a file: permissions, read-only disks and root's privileges all have their
// say, which access() does not hear. Returns 0 or an errno.
static int try_folder(const char *folder)
{
    char name[VKSTYLE_PATH + 32];
    if (snprintf(name, sizeof name, "%s/.vkstyle-XXXXXX", folder) >= (int)sizeof name)
        return ENAMETOOLONG;
    int file = mkstemp(name);
    if (file < 0)
        return errno;
    close(file);
    return unlink(name) ? errno : 0;
}

int cli_output_check(const char *option, const char *path, const char *const *inputs,
                     int input_count)
{
    if (!*path || !strcmp(path, "-"))
        return cli_fail(VKSTYLE_USAGE, "%s needs the name of a file", option);
    if (strlen(path) + 32 > VKSTYLE_PATH)
        return cli_fail(VKSTYLE_USAGE, "%s: the name is too long", option);
    struct stat there;
    if (stat(path, &there) == 0) {
        // Renaming onto a device or a pipe would replace it by a plain file.
        if (!S_ISREG(there.st_mode))
            return cli_fail(VKSTYLE_FAILED, "%s: %s is %s", option, path,
                            S_ISDIR(there.st_mode) ? "a folder; name a file in it"
                                                   : "not a plain file");
        for (int i = 0; i < input_count; i++)
            if (same_file(path, &there, inputs[i]))
                return cli_fail(VKSTYLE_USAGE, "%s: %s is also an input; choose another name",
                                option, path);
    }
    char folder[VKSTYLE_PATH];
    const char *slash = strrchr(path, '/');
    if (slash && !slash[1])
        return cli_fail(VKSTYLE_USAGE, "%s: %s names a folder; name a file in it", option, path);
    if (!slash)
        snprintf(folder, sizeof folder, ".");
    else
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int code = stat(folder, &there) ? errno : S_ISDIR(there.st_mode) ? 0 : ENOTDIR;
    if (!code)
        code = try_folder(folder);
    if (code)
        return cli_fail(VKSTYLE_FAILED, "%s: %s cannot be written: the folder %s: %s", option, path,
                        folder, strerror(code));
    return VKSTYLE_DONE;
}

bool cli_numbered_name(const char *path, int number, char *name, size_t size)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    int stem = (int)(dot ? dot - path : (long)strlen(path));
    return snprintf(name, size, "%.*s-%06d%s", stem, path, number, dot ? dot : "") < (int)size;
}

static bool file_fail(vkstyle_error *error, const char *path, const char *what, int code)
{
    error->status = VKSTYLE_FAILED;
    snprintf(error->text, sizeof error->text, "%.900s cannot be %s: %s", path, what,
             strerror(code));
    return false;
}

bool cli_write_text(const char *path, const char *text, vkstyle_error *error)
{
    char temporary[VKSTYLE_PATH + 16];
    if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary)
        return file_fail(error, path, "written", ENAMETOOLONG);
    int file = mkstemp(temporary);
    if (file < 0)
        return file_fail(error, path, "written", errno);
    // mkstemp makes files private; give it the permissions any new file would have.
    mode_t mask = umask(0);
    umask(mask);
    bool good = fchmod(file, 0666 & ~mask) == 0;
    size_t length = strlen(text), done = 0;
    while (good && done < length) {
        ssize_t written = write(file, text + done, length - done);
        if (written < 0 && errno == EINTR)
            continue;
        good = written > 0;
        done += good ? (size_t)written : 0;
    }
    int code = good ? 0 : errno;
    if (close(file) && !code)
        code = errno;
    if (!code && rename(temporary, path))
        code = errno;
    if (code) {
        unlink(temporary);
        return file_fail(error, path, "written", code);
    }
    return true;
}

char *cli_read_text(const char *path, vkstyle_error *error)
{
    enum { MOST = 64 << 20 }; // a report of a million iterations is about as large
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0, room = 0;
    int code = file ? 0 : errno;
    while (!code && !feof(file)) {
        if (size + 1 >= room) {
            room = room ? room * 2 : 65536;
            char *more = room <= MOST ? realloc(text, room) : NULL;
            if (!more) {
                code = EFBIG;
                break;
            }
            text = more;
        }
        size += fread(text + size, 1, room - size - 1, file);
        if (ferror(file))
            code = errno ? errno : EIO;
    }
    if (file)
        fclose(file);
    if (code) {
        free(text);
        file_fail(error, path, "read", code);
        return NULL;
    }
    text[size] = 0;
    return text;
}
