"""Names come from files and from users: whatever they hold, no program, page or picture reads it."""

import ast
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tinygrad_ae
from tinygrad_ae import Tensor, nn
from tinygrad_ae.export import javascript
from tinygrad_ae.show import draw, explain, page, plots
from tinygrad_ae.show.picture.render import render_bytes
from tinygrad_ae.show.plots import comparisons
from tinygrad_ae.util.text import comment, printable

PIECES = (
    "\n", "\r", "\x00", "\x1b[31m", "\u2028", "\x85", "\x0c", "\ud800", "\u202e", "evil()", "#", "    ",
    "</script>", "<!--", "-->", "*/", "//", "<img src=x onerror=evil()>", '"', "'", "\\", "\\N", "{", "}",
    "{0}", "{out}", "%s", "$", "$\\frac{1}{0$", "&lt;", "&", "]]>", "²", "ﬁ", "W", "σ̂", "1", "None", "[/b]",
)  # fmt: skip
names = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join)
X = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)


class Model(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.name = name.replace(".", "")
        setattr(self, self.name, nn.Linear(4, 3))
        self.weight = nn.Parameter(np.ones((3, 2), np.float32))
        self.weight.name = name

    def forward(self, x):
        return (getattr(self, self.name)(x).tanh() @ self.weight).sum()


def hostile(test):
    for piece in PIECES:
        test = example(name=f"a{piece}b")(example(name=piece)(test))
    return settings(max_examples=40, deadline=None)(given(name=names)(test))


@hostile
def test_a_compiled_step_runs_what_the_plain_one_does(name):
    model = Model(name)
    step = tinygrad_ae.compile(model)
    for k in range(3):
        assert step(X + k).item() == pytest.approx(model(Tensor(X + k)).item(), rel=1e-5)
    tree = ast.parse(step.source())
    assert [type(line).__name__ for line in tree.body[0].body] == ["Expr"] * 5 + ["Return"]
    assert not [x for x in ast.walk(tree) if isinstance(x, ast.Name) and x.id == "evil"]


@hostile
def test_javascript_has_the_lines_of_a_plain_name(name):
    def text(name):
        return javascript(f=(Model(name), X))

    assert len(re.split("[\n\r\u2028\u2029]", text(name))) == len(text("plain").split("\n"))
    assert not re.search(r"</|<!", text(name)[text(name).index("const c0") :])
    text(name).encode("utf-8")


class Tags(HTMLParser):
    """The elements of a page, with what is run in it."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, sorted(name for name, _ in attributes)))


def test_a_page_has_the_elements_of_one_of_a_plain_name(tmp_path):
    found = []
    for k, name in enumerate(["plain", *PIECES, "".join(PIECES)]):
        loss = Model(name)(Tensor(X, name=name))
        text = page(loss, tmp_path / f"{k}.html", title=name).read_text("utf-8")
        found.append(Tags(text).found)
        assert found[-1] == found[0], name


@pytest.mark.parametrize("name", ["".join(PIECES), *PIECES[:14], "$\\frac{1}{0$"])
def test_a_drawing_is_one_that_programs_read(name):
    loss = Model(name)(Tensor(X, name=name))
    root = ET.fromstring(render_bytes(draw(loss, gradients=True, title=name), "svg"))
    assert not [
        e for e in root.iter() if e.tag.rpartition("}")[2] in ("script", "img", "foreignObject")
    ]
    tags = Tags(explain(loss).html()).found
    assert not [t for t, a in tags if t in ("img", "script") or any(n[:2] == "on" for n in a)]


# A control character is shown as U+FFFD, of which Matplotlib's font has a picture.
@pytest.mark.parametrize("name", PIECES)
def test_plots_read_no_mathematics_in_names(name, tmp_path):
    figure = comparisons.errors([(name, 0.5, True), ("PCA", 0.4, False)])
    assert plots.save(figure, tmp_path / "errors.png").exists()


def test_a_comment_is_one_line_and_ends_no_program():
    for text in (*PIECES, "".join(PIECES)):
        assert len(comment(text).splitlines()) <= 1
        assert "</" not in comment(text)
        assert printable(text).isprintable() or "\n" in text
