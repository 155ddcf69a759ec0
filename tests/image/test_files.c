// SPDX-License-Identifier: MIT
// Files: what cannot be read and why, tensors, saving and its failures.
#include "check.h"

#include "../../engine/model/safetensors.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static vkstyle_image *pattern(int width, int height, bool alpha, unsigned most)
{
    vkstyle_image *image = vkstyle_image_create(width, height, alpha, NULL);
    assert_non_null(image);
    size_t pixels = (size_t)width * (size_t)height;
    for (size_t i = 0; i < pixels; i++)
        for (int c = 0; c < (alpha ? 4 : 3); c++) {
            int x = (int)(i % (size_t)width), y = (int)(i / (size_t)width);
            float value = (float)made_sample(c, x, y, most) / (float)most;
            *(c < 3 ? &image->rgb[(size_t)c * pixels + i] : &image->alpha[i]) = value;
        }
    return image;
}

static void assert_same(const vkstyle_image *a, const vkstyle_image *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->alpha != NULL, b->alpha != NULL);
    size_t pixels = (size_t)a->width * (size_t)a->height;
    assert_memory_equal(a->rgb, b->rgb, 3 * pixels * sizeof(float));
    if (a->alpha)
        assert_memory_equal(a->alpha, b->alpha, pixels * sizeof(float));
}

static void refuse_file(const char *path, vkstyle_status status, const char *words)
{
    vkstyle_error error = {0};
    assert_null(vkstyle_image_load(path, &error));
    expect_words(&error, status, words);
    assert_null(vkstyle_image_load(path, NULL));
}

static vkstyle_image *load(const char *path)
{
    vkstyle_error error = {0};
    vkstyle_image *image = vkstyle_image_load(path, &error);
    if (!image)
        print_error("%s\n", error.text);
    assert_non_null(image);
    return image;
}

// ---------------------------------------------------------------- reading

static void test_unreadable(void **state)
{
    (void)state;
    refuse_file("", VKSTYLE_USAGE, "file name");
    refuse_file(NULL, VKSTYLE_USAGE, "file name");
    refuse_file(made_path("missing.png"), VKSTYLE_FAILED, "missing.png|no such file");
    refuse_file(made_path(""), VKSTYLE_FAILED, "is a folder");
    made_write(made_path("empty.png"), "", 0);
    refuse_file(made_path("empty.png"), VKSTYLE_FAILED, "empty.png|is empty");
    refuse_file("/dev/null", VKSTYLE_FAILED, "/dev/null|is empty");
    made_write(made_path("text.jpg"), "Dear diary,\n", 12);
    refuse_file(made_path("text.jpg"), VKSTYLE_FAILED, "text.jpg|not a picture|PNG");
    made_write(made_path("anim.gif"), "GIF89a....", 10);
    refuse_file(made_path("anim.gif"), VKSTYLE_FAILED, "anim.gif|a GIF|convert");
    made_write(made_path("new.jpg"), "RIFF....WEBPVP8 ", 16);
    refuse_file(made_path("new.jpg"), VKSTYLE_FAILED, "new.jpg|a WebP|convert");
    // A very long name: its end is shown.
    char name[1200];
    memset(name, 'n', sizeof name);
    strcpy(name + 1100, "end.png");
    refuse_file(name, VKSTYLE_FAILED, "end.png");
}

static void test_no_permission(void **state)
{
    (void)state;
    if (geteuid() == 0)
        skip(); // root reads everything
    made_write(made_path("secret.png"), "x", 1);
    assert_int_equal(chmod(made_path("secret.png"), 0), 0);
    refuse_file(made_path("secret.png"), VKSTYLE_FAILED, "secret.png|ermission");
}

typedef struct feed {
    int fd;
    made file;
} feed;

static void *write_slowly(void *user)
{
    feed *f = user;
    for (size_t at = 0; at < f->file.size;) {
        size_t some = f->file.size - at < 1000 ? f->file.size - at : 1000;
        ssize_t done = write(f->fd, f->file.data + at, some);
        if (done <= 0)
            break;
        at += (size_t)done;
    }
    close(f->fd);
    return NULL;
}

