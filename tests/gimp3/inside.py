# SPDX-License-Identifier: MIT
# Runs inside GIMP 3's Python (python-fu-eval): the filter called through the PDB, and all that it
# promises about layers checked where layers are. VKSTYLE_TEST names the fixtures' folder; a line for
# each case goes to results.txt there, and "END" last of all.
import glob
import math
import os
import signal
import struct
import sys
import threading
import time
import traceback

import gi
gi.require_version('Gegl', '0.4')
from gi.repository import Gegl

folder = os.environ['VKSTYLE_TEST']
sys.path.insert(0, os.environ['VKSTYLE_TEST_SUPPORT'])
import filter_suite
from filter_suite import form_cases, form_name, mean_difference, near, tensor
import json

RUN = Gimp.RunMode.NONINTERACTIVE
PDB = Gimp.get_pdb()
MODEL = os.path.join(folder, 'small.safetensors')
SANITIZED = bool(os.environ.get('VKSTYLE_TEST_SANITIZED'))
results = open(os.path.join(folder, 'results.txt'), 'w')


def fixture(name):
    return Gio.File.new_for_path(os.path.join(folder, name))


def load(name='content.png'):
    return Gimp.file_load(RUN, fixture(name))


def pixels(drawable, form="R'G'B'A float"):
    width, height = drawable.get_width(), drawable.get_height()
    raw = drawable.get_buffer().get(Gegl.Rectangle.new(0, 0, width, height), 1.0, form,
                                    Gegl.AbyssPolicy.NONE)
    return struct.unpack('<%df' % (len(raw) // 4), bytes(raw))


def colours(rgba):
    return [v for i, v in enumerate(rgba) if i % 4 != 3]


def call(image, drawables, style='style.png', mode=RUN, **values):
    config = PDB.lookup_procedure('plug-in-vkstyle').create_config()
    config.set_property('run-mode', mode)
    config.set_property('image', image)
    config.set_core_object_array('drawables', drawables)
    if style:
        config.set_property('style-file', fixture(style))
    values = dict({'model': MODEL, 'iterations': 40, 'learning-rate': 0.05}, **values)
    for name, value in values.items():
        config.set_property(name, value)
    answer = PDB.lookup_procedure('plug-in-vkstyle').run(config)
    status = answer.index(0)
    return status, answer.index(1) if answer.length() > 1 else None


def last_report():
    paths = sorted(glob.glob(os.path.join(os.environ['VKSTYLE_GIMP_REPORTS'], '*.json')))
    with open(paths[-1]) as file:
        return json.load(file), tensor(paths[-1][:-4] + 'safetensors')


def interleaved(planes, width, height):
    plane = width * height
    return [planes[c * plane + i] for i in range(plane) for c in range(3)]


# Prepares an image: precision, mode, profile, alpha, place in a group, selection.
def prepare(precision=None, grey=False, profile=None, alpha=False, offset=None, group=False,
            selection=None):
    image = load()
    layer = image.get_layers()[0]
    if grey:
        image.convert_grayscale()
    if profile:
        assert image.convert_color_profile(profile, Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC,
                                           True)
    if precision is not None:
        image.convert_precision(precision)
    if alpha:
        layer.add_alpha()
        image.select_rectangle(Gimp.ChannelOps.REPLACE, 30, 5, 15, 12)
        layer.edit_clear()
        Gimp.Selection.none(image)
    if group:
        parent = Gimp.GroupLayer.new(image)
        image.insert_layer(parent, None, 0)
        image.reorder_item(layer, parent, 0)
    if offset:
        layer.set_offsets(*offset)
    if selection:
        image.select_rectangle(Gimp.ChannelOps.REPLACE, *selection)
    return image, layer


# One whole run, with everything that issue 3 says of its result.
def transfer(limit=1.5 / 255, expected=None, **how):
    image, layer = prepare(**how)
    before, before_all = pixels(layer), len(image.get_layers())
    siblings = layer.get_parent().get_children() if layer.get_parent() else image.get_layers()
    place, count = image.get_item_position(layer), len(siblings)
    status, new = call(image, [layer])
    assert status == Gimp.PDBStatusType.SUCCESS, (status, new)
    # One layer more, directly above, in the same group, of the same size, at the same place.
    assert isinstance(new, Gimp.Layer)
    assert new.get_parent() == layer.get_parent()
    now = layer.get_parent().get_children() if layer.get_parent() else image.get_layers()
    assert len(now) == count + 1
    assert len(image.get_layers()) == before_all + (0 if layer.get_parent() else 1)
    assert image.get_item_position(new) == place and image.get_item_position(layer) == place + 1
    assert new.get_offsets() == layer.get_offsets()
    assert (new.get_width(), new.get_height()) == (layer.get_width(), layer.get_height())
    assert new.get_name() == 'Stylized (style.png)', new.get_name()
    # The source is untouched; alpha is kept.
    near(pixels(layer), before, 0, 'source')
    after = pixels(new)
    near(after[3::4], before[3::4], 1e-3, 'alpha')
    # The engine got what the user sees, in sRGB.
    report, (width, height, content) = last_report()
    filter_suite.stylised(report)
    x, y, w, h = 0, 0, layer.get_width(), layer.get_height()
    _, dx, dy = layer.get_offsets()
    if how.get('selection'):
        sx, sy, sw, sh = how['selection']
        x, y = max(0, sx - dx), max(0, sy - dy)
        w, h = min(sx - dx + sw, w) - x, min(sy - dy + sh, h) - y
    assert (width, height) == (w, h), (width, height, w, h)
    seen = expected or before
    row = layer.get_width()
    part = [seen[4 * (row * (y + j) + x + i) + c] for j in range(h) for i in range(w)
            for c in range(3)]
    opaque = [seen[4 * (row * (y + j) + x + i) + 3] > 0.5 for j in range(h) for i in range(w)]
    visible = [v for i, v in enumerate(part) if opaque[i // 3]]
    got = [v for i, v in enumerate(interleaved(content, w, h)) if opaque[i // 3]]
    near(got, visible, limit, 'content')
    # Painted inside, the content outside.
    inside = [after[4 * (row * (y + j) + x + i) + c] for j in range(h) for i in range(w)
              for c in range(3)]
    changed = [v for i, v in enumerate(inside) if opaque[i // 3]]
    assert mean_difference(changed, visible) > 0.02, 'hardly anything was painted'
    outside = [k for k in range(row * layer.get_height())
               if not (x <= k % row < x + w and y <= k // row < y + h)]
    if outside:
        near([after[4 * k + c] for k in outside for c in range(3)],
             [before[4 * k + c] for k in outside for c in range(3)], 2e-3, 'outside')
    # The selection is the mask.
    mask = new.get_mask()
    assert (mask is not None) == bool(how.get('selection'))
    if mask:
        values = pixels(mask, 'Y float')
        for k in range(row * layer.get_height()):
            inside_k = x <= k % row < x + w and y <= k // row < y + h
            assert abs(values[k] - (1 if inside_k else 0)) < 1e-6
    image.delete()
    return report


def refused(status, words, image, drawables, wanted=Gimp.PDBStatusType.CALLING_ERROR, **values):
    before = len(image.get_layers())
    got, message = call(image, drawables, **values)
    assert got == wanted, (got, message)
    for word in words:
        assert word in str(message), message
    assert len(image.get_layers()) == before
    image.delete()


EXECUTION = Gimp.PDBStatusType.EXECUTION_ERROR
P = Gimp.Precision
cases = []


def case(function):
    cases.append(function)
    return function


FORMATS = {
    'u8': None, 'u8-linear': P.U8_LINEAR, 'u16': P.U16_NON_LINEAR, 'u16-linear': P.U16_LINEAR,
    'u32': P.U32_NON_LINEAR, 'half': P.HALF_NON_LINEAR, 'half-linear': P.HALF_LINEAR, 'float': P.FLOAT_NON_LINEAR,
    'float-linear': P.FLOAT_LINEAR, 'double-linear': P.DOUBLE_LINEAR, 'grey-u8': None,
    'grey-u16-linear': P.U16_LINEAR, 'grey-float': P.FLOAT_NON_LINEAR,
}
forms = {form_name(form): form for form in form_cases(FORMATS)}


def how(form):
    """What prepare() needs for it."""
    grey, eight = form['format'].startswith('grey'), 'u8' in form['format']
    profile = None
    if form['profile']:
        profile = Gimp.ColorProfile.new_from_file(fixture('grey.icc' if grey else 'wide.icc'))
    return dict(precision=FORMATS[form['format']], grey=grey, profile=profile, alpha=form['alpha'],
                group=form['group'], offset=form['offset'] if any(form['offset']) else None,
                selection=form['selection'],
                limit=(5 if eight and (profile or 'linear' in form['format']) else 3 if profile else 1.5) / 255)


for name in list(forms)[::4 if SANITIZED else 1]:
    def run_form(form=forms[name]):
        return transfer(**how(form))
    run_form.__name__ = name
    cases.append(run_form)


@case
def unpainted():
    """One step of nearly no length: what comes back through profile and format is the source itself."""
    names = [n for n in forms if forms[n]['profile'] or forms[n]['format'] in ('float', 'u16-linear')]
    for name in names[::4 if SANITIZED else 2]:
        values = how(forms[name])
        limit = max(2 / 255, values.pop('limit'))
        image, layer = prepare(**values)
        status, new = call(image, [layer], iterations=1, **{'learning-rate': 1e-7})
        assert status == Gimp.PDBStatusType.SUCCESS, (name, new)
        seen, back = pixels(layer), pixels(new)
        visible = [4 * k + c for k in range(52 * 39) if seen[4 * k + 3] > 0.5 for c in range(3)]
        near([back[i] for i in visible], [seen[i] for i in visible], limit, name)
        image.delete()


@case
def returned_layer_has_the_layer_filters_of_the_user():
    image, layer = prepare()
    before = pixels(layer)
    inverted = [v if i % 4 == 3 else 1 - v for i, v in enumerate(before)]
    shown = Gimp.DrawableFilter.new(layer, 'gegl:invert-gamma', 'Invert')
    layer.append_filter(shown)
    status, new = call(image, [layer])
    assert status == Gimp.PDBStatusType.SUCCESS, new
    _, (width, height, content) = last_report()
    near(interleaved(content, width, height), colours(inverted), 1.5 / 255, 'content')
    assert len(layer.get_filters()) == 1, 'the filter was merged into the layer of the user'
    assert len(image.get_layers()) == 2
    image.delete()


@case
def mask_of_the_layer_is_seen():
    image, layer = prepare(selection=(0, 0, 26, 39))
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
    Gimp.Selection.none(image)
    status, new = call(image, [layer])
    assert status == Gimp.PDBStatusType.SUCCESS, new
    alpha = pixels(new)[3::4]
    for k, value in enumerate(alpha):
        assert abs(value - (1 if k % 52 < 26 else 0)) < 1e-3
    image.delete()


@case
def group_as_content():
    image, layer = prepare(group=True)
    status, new = call(image, [layer.get_parent()])
    assert status == Gimp.PDBStatusType.SUCCESS, new
    _, (width, height, content) = last_report()
    near(interleaved(content, width, height), colours(pixels(layer)), 1.5 / 255, 'content')
    assert new.get_parent() is None and len(image.get_layers()) == 2
    image.delete()


@case
def mask_as_drawable_means_its_layer():
    image, layer = prepare()
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(mask)
    status, new = call(image, [mask])
    assert status == Gimp.PDBStatusType.SUCCESS, new
    assert len(image.get_layers()) == 2
    image.delete()


@case
def style_from_a_layer():
    image, layer = prepare()
    other = Gimp.file_load_layer(RUN, image, fixture('style.png'))
    image.insert_layer(other, None, 1)
    by_file = transfer()
    status, new = call(image, [layer], style=None, **{'style-layer': other})
    assert status == Gimp.PDBStatusType.SUCCESS, new
    report, _ = last_report()
    assert new.get_name() == 'Stylized (%s)' % other.get_name()
    # The very bits that the file gives, but for an alpha channel that the layer may have.
    start, same = report['losses']['style'][0], by_file['losses']['style'][0]
    assert abs(start - same) < 1e-3 * same, (start, same)
    image.delete()


@case
def an_earlier_result_is_continued():
    image, layer = prepare()
    status, first = call(image, [layer])
    assert status == Gimp.PDBStatusType.SUCCESS, first
    one, _ = last_report()
    status, second = call(image, [layer], **{'init-layer': first})
    assert status == Gimp.PDBStatusType.SUCCESS, second
    two, _ = last_report()
    # It goes on where the first one ended, and not where that one began.
    assert two['losses']['style'][0] < 0.7 * one['losses']['style'][0], (one, two)
    assert len(image.get_layers()) == 3
    image.delete()


@case
def profiled_and_indexed_styles():
    style = load('style.png')
    style.convert_color_profile(Gimp.ColorProfile.new_rgb_adobe(),
                                Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC, True)
    Gimp.file_save(RUN, style, fixture('adobe.xcf'), None)
    style.convert_color_profile(Gimp.ColorProfile.new_rgb_srgb(),
                                Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC, True)
    style.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 255, False,
                          False, '')
    Gimp.file_save(RUN, style, fixture('indexed.xcf'), None)
    style.delete()
    plain = transfer()['losses']['style'][0]
    for name in ('adobe.xcf', 'indexed.xcf'):
        image, layer = prepare()
        status, new = call(image, [layer], style=name)
        assert status == Gimp.PDBStatusType.SUCCESS, new
        assert new.get_name() == 'Stylized (%s)' % name
        start = last_report()[0]['losses']['style'][0]
        assert abs(start - plain) < 0.1 * plain, (name, start, plain)
        image.delete()


def left_of(image):
    """The left half of the image as a channel."""
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 26, 39)
    channel = Gimp.Selection.save(image)
    Gimp.Selection.none(image)
    return channel


def right_of(image):
    """A white layer over the right half."""
    layer = Gimp.Layer.new(image, 'right', 26, 39, Gimp.ImageType.RGB_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 1)
    layer.set_offsets(26, 0)
    layer.fill(Gimp.FillType.WHITE)
    layer.set_visible(False)
    return layer


@case
def style_losses():
    """The knob arrives, and paints otherwise."""
    image, layer = prepare()
    painted = []
    for loss in ('gram', 'gram-mean', 'wasserstein'):
        status, new = call(image, [layer], **{'style-loss': loss})
        assert status == Gimp.PDBStatusType.SUCCESS, (loss, new)
        report, _ = last_report()
        assert report['options']['style-loss'] == loss, report['options']
        painted.append(pixels(new))
        image.remove_layer(new)
    assert painted[0] != painted[1] != painted[2] != painted[0]
    image.delete()


@case
def regions():
    """Channels and layers say where a style acts, how strongly, and which."""
    image, layer = prepare()
    left, right, second = left_of(image), right_of(image), fixture('second.png')
    painted, before = {}, colours(pixels(layer))

    def paint(name, model=MODEL, **where):
        status, new = call(image, [layer], model=model, beta=20,
                           **{key.replace('_', '-'): value for key, value in where.items()})
        assert status == Gimp.PDBStatusType.SUCCESS, (name, new)
        painted[name] = colours(pixels(new))
        if 'second_style_file' in where:
            assert new.get_name() == 'Stylized (style.png, second.png)', new.get_name()
        image.remove_layer(new)
    paint('mask', style_mask=right)
    paint('map', strength_map=left)
    # What has the second style's colours needs a model that knows colours.
    paint('first', '')
    paint('two', '', style_mask=left, second_style_file=second)
    paint('both', '', style_mask=left, second_style_file=second, second_style_mask=right)
    paint('none', '', second_style_file=second, second_style_share=0.0)
    paint('all', '', second_style_file=second, second_style_share=1.0)
    # The content in another place: masks are of the image.
    layer.set_offsets(13, 0)
    paint('moved', style_mask=left)
    image.delete()
    filter_suite.regions_hold(before, painted)


@case
def a_mask_of_another_image_is_refused():
    other, _ = prepare()
    image, layer = prepare()
    refused(None, ['style-mask', 'another image', 'choose one of this image'], image, [layer],
            **{'style-mask': left_of(other)})
    other.delete()


@case
def a_second_mask_without_a_style_is_refused():
    image, layer = prepare()
    refused(None, ['second-style-mask', 'no second style', 'second-style-file'], image, [layer],
            **{'second-style-mask': left_of(image)})


@case
def a_black_mask_is_refused():
    image, layer = prepare()
    channel = Gimp.Channel.new(image, 'c', 52, 39, 50, Gegl.Color.new('red'))
    image.insert_channel(channel, None, 0)
    refused(None, ['strength-map', 'black', 'paint white'], image, [layer], **{'strength-map': channel})


@case
def a_folder_is_the_second_style():
    image, layer = prepare()
    status, new = call(image, [layer], **{'second-style-folder': fixture('crops')})
    assert status == Gimp.PDBStatusType.SUCCESS, new
    assert new.get_name() == 'Stylized (style.png, crops)', new.get_name()
    both = colours(pixels(new))
    status, new = call(image, [layer], **{'second-style-folder': fixture('crops'), 'second-style-share': 0.0})
    assert status == Gimp.PDBStatusType.SUCCESS, new
    assert mean_difference(both, colours(pixels(new))) > 1e-3, 'it changed nothing'
    image.delete()


for name, words in (('empty', ['no pictures']), ('many', ['65 pictures', '64 are']), ('broken', ['2.png'])):
    def refuse_folder(name=name, words=words):
        image, layer = prepare()
        refused(None, [name] + words, image, [layer], style=None, **{'style-folder': fixture(name)},
                wanted=Gimp.PDBStatusType.CALLING_ERROR if name == 'many' else EXECUTION)
    refuse_folder.__name__ = 'a_folder_%s_is_refused' % name
    cases.append(refuse_folder)


@case
def with_last_values():
    image, layer = prepare()
    status, new = call(image, [layer], mode=Gimp.RunMode.WITH_LAST_VALS)
    assert status == Gimp.PDBStatusType.SUCCESS, new
    assert len(image.get_layers()) == 2
    image.delete()


@case
def no_style_is_refused():
    image, layer = prepare()
    refused(None, ['no style image', 'style-file'], image, [layer], style=None)


@case
def a_missing_style_is_refused():
    image, layer = prepare()
    # GIMP itself refuses the name of a file that is not there, or hands none on.
    before = len(image.get_layers())
    status, message = call(image, [layer], style='nowhere.png')
    assert status != Gimp.PDBStatusType.SUCCESS and len(image.get_layers()) == before
    image.delete()


@case
def a_style_that_is_no_picture_is_refused():
    with open(os.path.join(folder, 'words.txt'), 'w') as file:
        file.write('no picture\n')
    image, layer = prepare()
    refused(None, ['words.txt'], image, [layer], style='words.txt', wanted=EXECUTION)


@case
def an_indexed_image_is_refused():
    image, layer = prepare()
    image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False,
                          False, '')
    refused(None, ['indexed', 'Image > Mode > RGB'], image, [layer])


@case
def no_layer_is_refused():
    image, layer = prepare()
    refused(None, ['0 layers'], image, [])


@case
def two_layers_are_refused():
    image, layer = prepare()
    copy = layer.copy()
    image.insert_layer(copy, None, 0)
    refused(None, ['2 layers', 'select one'], image, [layer, copy])


@case
def a_channel_is_refused():
    image, layer = prepare()
    channel = Gimp.Channel.new(image, 'c', 52, 39, 50, Gegl.Color.new('red'))
    image.insert_channel(channel, None, 0)
    refused(None, ['a layer is needed'], image, [channel])


@case
def a_selection_outside_is_refused():
    image, layer = prepare(offset=(30, 30), selection=(0, 0, 10, 10))
    refused(None, ['outside the layer', 'Select > None'], image, [layer])


@case
def too_little_memory_is_refused():
    image, layer = prepare()
    refused(None, ['memory'], image, [layer], memory='100K', wanted=EXECUTION)


@case
def a_missing_model_is_refused():
    image, layer = prepare()
    refused(None, ['none.safetensors'], image, [layer], model='/none.safetensors', wanted=EXECUTION)


@case
def a_layer_that_the_model_lacks_is_refused():
    image, layer = prepare()
    refused(None, ['conv9_9'], image, [layer], **{'content-layer': 'conv9_9'})


@case
def a_floating_selection_is_refused():
    image, layer = prepare(selection=(5, 5, 10, 10))
    Gimp.edit_copy([layer])
    floating = Gimp.edit_paste(layer, False)[0]
    refused(None, ['floating selection', 'To New Layer'], image, [floating])


@case
def a_layer_of_another_image_is_refused():
    other, layer = prepare()
    image, _ = prepare()
    refused(None, ['not in this image'], image, [layer])
    other.delete()


@case
def a_style_layer_that_is_gone_is_refused():
    image, layer = prepare()
    gone = layer.copy()
    image.insert_layer(gone, None, 0)
    image.remove_layer(gone)
    status, message = call(image, [layer], style=None, **{'style-layer': gone})
    assert status != Gimp.PDBStatusType.SUCCESS and len(image.get_layers()) == 1, message
    image.delete()


def plug_in_pids():
    found = []
    for path in glob.glob('/proc/[0-9]*/cmdline'):
        try:
            with open(path, 'rb') as file:
                command = file.read().split(b'\0')
        except OSError:
            continue
        if command[0].endswith(b'/plugin/gimp/vkstyle/vkstyle'):
            found.append(int(path.split('/')[2]))
    return found


@case
def killed_it_leaves_nothing():
    image, layer = prepare()
    before = sorted(os.listdir(folder)), sorted(os.listdir(Gimp.directory()))
    killed = []

    def kill():
        # Into the work, not before it: the process has had a moment on its own.
        while not plug_in_pids():
            time.sleep(0.05)
        time.sleep(3)
        for pid in plug_in_pids():
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
    thread = threading.Thread(target=kill)
    thread.start()
    status, message = call(image, [layer], iterations=1000000)
    thread.join()
    assert killed, 'it ended before it was killed'
    assert status != Gimp.PDBStatusType.SUCCESS, status
    assert len(image.get_layers()) == 1
    assert before == (sorted(os.listdir(folder)), sorted(os.listdir(Gimp.directory())))
    image.delete()


@case
def no_image_is_left_open():
    assert len(Gimp.get_images()) == 0, [i.get_name() for i in Gimp.get_images()]


only = os.environ.get('VKSTYLE_TEST_ONLY')
for run in cases:
    if only and run.__name__ not in only.split(','):
        continue
    # Sanitizers watch the filter as it reads and writes layers; its sentences were read without them.
    if SANITIZED and run.__name__.endswith('_refused'):
        continue
    try:
        run()
        results.write('OK %s\n' % run.__name__)
    except Exception:
        results.write('FAILED %s %s\n' % (run.__name__, json.dumps(traceback.format_exc())))
        for image in Gimp.get_images():
            image.delete()
    results.flush()
results.write('END\n')
results.close()
