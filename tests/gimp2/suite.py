#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The filter in GIMP 2.10, without a display. suite.py BUILD [TEST,..]

GIMP 2.10 exits with 0 whatever happens and has no Python: Scheme writes what it sees into a file, and a
case counts only where its last line is there and right. One GIMP runs all cases but those that need an
environment of their own.
"""
import json
import os
import signal
import subprocess
import sys
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, '..', 'support'))
from filter_suite import Suite, mean_difference, near, png, stylised

suite = Suite('gimp2', sys.argv[1], 2)
only = sys.argv[2].split(',') if len(sys.argv) > 2 else None
WIDTH, HEIGHT = 52, 39
CONTENT = png(suite.path('content.png'))[3]

# name: (Scheme that prepares `image` and `layer`, what differs from the plain case)
PRELUDE = r"""
(define folder "@FOLDER@/")
(define out 0)
(define (say . things) (for-each (lambda (t) (display t out) (display " " out)) things) (newline out))
(define (at name) (string-append folder name))
(define (load) (car (gimp-file-load RUN-NONINTERACTIVE (at "content.png") "content.png")))
(define (top image) (vector-ref (cadr (gimp-image-get-layers image)) 0))
(define (style image layer mode file style-layer init-layer memory)
  (plug-in-vkstyle mode image layer file (at "small.safetensors") "" style-layer init-layer
    0 ITERATIONS 0 1 20 "conv1_1,conv2_1,conv3_1,conv4_1,conv5_1" "" "conv4_2" 1 -1 0 0.05 0 0 0 0
    FALSE FALSE 0 0 0 memory))
(define (parent-of layer) (car (gimp-item-get-parent layer)))
(define (siblings image layer)
  (if (= (parent-of layer) -1) (car (gimp-image-get-layers image))
      (car (gimp-item-get-children (parent-of layer)))))
(define (describe image layer)
  (say "layer" (car (gimp-drawable-width layer)) (car (gimp-drawable-height layer))
       (car (gimp-drawable-offsets layer)) (cadr (gimp-drawable-offsets layer)) (parent-of layer)
       (car (gimp-image-get-item-position image layer)) (siblings image layer)
       (if (= (car (gimp-layer-get-mask layer)) -1) "bare" "masked")
       (car (gimp-item-get-name layer))))
; The pixels of one layer alone, as a PNG: in an image of its own, so that its place does not matter.
(define (keep image layer name)
  (let* ((other (car (gimp-image-duplicate image)))
         (all (gimp-image-get-layers other))
         (copy (car (gimp-layer-new-from-drawable layer other)))
         (w (car (gimp-drawable-width layer))) (h (car (gimp-drawable-height layer))))
    (gimp-image-insert-layer other copy 0 0)
    (gimp-image-resize other w h (- 0 (car (gimp-drawable-offsets copy)))
                                 (- 0 (cadr (gimp-drawable-offsets copy))))
    ; A PNG of a linear image holds linear numbers; the tests compare those that one sees.
    (if (= 0 (modulo (car (gimp-image-get-precision other)) 100))
        (gimp-image-convert-precision other PRECISION-U16-GAMMA))
    (file-png-save RUN-NONINTERACTIVE other copy (at name) name 0 9 0 0 0 0 0)
    (gimp-image-delete other)))
"""

CASE = r"""
(set! out (open-output-file (at "@NAME@.txt")))
(let* ((image (load)) (layer (top image)))
  @PREPARE@
  (keep image layer "@NAME@-before.png")
  (describe image layer)
  (let ((new (car (style image layer RUN-NONINTERACTIVE @STYLE@ -1 -1 "0"))))
    (describe image new)
    (describe image layer)
    (if (not (= (car (gimp-layer-get-mask new)) -1))
      (keep image (car (gimp-layer-get-mask new)) "@NAME@-mask.png"))
    (if (not (= (car (gimp-layer-get-mask new)) -1)) (gimp-layer-remove-mask new MASK-DISCARD))
    (keep image layer "@NAME@-after.png")
    (keep image new "@NAME@-new.png"))
  (gimp-image-delete image)
  (say "END"))
