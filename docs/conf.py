"""How Sphinx makes the site: `python docs/build.py` runs it."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path
from typing import Any

from jupyter_client.connect import LocalPortCache
from sphinx.ext.napoleon import GoogleDocstring
from sphinx.util.nodes import make_refnode

import tinygrad_ae
from tinygrad_ae.ops import Op

HERE = Path(__file__).parent


def digest() -> str:
    """Return a name for what executed pages depend on beside themselves."""
    folders = (HERE.parent / "tinygrad_ae", HERE.parent / "models", HERE.parent / "benchmarks")
    files = [HERE / "_shared.py", *(f for folder in folders for f in folder.rglob("*"))]
    sources = sorted(f for f in files if f.suffix in (".py", ".json", ".html", ".css", ".js"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in sources)).hexdigest()[:16]


# The kernels that execute pages find `_shared` by this, and compute on one thread each.
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
sys.path.insert(0, str(HERE))

project = "tinygrad_ae"
release = tinygrad_ae.__version__
html_title = project
language = "en"

extensions = [
    "myst_nb",  # pages in Markdown whose code is executed
    "sphinx.ext.autodoc",  # the reference, from docstrings
    "sphinx.ext.napoleon",  # which have sections: Args, Raises, ...
    "sphinx.ext.viewcode",  # with the source a click away
    "sphinx.ext.mathjax",
    "sphinx_design",  # answers that unfold, cards
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]

# ---- pages
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"  # each page that is read; a cache is a database that readers fight for
nb_execution_timeout = 3600  # a busy machine is no mistake
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True
nb_code_prompt_show = "Show the code of this picture"
nb_code_prompt_hide = "Hide the code"

# ---- reference
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # signatures stay short; the text says what an argument is
autodoc_default_options = {"members": True}
nitpick_ignore_regex = [
    ("py:.*", r"(numpy|np|pathlib|matplotlib|graphviz|collections)\..*|Array")
]  # the site is offline
add_module_names = False
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# ---- mathematics, from a copy of our own: see build.py
html_static_path = ["_static", "_build/static"]
mathjax_path = "mathjax/tex-svg.js"
mathjax4_config = {
    "loader": {"paths": {"fonts": "[mathjax]"}},
    "output": {"displayOverflow": "linebreak"},  # a long equation breaks on a phone
    "options": {  # screen readers get MathML; speech of MathJax's own needs a server
        "menuOptions": {
            "settings": {"assistiveMml": True, "enrich": False, "speech": False, "braille": False}
        }
    },
}

# ---- looks
html_theme = "furo"
html_theme_options = {"navigation_with_keys": True}
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


# Pages are read side by side, and a kernel binds the ports chosen for it a moment later: each
# reader chooses among others.
find_port = LocalPortCache.find_available_port
LocalPortCache.find_available_port = lambda self, ip: next(
    port for port in iter(lambda: find_port(self, ip), None) if port % 211 == os.getpid() % 211
)


# In what is returned, and in a property's text, no type stands before a colon.
GoogleDocstring._consume_returns_section = lambda self, **_: [
    ("", "", self._dedent(self._consume_to_next_section()))
]
GoogleDocstring._parse_attribute_docstring = lambda self: list(self._lines)


# ---- docstrings are prose with formulas, read in terminals: what reStructuredText must know
def setup(app: Any) -> None:
    """Execute pages again when what they run was changed; read docstrings as plain text."""
    app.add_config_value("sources", digest(), rebuild="env")
    app.connect("autodoc-process-docstring", plain, priority=400)  # before napoleon
    app.connect("missing-reference", by_short_name)
    app.connect("html-page-context", accessible, priority=900)  # after the theme


def accessible(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Give headings of the table of contents a level; let what unfolds be called what it says."""
    for part in {"body", "furo_navigation_tree"} & context.keys():
        text = context[part].replace('role="heading"', 'role="heading" aria-level="2"')
        context[part] = text.replace('<summary aria-label="Toggle hidden content">', "<summary>")


def plain(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape what is markup by accident; show indented formulas as they stand."""
    sections = False
    out: list[str] = []
    for line in lines:
        sections |= (
            re.fullmatch(r"[A-Z]\w+:", line) is not None
        )  # Args: and the like are napoleon's
        starts = line.startswith("    ") and out and not out[-1].strip()
        if starts and not sections and not any(o.startswith(("    ", "::")) for o in out[-3:]):
            out += ["::", ""]
        pieces = re.split(r"(``.*?``|:\w+:`.*?`)", line)
        pieces[::2] = [re.sub(r"([*|])", r"\\\1", piece) for piece in pieces[::2]]
        literal = line.startswith("    ") and not sections
        out.append(line if literal or ">>>" in line else "".join(pieces))
    lines[:] = out


def by_short_name(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Find what a docstring calls by its last name, wherever it is documented."""
    domain = env.get_domain("py")
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py":
        return None
    last = target.removeprefix("tinygrad_ae.").split(".")
    found = [full for full in domain.objects if full.split(".")[-len(last) :] == last]
    found = found or [full for full in domain.objects if full.endswith(f".{last[-1]}")]
    if not found and (last == ["ops"] or last[-1] in Op.registry):  # one of the table's
        return make_refnode(app.builder, node["refdoc"], "reference/ops", None, contnode)
    if not found:
        return None
    entry = domain.objects[min(found, key=len)]
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode)
