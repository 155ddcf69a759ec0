#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The filter in GIMP 2.10, without a display. suite.py BUILD [TEST,..]

GIMP 2.10 exits with 0 whatever happens and has no Python: Scheme writes what it sees into a file, and a
case counts only where its last line is there and right. One GIMP runs all cases but those that need an
environment of their own.
"""
import os
import signal
import subprocess
import sys
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, '..', 'support'))
from filter_suite import (Suite, form_cases, form_name, mean_difference, near, png, regions_hold, stylised,
                          write_profile)

suite = Suite('gimp2', sys.argv[1], 2)
only = sys.argv[2].split(',') if len(sys.argv) > 2 else None
# Sanitizers watch the filter as it reads and writes layers; all else was tested without them.
quick = suite.sanitized()
suite.second_style()
suite.folders()
write_profile(suite.path('wide.icc'))
write_profile(suite.path('grey.icc'), True, 1.8)
WIDTH, HEIGHT = 52, 39


def arguments(**values):
    """The engine's parameters in the order of the procedure, as Scheme: defaults but for these."""
    table = subprocess.run([suite.path_in_build('tests/gimp2/parameters')], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.splitlines()
    words = []
    for name, kind, value in (line.split('\t') for line in table):
        if name == 'full-size':
            continue
        value = values.pop(name.replace('-', '_'), '"%s"' % value if kind == 'text' else value)
        words.append(str(value))
    assert not values, values
    return ' '.join(words)


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
  (plug-in-vkstyle mode image layer file @MODEL@ "" style-layer init-layer @PARAMETERS@ -1 "" -1 -1 -1 0.5 "" ""))
(define (ranged image layer mode file style-layer init-layer memory)
  (plug-in-vkstyle mode image layer file @MODEL@ "" style-layer init-layer @RANGED@ -1 "" -1 -1 -1 0.5 "" ""))
(define (modelless image layer mode file style-layer init-layer memory)
  (plug-in-vkstyle mode image layer file "/none.safetensors" "" style-layer init-layer @PARAMETERS@ -1 "" -1 -1 -1 0.5 "" ""))
