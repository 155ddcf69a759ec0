// SPDX-License-Identifier: MIT
//
// Jobs broken off and gone on with from a file: the same bits, for the same job only.
#include "job_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static job_stage stage;
static char path[VKSTYLE_PATH];

static int setup(void **state)
{
    (void)state;
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/vkstyle-checkpoint-%ld", folder ? folder : "/tmp",
             (long)getpid());
    job_stage_open(&stage, 90, 70, 203, 151);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return job_stage_close(&stage);
}

// Broken off at any moment and gone on with: the same bits. (A cancel writes no checkpoint, so what
// is found is what a SIGKILL would leave.)
static void broken_off_and_resumed(void **state)
{
    (void)state;
    const vkstyle_image *styles[] = {stage.style};
    for (int i = 0; i < 6; i++) {
        vkstyle_params p = job_params(12);
        p.size = 203;
        p.kernels = VKSTYLE_KERNELS_DIRECT;
        p.levels = 2;
        p.optimizer = i & 1 ? VKSTYLE_LBFGS : VKSTYLE_ADAM;
        p.tile = i & 2 ? 64 : 0;
        job_watch watch = {.decision = VKSTYLE_CANCEL, .iteration = i < 3 ? 5 : 10};
        vkstyle_job job = {.content = stage.content, .styles = styles, .style_count = 1};
        job_result whole = job_run(stage.context, stage.model, &job, &p);
        job.checkpoint = path;
        job.checkpoint_seconds = 1e-3;
        job.progress = job_look;
        job.user = &watch;
        vkstyle_error error = {0};
        assert_null(vkstyle_transfer(stage.context, stage.model, &job, &p, NULL, &error));
        assert_int_equal(error.status, VKSTYLE_INTERRUPTED);
        assert_int_equal(access(path, R_OK), 0);

        // Another job does not take it for its own.
        vkstyle_params other = p;
        other.seed = 5;
        job.progress = NULL;
        assert_null(vkstyle_transfer(stage.context, stage.model, &job, &other, NULL, &error));
        assert_int_equal(error.status, VKSTYLE_USAGE);
        assert_non_null(strstr(error.text, "another job"));

        job_result resumed = job_run(stage.context, stage.model, &job, &p);
        assert_true(job_same(whole.image, resumed.image));
        assert_true(job_loss(&whole, -1) == job_loss(&resumed, -1));
        // Nobody has saved the picture yet: the state is still there, and leads to it again.
        assert_int_equal(access(path, R_OK), 0);
        job_result again = job_run(stage.context, stage.model, &job, &p);
        assert_true(job_same(whole.image, again.image));
        assert_int_equal(remove(path), 0);
        job_free(&whole);
        job_free(&resumed);
        job_free(&again);
    }
}

// A file that was cut short is refused, and stays.
static void broken_checkpoint(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "vkstyle state 2%500s", "");
    assert_int_equal(fclose(file), 0);
    vkstyle_params p = job_params(2);
    const vkstyle_image *styles[] = {stage.style};
    vkstyle_job job = {
        .content = stage.content, .styles = styles, .style_count = 1, .checkpoint = path};
    vkstyle_error error = {0};
    assert_null(vkstyle_transfer(stage.context, stage.model, &job, &p, NULL, &error));
    assert_non_null(strstr(error.text, "is broken"));
    assert_int_equal(remove(path), 0);
}

// Two styles that share a mask are one region, and those of two masks that look alike are two.
static void a_shared_mask_is_another_job(void **state)
{
    (void)state;
    vkstyle_image *mask[2] = {rig_picture(20, 15, 4), rig_picture(20, 15, 4)};
    const vkstyle_image *styles[] = {stage.style, stage.content};
    const vkstyle_image *shared[] = {mask[0], mask[0]}, *alike[] = {mask[0], mask[1]};
    vkstyle_params p = job_params(8);
    p.size = 48;
    job_watch watch = {.decision = VKSTYLE_CANCEL, .iteration = 4};
    vkstyle_job job = {.content = stage.content,
                       .styles = styles,
                       .style_count = 2,
                       .style_masks = shared,
                       .checkpoint = path,
                       .checkpoint_seconds = 1e-3,
                       .progress = job_look,
                       .user = &watch};
    vkstyle_error error = {0};
    assert_null(vkstyle_transfer(stage.context, stage.model, &job, &p, NULL, &error));
    assert_int_equal(error.status, VKSTYLE_INTERRUPTED);
    assert_int_equal(access(path, R_OK), 0);
    job.progress = NULL;
    job.style_masks = alike;
    assert_null(vkstyle_transfer(stage.context, stage.model, &job, &p, NULL, &error));
    assert_non_null(strstr(error.text, "another job"));
    job.style_masks = shared;
    job_result resumed = job_run(stage.context, stage.model, &job, &p);
    need(resumed.image, &resumed.error);
    assert_int_equal(remove(path), 0);
    job_free(&resumed);
    vkstyle_image_free(&mask[0]);
    vkstyle_image_free(&mask[1]);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_off_and_resumed),
        cmocka_unit_test(broken_checkpoint),
        cmocka_unit_test(a_shared_mask_is_another_job),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, setup, teardown);
}
