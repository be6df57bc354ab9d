"""The picture of a graph: its cards, arrows and frames."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tinygrad_ae import Graph, Op, Tensor, nn
from tinygrad_ae.errors import UserError
from tinygrad_ae.show import draw
from tinygrad_ae.show.picture.cards import Kind
from tinygrad_ae.show.picture.compose import picture
from tinygrad_ae.show.picture.render import render_bytes


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
        self.decoder = nn.Sequential(nn.Linear(2, 4), nn.LayerNorm(4), nn.Linear(4, 6))

    def loss(self, x):
        return ((self.decoder(self.encoder(x)) - x) ** 2).mean()


@pytest.fixture
def loss():
    return Model().loss(Tensor(np.ones((3, 6), "f4")))


def by_title(shown):
    return {card.title: card for card in shown.frame.all_cards()}


def svg_text(drawing):
    root = ET.fromstring(render_bytes(drawing, "svg"))
    return ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]


def test_one_card_per_operation_and_leaf_one_arrow_per_use():
    a, b = Tensor(2.0, True, name="a"), Tensor(3.0, True, name="b")
    shown = picture(Graph.of(a * b + b))
    cards = by_title(shown)
    assert {t: c.kind for t, c in cards.items()} == {
        "a": Kind.PARAMETER, "b": Kind.PARAMETER, "mul": Kind.ELEMENTWISE, "add": Kind.RESULT,
    }  # fmt: skip
    assert cards["mul"].formula == "v₁ = a ⊙ b"
    assert cards["add"].formula == "L = v₁ + b"
    ends = [(arrow.tail, arrow.head) for arrow in shown.arrows]
    a, b, mul, add = (cards[t].id for t in ("a", "b", "mul", "add"))
    assert ends == [(a, mul), (b, mul), (mul, add), (b, add)]
    assert cards["b"].owner == mul  # drawn once, beside what takes it first


def test_modules_are_nested_frames_and_lone_operations_carry_their_module(loss):
    root = picture(Graph.of(loss)).frame
    assert list(root.frames) == ["encoder", "decoder"]
    encoder, decoder = root.frames.values()
    assert encoder.kind == "Sequential"
    assert not encoder.frames  # each of its layers is one operation
    assert [c.note for c in encoder.cards if c.formula] == [
        "encoder.0 (Linear)", "encoder.1 (ReLU)", "encoder.2 (Linear)",
    ]  # fmt: skip
    assert list(decoder.frames) == ["decoder.1"]
    assert [c.title for c in root.cards if c.formula] == ["sub", "square", "mean"]


def test_parameters_stand_in_the_module_of_the_operation_they_enter(loss):
    frame = picture(Graph.of(loss)).frame
    encoder = frame.frames["encoder"]
    parameters = [c for c in encoder.cards if c.kind is Kind.PARAMETER]
    assert [c.note for c in parameters] == [
        "encoder.0.weight", "encoder.0.bias", "encoder.2.weight", "encoder.2.bias",
    ]  # fmt: skip
    linear = [c.id for c in encoder.cards if c.title == "linear"]
    assert [c.owner for c in parameters] == [linear[0], linear[0], linear[1], linear[1]]


def test_the_input_is_outside_the_modules_and_its_arrows_carry_no_gradient(loss):
    shown = picture(Graph.of(loss))
    x = next(card for card in shown.frame.cards if card.kind is Kind.INPUT)
    assert (x.title, x.shape) == ("x", "(3, 6) float32")
    assert [arrow.tracked for arrow in shown.arrows if arrow.tail == x.id] == [False, False]


def test_numbers_are_in_the_formula_and_not_on_a_card():
    shown = picture(Graph.of(Tensor([1.0], True, name="x") * 0.5))
    assert [card.title for card in shown.frame.all_cards()] == ["x", "mul"]
    assert by_title(shown)["mul"].formula == "y = x ⊙ 0.5"


def test_an_array_used_in_one_module_is_a_constant_inside_it():
    class Mask(nn.Module):
        def forward(self, x):
            return (x * np.ones(3) + 1).relu()

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.mask = Mask()

        def forward(self, x):
            return self.mask(x * Tensor(np.ones(3), name="input"))

    shown = picture(Graph.of(Outer()(Tensor(np.ones(3), True))))
    inside = shown.frame.frames["mask"].cards
    assert [c.title for c in inside if c.kind is Kind.CONSTANT] == ["x"]


def test_an_operation_never_heard_of_is_drawn(monkeypatch):
    monkeypatch.setattr(Op, "registry", dict(Op.registry))
    swirl = Op("swirl", lambda x, y, *, turns: x * y, lambda g: g, lambda g: g,
               tex=r"\swirl^{{{turns}}}({0}; {1})")  # fmt: skip
    x = Tensor([1.0, 2.0], True, name="x")
    shown = picture(Graph.of((swirl(x, x.exp(), turns=3) + x).sum()))
    assert by_title(shown)["swirl"].formula == "v₂ = swirl³(x; v₁)"
    assert "swirl" in svg_text(draw((swirl(x, x.exp(), turns=3) + x).sum()))


def test_the_svg_shows_names_formulas_shapes_frames_and_source_lines(loss):
    drawing = draw(loss, title="One step")
    texts = svg_text(drawing)
    for expected in ("One step", "encoder", "W₁", "a₁ = x W₁ᵀ + b₁", "(3, 4) float32", "loss",
                     "encoder.0.weight"):  # fmt: skip
        assert expected in texts, expected
    hints = re.findall(r'xlink:title="([^"]*)"', render_bytes(drawing, "svg").decode())
    assert any(re.search(r"mean: L = mean\(v.*test_draw\.py:\d+$", _plain(h), re.S) for h in hints)
    assert "href=" not in re.sub(r"xmlns:xlink=\S+", "", render_bytes(drawing, "svg").decode())


@pytest.mark.parametrize("name", ["<b>&\"'", "a\\nb\\", "{x|y}", "-->", "a\x00b\ud800", "n" * 200])
def test_any_name_survives_to_the_picture(name):
    drawing = draw((Tensor([1.0], True, name=name) * 2).sum(), title=name)
    texts = svg_text(drawing)
    shown = name.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    shown = shown if len(shown) <= 64 else shown[:63] + "…"
    assert texts.count(shown) >= 2


def test_equal_graphs_give_equal_sources_and_pictures():
    def build():
        return draw(Model().loss(Tensor(np.ones((3, 6), "f4"))))

    first, second = build(), build()
    assert first.source == second.source
    assert render_bytes(first, "svg") == render_bytes(second, "svg")


def test_notebooks_get_an_svg(loss):
    drawing = draw(loss)
    bundle = drawing._repr_mimebundle_()
    assert list(bundle) == ["image/svg+xml"]
    assert bundle["image/svg+xml"] == drawing._repr_svg_()
    assert "<svg" in drawing._repr_svg_()
    assert drawing._repr_mimebundle_(exclude=["image/svg+xml"]) == {}


def test_a_graph_or_several_tensors_are_drawn():
    x = Tensor([1.0], True, name="x")
    a, b = x.exp(), x.tanh()
    assert draw(Graph.of(a, b)).source == draw(a, b).source
    assert sum(c.kind is Kind.RESULT for c in picture(Graph.of(a, b)).frame.all_cards()) == 2


@pytest.mark.parametrize("wrong", [(), (3,), ("x",), (Model(),)])
def test_what_cannot_be_drawn_is_refused_with_an_example(wrong):
    with pytest.raises(UserError, match=r"draw.*tensors a computation ended in"):
        draw(*wrong)


def test_five_hundred_operations_are_drawn():
    x = Tensor(np.ones(3), True, name="x")
    for _ in range(500):
        x = x * 1.01
    assert draw(x, fold=False, depth=1).source.count("<B>mul</B>") == 500


def test_importing_show_loads_nothing_heavy():
    code = (
        "import sys, tinygrad_ae.show\n"
        "print(sorted({'graphviz', 'pygraphviz', 'matplotlib'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def _plain(attribute):
    return attribute.replace("&#10;", "\n").replace("&#45;", "-")
