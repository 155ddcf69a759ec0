# SPDX-License-Identifier: MIT
"""What the suites of both GIMPs share: fixtures, a clean environment for GIMP, and looks into what a
run left. Python's own library only.

Lines are printed as cmocka prints them, which ./install.sh --test counts.
"""
import glob
import itertools
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zlib


def tensor(path):
    """(width, height, floats) of the tensor "image" [3,H,W] in a .safetensors file."""
    with open(path, 'rb') as file:
        data = file.read()
    size = struct.unpack('<Q', data[:8])[0]
    entry = json.loads(data[8:8 + size])['image']
    first, last = entry['data_offsets']
    _, height, width = entry['shape']
    raw = data[8 + size + first:8 + size + last]
    return width, height, struct.unpack('<%df' % (len(raw) // 4), raw)


def png(path):
    """(width, height, channels, values) of a PNG of 8 or 16 bits, not interlaced, no palette."""
    with open(path, 'rb') as file:
        data = file.read()
    assert data[:8] == b'\x89PNG\r\n\x1a\n', path + ' is no PNG'
    at, packed = 8, b''
    while at < len(data):
        length, kind = struct.unpack('>I4s', data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b'IHDR':
            width, height, depth, colour = struct.unpack('>IIBB', body[:10])
        elif kind == b'IDAT':
            packed += body
        at += 12 + length
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    step = channels * depth // 8
    rows, before, raw = [], bytearray(width * step), zlib.decompress(packed)
    for y in range(height):
        start = y * (width * step + 1)
        kind, row = raw[start], bytearray(raw[start + 1:start + 1 + width * step])
        for i in range(len(row)):
            left = row[i - step] if i >= step else 0
            corner = before[i - step] if i >= step else 0
            up = before[i]
            if kind == 1:
                row[i] = (row[i] + left) & 255
            elif kind == 2:
                row[i] = (row[i] + up) & 255
            elif kind == 3:
                row[i] = (row[i] + (left + up) // 2) & 255
            elif kind == 4:
                guess = left + up - corner
                near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up),
                           (abs(guess - corner), 2, corner))
                row[i] = (row[i] + near[2]) & 255
        rows.append(bytes(row))
        before = row
    joined = b''.join(rows)
    if depth == 16:
        values = [v / 65535 for v in struct.unpack('>%dH' % (len(joined) // 2), joined)]
    else:
        values = [v / 255 for v in joined]
    return width, height, channels, values


def write_png(path, width, height, channels, pixels):
    """pixels: bytes, row by row. No colour chunks: GIMP 3 would make a profile of them."""
    def chunk(kind, body):
        packed = kind + body
        return struct.pack('>I', len(body)) + packed + struct.pack('>I', zlib.crc32(packed))
    row = width * channels
    raw = b''.join(b'\0' + pixels[y * row:(y + 1) * row] for y in range(height))
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    with open(path, 'wb') as file:
        file.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8,
                   colour, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(raw)) + chunk(b'IEND', b''))


class Suite:
    """A folder with fixtures and a GIMP profile, and the count of what passed."""

    def __init__(self, name, build, version):
        self.name, self.build, self.version = name, os.path.abspath(build), version
        self.source = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
        self.folder = tempfile.mkdtemp(prefix='vkstyle-%s-' % name)
        self.reports = self.path('reports')
        os.mkdir(self.reports)
        self.failed = 0
        self.cli = self.path_in_build('plugin/vkstyle')
        subprocess.run([self.path_in_build('tests/cli/cli_helper'), 'inputs', self.folder], check=True)
        # The pictures come with chunks about colour from nobody: made again without any.
        for picture in ('content.png', 'style.png'):
            width, height, channels, values = png(self.path(picture))
            write_png(self.path(picture), width, height, channels,
                      bytes(round(255 * v) for v in values))
        with open(self.path('gimprc'), 'w') as file:
            file.write('(plug-in-path "%s:%s")\n' % (self.system_plug_ins(),
                                                     self.path_in_build('plugin/gimp')))

    def system_plug_ins(self):
        """GIMP's own plug-ins, without a filter of ours that may be installed there."""
        libraries = subprocess.run(['pkg-config', '--variable=gimplibdir', 'gimp-%d.0' % self.version],
                                   check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        folder = self.path('plug-ins')
        os.mkdir(folder)
        for name in os.listdir(libraries + '/plug-ins'):
            if name != 'vkstyle':
                os.symlink('%s/plug-ins/%s' % (libraries, name), os.path.join(folder, name))
        return folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def path_in_build(self, name):
        return os.path.join(self.build, name)

    def environment(self, **more):
        """What a GIMP gets: nothing of the user's."""
        kept = {key: os.environ[key] for key in os.environ
                if key.startswith(('ASAN_', 'UBSAN_', 'LSAN_', 'VK_')) or key == 'PATH'}
        kept.update(LC_ALL='C.UTF-8', HOME=self.folder, NO_AT_BRIDGE='1', TMPDIR=self.folder,
                    XDG_CACHE_HOME=self.path('cache'), VKSTYLE_GIMP_REPORTS=self.reports)
        kept['GIMP%d_DIRECTORY' % self.version] = self.path('profile')
        kept.update(more)
        return {key: value for key, value in kept.items() if value is not None}

    def run(self, command, timeout=900, **more):
        """(exit status, stdout and stderr). A GIMP that hangs is killed, with all it started."""
        with open(self.path('log'), 'w+b') as log:
            process = subprocess.Popen(command, env=self.environment(**more), stdout=log,
                                       stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                       start_new_session=True)
            try:
                status = process.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                status = 'a timeout of %d s' % timeout
            log.seek(0)
            return status, log.read().decode('utf-8', 'replace')

    def sanitized(self):
        """Whether this build has sanitizers; if so, they write into files of ours from now on."""
        options = json.loads(subprocess.run(['meson', 'introspect', '--buildoptions', self.build], check=True,
                                            stdout=subprocess.PIPE).stdout)
        if not any(o['name'] == 'b_sanitize' and 'address' in o['value'] for o in options):
            return False
        os.environ['ASAN_OPTIONS'] = 'detect_leaks=0:log_path=' + self.path('asan')
        os.environ['UBSAN_OPTIONS'] = 'print_stacktrace=1:halt_on_error=0:log_path=' + self.path('asan')
        return True

    def no_complaint(self):
        logs = glob.glob(self.path('asan*'))
        assert not logs, open(logs[0]).read()

    def transfer(self, result, *options, styles=('style.png',)):
        """What the command line makes of the fixtures, as the file `result`; returns its report."""
        report = self.path('cli.json')
        subprocess.run([self.cli, 'transfer', self.path('content.png'), *map(self.path, styles), '-o',
                        self.path(result), '--model', self.path('small.safetensors'), '--full-size',
                        '--progress', 'none', '--report', report, *options],
                       check=True, env=self.environment(), stderr=subprocess.DEVNULL)
        with open(report) as file:
            return json.load(file)

    def documented(self, start, smaller):
        """Runs the line of docs/gimp.md that begins so, in the folder of the project; it has to leave a
        picture. `smaller`: what is replaced, so that it takes no minutes."""
        result = self.path('documented.png')
        with open(os.path.join(self.source, 'docs/gimp.md')) as file:
            lines = [line.strip() for line in file if line.startswith('    ')]
        line = [line for line in lines if start in line]
        assert len(line) == 1, 'docs/gimp.md has %d lines with %s' % (len(line), start)
        with open(os.path.join(self.source, 'README.md')) as file:
            assert line[0] in file.read(), 'README has another line than docs/gimp.md'
        line = line[0]
        for old, new in list(smaller.items()) + [('/tmp/result.png', result)]:
            assert old in line, line
            line = line.replace(old, new)
        shutil.copy(self.path('gimprc'), self.path('profile/gimprc'))
        status, log = self.run(['sh', '-c', 'cd "$1" && ' + line, 'sh', self.source], 1200)
        assert status == 0 and os.path.exists(result), '%s\n%s\n%s' % (line, status, log[-3000:])
        width, height, channels, values = png(result)
        assert (width, height) == (640, 480) and max(values) - min(values) > 0.3

    def looks_stylised(self, picture, model=None):
        """Measured on the pixels that GIMP holds: less than half of the style is missing as in the content."""
        losses = []
        for target in ('content.png', picture):
            flat = self.path('flat.png')
            width, height, channels, values = png(self.path(target))
            assert (width, height) == (52, 39) and channels > 2
            write_png(flat, width, height, 3, bytes(round(255 * values[channels * k + c])
                                                    for k in range(width * height) for c in range(3)))
            command = [self.cli, 'evaluate', self.path('content.png'), self.path('style.png'), flat, '-o',
                       self.path('losses.safetensors')] + (['--model', model] if model else [])
            said = subprocess.run(command, check=True, env=self.environment(), stderr=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, text=True).stdout
            losses.append(float(re.search(r'style\D*([-+.e\d]+)', said).group(1)))
        assert losses[1] < 0.5 * losses[0], 'style loss %g instead of %g' % (losses[1], losses[0])

    def second_style(self):
        """second.png: the style as a dark red picture."""
        width, height, channels, values = png(self.path('style.png'))
        write_png(self.path('second.png'), width, height, channels,
                  bytes(round((160 if i % channels == 0 else 40) * v) for i, v in enumerate(values)))

    def folders(self):
        """crops: two pictures, and what is none of them. Others that are refused: empty, many, broken."""
        for name in ('crops', 'empty', 'many', 'broken'):
            os.mkdir(self.path(name))
        shutil.copy(self.path('style.png'), self.path('crops/1.png'))
        shutil.copy(self.path('second.png'), self.path('crops/2.png'))
        shutil.copy(self.path('style.png'), self.path('broken/1.png'))
        for name in ('crops/notes.txt', 'crops/.3.png', 'empty/notes.txt', 'broken/2.png'):
            with open(self.path(name), 'w') as file:
                file.write('no picture\n')
        for i in range(65):
            shutil.copy(self.path('style.png'), self.path('many/%d.png' % i))

    def new_reports(self):
        """(report, content tensor) of each run since the last call, in order."""
        found = []
        for path in sorted(glob.glob(self.path('reports/run-*.safetensors'))):
            report = path[:-len('safetensors')] + 'json'
            with open(report) as file:
                found.append((json.load(file), tensor(path)))
            os.remove(path)
            os.remove(report)
        return found

    def check(self, name, test):
        """Runs one test; True when it passed."""
        name = '%s.%s' % (self.name, name.replace(' ', '_'))
        print('[ RUN      ] ' + name, flush=True)
        try:
            test()
            print('[       OK ] ' + name, flush=True)
            return True
        except Exception:
            traceback.print_exc(file=sys.stdout)
            print('[  FAILED  ] ' + name, flush=True)
            self.failed += 1
            return False

    def can_show(self):
        return all(shutil.which(tool) for tool in ('Xvfb', 'xdotool', 'import'))

    def try_dialog(self, run, count):
        """The dialog and the window of the work, with keys. run(style, environment) calls GIMP with the
        filter's dialog, the style being a file or a folder; count() is the number of layers then."""
        keep = os.environ.get('VKSTYLE_TEST_PICTURES')

        def begin(screen):
            return screen.wait_for('Neural Style Transfer', settled=True)

        def stop(screen):
            window = begin(screen)
            # The preview: a picture where there was grey.
            def empty():
                return screen.pixels(window, self.path('window.png')).count((128, 128, 128)) > 10000
            assert empty(), 'the place of the preview is not where it was'
            end = time.time() + 400
            screen.press(window, 'alt+v')
            while empty():
                assert time.time() < end, 'no preview was painted'
                time.sleep(1)
            if keep:
                time.sleep(40)
                screen.picture(window, os.path.join(keep, self.name + '-dialog.png'))
                # And all that the expander has.
                screen.press(window, 'alt+a')
                time.sleep(2)
                screen.picture(window, os.path.join(keep, self.name + '-advanced.png'))
            screen.press(window, 'Return')
            window = screen.wait_for('Painting')
            if keep:
                time.sleep(45)
                screen.picture(window, os.path.join(keep, self.name + '-painting.png'))
            end = time.time() + 400
            # The button answers as soon as there is something to keep.
            while time.time() < end and screen.do('xdotool', 'search', '--onlyvisible', '--name', 'Painting'):
                screen.press(window, 'alt+s')
                time.sleep(1)

        def cancel(screen):
            screen.press(begin(screen), 'Return')
            window = screen.wait_for('Painting')
            time.sleep(3)
            screen.press(window, 'Escape')

        def refuse(screen):
            screen.press(begin(screen), 'Escape')

        for action, style, layers in ((stop, 'crops', 2), (cancel, 'style.png', 1), (refuse, 'style.png', 1)):
            def test(action=action, style=style, layers=layers):
                with Screen() as screen:
                    hands = Hands(lambda: action(screen), screen)
                    try:
                        run(style, DISPLAY=screen.display)
                    finally:
                        hands.done()
                assert count() == layers, '%d layers instead of %d' % (count(), layers)
            self.check('dialog_' + action.__name__, test)

    def try_menu(self, program):
        """The whole GIMP: the entry in the menu, a new layer, one undo that removes it, a layer that is
        deleted while it is painted, and an image that is closed. Settings are the last ones of try_dialog; the number of layers is in the
        window's title."""
        def title_with(screen, window, words, seconds=400):
            end = time.time() + seconds
            while time.time() < end:
                if words in ' '.join(screen.do('xdotool', 'getwindowname', window)):
                    return
                time.sleep(0.5)
            raise AssertionError('no "%s" in "%s"' % (words, screen.do('xdotool', 'getwindowname', window)))

        def paint(screen, main):
            """From the menu to the window of the work."""
            screen.press(main, 'alt+r')
            for key in 'ay':
                time.sleep(1.5)
                screen.do('xdotool', 'key', key)
            screen.press(screen.wait_for('Neural Style Transfer', settled=True), 'Return')
            return screen.wait_for('Painting')

        def stop(screen, window):
            end = time.time() + 400
            while time.time() < end and screen.do('xdotool', 'search', '--onlyvisible', '--name', 'Painting'):
                screen.press(window, 'alt+s')
                time.sleep(1)

        def session(screen, main):
            title_with(screen, main, '1 layer')
            time.sleep(3)
            stop(screen, paint(screen, main))
            title_with(screen, main, '2 layers')
            screen.press(main, 'ctrl+z')
            title_with(screen, main, '1 layer')
            # The layer is deleted while it is painted: the result is there all the same.
            window = paint(screen, main)
            time.sleep(2)
            screen.press(main, 'alt+l')
            time.sleep(1.5)
            screen.do('xdotool', 'key', 'd')
            title_with(screen, main, '0 layers')
            stop(screen, window)
            title_with(screen, main, '1 layer')
            # The image is closed while it is painted: that is said, and GIMP goes on.
            window = paint(screen, main)
            time.sleep(2)
            screen.press(main, 'ctrl+w')
            screen.press(screen.wait_for('^Close '), 'ctrl+d')
            title_with(screen, main, 'GNU Image Manipulation Program')
            stop(screen, window)
            screen.wait_for('^GIMP Message')
            title_with(screen, main, 'GNU Image Manipulation Program')

        def test():
            # A folder of its own: a GIMP that is killed leaves backups, and the next one asks about them.
            shutil.copytree(self.path('profile'), self.path('profile-menu'))
            key = 'GIMP%d_DIRECTORY' % self.version
            with Screen() as screen, open(self.path('log'), 'wb') as log:
                environment = self.environment(DISPLAY=screen.display, **{key: self.path('profile-menu')})
                process = subprocess.Popen([program, '-nsd', '-g', self.path('gimprc'), self.path('content.png')],
                                           env=environment, stdout=log, stderr=log, start_new_session=True)
                try:
                    session(screen, screen.wait_for('content.*GIMP'))
                finally:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        self.check('menu_undo_a_deleted_layer_and_a_closed_image', test)

    def finish(self):
        if self.failed:
            print('left for a look: ' + self.folder)
            return 1
        shutil.rmtree(self.folder)
        return 0


class Screen:
    """An X server without a monitor, and a user's hands on it."""

    def __enter__(self):
        read, write = os.pipe()
        self.server = subprocess.Popen(['Xvfb', '-displayfd', str(write), '-screen', '0', '1280x1024x24',
                                        '-nolisten', 'tcp'], pass_fds=[write], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as pipe:
            self.display = ':' + pipe.readline().strip()
        assert self.display != ':', 'Xvfb did not start'
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()

    def do(self, *command):
        return subprocess.run(command, env=dict(os.environ, DISPLAY=self.display), stderr=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, timeout=30).stdout.split()

    def wait_for(self, title, seconds=400, settled=False):
        """The window of that title; settled: once it has had time to get its keys ready."""
        end = time.time() + seconds
        while time.time() < end:
            found = self.do('xdotool', 'search', '--onlyvisible', '--name', title)
            if found:
                time.sleep(3 if settled else 0)
                return found[-1]
            time.sleep(0.5)
        raise AssertionError('no window called %s' % title)

    def press(self, window, key):
        self.do('xdotool', 'windowfocus', window, 'key', key)

    def pixels(self, window, path):
        """What a window shows: a list of (red, green, blue)."""
        self.do('import', '-window', window, 'PNG24:' + path)
        values = [round(255 * v) for v in png(path)[3]]
        return list(zip(values[0::3], values[1::3], values[2::3]))

    def picture(self, window, path):
        # A pointer over a widget would bring up its tip.
        self.do('xdotool', 'mousemove', '1279', '1023')
        time.sleep(1)
        self.do('import', '-window', window, path)


class Hands(threading.Thread):
    """Uses dialogs while GIMP runs; what goes wrong there is raised by done()."""

    def __init__(self, action, screen):
        super().__init__()
        self.action, self.screen, self.failure = action, screen, None
        self.start()

    def run(self):
        try:
            self.action()
        except Exception as failure:
            self.failure = failure
            # Nobody answers the dialog any more: it ends with its screen.
            self.screen.server.terminate()

    def done(self):
        self.join()
        if self.failure:
            raise self.failure


def stylised(report):
    """What the engine says: of the style, less than half as much is missing as at the start."""
    assert report['outcome'] == 'done', report['outcome']
    for name in ('total', 'style'):
        loss = report['losses'][name]
        assert loss[-1] < 0.5 * loss[0], '%s loss went from %g to %g only' % (name, loss[0], loss[-1])


# The forms that a layer can have: every two values of different rows meet in some case.
FORMS = {
    'selection': (None, (10, 6, 24, 20)),
    'offset': ((0, 0), (7, -5)),
    'group': (False, True),
    'alpha': (False, True),
    'profile': (False, True),
}


def form_cases(formats):
    """A list of {'format': .., 'selection': .., ...} in which every pair of values of two of them occurs."""
    factors = dict({'format': tuple(formats)}, **FORMS)
    names = list(factors)
    open_pairs = {(a, va, b, vb) for i, a in enumerate(names) for b in names[i + 1:]
                  for va in range(len(factors[a])) for vb in range(len(factors[b]))}
    cases = []
    while open_pairs:
        # Greedy: of all ways to fill the row, the one with the most new pairs.
        best, best_new = None, ()
        for row in itertools.product(*(range(len(factors[name])) for name in names)):
            new = {(a, row[i], b, row[j]) for i, a in enumerate(names)
                   for j, b in enumerate(names) if i < j} & open_pairs
            if len(new) > len(best_new):
                best, best_new = row, new
        open_pairs -= best_new
        cases.append({name: factors[name][best[i]] for i, name in enumerate(names)})
    return cases


def form_name(form):
    words = [form['format'].replace('-', '_')]
    return '_'.join(words + [name for name in FORMS if form[name] not in (None, False, (0, 0))])


def write_profile(path, grey=False, gamma=2.2):
    """A small ICC profile of version 2: grey, or the primaries of Adobe RGB (1998), with this gamma."""
    def tag(kind, body):
        data = kind + b'\0\0\0\0' + body
        return data + b'\0' * (-len(data) % 4)

    def xyz(*values):
        return tag(b'XYZ ', struct.pack('>3i', *(round(v * 65536) for v in values)))
    curve = tag(b'curv', struct.pack('>IH', 1, round(gamma * 256)))
    words = b'Test grey' if grey else b'Test wide'
    tags = [(b'desc', tag(b'desc', struct.pack('>I', len(words) + 1) + words + b'\0' * (1 + 4 + 4 + 2 + 1 + 67))),
            (b'cprt', tag(b'text', b'none\0')), (b'wtpt', xyz(0.9642, 1, 0.8249))]
    if grey:
        tags.append((b'kTRC', curve))
    else:
        # As seen under D50.
        tags += [(b'rXYZ', xyz(0.60974, 0.31111, 0.01947)), (b'gXYZ', xyz(0.20528, 0.62567, 0.06087)),
                 (b'bXYZ', xyz(0.14919, 0.06322, 0.74457)), (b'rTRC', curve), (b'gTRC', curve), (b'bTRC', curve)]
    at, table, body = 128 + 4 + 12 * len(tags), struct.pack('>I', len(tags)), b''
    for name, data in tags:
        table += name + struct.pack('>II', at + len(body), len(data))
        body += data
    header = struct.pack('>I4sI4s4s4s12x4s4x4x4x4x8x', 128 + len(table) + len(body), b'\0\0\0\0', 0x02100000,
                         b'mntr', b'GRAY' if grey else b'RGB ', b'XYZ ', b'acsp')
    header += struct.pack('>3i', round(0.9642 * 65536), 65536, round(0.8249 * 65536))
    with open(path, 'wb') as file:
        file.write(header + b'\0' * (128 - len(header)) + table + body)


def half(values, right):
    """Of 52x39 colours those left or right of the middle, without the columns next to it."""
    return [values[3 * (52 * y + x) + c] for y in range(39) for x in range(52) for c in range(3)
            if (x >= 30 if right else x < 22)]


def regions_hold(content, painted):
    """content, and pictures as colours, 52x39: `mask` acts on the right alone, `map` on the left, `first` is
    the style everywhere, `two` and `both` have it on the left and the second one on the right, `none` and `all` have
    none of the second and nothing else, and `moved` was painted where the content lay 13 pixels further right, so that the mask of the left half covers a quarter."""
    def change(name, right, of=content):
        return mean_difference(half(painted[name], right), half(of, right))
    for name, right in (('mask', True), ('map', False)):
        print('    %s: %.4f where it acts, %.4f where not' % (name, change(name, right), change(name, not right)))
        assert change(name, right) > 0.05, '%s painted hardly anything' % name
        assert change(name, not right) < 0.005, '%s painted where it is black' % name
    def redness(name, right):
        values = half(painted[name], right)
        return sum(values[0::3]) / len(values) * 3 - sum(values[1::3] + values[2::3]) / len(values) * 1.5
    for name in ('two', 'both'):
        more = [redness(name, side) - redness('first', side) for side in (False, True)]
        print('    %s: redder than the first style alone by %.4f on the left, by %.4f on the right' % (name, *more))
        assert more[1] > 0.08 and abs(more[0]) < more[1] / 3, '%s: redder by %s' % (name, more)
    more = {name: [redness(name, side) - redness('first', side) for side in (False, True)] for name in ('none', 'all')}
    print('    redder than the first style alone with none of the second by %.4f, with nothing else by %.4f'
          % (max(more['none']), min(more['all'])))
    assert max(map(abs, more['none'])) < 0.01 and min(more['all']) > 0.08, more
    columns = [mean_difference(*([values[3 * (52 * y + x) + c] for y in range(39) for c in range(3)]
                                 for values in (painted['moved'], content))) for x in range(52)]
    edge = [sum(columns[a:b]) / (b - a) for a, b in ((0, 10), (17, 52))]
    print('    moved: %.4f under the mask, %.4f beside it' % tuple(edge))
    assert edge[0] > 0.05 and edge[1] < 0.005, 'the mask did not stay in its place'


def near(a, b, limit, what):
    assert len(a) == len(b), '%s: %d values instead of %d' % (what, len(a), len(b))
    worst = max(abs(x - y) for x, y in zip(a, b))
    assert worst <= limit, '%s: a difference of %g' % (what, worst)


def mean_difference(a, b):
    assert len(a) == len(b)
    return sum(abs(x - y) for x, y in zip(a, b)) / len(a)
