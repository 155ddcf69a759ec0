// SPDX-License-Identifier: MIT
#include "keep.h"
#include "../vkstyle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool vks_keep_path(const char *name, bool make, char *path, size_t room)
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char folder[VKSTYLE_PATH];
    int length;
    if (base && base[0] == '/') // the standard says to ignore relative ones
        length = snprintf(folder, sizeof folder, "%s", base);
    else if (home && home[0] == '/')
        length = snprintf(folder, sizeof folder, "%s/.cache", home);
    else
        return false;
    if (length < 0 || (size_t)length + sizeof "/vkstyle" > sizeof folder)
        return false;
    if (make && mkdir(folder, 0700) && errno != EEXIST)
        return false;
    memcpy(folder + length, "/vkstyle", sizeof "/vkstyle");
    if (make && mkdir(folder, 0700) && errno != EEXIST)
        return false;
    length = snprintf(path, room, "%s/%s", folder, name);
    return length > 0 && (size_t)length < room;
}

bool vks_keep_read(const char *name, char *text, size_t room)
{
    char path[VKSTYLE_PATH * 2];
    if (!vks_keep_path(name, false, path, sizeof path))
        return false;
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    bool done = fgets(text, (int)room, file) != NULL;
    fclose(file);
    if (done)
        text[strcspn(text, "\r\n")] = '\0';
    return done;
}

FILE *vks_keep_begin(vks_keeping *keeping, const char *name)
{
    if (!vks_keep_path(name, true, keeping->path, sizeof keeping->path))
        return NULL;
    snprintf(keeping->beside, sizeof keeping->beside, "%s.%ld.tmp", keeping->path, (long)getpid());
    return fopen(keeping->beside, "wb");
}

void vks_keep_end(const vks_keeping *keeping, FILE *file, bool written)
{
    if (fclose(file) || !written || rename(keeping->beside, keeping->path))
        remove(keeping->beside);
}

void vks_keep_write(const char *name, const char *text)
{
    vks_keeping keeping;
    FILE *file = vks_keep_begin(&keeping, name);
    if (file)
        vks_keep_end(&keeping, file, fprintf(file, "%s\n", text) > 0);
}
