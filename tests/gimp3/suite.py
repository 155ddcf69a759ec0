#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The filter in GIMP 3, without a display. suite.py BUILD: a build folder with the filter for GIMP 3."""
import glob
import json
import os
import re
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
support = os.path.join(here, '..', 'support')
sys.path.insert(0, support)
from filter_suite import Suite, png, stylised

suite = Suite('gimp3', sys.argv[1], 3)
sanitized = os.environ.get('VKSTYLE_TEST_SANITIZED')
if sanitized:
    os.environ['ASAN_OPTIONS'] = 'detect_leaks=0:log_path=' + suite.path('asan')
    os.environ['UBSAN_OPTIONS'] = 'print_stacktrace=1:log_path=' + suite.path('asan')


def gimp(script, timeout=900, **more):
    command = ['gimp-console-3.0', '-idfs', '--quit', '-g', suite.path('gimprc'),
               '--batch-interpreter=python-fu-eval', '-b', script]
    return suite.run(command, timeout, VKSTYLE_TEST=suite.folder, VKSTYLE_TEST_SUPPORT=support, **more)


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


def one(more, **environment):
    for name in ('one.txt', 'gimp.png'):
        if os.path.exists(suite.path(name)):
            os.remove(suite.path(name))
    status, log = gimp(ONE % {'folder': suite.folder, 'more': more}, **environment)
    assert status == 0 and os.path.exists(suite.path('one.txt')), '%s\n%s' % (status, log[-4000:])
    with open(suite.path('one.txt')) as file:
        return file.read()


def no_driver():
    answer = one('', VK_DRIVER_FILES='/nonexistent', VK_ICD_FILENAMES='/nonexistent')
    assert answer.startswith('execution-error 1 '), answer
    assert 'river' in answer and 'vulkan' in answer.lower(), answer


def parity():
    """Command line and GIMP: the same bits in, the same bits out."""
    suite.new_reports()
    answer = one("c.set_property('model', '%s')\nc.set_property('iterations', 50)\n"
                 % suite.path('small.safetensors'))
    assert answer.startswith('success 2 '), answer
    report, _ = suite.new_reports()[-1]
    subprocess.run([suite.cli, 'transfer', suite.path('content.png'), suite.path('style.png'), '-o',
                    suite.path('cli.png'), '--model', suite.path('small.safetensors'), '--iterations',
                    '50', '--full-size', '--progress', 'none', '--report', suite.path('cli.json')],
                   check=True, env=suite.environment(), stderr=subprocess.DEVNULL)
    with open(suite.path('cli.json')) as file:
        other = json.load(file)
    assert report['pixels'] == other['pixels'], (report['pixels'], other['pixels'])
    a, b = png(suite.path('gimp.png')), png(suite.path('cli.png'))
    colours = [v for i, v in enumerate(a[3]) if a[2] == 3 or i % 4 != 3]
    assert a[:2] == b[:2] and colours == b[3], 'the pictures differ'


def dialog(**environment):
    picture = environment.get('VKSTYLE_TEST_PICTURES') or os.environ.get('VKSTYLE_TEST_PICTURES')
    content, style, more = 'content.png', 'style.png', "c.set_property('model', '%s')\n" % suite.path(
        'small.safetensors')
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
    status, log = gimp(script % {'folder': suite.folder, 'more': more + "c.set_property('iterations', 100000)"},
                       240, **environment)
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
    with open(suite.path('pluginrc.new'), 'w') as file:
        file.write(block + '\n')
    with open(golden) as file:
        assert file.read() == block + '\n', 'the registration changed; compare %s with %s' % (
            suite.path('pluginrc.new'), golden)


if len(sys.argv) > 2:
    if 'dialog' in sys.argv[2]:
        suite.try_dialog(dialog, layers)
        suite.try_menu('gimp-3.0')
    else:
        inside(sys.argv[2])
else:
    inside()
    suite.check('no_driver', no_driver)
    suite.check('parity', parity)
    suite.check('registration', registration)
    if suite.can_show():
        suite.try_dialog(dialog, layers)
        suite.try_menu('gimp-3.0')
    if not sanitized:
        suite.check('shipped_model', shipped_model)
    else:
        def no_log():
            logs = glob.glob(suite.path('asan*'))
            assert not logs, open(logs[0]).read()
        suite.check('sanitizers_are_silent', no_log)
sys.exit(suite.finish())