// More than one buffer's worth through a pipe, as `... | vkstyle transfer /dev/stdin` gives it.
static void test_pipe(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    feed f = {.fd = ends[1], .file = made_pnm('6', 700, 900, 255)};
    assert_true(f.file.size > 1 << 20);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_slowly, &f), 0);
    char path[32];
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    vkstyle_image *image = load(path);
    pthread_join(thread, NULL);
    close(ends[0]);
    assert_int_equal(image->width, 700);
    assert_true(value_at(image, 2, 699, 899) == (float)made_sample(2, 699, 899, 255) / 255.0f);
    vkstyle_image_free(&image);
    made_free(&f.file);
}

// ---------------------------------------------------------------- tensors

static void add(vks_safetensors_writer *writer, const char *name, vks_dtype type, int rank,
                const int64_t *shape, const void *data)
{
    assert_true(vks_safetensors_add(writer, name, type, rank, shape, data, NULL));
}

static void test_tensors(void **state)
{
    (void)state;
    float values[3 * 4 * 5];
    double wide[60];
    uint16_t halves[60];
    uint8_t bytes[60] = {0};
    for (int i = 0; i < 60; i++) {
        values[i] = (float)i * 0.037f - 0.7f; // also below 0 and above 1: kept
        wide[i] = values[i];
        halves[i] = (uint16_t)(0x3800 + i); // 0.5 + i / 2048
    }
    float nan[12] = {0, NAN};
    vks_safetensors_writer *writer = vks_safetensors_writer_create(NULL);
    assert_non_null(writer);
    const int64_t shape[4] = {1, 3, 4, 5}, small[3] = {3, 2, 2}, long_side[3] = {3, 1, 2};
    add(writer, "f32", VKS_F32, 3, shape + 1, values);
    add(writer, "deep/f32", VKS_F32, 4, shape, values);
    add(writer, "f64", VKS_F64, 3, shape + 1, wide);
    add(writer, "f16", VKS_F16, 3, shape + 1, halves);
    add(writer, "u8", VKS_U8, 3, shape + 1, bytes);
    add(writer, "nan", VKS_F32, 3, small, nan);
    add(writer, "flat", VKS_F32, 2, shape + 2, values);
    add(writer, "two", VKS_F32, 3, (const int64_t[]){2, 2, 2}, values);
    add(writer, "batch", VKS_F32, 4, (const int64_t[]){2, 3, 1, 2}, values);
    add(writer, "thin", VKS_F32, 3, long_side, values);
    assert_true(vks_safetensors_write(writer, made_path("t.safetensors"), NULL));
    vks_safetensors_writer_free(&writer);
    static const char *const good[] = {"f32", "deep/f32", "f64", "f16"};
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "t.safetensors:%s", good[i]);
        vkstyle_image *image = load(made_path(name));
        assert_int_equal(image->width, 5);
        assert_int_equal(image->height, 4);
        assert_null(image->alpha);
        for (int k = 0; k < 60; k++)
            assert_true(image->rgb[k] == (i == 3 ? 0.5f + (float)k / 2048 : values[k]));
        vkstyle_image_free(&image);
    }
    vkstyle_image *thin = load(made_path("t.safetensors:thin"));
    assert_int_equal(thin->width, 2);
    vkstyle_image_free(&thin);
    refuse_file(made_path("t.safetensors:nan"), VKSTYLE_FAILED, "t.safetensors|nan|NaN");
    static const char *const bad[] = {"u8", "flat", "two", "batch"};
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "t.safetensors:%s", bad[i]);
        refuse_file(made_path(name), VKSTYLE_FAILED, "t.safetensors|[3,H,W]");
    }
    refuse_file(made_path("t.safetensors:other"), VKSTYLE_FAILED, "t.safetensors|no tensor|other");
    refuse_file(made_path("t.safetensors"), VKSTYLE_FAILED,
                "no tensor 'image'|FILE.safetensors:NAME");
    refuse_file(made_path("u.safetensors:f32"), VKSTYLE_FAILED, "u.safetensors");
}

