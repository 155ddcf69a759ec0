// SPDX-License-Identifier: MIT
#include "checkpoint.h"
#include "zone.h"
#include "../error.h"
#include "../image/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEP = 16 << 20 }; // bytes moved at a time

typedef struct header {
    char magic[16];
    char key[72];
    int32_t level, before, count, product_tile, parts;
    struct {
        uint32_t tile;
        int32_t resident, lean, history, coarser;
    } ways[VKS_MAX_LEVELS];
    uint64_t part_bytes; // of all parts
} header;

static const char magic[16] = "vkstyle state 3";

// ---------------------------------------------------------------- key

static size_t bytes_of(const vkstyle_param *param, const char *value)
{
    switch (param->kind) {
    case VKSTYLE_TEXT:
        return strlen(value);
    case VKSTYLE_REAL:
    case VKSTYLE_INT64:
    case VKSTYLE_BYTES:
        return 8;
    case VKSTYLE_FLAG:
        return sizeof(bool);
    default:
        return sizeof(int);
    }
}

static void add_params(vks_sha256 *hash, const vkstyle_params *params)
{
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++) {
        const char *name = table[i].name, *value = (const char *)params + table[i].offset;
        // Neither changes what comes out; tiles are taken from the checkpoint.
        if (!strcmp(name, "memory") || !strcmp(name, "time-limit") || !strcmp(name, "tile"))
            continue;
        vks_sha256_update(hash, name, strlen(name));
        vks_sha256_update(hash, value, bytes_of(&table[i], value));
    }
}

static void add_image(vks_sha256 *hash, const vkstyle_image *image)
{
    char text[VKS_SHA256_TEXT];
    vks_image_hash(image, text);
    vks_sha256_update(hash, text, sizeof text);
    if (image->alpha)
        vks_sha256_update(hash, image->alpha,
                          (size_t)image->width * (size_t)image->height * sizeof *image->alpha);
}

void vks_checkpoint_key(char key[VKS_SHA256_TEXT], const vkstyle_job *job,
                        const vkstyle_params *params, const vkstyle_model *model,
                        const vks_setting *setting, const vks_schedule *schedule)
{
    char weights[VKS_SHA256_TEXT] = "";
    vks_model_sha256(model, weights, NULL); // a file that has gone meanwhile counts by its name
    vks_sha256 hash;
    vks_sha256_init(&hash);
    vks_sha256_update(&hash, VKSTYLE_VERSION, sizeof VKSTYLE_VERSION);
    vks_sha256_update(&hash, weights, sizeof weights);
    vks_sha256_update(&hash, model->name, strlen(model->name));
    add_params(&hash, params);
    vks_sha256_update(&hash, &setting->storage, sizeof setting->storage);
    vks_sha256_update(&hash, &setting->encode.kernels, sizeof setting->encode.kernels);
    for (int i = 0; i < schedule->count; i++) { // not how they are worked on
        const vks_level *l = &schedule->levels[i];
        vks_sha256_update(&hash, (int32_t[]){l->width, l->height, l->iterations}, 12);
        vks_sha256_update(&hash, &l->coarser_weight, sizeof l->coarser_weight);
    }
    add_image(&hash, job->content);
    for (int i = 0; i < job->style_count; i++) {
        double weight = job->style_weights ? job->style_weights[i] : 1;
        vks_sha256_update(&hash, &weight, sizeof weight);
        add_image(&hash, job->styles[i]);
        const vkstyle_image *mask = job->style_masks ? job->style_masks[i] : NULL;
        vks_sha256_update(&hash, &(char){mask != NULL}, 1);
        if (mask)
            add_image(&hash, mask);
        int first = vks_first_of_mask(job, i);
        if (mask && first < i) // one region: not as two masks that look alike
            vks_sha256_update(&hash, &first, sizeof first);
    }
    if (job->strength_map)
        add_image(&hash, job->strength_map);
    if (params->init == VKSTYLE_INIT_FILE)
        add_image(&hash, job->init);
    vks_sha256_final(&hash, key);
}