(define (regions image layer mode . where)
  (let ((memory "0"))
    (apply plug-in-vkstyle (append
      (list mode image layer (at "style.png") @MODEL@ "" -1 -1 @PARAMETERS@)
      where (if (= (length where) 5) '(0.5) '()) ; second-style-share
      '("" "")))))
(define (foldered image layer mode file folder second-folder)
  (let ((memory "0"))
    (plug-in-vkstyle mode image layer file @MODEL@ "" -1 -1 @PARAMETERS@ -1 "" -1 -1 -1 0.5 folder second-folder)))
; The left half of the image as a channel, and a white layer over the right half.
(define (left-of image)
  (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 0 26 39)
  (let ((channel (car (gimp-selection-save image)))) (gimp-selection-none image) channel))
(define (right-of image)
  (let ((layer (car (gimp-layer-new image 26 39 RGB-IMAGE "right" 100 LAYER-MODE-NORMAL-LEGACY))))
    (gimp-image-insert-layer image layer 0 1)
    (gimp-layer-set-offsets layer 26 0)
    (gimp-drawable-fill layer FILL-WHITE)
    (gimp-item-set-visible layer FALSE)
    layer))
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
PROFILE = ('(gimp-image-convert-color-profile-from-file image (string-append "file://" (at "%s")) '
           'COLOR-RENDERING-INTENT-RELATIVE-COLORIMETRIC TRUE)')
FORMATS = {
    'u8': '', 'u8-linear': 'U8-LINEAR', 'u16': 'U16-GAMMA', 'u16-linear': 'U16-LINEAR', 'u32': 'U32-GAMMA',
    'half': 'HALF-GAMMA', 'half-linear': 'HALF-LINEAR', 'float': 'FLOAT-GAMMA', 'float-linear': 'FLOAT-LINEAR',
    'double-linear': 'DOUBLE-LINEAR', 'grey-u8': '', 'grey-u16-linear': 'U16-LINEAR', 'grey-float': 'FLOAT-GAMMA',
}


def prepare(form):
    """Scheme that gives `image` and `layer` this form."""
    grey = form['format'].startswith('grey')
    words = [GREY] if grey else []
    if form['profile']:
        words.append(PROFILE % ('grey.icc' if grey else 'wide.icc'))
    if FORMATS[form['format']]:
        words.append(PRECISION % FORMATS[form['format']])
    if form['alpha']:
        words.append(ALPHA)
    if form['group']:
        words.append(GROUP)
    if form['offset'] != (0, 0):
        words.append(OFFSET % form['offset'])
    if form['selection']:
        words.append(SELECT % form['selection'])
    return ' '.join(words)


CASES = {form_name(form): form for form in form_cases(FORMATS)}

CALL = '(style image %s RUN-NONINTERACTIVE %s -1 -1 "%s")'
STYLE = '(at "style.png")'
FOLDER = '(foldered image layer RUN-NONINTERACTIVE %s)'
ERRORS = {
    'no_style_is_refused': ('', CALL % ('layer', '""', 0), ['no style image', 'style-file']),
    'a_missing_style_is_refused': ('', CALL % ('layer', '(at "nowhere.png")', 0),
                                   ['nowhere.png', 'does not exist']),
    'a_style_that_is_no_picture_is_refused': ('', CALL % ('layer', '(at "words.txt")', 0),
                                              ['words.txt', 'nknown file type']),
    'an_indexed_image_is_refused': (
        '(gimp-image-convert-indexed image CONVERT-DITHER-NONE CONVERT-PALETTE-GENERATE 16 FALSE FALSE "")',
        CALL % ('layer', STYLE, 0), ['indexed', 'Image > Mode > RGB']),
    'no_layer_is_refused': ('(gimp-image-remove-layer image layer)', CALL % ('-1', STYLE, 0),
                            ['a layer is needed', 'Layers']),
    'a_layer_of_another_image_is_refused': (
        '', CALL % ('(car (gimp-image-get-active-layer (load)))', STYLE, 0), ['not in this image']),
    'a_floating_selection_is_refused': (
        '(gimp-edit-copy layer) (gimp-edit-paste layer TRUE)',
        CALL % ('(car (gimp-image-get-floating-sel image))', STYLE, 0), ['floating selection', 'To New Layer']),
    'a_wrong_range_is_refused': ('', CALL.replace('(style ', '(ranged ') % ('layer', STYLE, 0), ['iterations', 'range']),
    'a_missing_model_is_refused': ('', CALL.replace('(style ', '(modelless ') % ('layer', STYLE, 0),
                                   ['none.safetensors']),
    'a_channel_is_refused': (
        '(gimp-image-insert-channel image (car (gimp-channel-new image 52 39 "c" 50 "red")) 0 0)', CALL % ('channel', STYLE, 0),
        ['a layer is needed']),
    'a_selection_outside_is_refused': (OFFSET % (30, 30) + SELECT % (0, 0, 10, 10),
                                       CALL % ('layer', STYLE, 0), ['outside the layer', 'Select > None']),
    'too_little_memory_is_refused': ('', CALL % ('layer', STYLE, '100K'), ['memory']),
    'a_mask_of_another_image_is_refused': (
        '', '(regions image layer RUN-NONINTERACTIVE (left-of (load)) "" -1 -1 -1)',
        ['style-mask', 'another image', 'choose one of this image']),
    'a_second_mask_without_a_style_is_refused': (
        '(left-of image)', '(regions image layer RUN-NONINTERACTIVE -1 "" -1 channel -1)',
        ['second-style-mask', 'no second style', 'second-style-file']),
    'a_black_mask_is_refused': (
        '(gimp-image-insert-channel image (car (gimp-channel-new image 52 39 "c" 50 "red")) 0 0)',
        '(regions image layer RUN-NONINTERACTIVE -1 "" -1 -1 channel)', ['strength-map', 'black', 'paint white']),
    'a_share_above_one_is_refused': (
        '', '(regions image layer RUN-NONINTERACTIVE -1 (at "style.png") -1 -1 -1 1.5)',
        ['second-style-share', '1.5', 'between 0 and 1']),
    'a_mask_that_is_gone_is_refused': (
        '', '(let ((gone (left-of image))) (gimp-image-remove-channel image gone) '
        '(regions image layer RUN-NONINTERACTIVE gone "" -1 -1 -1))', ['style-mask']),
    'a_missing_second_style_is_refused': (
        '', '(regions image layer RUN-NONINTERACTIVE -1 (at "nowhere.png") -1 -1 -1)', ['nowhere.png', 'does not exist']),
    'a_missing_folder_is_refused': ('', FOLDER % '"" (at "nowhere") ""', ['nowhere', 'No such file']),
    'a_folder_without_pictures_is_refused': ('', FOLDER % '"" (at "empty") ""', ['empty', 'no pictures']),
    'a_folder_of_too_many_pictures_is_refused': ('', FOLDER % '"" (at "many") ""', ['many', '65 pictures', '64 are']),
    'a_folder_as_style_file_is_refused': ('', FOLDER % '(at "crops") "" ""', ['crops', 'style-folder']),
    'a_picture_of_a_folder_that_is_none_is_refused': ('', FOLDER % '"" (at "broken") ""', ['broken/2.png']),
    'a_wrong_number_of_bytes_is_refused': ('', CALL % ('layer', STYLE, 'much'), ['much', '1500M']),
}


def fill(text, **values):
    for key, value in values.items():
        text = text.replace('@%s@' % key, value)
    return text


SMALL = '(at "small.safetensors")'


def gimp(scripts, timeout=1800, model=SMALL, parameters=None, **more):
    values = dict(dict(iterations=40, beta=20, learning_rate=0.05, memory='memory'), **parameters or {})
    prelude = fill(PRELUDE, FOLDER=suite.folder, MODEL=model, PARAMETERS=arguments(**values),
                   RANGED=arguments(**dict(values, iterations=-5)))
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


def check_place(name, form, position='as it was'):
    """The new layer is directly above the source, in its group, as large, at the same place."""
    lines = lines_of(name + '.txt')
    before, new, after = [line[1:] for line in lines[:3]]
    assert new[:5] == before[:5] == after[:5], lines
    assert new[5] == before[5] and int(after[5]) == int(before[5]) + 1, lines
    assert int(new[6]) == int(before[6]) + 1, lines
    assert new[7] == ('masked' if form['selection'] else 'bare') and after[7] == 'bare', lines
    assert ' '.join(new[8:]) == 'Stylized (style.png)', lines


def part_of(form):
    """What is painted, in the layer's own pixels."""
    if not form['selection']:
        return 0, 0, WIDTH, HEIGHT
    x, y, w, h = form['selection']
    return x - form['offset'][0], y - form['offset'][1], w, h


def check_case(name, form, report, content):
    check_place(name, form)
    seen, painted = rgba(name + '-before.png'), rgba(name + '-new.png')
    near(rgba(name + '-after.png'), seen, 0, 'source')
    near(painted[3::4], seen[3::4], 1e-3, 'alpha')
    stylised(report)
    x, y, w, h = part_of(form)
    width, height, planes = content
    assert (width, height) == (w, h), (width, height)
    # What the engine got is the fixture itself, in sRGB, whatever form it had in GIMP.
    grey = form['format'].startswith('grey')
    wanted_grey = rgba('grey.png') if grey else None
    got, wanted, changed, numbers = [], [], [], []
    for j in range(h):
        for i in range(w):
            k = WIDTH * (y + j) + x + i
            if seen[4 * k + 3] < 0.5:
                continue
            got += [planes[c * w * h + j * w + i] for c in range(3)]
            wanted += wanted_grey[4 * k:4 * k + 3] if grey else CONTENT[3 * k:3 * k + 3]
            changed += painted[4 * k:4 * k + 3]
            numbers += seen[4 * k:4 * k + 3]
    # Eight bits in another encoding are coarser, and the profile came while there were eight.
    limit = 1.5 + 3.5 * form['profile'] + 3.5 * ('u8-linear' in form['format']) * (1 + form['profile'])
    near(got, wanted, limit / 255, 'content')
    assert mean_difference(changed, numbers) > 0.02, 'hardly anything was painted'
    # Linear grey comes out as a PNG with sRGB's curve, which is all that its profile differs in.
    if form['profile'] and form['format'] != 'grey-u16-linear':
        assert mean_difference(numbers, wanted) > 0.005, 'the profile changed nothing: no test'
    inside = lambda k: x <= k % WIDTH < x + w and y <= k // WIDTH < y + h
    for k in range(WIDTH * HEIGHT):
        if not inside(k):
            near(painted[4 * k:4 * k + 3], seen[4 * k:4 * k + 3], 2e-3, 'outside')
    if form['selection']:
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
    if quick:
        names = names[::4]
    scripts = [fill(CASE, NAME=name, PREPARE=prepare(CASES[name]), STYLE=STYLE) for name in names]
    grey = '(let* ((image (load))) %s (keep image (top image) "grey.png") (gimp-image-delete image))' % GREY
    if not names:
        return
    _, log = gimp([grey] + scripts)
    reports = suite.new_reports()
    for name in names:
        def test(name=name):
            assert len(reports) == len(names), '%d runs of %d\n%s' % (len(reports), len(names), log[-3000:])
            check_case(name, CASES[name], *reports[names.index(name)])
        suite.check(name, test)


def unpainted():
    """One step of nearly no length: what comes back through profile and format is the source itself."""
    global log
    still = [name for name in CASES if CASES[name]['profile'] or CASES[name]['format'] in ('float', 'u16-linear')]
    names = still[::4 if quick else 2]
    scripts = [fill(CASE, NAME='still_' + name, PREPARE=prepare(CASES[name]), STYLE=STYLE) for name in names]
    _, log = gimp(scripts, parameters={'iterations': 1, 'learning_rate': 1e-7})
    assert len(suite.new_reports()) == len(names), log[-3000:]
    for name in names:
        seen, back = rgba('still_%s-before.png' % name), rgba('still_%s-new.png' % name)
        visible = [4 * k + c for k in range(WIDTH * HEIGHT) if seen[4 * k + 3] > 0.5 for c in range(3)]
        limit = (5 if 'u8-linear' in CASES[name]['format'] else 2) / 255
        near([back[i] for i in visible], [seen[i] for i in visible], limit, name)


def errors():
    """The sentences come out one by one: each case has a GIMP of its own lines in the log."""
    global log
    with open(suite.path('words.txt'), 'w') as file:
        file.write('no picture\n')
    names = [name for name in ERRORS if wanted(name)]
    # What the command before it made.
    AGAIN = ('(define image (vector-ref (cadr (gimp-image-list)) 0)) (define layer (if (> (car (gimp-image-get-layers image)) 0) (top image) -1)) '
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
    if quick:
        return
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
    """Command line and GIMP: the same bits in, the same bits out; and the picture itself is a stylised one."""
    global log
    suite.new_reports()
    _, log = gimp([fill(ONE, NAME='parity', CALL=CALL % ('layer', STYLE, 0))], parameters={'iterations': 50, 'style_loss': 1})
    assert lines_of('parity.txt')[0] == ['layers', '2']
    report, _ = suite.new_reports()[0]
    assert report['options']['style-loss'] == 'gram-mean', report['options']
    other = suite.transfer('cli.png', '--iterations', '50', '--learning-rate', '0.05', '--beta', '20',
                           '--style-loss', 'gram-mean')
    assert report['pixels'] == other['pixels'], (report['pixels'], other['pixels'])
    painted = rgba('parity.png')
    near([v for i, v in enumerate(painted) if i % 4 != 3], png(suite.path('cli.png'))[3], 0, 'pixels')
    suite.looks_stylised('parity.png', suite.path('small.safetensors'))


def a_folder_is_one_style():
    """The pictures in it, as the command line takes them; and a second one, whose weight they share."""
    global log
    suite.new_reports()
    _, log = gimp([fill(ONE, NAME='folder', CALL='(foldered image layer RUN-NONINTERACTIVE %s (at "crops") "")' % STYLE),
                   fill(ONE, NAME='folders', CALL=r"""
  (begin (set! out (open-output-file (at "folders-name.txt")))
    (say (car (gimp-item-get-name (car (foldered image layer RUN-NONINTERACTIVE %s "" (at "crops"))))))
    (say "END") (close-output-port out))""" % STYLE)], parameters={'beta': 15})
    assert lines_of('folder.txt')[0] == lines_of('folders.txt')[0] == ['layers', '2'], log
    assert ' '.join(lines_of('folders-name.txt')[0]) == 'Stylized (style.png, crops)', log
    one, two = [report for report, _ in suite.new_reports()]
    options = ('--iterations', '40', '--learning-rate', '0.05')
    assert one['pixels'] == suite.transfer('cli.png', *options, styles=['crops'])['pixels']
    assert two['pixels'] == suite.transfer('cli.png', *options, styles=['style.png', 'crops'])['pixels']
    plain = suite.transfer('cli.png', *options)
    assert len({report['pixels']['result'] for report in (one, two, plain)}) == 3


def style_and_start_from_layers():
    global log
    suite.new_reports()
    _, log = gimp([fill(ONE, NAME='layers', CALL=r"""
  (let* ((other (car (gimp-file-load-layer RUN-NONINTERACTIVE image (at "style.png")))) (first 0))
    (gimp-image-insert-layer image other 0 1)
    (set! first (car (style image layer RUN-NONINTERACTIVE "" other -1 "0")))
    (style image layer RUN-NONINTERACTIVE "" other first "0"))""")])
    assert lines_of('layers.txt')[0] == ['layers', '4'], log
    one, two = [report for report, _ in suite.new_reports()]
    assert two['losses']['style'][0] < 0.7 * one['losses']['style'][0]


REGIONS = r"""
(let* ((image (load)) (layer (top image)) (left (left-of image)) (right (right-of image)))
  (define (paint name . where)
    (let ((new (car (apply regions (append (list image layer RUN-NONINTERACTIVE) where)))))
      (set! out (open-output-file (at "regions.txt")))
      (describe image new)
      (keep image new (string-append "regions-" name ".png"))
      (gimp-image-remove-layer image new)
      (say "END") (close-output-port out)))
  @PAINT@
  (gimp-image-delete image))
"""


def regions():
    """Channels and layers say where a style acts, how strongly, and which."""
    global log
    # The content in another place: masks are of the image.
    _, log = gimp([fill(REGIONS, PAINT="""
  (paint "mask" right "" -1 -1 -1)
  (paint "map" -1 "" -1 -1 left)
  (gimp-layer-set-offsets layer 13 0)
  (paint "moved" left "" -1 -1 -1)""")])
    lines_of('regions.txt')
    # What has the second style's colours needs a model that knows colours.
    _, log = gimp([fill(REGIONS, PAINT="""
  (paint "first" -1 "" -1 -1 -1)
  (paint "both" left (at "second.png") -1 right -1)
  (paint "two" left (at "second.png") -1 -1 -1)
  (paint "none" -1 (at "second.png") -1 -1 -1 0)
  (paint "all" -1 (at "second.png") -1 -1 -1 1)""")], model='""')
    assert 'Stylized (style.png, second.png)' in ' '.join(lines_of('regions.txt')[0]), log
    regions_hold(CONTENT, {name: [v for i, v in enumerate(rgba('regions-%s.png' % name)) if i % 4 != 3]
                           for name in ('mask', 'map', 'first', 'two', 'both', 'none', 'all', 'moved')})


def with_last_values():
    """A fresh profile has none: refused. With those of a run, that run again (Ctrl+F)."""
    global log
    suite.new_reports()
    again = fill(ONE, NAME='last', CALL='(catch (gimp-message "LAST REFUSED") '
                 '(style image layer RUN-WITH-LAST-VALS "" -1 -1 "0"))')
    kept = suite.path('profile/vkstyle.conf')
    assert not os.path.exists(kept)
    _, log = gimp([again])
    assert lines_of('last.txt')[0] == ['layers', '1'] and 'no style image' in log, log
    os.remove(suite.path('last.txt'))
    with open(kept, 'w') as file:
        file.write('[vkstyle]\nstyle-file=%s\nmodel=%s\niterations=31\nlearning-rate=0.05\nbeta=33\n'
                   'optimizer=adam\nsize=40\nstyle-loss=wasserstein\nno-such-parameter=1\n'
                   % (suite.path('style.png'), suite.path('small.safetensors')))
    _, log = gimp([again])
    os.remove(kept)
    assert lines_of('last.txt')[0] == ['layers', '2'] and 'REFUSED' not in log, log
    report, _ = suite.new_reports()[-1]
    options = report['options']
    assert (options['iterations'], options['beta'], options['size']) == (31, 33, 40), options
    assert options['style-loss'] == 'wasserstein', options
    stylised(report)


def of_two_layers_the_given_one():
    """Whatever is selected in the Layers dialog: the layer that was given, the new one directly above it."""
    global log
    suite.new_reports()
    _, log = gimp([fill(CASE, NAME='two', STYLE=STYLE, PREPARE="""
  (let ((other (car (gimp-layer-copy layer FALSE))))
    (gimp-image-insert-layer image other 0 0)
    (gimp-invert other)
    (gimp-image-set-active-layer image other))""")])
    check_place('two', {'selection': None})
    assert lines_of('two.txt')[1][6:8] == ['1', '3']
    _, (width, height, planes) = suite.new_reports()[0]
    near([planes[c * width * height + k] for k in range(width * height) for c in range(3)], CONTENT, 1e-3, 'content')


def sample():
    """The line in docs/gimp.md, as it is printed there; only smaller, so that it takes no minutes."""
    global log
    suite.documented('gimp-console -i -b', {'256 100': '64 30'})


def shipped_model():
    global log
    suite.new_reports()
    _, log = gimp([fill(ONE, NAME='shipped', CALL=CALL % ('layer', STYLE, 0))], model='""',
                  parameters={'size': 48, 'iterations': 30})
    assert lines_of('shipped.txt')[0] == ['layers', '2']
    stylised(suite.new_reports()[0][0])
    suite.looks_stylised('shipped.png')


def dialog(style, **environment):
    global log
    picture = os.environ.get('VKSTYLE_TEST_PICTURES')
    if picture:
        style = 'style.png'
    call = CALL % ('layer', STYLE, 0) if style == 'style.png' else FOLDER % ('"" (at "%s") ""' % style)
    call = call.replace('RUN-NONINTERACTIVE', 'RUN-INTERACTIVE')
    script = fill(ONE, NAME='dialog', CALL='(catch #t %s)' % call)
    if os.path.exists(suite.path('dialog.txt')):
        os.remove(suite.path('dialog.txt'))
    model, parameters = SMALL, {'iterations': 100000}
    if picture:
        # As a user sees it: photo, painting, and the model that ships.
        pictures = os.path.join(here, '../../docs/pictures/')
        script = script.replace('(load)', '(car (gimp-file-load RUN-NONINTERACTIVE "%smountains.jpg" ""))' % pictures)
        script = script.replace(STYLE, '"%sauvers.jpg"' % pictures)
        model, parameters = '""', {'iterations': 0, 'beta': 15, 'learning_rate': 0}
    _, log = gimp([script], 1200, model=model, parameters=parameters, **environment)


def layers():
    return int(lines_of('dialog.txt')[0][1])


def killed():
    """SIGKILL in the middle: no layer, no file left behind, and GIMP goes on."""
    global log
    found = []

    def kill():
        deadline = time.time() + 400
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
                   '(close-output-port out) (gimp-image-delete image))'], 900,
                  parameters={'iterations': 1000000})
    thread.join()
    assert found, 'it never ran\n' + log
    assert lines_of('killed.txt')[0] == ['layers', '1']
    left = set(os.listdir(suite.folder)) - set(before) - {'killed.txt', 'log'}
    assert not left, left


log = ''
matrix()
errors()
tests = [unpainted, of_two_layers_the_given_one, style_and_start_from_layers, a_folder_is_one_style, regions]
if not quick:
    tests += [no_driver, parity, with_last_values, killed, shipped_model, sample]
for test in tests:
    if wanted(test.__name__):
        suite.check(test.__name__, test)
if wanted('dialog') and suite.can_show() and not quick:
    suite.try_dialog(dialog, layers)
    suite.try_menu('gimp-2.10')
if quick:
    suite.check('sanitizers_are_silent', suite.no_complaint)
sys.exit(suite.finish())
