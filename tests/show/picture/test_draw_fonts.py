"""Pictures on a machine without fonts, and a quiet stderr."""

import subprocess
import sys

CODE = """
import sys
from tinygrad_ae.show.picture import fonts
from tinygrad_ae.show.picture.render import render_bytes
import graphviz
fonts.SYSTEM = {}  # no font is installed
def picture(word):
    return render_bytes(graphviz.Source(f'digraph {{ a [shape=plain label="{word}"] }}'), "png")
# Boxes for unknown characters are all alike; letters are not.
sys.stdout.write(str(len({picture(word) for word in ("iii", "MMM", "δδδ", "∂∂∂")})))
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_letters_are_drawn_where_no_font_is_installed():
    done = run(CODE)
    assert done.stdout == "4"
    assert done.stderr == ""


def test_the_environment_is_as_before():
    code = (
        "import os, graphviz; before = dict(os.environ)\n"
        "from tinygrad_ae.show.picture.render import render_bytes\n"
        "render_bytes(graphviz.Source('digraph { a }'), 'png')\n"
        "print(dict(os.environ) == before)"
    )
    done = run(code)
    assert done.stdout.strip() == "True"
    assert done.stderr == ""


def test_what_graphviz_itself_says_on_stderr_is_passed_on():
    code = (
        "import os\n"
        "from tinygrad_ae.show.picture.fonts import fonts\n"
        "with fonts():\n"
        "    os.write(2, b'Fontconfig warning: x\\nWarning: a node overlaps\\n')\n"
    )
    assert run(code).stderr == "Warning: a node overlaps\n"