// ---------------------------------------------------------------- saving

static void test_round_trips(void **state)
{
    (void)state;
    for (int alpha = 0; alpha < 2; alpha++)
        for (int bits = 8; bits <= 16; bits += 8) {
            // 300 x 300: nearly every one of the 65536 values of 16 bits.
            vkstyle_image *image = pattern(300, 300, alpha, bits == 8 ? 255 : 65535);
            assert_true(vkstyle_image_save(image, made_path("a.PNG"), bits, NULL));
            vkstyle_image *back = load(made_path("a.PNG"));
            assert_same(image, back);
            vkstyle_image_free(&back);
            assert_true(vkstyle_image_save(image, made_path("a.safetensors"), 8, NULL));
            back = load(made_path("a.safetensors:image"));
            assert_same(image, back);
            vkstyle_image_free(&back);
            back = load(made_path("a.safetensors"));
            assert_same(image, back);
            vkstyle_image_free(&back);
            vkstyle_image_free(&image);
        }
    // The file says what its colours are, and that it has 16 bits.
    made file = made_read(made_path("a.PNG"));
    assert_int_equal(file.data[24], 16);
    assert_memory_equal(file.data + 37, "sRGB", 4);
    made_free(&file);
}

// Nearest value, and what lies outside is clamped.
static void test_rounding(void **state)
{
    (void)state;
    static const float values[] = {-3.0f,         -0.0f,         0.49f / 255,
                                   0.51f / 255,   127.49f / 255, 127.51f / 255,
                                   254.51f / 255, 1.0f,          17.0f};
    static const int due[] = {0, 0, 0, 1, 127, 128, 255, 255, 255};
    vkstyle_image *image = vkstyle_image_create(9, 1, false, NULL);
    assert_non_null(image);
    for (int i = 0; i < 27; i++)
        image->rgb[i] = values[i % 9];
    assert_true(vkstyle_image_save(image, made_path("r.png"), 8, NULL));
    vkstyle_image *back = load(made_path("r.png"));
    for (int i = 0; i < 27; i++)
        assert_true(back->rgb[i] == (float)due[i % 9] / 255.0f);
    vkstyle_image_free(&back);
    for (int i = 0; i < 27; i++)
        image->rgb[i] = values[i % 9] * 255 / 65535;
    assert_true(vkstyle_image_save(image, made_path("r.png"), 16, NULL));
    back = load(made_path("r.png"));
    for (int i = 1; i < 7; i++)
        assert_true(back->rgb[i] == (float)due[i] / 65535.0f);
    vkstyle_image_free(&back);
    vkstyle_image_free(&image);
}

static void test_jpeg(void **state)
{
    (void)state;
    // Smooth colours survive; under transparency there is white.
    vkstyle_image *image = vkstyle_image_create(64, 48, true, NULL);
    assert_non_null(image);
    for (int i = 0; i < 64 * 48; i++) {
        image->rgb[i] = (float)(i % 64) / 63;
        image->rgb[64 * 48 + i] = (float)(i / 64) / 47;
        image->rgb[2 * 64 * 48 + i] = 0.25f;
        image->alpha[i] = i % 64 < 32 ? 1.0f : i / 64 < 24 ? 0.0f : 0.5f;
    }
    assert_true(vkstyle_image_save(image, made_path("a.jpeg"), 8, NULL));
    vkstyle_image *back = load(made_path("a.jpeg"));
    assert_null(back->alpha);
    for (int c = 0; c < 3; c++)
        for (int y = 4; y < 48; y += 8)
            for (int x = 4; x < 64; x += 8) {
                float a = value_at(image, 3, x, y);
                float due = a * value_at(image, c, x, y) + 1 - a;
                assert_true(fabsf(value_at(back, c, x, y) - due) < 0.03f);
            }
    vkstyle_image_free(&back);
    vkstyle_image_free(&image);
    image = vkstyle_image_create(65536, 1, false, NULL);
    vkstyle_error error = {0};
    assert_false(vkstyle_image_save(image, made_path("wide.jpg"), 8, &error));
    expect_words(&error, VKSTYLE_FAILED, "wide.jpg|65536x1|PNG");
    assert_int_not_equal(access(made_path("wide.jpg"), F_OK), 0);
    vkstyle_image_free(&image);
}

