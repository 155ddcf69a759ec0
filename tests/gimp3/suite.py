#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The filter in GIMP 3, without a display. suite.py BUILD: a build folder with the filter for GIMP 3."""
import difflib
import json
import os
import re
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
support = os.path.join(here, '..', 'support')
sys.path.insert(0, support)
from filter_suite import Suite, png, stylised, write_profile

suite = Suite('gimp3', sys.argv[1], 3)
sanitized = suite.sanitized()
suite.second_style()
suite.folders()
write_profile(suite.path('wide.icc'))
write_profile(suite.path('grey.icc'), True, 1.8)


def gimp(script, timeout=1800, **more):
    command = ['gimp-console-3.0', '-idfs', '--quit', '-g', suite.path('gimprc'),
               '--batch-interpreter=python-fu-eval', '-b', script]
    return suite.run(command, timeout, VKSTYLE_TEST=suite.folder, VKSTYLE_TEST_SUPPORT=support,
                     VKSTYLE_TEST_SANITIZED='1' if sanitized else '', **more)


def inside(only=None):
    results = suite.path('results.txt')
    if os.path.exists(results):
        os.remove(results)
    status, log = gimp("exec(open('%s').read(), globals())" % os.path.join(here, 'inside.py'),
                       VKSTYLE_TEST_ONLY=only)
    lines = open(results).read().splitlines() if os.path.exists(results) else []

    def whole():
        assert lines and lines[-1] == 'END' and status == 0, 'status %s\n%s' % (status, log[-6000:])
    for line in lines:
        words = line.split(' ', 2)
        if words[0] in ('OK', 'FAILED'):
            def test(words=words):
                assert words[0] == 'OK', '\n' + json.loads(words[2])
            suite.check(words[1], test)
    suite.check('batch', whole)


ONE = """
import os
img = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path('%(folder)s/content.png'))
p = Gimp.get_pdb().lookup_procedure('plug-in-vkstyle')
c = p.create_config()
c.set_property('run-mode', Gimp.RunMode.NONINTERACTIVE)
c.set_property('image', img)
c.set_core_object_array('drawables', [img.get_layers()[0]])
c.set_property('style-file', Gio.File.new_for_path('%(folder)s/style.png'))
%(more)s
r = p.run(c)
with open('%(folder)s/one.txt', 'w') as f:
    f.write('%%s %%d %%s' %% (r.index(0).value_nick, len(img.get_layers()), r.index(1)))
if r.index(0) == Gimp.PDBStatusType.SUCCESS:
    img.remove_layer(img.get_layers()[1])
    q = Gimp.get_pdb().lookup_procedure('file-png-export')
    c = q.create_config()
    c.set_property('image', img)
    c.set_property('file', Gio.File.new_for_path('%(folder)s/gimp.png'))
    q.run(c)
img.delete()
"""


def one(more, content=None, **environment):
    for name in ('one.txt', 'gimp.png'):
        if os.path.exists(suite.path(name)):
            os.remove(suite.path(name))
    script = ONE % {'folder': suite.folder, 'more': more}
    if content:
        script = script.replace(suite.path('content.png'), os.path.join(content, 'content.png'))
        script = script.replace(suite.path('style.png'), os.path.join(content, 'style.png'))
    status, log = gimp(script, **environment)
    assert status == 0 and os.path.exists(suite.path('one.txt')), '%s\n%s' % (status, log[-4000:])
    with open(suite.path('one.txt')) as file:
        return file.read()


def no_driver():
    answer = one('', VK_DRIVER_FILES='/nonexistent', VK_ICD_FILENAMES='/nonexistent')
    assert answer.startswith('execution-error 1 '), answer
    assert 'river' in answer and 'vulkan' in answer.lower(), answer


def parity():
    """Command line and GIMP: the same bits in, the same bits out; and the picture itself is a stylised one."""
    suite.new_reports()
    answer = one("c.set_property('model', '%s')\nc.set_property('iterations', 50)\nc.set_property('learning-rate', 0.05)\n"
                 % suite.path('small.safetensors'))
    assert answer.startswith('success 2 '), answer
    report, _ = suite.new_reports()[-1]
    other = suite.transfer('cli.png', '--iterations', '50', '--learning-rate', '0.05')
    assert report['pixels'] == other['pixels'], (report['pixels'], other['pixels'])
    a, b = png(suite.path('gimp.png')), png(suite.path('cli.png'))
    colours = [v for i, v in enumerate(a[3]) if a[2] == 3 or i % 4 != 3]
    assert a[:2] == b[:2] and colours == b[3], 'the pictures differ'
    suite.looks_stylised('gimp.png', suite.path('small.safetensors'))


def a_folder_is_one_style():
    """The pictures in it, as the command line takes them."""
    suite.new_reports()
    answer = one("c.set_property('model', '%s')\nc.set_property('iterations', 40)\nc.set_property('learning-rate', 0.05)\n"
                 "c.set_property('style-folder', Gio.File.new_for_path('%s'))\n"
                 % (suite.path('small.safetensors'), suite.path('crops')))
    assert answer.startswith('success 2 '), answer
    report, _ = suite.new_reports()[-1]
    options = ('--iterations', '40', '--learning-rate', '0.05')
    assert report['pixels'] == suite.transfer('cli.png', *options, styles=['crops'])['pixels']
    assert report['pixels']['result'] != suite.transfer('cli.png', *options)['pixels']['result']