(close-output-port out)
"""

SELECT = '(gimp-image-select-rectangle image CHANNEL-OP-REPLACE %d %d %d %d)'
ALPHA = ('(gimp-layer-add-alpha layer) ' + SELECT % (30, 5, 15, 12) +
         ' (gimp-edit-clear layer) (gimp-selection-none image)')
GROUP = ('(let ((group (car (gimp-layer-group-new image)))) (gimp-image-insert-layer image group 0 0) '
         '(gimp-image-reorder-item image layer group 0))')
OFFSET = '(gimp-layer-set-offsets layer %d %d)'
PRECISION = '(gimp-image-convert-precision image PRECISION-%s)'
GREY = '(gimp-image-convert-grayscale image)'

CASES = {
    'u8': ('', None),
    'u8_selection': (SELECT % (10, 6, 24, 20), (10, 6, 24, 20)),
    'u8_alpha_offset': (ALPHA + OFFSET % (7, -5), None),
    'u8_alpha_group_selection_offset': (ALPHA + GROUP + OFFSET % (4, 3) + SELECT % (0, 0, 30, 39),
                                        (0, 0, 26, 36)),
    'u8_linear_group': (PRECISION % 'U8-LINEAR' + GROUP, None),
    'u16_selection': (PRECISION % 'U16-GAMMA' + SELECT % (5, 5, 30, 22), (5, 5, 30, 22)),
    'u16_linear_alpha': (PRECISION % 'U16-LINEAR' + ALPHA, None),
    'half_offset': (PRECISION % 'HALF-GAMMA' + OFFSET % (-3, 9), None),
    'float_linear_group_alpha': (PRECISION % 'FLOAT-LINEAR' + ALPHA + GROUP, None),
    'grey_u8': (GREY, None),
    'grey_u16_linear_alpha': (GREY + PRECISION % 'U16-LINEAR' + ALPHA, None),
}

CALL = '(style image %s RUN-NONINTERACTIVE %s -1 -1 "%s")'
STYLE = '(at "style.png")'
ERRORS = {
    'no_style_is_refused': ('', CALL % ('layer', '""', 0), ['no style image', 'style-file']),
    'a_missing_style_is_refused': ('', CALL % ('layer', '(at "nowhere.png")', 0),
                                   ['nowhere.png', 'does not exist']),
    'a_style_that_is_no_picture_is_refused': ('', CALL % ('layer', '(at "words.txt")', 0),
                                              ['words.txt', 'nknown file type']),
    'an_indexed_image_is_refused': (
        '(gimp-image-convert-indexed image CONVERT-DITHER-NONE CONVERT-PALETTE-GENERATE 16 FALSE FALSE "")',
        CALL % ('layer', STYLE, 0), ['indexed', 'Image > Mode > RGB']),
    'a_channel_is_refused': (
        '(gimp-image-insert-channel image (car (gimp-channel-new image 52 39 "c" 50 "red")) 0 0)', CALL % ('channel', STYLE, 0),
        ['a layer is needed']),
    'a_selection_outside_is_refused': (OFFSET % (30, 30) + SELECT % (0, 0, 10, 10),
                                       CALL % ('layer', STYLE, 0), ['outside the layer', 'Select > None']),
    'too_little_memory_is_refused': ('', CALL % ('layer', STYLE, '100K'), ['memory']),
    'a_wrong_number_of_bytes_is_refused': ('', CALL % ('layer', STYLE, 'much'), ['much', '1500M']),
}


def fill(text, **values):
    for key, value in values.items():
        text = text.replace('@%s@' % key, value)
    return text


def gimp(scripts, timeout=600, iterations=40, prelude=PRELUDE, **more):
    prelude = fill(prelude, FOLDER=suite.folder).replace('ITERATIONS', str(iterations))
    command = ['gimp-console', '-idfs', '-g', suite.path('gimprc')]
    # Each command has an interpreter of its own, which knows nothing of the ones before.
    for script in scripts:
        command += ['-b', prelude + script]
    return suite.run(command + ['-b', '(gimp-quit 0)'], timeout, **more)


def lines_of(name):
    path = suite.path(name)
    assert os.path.exists(path), 'GIMP left no %s\n%s' % (name, log[-3000:])
    with open(path) as file:
        lines = [line.split() for line in file.read().splitlines()]
    assert lines and lines[-1] == ['END'], '%s ends early: %s\n%s' % (name, lines, log[-3000:])
    return lines


def rgba(name):
    width, height, channels, values = png(suite.path(name))
    out = []
    for i in range(width * height):
        p = values[i * channels:(i + 1) * channels]
        colour, alpha = (p[:1] * 3 if channels < 3 else p[:3]), (p[-1] if channels % 2 == 0 else 1)
        out += list(colour) + [alpha]
    return out


def check_case(name, selection, report, content):
    lines = lines_of(name + '.txt')
    before, new, after = [line[1:] for line in lines[:3]]
    # Width, height, offsets and parent as the source's; position its old one; one layer more.
    assert new[:5] == before[:5] == after[:5], lines
    assert new[5] == before[5] and int(after[5]) == int(before[5]) + 1, lines
    assert int(new[6]) == int(before[6]) + 1, lines
    assert new[7] == ('masked' if selection else 'bare') and after[7] == 'bare', lines
    assert ' '.join(new[8:]) == 'Stylized (style.png)', lines
    seen, painted = rgba(name + '-before.png'), rgba(name + '-new.png')
    near(rgba(name + '-after.png'), seen, 0, 'source')
    near(painted[3::4], seen[3::4], 1e-3, 'alpha')
    stylised(report)
    x, y, w, h = selection or (0, 0, WIDTH, HEIGHT)
    width, height, planes = content
    assert (width, height) == (w, h), (width, height)
    # What the engine got is the fixture itself, whatever form it had in GIMP.
    grey = 'grey' in name
    got, wanted, changed = [], [], []
    for j in range(h):
        for i in range(w):
            k = WIDTH * (y + j) + x + i
            if seen[4 * k + 3] < 0.5:
                continue
            got += [planes[c * w * h + j * w + i] for c in range(3)]
            wanted += seen[4 * k:4 * k + 3] if grey else CONTENT[3 * k:3 * k + 3]
            changed += painted[4 * k:4 * k + 3]
    near(got, wanted, (5 if 'u8_linear' in name else 1.5) / 255, 'content')
    assert mean_difference(changed, wanted) > 0.02, 'hardly anything was painted'
    inside = lambda k: x <= k % WIDTH < x + w and y <= k // WIDTH < y + h
    for k in range(WIDTH * HEIGHT):
        if not inside(k):
            near(painted[4 * k:4 * k + 3], seen[4 * k:4 * k + 3], 2e-3, 'outside')
    if selection:
        mask = rgba(name + '-mask.png')
        for k in range(WIDTH * HEIGHT):
            assert abs(mask[4 * k] - (1 if inside(k) else 0)) < 1e-3, 'mask'


def check_error(name, words):
    first = open(suite.path(name + '.txt')).read().split()
    after = lines_of(name + '-after.txt')
    assert first == after[0], 'a layer was left: %s, %s' % (first, after)


def wanted(name):
    return not only or name in only


def matrix():
    """All cases in one GIMP, then what each left."""
    global log
    names = [name for name in CASES if wanted(name)]
    _, log = gimp([fill(CASE, NAME=name, PREPARE=CASES[name][0], STYLE=STYLE) for name in names])
    reports = suite.new_reports()
    for name in names:
        def test(name=name):
            assert len(reports) == len(names), '%d runs of %d\n%s' % (len(reports), len(names), log[-3000:])
            check_case(name, CASES[name][1], *reports[names.index(name)])
        suite.check(name, test)


def errors():
    """The sentences come out one by one: each case has a GIMP of its own lines in the log."""
    global log
    with open(suite.path('words.txt'), 'w') as file:
        file.write('no picture\n')
    names = [name for name in ERRORS if wanted(name)]
    # What the command before it made.
    AGAIN = ('(define image (vector-ref (cadr (gimp-image-list)) 0)) (define layer (top image)) '
             '(define channel (if (> (car (gimp-image-get-channels image)) 0) '
             '(vector-ref (cadr (gimp-image-get-channels image)) 0) -1))')
    marks = '(gimp-message "CASE %s")'
    scripts = []
    for name in names:
        prepare, call, _ = ERRORS[name]
        # An error ends its batch command: what comes after it is a command of its own.
        scripts.append(marks % name)
        scripts.append(fill(r"""
