// SPDX-License-Identifier: MIT
// A file that appears whole or not at all: written beside its name, flushed, renamed.
#include "image.h"
#include "../error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Follows symbolic links, also one whose target does not exist yet, so that a link stays a link.
static bool follow(const char *path, char name[VKSTYLE_PATH], vkstyle_error *error)
{
    enum { LINKS = 40 };
    size_t length = strlen(path);
    if (length >= VKSTYLE_PATH)
        return vks_fail(error, VKSTYLE_FAILED, "'%s' cannot be written: the path is too long",
                        vks_image_name(path));
    memcpy(name, path, length + 1);
    for (int i = 0; i < LINKS; i++) {
        char target[VKSTYLE_PATH];
        ssize_t size = readlink(name, target, sizeof target);
        if (size < 0)
            return true; // no link, or nothing there: open says so if that is bad
        char *slash = strrchr(name, '/');
        size_t folder = target[0] == '/' || !slash ? 0 : (size_t)(slash - name) + 1;
        if (folder + (size_t)size >= VKSTYLE_PATH)
            break;
        memcpy(name + folder, target, (size_t)size);
        name[folder + (size_t)size] = 0;
    }
    return vks_fail(error, VKSTYLE_FAILED,
                    "'%s' cannot be written: its symbolic links lead too far or in a circle",
                    vks_image_name(path));
}

// Opens a new file in the folder of output->name.
static int open_beside(vks_output *output)
{
    const char *slash = strrchr(output->name, '/');
    int folder = slash ? (int)(slash - output->name) + 1 : 0;
    for (int i = 0; i < 1000; i++) {
        int size = snprintf(output->temporary, sizeof output->temporary, "%.*s.vkstyle-%ld-%d.tmp",
                            folder, output->name, (long)getpid(), i);
        if (size < 0 || (size_t)size >= sizeof output->temporary) {
            errno = ENAMETOOLONG;
            break;
        }
        int fd = open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

bool vks_output_open(vks_output *output, const char *path, vkstyle_error *error)
{
    output->file = NULL;
    output->temporary[0] = 0;
    if (!follow(path, output->name, error))
        return false;
    const char *name = output->shown = vks_image_name(path);
    struct stat old;
    bool exists = !stat(output->name, &old);
    if (exists && S_ISDIR(old.st_mode))
        return vks_fail(error, VKSTYLE_FAILED, "'%s' cannot be written: it is a folder", name);
    if (exists && access(output->name, W_OK))
        return vks_fail(error, VKSTYLE_FAILED, "'%s' cannot be written: %s", name, strerror(errno));
    // A device or pipe is written to, never replaced.
    bool direct = exists && !S_ISREG(old.st_mode);
    int fd = direct ? open(output->name, O_WRONLY | O_CLOEXEC) : open_beside(output);
    if (fd < 0) {
        output->temporary[0] = 0; // none was made
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s' cannot be written: %s; check that its folder exists and that you may "
                        "write there",
                        name, strerror(errno));
    }
    // The new file takes over owner and mode of the old; that a plain user cannot give files away
    // is no reason to fail.
    if (exists && !direct) {
        if (fchown(fd, old.st_uid, old.st_gid) && fchown(fd, (uid_t)-1, old.st_gid))
            old.st_mode &= ~(mode_t)(S_ISUID | S_ISGID);
        if (fchmod(fd, old.st_mode & 07777)) {
            // Some file systems have no modes: the picture matters more.
        }
    }
    output->file = fdopen(fd, "wb");
    if (output->file)
        return true;
    vks_fail(error, VKSTYLE_FAILED, "'%s' cannot be written: %s", name, strerror(errno));
    close(fd);
    vks_output_abandon(output);
    return false;
}

bool vks_output_commit(vks_output *output, vkstyle_error *error)
{
    bool beside = output->temporary[0];
    errno = 0;
    bool well = !ferror(output->file) && !fflush(output->file);
    // Data before name: after a power cut there is the old file or the whole new one. (EINVAL: a
    // file system that knows no fsync.)
    if (well && beside && fsync(fileno(output->file)) && errno != EINVAL)
        well = false;
    int why = errno;
    if (fclose(output->file) && well) {
        why = errno;
        well = false;
    }
    output->file = NULL;
    if (well && beside && rename(output->temporary, output->name)) {
        why = errno;
        well = false;
    }
    if (well)
        output->temporary[0] = 0;
    vks_output_abandon(output);
    if (!well)
        vks_fail(error, VKSTYLE_FAILED, "'%s' cannot be written: %s", output->shown,
                 why ? strerror(why) : "the disk is full or broken");
    return well;
}

void vks_output_abandon(vks_output *output)
{
    if (output->file)
        fclose(output->file);
    output->file = NULL;
    if (output->temporary[0])
        unlink(output->temporary);
    output->temporary[0] = 0;
}