def parity_of_drivers():
    """What Debian 12's command line painted (run.sh left it here), Debian 13's GIMP paints within a level:
    another driver, five iterations, by the model that ships."""
    folder = os.environ['VKSTYLE_TEST_OTHER']
    with open(os.path.join(folder, 'other.json')) as file:
        other = json.load(file)
    suite.new_reports()
    answer = one("c.set_property('iterations', 5)\nc.set_property('size', 48)\nc.set_property('levels', 1)\n", folder)
    assert answer.startswith('success 2 '), answer
    report, _ = suite.new_reports()[-1]
    assert report['pixels'] == other['pixels'], (report['pixels'], other['pixels'])
    assert report['device']['driver'] != other['device']['driver'], 'it is the same driver'
    a, b = png(suite.path('gimp.png')), png(os.path.join(folder, 'other.png'))
    colours = [v for i, v in enumerate(a[3]) if a[2] == 3 or i % 4 != 3]
    assert a[:2] == b[:2]
    worst = max(abs(x - y) for x, y in zip(colours, b[3]))
    assert worst <= 1.001 / 255, 'a difference of %.1f / 255' % (255 * worst)


def sample():
    """The line in docs/gimp.md, as it is printed there; only smaller, so that it takes no minutes."""
    suite.documented('gimp-console-3.0 -i', {'RESULT=': 'SIZE=64 ITERATIONS=30 RESULT='})


def dialog(source, **environment):
    picture = environment.get('VKSTYLE_TEST_PICTURES') or os.environ.get('VKSTYLE_TEST_PICTURES')
    content, style, more = 'content.png', 'style.png', "c.set_property('model', '%s')\n" % suite.path(
        'small.safetensors')
    if source != 'style.png' and not picture:
        more += "c.set_property('style-folder', Gio.File.new_for_path('%s'))\n" % suite.path(source)
    if picture:
        # As a user sees it: photo, painting, and the model that ships.
        more = "c.set_property('size', 256)\n"
        content, style = (os.path.join(here, '../../docs/pictures', name)
                          for name in ('mountains.jpg', 'auvers.jpg'))
    script = ONE.replace('RunMode.NONINTERACTIVE)\nc.set_property(\'image', 'RunMode.INTERACTIVE)\nc.set_property(\'image')
    script = script.replace('%(folder)s/content.png', os.path.join(suite.folder, content))
    script = script.replace('%(folder)s/style.png', os.path.join(suite.folder, style))
    if os.path.exists(suite.path('one.txt')):
        os.remove(suite.path('one.txt'))
    status, log = gimp(script % {'folder': suite.folder, 'more': more + ("" if picture else "c.set_property('iterations', 100000)")},
                       1200, **environment)
    assert status == 0 and os.path.exists(suite.path('one.txt')), '%s\n%s' % (status, log[-4000:])


def layers():
    with open(suite.path('one.txt')) as file:
        return int(file.read().split()[1])


def shipped_model():
    suite.new_reports()
    answer = one("c.set_property('size', 48)\nc.set_property('iterations', 30)\nc.set_property('learning-rate', 0.05)\n")
    assert answer.startswith('success 2 '), answer
    stylised(suite.new_reports()[-1][0])


def registration():
    """The block in pluginrc is the interface that scripts rely on."""
    if not os.path.exists(suite.path('profile/pluginrc')):
        gimp('')
    with open(suite.path('profile/pluginrc'), errors='replace') as file:
        text = file.read()
    start = text.index('(plug-in-def "%s/plugin/gimp/vkstyle/vkstyle"' % suite.build)
    end = text.find('\n(plug-in-def', start + 1)
    lines = text[start:end if end > 0 else None].strip().split('\n')
    # Types, names, ranges and defaults; labels and helps may be reworded.
    words = re.compile(r'^(\(proc-(?:arg|val) \d+ "[^"]*" "[^"]*" "[^"]*") "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"')
    block = '\n'.join(words.sub(r'\1', line.strip()) for line in lines[1:]
                      if '(icon ' not in line and line.strip())
    assert '(icon icon-name' not in text[start:end], 'it has no icon'
    golden = os.path.join(here, 'pluginrc.golden')
    with open(golden) as file:
        old = file.read().split('\n')
    difference = list(difflib.unified_diff(old, (block + '\n').split('\n'), 'tests/gimp3/pluginrc.golden', 'now', lineterm=''))
    assert not difference, ('the interface that scripts see changed; if it shall, patch the golden file:\n'
                            + '\n'.join(difference))


if len(sys.argv) > 2:
    if 'dialog' in sys.argv[2]:
        suite.try_dialog(dialog, layers)
        suite.try_menu('gimp-3.0')
    elif sys.argv[2] in ('no_driver', 'parity', 'a_folder_is_one_style', 'registration', 'shipped_model', 'sample'):
        suite.check(sys.argv[2], globals()[sys.argv[2]])
    else:
        inside(sys.argv[2])
else:
    inside()
    if sanitized:
        suite.check('sanitizers_are_silent', suite.no_complaint)
    else:
        tests = [no_driver, parity, a_folder_is_one_style, registration, shipped_model, sample]
        if os.environ.get('VKSTYLE_TEST_OTHER'):
            tests.append(parity_of_drivers)
        for test in tests:
            suite.check(test.__name__, test)
        if suite.can_show():
            suite.try_dialog(dialog, layers)
            suite.try_menu('gimp-3.0')
sys.exit(suite.finish())