// A failure: its words, the old file unharmed and none more in the folder.
static void refuse_save(const vkstyle_image *image, const char *path, int bits,
                        vkstyle_status status, const char *words)
{
    made before = {0};
    struct stat old;
    bool exists = !stat(path, &old) && S_ISREG(old.st_mode);
    if (exists)
        before = made_read(path);
    int files = made_folder_count();
    vkstyle_error error = {0};
    assert_false(vkstyle_image_save(image, path, bits, &error));
    expect_words(&error, status, words);
    assert_int_equal(made_folder_count(), files);
    if (exists) {
        made after = made_read(path);
        assert_int_equal(after.size, before.size);
        assert_memory_equal(after.data, before.data, before.size);
        made_free(&after);
    }
    made_free(&before);
}

static void test_failures(void **state)
{
    (void)state;
    vkstyle_image *image = pattern(200, 100, false, 255);
    const char *path = made_path("old.png");
    made_write(path, "precious", 8);
    refuse_save(image, path, 12, VKSTYLE_USAGE, "old.png|8 or 16");
    float good = image->rgb[77];
    static const char *const names[] = {"old.png", "old.jpg", "old.safetensors"};
    for (int i = 0; i < 6; i++) {
        image->rgb[77] = i < 3 ? NAN : INFINITY;
        path = made_path(names[i % 3]);
        made_write(path, "precious", 8);
        refuse_save(image, path, 8, VKSTYLE_FAILED, names[i % 3]);
        refuse_save(image, path, 8, VKSTYLE_FAILED, "NaN");
    }
    image->rgb[77] = good;
    refuse_save(image, made_path("a.webp"), 8, VKSTYLE_USAGE, "a.webp|.png|.jpg|.safetensors");
    refuse_save(image, made_path("png"), 8, VKSTYLE_USAGE, "ending");
    refuse_save(image, made_path("no/such/a.png"), 8, VKSTYLE_FAILED, "no/such/a.png|folder");
    refuse_save(image, "", 8, VKSTYLE_USAGE, "file name");
    assert_int_equal(mkdir(made_path("folder.png"), 0777), 0);
    refuse_save(image, made_path("folder.png"), 8, VKSTYLE_FAILED, "folder.png|is a folder");
    // A full disk, in both formats.
    if (!access("/dev/full", W_OK)) {
        assert_int_equal(symlink("/dev/full", made_path("full.png")), 0);
        assert_int_equal(symlink("/dev/full", made_path("full.jpg")), 0);
        refuse_save(image, made_path("full.png"), 16, VKSTYLE_FAILED, "full.png|space");
        refuse_save(image, made_path("full.jpg"), 8, VKSTYLE_FAILED, "full.jpg|space");
        struct stat device;
        assert_int_equal(stat("/dev/full", &device), 0);
        assert_true(S_ISCHR(device.st_mode)); // and not replaced by a file
    }
    // Links in a circle.
    assert_int_equal(symlink("b.png", made_path("c.png")), 0);
    assert_int_equal(symlink("c.png", made_path("b.png")), 0);
    refuse_save(image, made_path("b.png"), 8, VKSTYLE_FAILED, "b.png|circle");
    vkstyle_image_free(&image);
}

