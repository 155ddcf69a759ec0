// SPDX-License-Identifier: MIT
// Drives a fuzz target where there is no libFuzzer: mutates its seeds for some seconds, the same
// way every time. With libFuzzer leave this file out:
//   clang -fsanitize=fuzzer,address fuzz_hdf5.c fuzz_file.c ...
// Usage: fuzz_NAME [SEED-FILE...]      VKSTYLE_FUZZ_SECONDS: how long (default 5)
//        fuzz_NAME --one FILE          this one input, to look at a failure
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1 << 17, SEEDS = 16 };

static struct {
    uint8_t *data;
    size_t size;
} seeds[SEEDS];
static int seed_count;
static uint64_t random_state = 1;
static uint8_t input[MOST];
static size_t input_size;

static uint64_t draw(uint64_t below)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return below ? (z ^ z >> 31) % below : 0;
}

static bool add_seed(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || seed_count == SEEDS)
        return false;
    input_size = fread(input, 1, sizeof input, file);
    fclose(file);
    uint8_t *copy = malloc(input_size ? input_size : 1);
    if (!copy)
        return false;
    memcpy(copy, input, input_size);
    seeds[seed_count].data = copy;
    seeds[seed_count++].size = input_size;
    return true;
}

static void mutate(void)
{
    static const uint64_t edges[] = {0,          1,          2,          3,          8,
                                     0x7f,       0x80,       0xff,       0x100,      0x7fff,
                                     0xffff,     0x10000,    0x7fffffff, 0x80000000, 0xffffffff,
                                     1ull << 32, 1ull << 53, 1ull << 62, 1ull << 63, UINT64_MAX};
    if (input_size == 0)
        return;
    size_t at = draw(input_size), length;
    // Structure lies at the beginning of these files more than elsewhere.
    if (draw(2))
        at = draw(input_size < 2048 ? input_size : 2048);
    switch (draw(8)) {
    case 0:
        input[at] ^= (uint8_t)(1u << draw(8));
        break;
    case 1:
        input[at] = (uint8_t)draw(256);
        break;
    case 2: { // a number of 1, 2, 4 or 8 bytes on or beside an edge
        uint64_t value = edges[draw(sizeof edges / sizeof *edges)] + draw(3) - 1;
        length = (size_t)1 << draw(4);
        memcpy(input + at, &value, length < input_size - at ? length : input_size - at);
        break;
    }
    case 3: { // a number that is there, a little different or elsewhere
        uint64_t value = 0;
        size_t from = draw(input_size);
        length = (size_t)1 << draw(4);
        memcpy(&value, input + from, length < input_size - from ? length : input_size - from);
        value += draw(33) - 16;
        at = draw(2) ? from : at;
        memcpy(input + at, &value, length < input_size - at ? length : input_size - at);
        break;
    }
    case 4: { // one stretch over another
        size_t from = draw(input_size);
        length = draw(64);
        length = length < input_size - from ? length : input_size - from;
        memmove(input + at, input + from, length < input_size - at ? length : input_size - at);
        break;
    }
    case 5: { // take out or put in, so that all behind moves
        length = 1 + draw(16);
        if (draw(2) && input_size + length <= MOST) {
            memmove(input + at + length, input + at, input_size - at);
            input_size += length;
        } else if (at + length < input_size) {
            memmove(input + at, input + at + length, input_size - at - length);
            input_size -= length;
        }
        break;
    }
    case 6: // another digit, bracket or letter where text is
        if (input[at] >= 0x20 && input[at] < 0x7f)
            input[at] = (uint8_t) "0123456789-.eE[]{}\",:\\u UF"[draw(26)];
        break;
    default:
        if (draw(8) == 0)
            input_size = at;
    }
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--one")) {
        if (!add_seed(argv[2]))
            return 2;
        LLVMFuzzerTestOneInput(input, input_size);
        printf("%s\n", fuzz_accepted ? "accepted" : "refused");
        return 0;
    }
    char path[] = "/tmp/vkstyle-fuzz-XXXXXX", last[64];
    int file = mkstemp(path);
    if (file < 0)
        return 2;
    close(file);
    for (int i = 0; fuzz_seed(i, path); i++)
        if (!add_seed(path))
            return 2;
    remove(path);
    for (int i = 1; i < argc; i++)
        if (!add_seed(argv[i])) {
            fprintf(stderr, "cannot read %s\n", argv[i]);
            return 2;
        }
    for (int i = 0; i < seed_count; i++) {
        fuzz_accepted = false;
        LLVMFuzzerTestOneInput(seeds[i].data, seeds[i].size);
        if (!fuzz_accepted) {
            fprintf(stderr, "seed %d is refused\n", i);
            return 1;
        }
    }
#ifndef __SANITIZE_ADDRESS__
    // Greed shows as running out of memory, which the targets do not take for an answer.
    struct rlimit limit = {1 << 30, 1 << 30};
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 2;
#endif
    const char *wanted = getenv("VKSTYLE_FUZZ_SECONDS");
    double seconds = wanted ? atof(wanted) : 5;
    // The input that is being tried stays in a file if the target does not survive it.
    snprintf(last, sizeof last, "/tmp/vkstyle-fuzz-%ld", (long)getpid());
    FILE *keep = fopen(last, "wb+");
    if (!keep || seed_count == 0)
        return 2;
    long rounds = 0, accepted = 0;
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        int seed = (int)draw((uint64_t)seed_count);
        input_size = seeds[seed].size;
        memcpy(input, seeds[seed].data, input_size);
        for (uint64_t i = 1 + draw(5); i > 0; i--)
            mutate();
        if (ftruncate(fileno(keep), 0) != 0 ||
            pwrite(fileno(keep), input, input_size, 0) != (ssize_t)input_size)
            return 2;
        fuzz_accepted = false;
        alarm(20); // an input that takes so long is a failure, too
        LLVMFuzzerTestOneInput(input, input_size);
        accepted += fuzz_accepted;
        rounds++;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9 <
             seconds);
    fclose(keep);
    remove(last);
    for (int i = 0; i < seed_count; i++)
        free(seeds[i].data);
    printf("%ld inputs, %ld of them accepted\n", rounds, accepted);
    // Mutations must reach beyond the first check, and most must be found out.
    return rounds > 0 && accepted > 0 && accepted < rounds ? 0 : 1;
}