// ---------------------------------------------------------------- what is saved

enum { PARTS = VKS_OPTIMISER_PARTS + 1 };

// The optimiser's parts and the iteration's own count.
static int parts_of(const vks_iteration *it, vks_optimiser_part parts[PARTS], uint64_t *bytes)
{
    int count;
    const vks_optimiser_part *own = vks_optimiser_parts(it->optimiser, &count);
    memcpy(parts, own, (size_t)count * sizeof *parts);
    parts[count++] = (vks_optimiser_part){"iteration count", it->state, 4};
    *bytes = 0;
    for (int i = 0; i < count; i++)
        *bytes += parts[i].bytes;
    return count;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// A file that hashes what passes, so that half of one is known.
typedef struct stream {
    FILE *file;
    vks_sha256 hash;
} stream;

static bool put(stream *s, const void *data, size_t bytes)
{
    vks_sha256_update(&s->hash, data, bytes);
    return fwrite(data, 1, bytes, s->file) == bytes;
}

static bool put_parts(stream *s, const vks_iteration *it, vks_gpu *gpu, bool *written,
                      vkstyle_error *error)
{
    vks_optimiser_part parts[PARTS];
    uint64_t all;
    int count = parts_of(it, parts, &all);
    char *step = malloc(STEP);
    bool done = step || vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a checkpoint");
    for (int i = 0; done && i < count; i++)
        for (uint64_t at = 0; done && *written && at < parts[i].bytes; at += STEP) {
            vks_slice from = vks_plan_slice(it->plan, parts[i].buffer);
            from.offset += at;
            from.bytes = smaller(STEP, parts[i].bytes - at);
            done = vks_download(gpu, from, step, error);
            *written = done && put(s, step, from.bytes);
        }
    free(step);
    return done;
}

bool vks_checkpoint_save(const char *path, const char key[VKS_SHA256_TEXT],
                         const vks_schedule *schedule, int level, int before,
                         const vks_journal *journal, const vks_iteration *it, vks_gpu *gpu,
                         vkstyle_error *error)
{
    char beside[VKSTYLE_PATH + 32], digest[VKS_SHA256_TEXT];
    snprintf(beside, sizeof beside, "%s.%ld.tmp", path, (long)getpid());
    stream s = {.file = fopen(beside, "wb")};
    if (!s.file)
        return vks_fail(error, VKSTYLE_FAILED, "--checkpoint: cannot write %s: %s", beside,
                        strerror(errno));
    vks_optimiser_part parts[PARTS];
    header h = {.level = level,
                .before = before,
                .count = journal->count,
                .product_tile = it->setting.encode.tile};
    for (int i = 0; i < schedule->count; i++) {
        const vks_level *l = &schedule->levels[i];
        h.ways[i].tile = l->tile;
        h.ways[i].resident = l->resident;
        h.ways[i].lean = l->lean;
        h.ways[i].history = l->history;
        h.ways[i].coarser = l->coarser;
    }
    memcpy(h.magic, magic, sizeof magic);
    memcpy(h.key, key, VKS_SHA256_TEXT);
    h.parts = parts_of(it, parts, &h.part_bytes);
    vks_sha256_init(&s.hash);
    bool written = put(&s, &h, sizeof h) &&
                   put(&s, journal->losses, (size_t)h.count * sizeof *journal->losses);
    bool done = put_parts(&s, it, gpu, &written, error);
    vks_sha256_final(&s.hash, digest);
    written = written && done && fwrite(digest, 1, sizeof digest, s.file) == sizeof digest &&
              !fflush(s.file) && !fsync(fileno(s.file));
    int reason = errno;
    if (fclose(s.file) && written) {
        written = false;
        reason = errno;
    }
    if (written && rename(beside, path)) {
        written = false;
        reason = errno;
    }
    if (written)
        return true;
    remove(beside);
    if (!done)
        return false;
    return vks_fail(error, VKSTYLE_FAILED, "--checkpoint: cannot write %s: %s", path,
                    strerror(reason));
}

// ---------------------------------------------------------------- reading

// Whether the file ends with the digest of what comes before.
static bool whole(FILE *file)
{
    char digest[VKS_SHA256_TEXT], written[VKS_SHA256_TEXT];
    vks_sha256 hash;
    bool good = !fseeko(file, 0, SEEK_END);
    off_t left = good ? ftello(file) - (off_t)sizeof written : 0;
    char *step = malloc(STEP);
    good = good && left > 0 && step && !fseeko(file, 0, SEEK_SET);
    vks_sha256_init(&hash);
    while (good && left > 0) {
        size_t bytes = (size_t)smaller(STEP, (uint64_t)left);
        good = fread(step, 1, bytes, file) == bytes;
        if (good)
            vks_sha256_update(&hash, step, bytes);
        left -= (off_t)bytes;
    }
    free(step);
    if (!good || fread(written, 1, sizeof written, file) != sizeof written)
        return false;
    vks_sha256_final(&hash, digest);
    return !memcmp(digest, written, sizeof digest);
}

bool vks_checkpoint_open(vks_checkpoint *c, const char *path, const char key[VKS_SHA256_TEXT],
                         vks_journal *journal, vkstyle_error *error)
{
    *c = (vks_checkpoint){.path = path, .file = fopen(path, "rb")};
    if (!c->file)
        return errno == ENOENT ||
               vks_fail(error, VKSTYLE_FAILED, "--checkpoint: cannot read %s: %s", path,
                        strerror(errno));
    header h;
    const char *wrong = NULL;
    if (!whole(c->file) || fseeko(c->file, 0, SEEK_SET) ||
        fread(&h, 1, sizeof h, c->file) != sizeof h || memcmp(h.magic, magic, sizeof magic))
        wrong = "is broken or no checkpoint";
    else if (memcmp(h.key, key, VKS_SHA256_TEXT))
        wrong = "belongs to another job (other pictures, options or version)";
    if (wrong) {
        vks_checkpoint_close(c);
        return vks_fail(error, VKSTYLE_USAGE, "--checkpoint: %s %s; remove it or name another file",
                        path, wrong);
    }
    c->level = h.level;
    c->before = h.before;
    c->count = h.count;
    memcpy(c->ways, h.ways, sizeof c->ways);
    c->product_tile = h.product_tile;
    for (int i = 0; i < h.count; i++) {
        vks_losses l;
        if (fread(&l, 1, sizeof l, c->file) != sizeof l) {
            vks_checkpoint_close(c);
            return vks_fail(error, VKSTYLE_FAILED, "--checkpoint: cannot read %s", path);
        }
        if (!vks_journal_add(journal, l, error)) {
            vks_checkpoint_close(c);
            return false;
        }
    }
    return true;
}

bool vks_checkpoint_restore(vks_checkpoint *c, const vks_iteration *it, vks_gpu *gpu,
                            vkstyle_error *error)
{
    vks_optimiser_part parts[PARTS];
    uint64_t all;
    int count = parts_of(it, parts, &all);
    char *step = malloc(STEP);
    if (!step)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a checkpoint");
    bool done = true;
    for (int i = 0; done && i < count; i++)
        for (uint64_t at = 0; done && at < parts[i].bytes; at += STEP) {
            vks_slice to = vks_plan_slice(it->plan, parts[i].buffer);
            to.offset += at;
            to.bytes = smaller(STEP, parts[i].bytes - at);
            done = fread(step, 1, to.bytes, c->file) == to.bytes
                       ? vks_upload(gpu, to, step, error)
                       : vks_fail(error, VKSTYLE_FAILED, "--checkpoint: cannot read %s", c->path);
        }
    free(step);
    vks_checkpoint_close(c);
    return done;
}

void vks_checkpoint_close(vks_checkpoint *c)
{
    if (c->file)
        fclose(c->file);
    c->file = NULL;
}