// A disk that fills up in the middle, played by a limit on the size of files.
static void test_no_space_in_the_middle(void **state)
{
    (void)state;
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    vkstyle_image *image = pattern(300, 300, true, 65535);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN); // write() then fails with EFBIG
    static const char *const names[] = {"mid.png", "mid.jpg", "mid.safetensors"};
    for (int i = 0; i < 6; i++) {
        const char *path = made_path(names[i % 3]);
        if (i >= 3)
            made_write(path, "precious", 8);
        small = old;
        small.rlim_cur = 20000;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        vkstyle_error error = {0};
        int files = made_folder_count();
        bool saved = vkstyle_image_save(image, path, 16, &error);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_false(saved);
        expect_words(&error, VKSTYLE_FAILED, names[i % 3]);
        expect_words(&error, VKSTYLE_FAILED, "too large");
        assert_int_equal(made_folder_count(), files);
        if (i < 3)
            continue;
        made after = made_read(path);
        assert_int_equal(after.size, 8);
        assert_memory_equal(after.data, "precious", 8);
        made_free(&after);
    }
    signal(SIGXFSZ, handler);
    vkstyle_image_free(&image);
}

static void test_no_permission_to_write(void **state)
{
    (void)state;
    if (geteuid() == 0)
        skip(); // root writes everywhere
    vkstyle_image *image = pattern(20, 10, false, 255);
    made_write(made_path("mine.png"), "precious", 8);
    assert_int_equal(chmod(made_path("mine.png"), 0444), 0);
    refuse_save(image, made_path("mine.png"), 8, VKSTYLE_FAILED, "mine.png|ermission");
    assert_int_equal(chmod(made_path(""), 0555), 0);
    refuse_save(image, made_path("new.png"), 8, VKSTYLE_FAILED, "new.png|ermission");
    assert_int_equal(chmod(made_path(""), 0755), 0);
    vkstyle_image_free(&image);
}

static void test_modes(void **state)
{
    (void)state;
    vkstyle_image *image = pattern(20, 10, false, 255);
    struct stat status;
    mode_t mask = umask(027);
    assert_true(vkstyle_image_save(image, made_path("fresh.png"), 8, NULL));
    umask(mask);
    assert_int_equal(stat(made_path("fresh.png"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_equal(chmod(made_path("fresh.png"), 0604), 0);
    assert_true(vkstyle_image_save(image, made_path("fresh.png"), 8, NULL));
    assert_int_equal(stat(made_path("fresh.png"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0604);
    vkstyle_image_free(&image);
}

// A link stays a link, and its target gets the picture, whether it was there before or not.
static void test_links(void **state)
{
    (void)state;
    vkstyle_image *image = pattern(20, 10, false, 255);
    assert_int_equal(symlink("target.png", made_path("link.png")), 0);
    assert_int_equal(symlink(made_path("link.png"), made_path("chain.png")), 0);
    for (int i = 0; i < 2; i++) {
        assert_true(vkstyle_image_save(image, made_path("chain.png"), 8, NULL));
        struct stat status;
        assert_int_equal(lstat(made_path("chain.png"), &status), 0);
        assert_true(S_ISLNK(status.st_mode));
        assert_int_equal(lstat(made_path("link.png"), &status), 0);
        assert_true(S_ISLNK(status.st_mode));
        assert_int_equal(lstat(made_path("target.png"), &status), 0);
        assert_true(S_ISREG(status.st_mode));
        vkstyle_image *back = load(made_path("target.png"));
        assert_same(image, back);
        vkstyle_image_free(&back);
        made_write(made_path("target.png"), "other", 5);
    }
    vkstyle_image_free(&image);
}

static void test_can_save(void **state)
{
    (void)state;
    static const char *const good[] = {"a.png", "b.c.JPG", "x/y.Jpeg", "q.safetensors", ".d/e.png"};
    static const char *const bad[] = {"a", "a.gif", "png", "a.png/b", "a.", "a.pngx", "", NULL};
    vkstyle_error error;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(vkstyle_image_can_save(good[i], &error));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error.status = VKSTYLE_DONE;
        assert_false(vkstyle_image_can_save(bad[i], &error));
        expect_words(&error, VKSTYLE_USAGE, bad[i] && *bad[i] ? bad[i] : "file name");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_no_permission),
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_no_space_in_the_middle),
        cmocka_unit_test(test_no_permission_to_write),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_can_save),
    };
    return cmocka_run_group_tests_name("image files", tests, check_setup, check_teardown);
}
