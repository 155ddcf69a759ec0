# SPDX-License-Identifier: MIT
# GIMP 3 without a window: paints pictures in the manner of another one. From a shell:
#
#   CONTENT=photo.jpg STYLE=painting.jpg RESULT=result.png \
#     gimp-console-3.0 -i --quit --batch-interpreter=python-fu-eval \
#     -b 'exec(open("docs/samples/stylize.py").read())'
import os


def stylize(content, style, result, **values):
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(os.path.abspath(content)))
    procedure = Gimp.get_pdb().lookup_procedure('plug-in-vkstyle')
    config = procedure.create_config()
    config.set_property('run-mode', Gimp.RunMode.NONINTERACTIVE)
    config.set_property('image', image)
    config.set_core_object_array('drawables', [image.get_layers()[0]])
    config.set_property('style-file', Gio.File.new_for_path(os.path.abspath(style)))
    # Any parameter under its name on the command line: iterations=100, beta=50.0, ...
    for name, value in values.items():
        config.set_property(name.replace('_', '-'), value)
    answer = procedure.run(config)
    # A failure does not raise: the status tells, and the message follows it.
    if answer.index(0) != Gimp.PDBStatusType.SUCCESS:
        raise RuntimeError(answer.index(1))
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(os.path.abspath(result)), None)
    image.delete()


stylize(os.environ['CONTENT'], os.environ['STYLE'], os.environ['RESULT'],
        size=int(os.environ.get('SIZE', '256')), iterations=int(os.environ.get('ITERATIONS', '100')))