(begin (define image (load)) (define layer (top image)) @PREPARE@
  (set! out (open-output-file (at "@NAME@.txt")))
  (say "layers" (car (gimp-image-get-layers image))) (close-output-port out))""", NAME=name, PREPARE=prepare))
        scripts.append('(begin %s %s (gimp-message "NOT REFUSED"))' % (AGAIN, call))
        scripts.append(fill(AGAIN + r"""
(begin (set! out (open-output-file (at "@NAME@-after.txt")))
  (say "layers" (car (gimp-image-get-layers image))) (gimp-image-delete image) (say "END")
  (close-output-port out))""", NAME=name))
    if names:
        _, log = gimp(scripts)
    for name in names:
        def test(name=name):
            check_error(name, ERRORS[name][2])
            part = log[log.index('CASE ' + name):].split('CASE ')[1]
            assert 'NOT REFUSED' not in part, part
            for word in ERRORS[name][2]:
                assert word in part, part
        suite.check(name, test)


ONE = r"""
(let* ((image (load)) (layer (top image)))
  @CALL@
  (let ((new (top image)))
    (set! out (open-output-file (at "@NAME@.txt")))
    (say "layers" (car (gimp-image-get-layers image)))
    (say "END") (close-output-port out)
    (keep image new "@NAME@.png")
    (gimp-image-delete image)))
