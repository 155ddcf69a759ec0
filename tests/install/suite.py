#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""install.sh with stand-ins for GIMP, meson, Flatpak and Snap: what it finds, where it puts the filter, what
it says, and that --uninstall leaves nothing. suite.py SOURCE. Nothing outside a temporary folder is touched."""
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

source = os.path.abspath(sys.argv[1])
failed = 0
TOOLS = ('awk basename cat chmod cp dirname env find grep head ls mkdir mktemp mv printf rm rmdir sed sh sort tail '
         'timeout touch tr uniq').split()

MESON = r'''#!/bin/sh
# setup [--reconfigure] BUILD SOURCE OPTION..; install -C BUILD: what the real one makes, without building.
case $1 in
setup)
    shift
    [ "$1" != --reconfigure ] || shift
    mkdir -p "$1"
    touch "$1/build.ninja"
    build=$1
    shift 2
    printf '%s\n' "$@" >"$build/options"
    mkdir -p "$build/plugin/gimp/vkstyle" "$build/models"
    echo filter >"$build/plugin/gimp/vkstyle/vkstyle"
    echo icon >"$build/plugin/gimp/vkstyle/vkstyle.svg"
    echo model >"$build/models/vgg19.safetensors"
    ;;
install)
    build=$3
    prefix=$(sed -n '/^--prefix$/{n;p;}' "$build/options")
    gimp=$(sed -n 's/^-Dgimp=//p' "$build/options")
    folder=$(sed -n 's/^-Dgimp_plugin_dir=//p' "$build/options")
    [ -n "$folder" ] || folder=@SYSTEM@/$gimp/plug-ins
    mkdir -p "$DESTDIR$prefix/bin" "$DESTDIR$prefix/share/vkstyle/models"
    printf '#!/bin/sh\n[ "$1" = transfer ] && while [ $# -gt 0 ]; do [ "$1" != -o ] || touch "$2"; shift; done\nexit 0\n' \
        >"$DESTDIR$prefix/bin/vkstyle"
    chmod +x "$DESTDIR$prefix/bin/vkstyle"
    echo model >"$DESTDIR$prefix/share/vkstyle/models/vgg19.safetensors"
    [ "$gimp" != none ] || exit 0
    mkdir -p "$DESTDIR$folder/vkstyle"
    echo "$gimp" >"$DESTDIR$folder/vkstyle/vkstyle"
    ;;
esac
'''
GIMP = r'''#!/bin/sh
case $1 in
--version) echo "GNU Image Manipulation Program version @VERSION@" ;;
*) mkdir -p "$HOME/.config/GIMP/@SHORT@" ;; # its first start makes its folder
esac
'''
FLATPAK = r'''#!/bin/sh
case $* in
info*) printf '     ID: org.gimp.GIMP\n     Version: 3.0.4\n' ;;
*--command=sh*) echo "$HOME/.var/app/org.gimp.GIMP/config/GIMP/3.0" ;;
*) echo "@ANSWER@" ;;
esac
'''
PKG_CONFIG = '#!/bin/sh\ncase $2 in @HEADERS@) exit 0 ;; esac\nexit 1\n'


class Machine:
    """A folder that plays a machine."""

    def __init__(self, user, gimps=(), headers='', flatpak=None, snap=False):
        self.folder = tempfile.mkdtemp(prefix='vkstyle-install-')
        self.home, self.prefix = self.path('home'), self.path('prefix')
        for name in ('bin', 'home', 'system', 'source/docs/pictures'):
            os.makedirs(self.path(name))
        shutil.copy(os.path.join(source, 'install.sh'), self.path('source'))
        for tool in TOOLS:
            os.symlink(shutil.which(tool), self.path('bin/' + tool))
        self.stub('meson', MESON.replace('@SYSTEM@', self.path('system')))
        self.stub('ninja', '#!/bin/sh\n')
        self.stub('id', '#!/bin/sh\necho %d\n' % (0 if user == 'root' else 1000))
        self.stub('pkg-config', PKG_CONFIG.replace('@HEADERS@', headers or 'nothing'))
        for version in gimps:
            short = '.'.join(version.split('.')[:2])
            self.stub('gimp-console-' + short, GIMP.replace('@VERSION@', version).replace('@SHORT@', short))
        if flatpak:
            self.stub('flatpak', FLATPAK.replace('@ANSWER@', flatpak))
            os.makedirs(self.path('home/.var/app/org.gimp.GIMP/config/GIMP/3.0'))
        if snap:
            self.stub('snap', '#!/bin/sh\n[ "$*" = "list gimp" ]\n')

    def path(self, name):
        return os.path.join(self.folder, name)

    def stub(self, name, text):
        with open(self.path('bin/' + name), 'w') as file:
            file.write(text)
        os.chmod(self.path('bin/' + name), 0o755)

    def install(self, *options):
        done = subprocess.run([self.path('source/install.sh'), '--no-packages', '--prefix', self.prefix, *options],
                              env={'PATH': self.path('bin'), 'HOME': self.home}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def filters(self):
        """{path in the machine: the host}"""
        found = {}
        for root in ('home', 'system'):
            for folder, _, names in os.walk(self.path(root)):
                for name in names:
                    if name == 'vkstyle':
                        path = os.path.join(folder, name)
                        found[os.path.relpath(path, self.folder)] = open(path).read().strip()
        return found

    def nothing_left(self):
        self.install('--uninstall')
        assert not self.filters(), self.filters()
        left = [os.path.join(f, n) for f, _, names in os.walk(self.prefix) for n in names]
        assert not left, left


def check(name, test):
    global failed
    print('[ RUN      ] install.' + name, flush=True)
    try:
        test()
        print('[       OK ] install.' + name, flush=True)
    except Exception:
        traceback.print_exc(file=sys.stdout)
        print('[  FAILED  ] install.' + name, flush=True)
        failed += 1


def case(name, wanted, words, **how):
    def test():
        machine = Machine(**how)
        try:
            said = machine.install()
            assert machine.filters() == wanted, '%s\n%s' % (machine.filters(), said)
            for word in words:
                assert word in said, '"%s" is not in:\n%s' % (word, said)
            # Again over itself, then away.
            machine.install()
            assert machine.filters() == wanted
            machine.nothing_left()
        finally:
            shutil.rmtree(machine.folder)
    check(name, test)


case('no_gimp', {}, ['no GIMP was found', 'apt install gimp'], user='root')
case('gimp3_for_all', {'system/gimp3/plug-ins/vkstyle/vkstyle': 'gimp3'}, ['GIMP 3.0: restart it'], user='root',
     gimps=['3.0.4'], headers='gimpui-3*')
case('gimp2_for_all', {'system/gimp2/plug-ins/vkstyle/vkstyle': 'gimp2'}, ['GIMP 2.10: restart it'], user='root',
     gimps=['2.10.34'], headers='gimpui-2*')
case('gimp3_for_me', {'home/.config/GIMP/3.0/plug-ins/vkstyle/vkstyle': 'gimp3'}, ['Filters > Artistic'], user='me',
     gimps=['3.0.4'], headers='gimpui-3*')
case('gimp2_for_me', {'home/.config/GIMP/2.10/plug-ins/vkstyle/vkstyle': 'gimp2'}, [], user='me', gimps=['2.10.34'],
     headers='gimpui-2*')
case('a_later_gimp3', {'home/.config/GIMP/3.2/plug-ins/vkstyle/vkstyle': 'gimp3'}, [], user='me', gimps=['3.2.0'],
     headers='gimpui-3*')
case('both_gimps', {'home/.config/GIMP/3.0/plug-ins/vkstyle/vkstyle': 'gimp3',
                    'home/.config/GIMP/2.10/plug-ins/vkstyle/vkstyle': 'gimp2'},
     ['GIMP 3.0: restart', 'GIMP 2.10: restart'], user='me', gimps=['3.0.4', '2.10.34'], headers='gimpui-*')
case('only_the_older_has_headers', {'home/.config/GIMP/2.10/plug-ins/vkstyle/vkstyle': 'gimp2'},
     ['GIMP 3.0: the filter was not built', 'libgimp-3.0-dev'], user='me', gimps=['3.0.4', '2.10.34'],
     headers='gimpui-2*')
case('no_headers', {}, ['not built', 'libgimp2.0-dev'], user='root', gimps=['2.10.34'])
case('flatpak_that_loads_it', {'home/.var/app/org.gimp.GIMP/config/GIMP/3.0/plug-ins/vkstyle/vkstyle': 'filter'},
     ['GIMP as Flatpak: the filter is'], user='me', headers='gimpui-3*',
     flatpak='vkstyle is a GIMP plug-in and must be run by GIMP to be used')
case('flatpak_that_does_not', {}, ['GIMP as Flatpak: no filter', 'libcjson.so.1', 'apt install gimp'], user='me',
     headers='gimpui-3*', flatpak='error while loading shared libraries: libcjson.so.1')
case('flatpak_beside_gimp2', {'system/gimp2/plug-ins/vkstyle/vkstyle': 'gimp2'},
     ['GIMP 2.10: restart', 'GIMP as Flatpak: no filter', 'as the user who paints'], user='root', gimps=['2.10.34'],
     headers='gimpui-2*', flatpak='never asked')
case('snap', {}, ['GIMP as Snap: no filter', "'vkstyle transfer'"], user='me', snap=True)
sys.exit(1 if failed else 0)