"""


def no_driver():
    """Without a driver the entry is there, and running it says what to install."""
    global log
    _, log = gimp(['(if (defined? (quote plug-in-vkstyle)) (gimp-message "THERE"))',
                   fill(ONE, NAME='no_driver', CALL=CALL % ('layer', STYLE, 0))],
                  VK_DRIVER_FILES='/nonexistent', VK_ICD_FILENAMES='/nonexistent')
    assert 'THERE' in log and 'river' in log and 'ulkan' in log, log
    assert not os.path.exists(suite.path('no_driver.txt')), 'it painted without a driver'


def parity():
    """Command line and GIMP: the same bits in, the same bits out."""
    global log
    suite.new_reports()
    _, log = gimp([fill(ONE, NAME='parity', CALL=CALL % ('layer', STYLE, 0))], iterations=50)
    assert lines_of('parity.txt')[0] == ['layers', '2']
    report, _ = suite.new_reports()[0]
    subprocess.run([suite.cli, 'transfer', suite.path('content.png'), suite.path('style.png'), '-o',
                    suite.path('cli.png'), '--model', suite.path('small.safetensors'), '--iterations',
                    '50', '--learning-rate', '0.05', '--beta', '20', '--full-size', '--progress', 'none', '--report',
                    suite.path('cli.json')],
                   check=True, env=suite.environment(), stderr=subprocess.DEVNULL)
    with open(suite.path('cli.json')) as file:
        other = json.load(file)
    assert report['pixels'] == other['pixels'], (report['pixels'], other['pixels'])
    painted = rgba('parity.png')
    near([v for i, v in enumerate(painted) if i % 4 != 3], png(suite.path('cli.png'))[3], 0, 'pixels')


def with_last_values_and_layers():
    """The style from a layer, a start from an earlier result, and the last values of a fresh profile."""
    global log
    suite.new_reports()
    _, log = gimp([fill(ONE, NAME='layers', CALL=r"""
  (let* ((other (car (gimp-file-load-layer RUN-NONINTERACTIVE image (at "style.png")))) (first 0))
    (gimp-image-insert-layer image other 0 1)
    (set! first (car (style image layer RUN-NONINTERACTIVE "" other -1 "0")))
    (style image layer RUN-NONINTERACTIVE "" other first "0"))"""),
                   fill(ONE, NAME='last', CALL='(catch (gimp-message "LAST REFUSED") '
                        '(style image layer RUN-WITH-LAST-VALS "" -1 -1 "0"))')])
    assert lines_of('layers.txt')[0] == ['layers', '4'], log
    one, two = [report for report, _ in suite.new_reports()]
    assert two['losses']['style'][0] < 0.7 * one['losses']['style'][0]
    assert lines_of('last.txt')[0] == ['layers', '1'] and 'no style image' in log, log


def shipped_model():
    global log
    suite.new_reports()
    call = (CALL % ('layer', STYLE, 0)).replace('(style ', '(shipped ')
    define = PRELUDE[PRELUDE.index('(define (style'):PRELUDE.index('(define (parent-of')]
    define = (define.replace('(style image', '(shipped image', 1)
              .replace('(at "small.safetensors")', '""').replace(' 0 ITERATIONS', ' 48 30'))
    _, log = gimp([define + fill(ONE, NAME='shipped', CALL=call)])
    assert lines_of('shipped.txt')[0] == ['layers', '2']
    stylised(suite.new_reports()[0][0])


def dialog(**environment):
    global log
    picture = os.environ.get('VKSTYLE_TEST_PICTURES')
    call = (CALL % ('layer', STYLE, 0)).replace('RUN-NONINTERACTIVE', 'RUN-INTERACTIVE')
    script = fill(ONE, NAME='dialog', CALL='(catch #t %s)' % call)
    if os.path.exists(suite.path('dialog.txt')):
        os.remove(suite.path('dialog.txt'))
    prelude = PRELUDE
    if picture:
        # As a user sees it: photo, painting, and the model that ships.
        pictures = os.path.join(here, '../../docs/pictures/')
        prelude = (PRELUDE.replace('(at "content.png")', '"%smountains.jpg"' % pictures)
                   .replace('(at "small.safetensors")', '""').replace(' 0 ITERATIONS', ' 256 ITERATIONS')
                   .replace('0.05', '0'))
        script = script.replace(STYLE, '"%sauvers.jpg"' % pictures)
    _, log = gimp([script], 240, iterations=100000, prelude=prelude, **environment)


def layers():
    return int(lines_of('dialog.txt')[0][1])


def killed():
    """SIGKILL in the middle: no layer, no file left behind, and GIMP goes on."""
    global log
    found = []

    def kill():
        deadline = time.time() + 120
        while time.time() < deadline and not found:
            time.sleep(0.1)
            for pid in filter(str.isdigit, os.listdir('/proc')):
                try:
                    with open('/proc/%s/cmdline' % pid, 'rb') as file:
                        words = file.read().split(b'\0')
                except OSError:
                    continue
                # Its run, and not GIMP's question for what the plug-in registers.
                if words[0] == (suite.build + '/plugin/gimp/vkstyle/vkstyle').encode() and b'-run' in words:
                    found.append(int(pid))
        if found:
            time.sleep(3)
            os.kill(found[0], signal.SIGKILL)
    before = sorted(os.listdir(suite.folder))
    thread = threading.Thread(target=kill)
    thread.start()
    image = '(define image (vector-ref (cadr (gimp-image-list)) 0))'
    _, log = gimp(['(load)', image + CALL % ('(top image)', STYLE, 0), image + '(begin (set! out (open-output-file (at "killed.txt"))) '
                   '(say "layers" (car (gimp-image-get-layers image))) (say "END") '
                   '(close-output-port out) (gimp-image-delete image))'], 300, iterations=1000000)
    thread.join()
    assert found, 'it never ran\n' + log
    assert lines_of('killed.txt')[0] == ['layers', '1']
    left = set(os.listdir(suite.folder)) - set(before) - {'killed.txt', 'log'}
    assert not left, left


log = ''
matrix()
errors()
for test in (no_driver, parity, with_last_values_and_layers, killed, shipped_model):
    if wanted(test.__name__):
        suite.check(test.__name__, test)
if wanted('dialog') and suite.can_show():
    suite.try_dialog(dialog, layers)
    suite.try_menu('gimp-2.10')
sys.exit(suite.finish())
