"""What cards and arrows say about gradients, memory, values and cost."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae import Graph, Op, Tensor, nn
from tinygrad_ae.errors import ShapeError, UserError
from tinygrad_ae.show import draw
from tinygrad_ae.show.derivation.naming import names
from tinygrad_ae.show.measure.quantities import number
from tinygrad_ae.show.picture.cards import Kind, RowKind
from tinygrad_ae.show.picture.compose import picture, used_as
from tinygrad_ae.show.picture.draw import as_graph
from tinygrad_ae.show.picture.flow import flow, remark
from tinygrad_ae.show.picture.grouping import group
from tinygrad_ae.show.picture.render import render_bytes
from tinygrad_ae.show.picture.rows import Details


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 2))
        self.decoder = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 64))

    def loss(self, x):
        return ((self.decoder(self.encoder(x)) - x) ** 2).mean()


@pytest.fixture
def loss():
    return Model().loss(Tensor(np.random.default_rng(0).random((16, 64), np.float32), name="x"))


def shown(result, **view):
    """Return the picture with gradients, and its cards by title."""
    graph = result if isinstance(result, Graph) else Graph.of(result)
    grouping = group(graph, **view)
    found = flow(graph, lambda node, k: used_as(grouping, node, k))
    with np.errstate(all="ignore"):
        remark(found, graph, graph.values())
    called = names(graph)
    details = Details(called, called[graph.outputs[0]], found, graph.values())
    drawn = picture(graph, grouping, details)
    return drawn, {card.title: card for card in drawn.frame.all_cards()}


def lines(card, *kinds):
    return [f"{r.text} {r.number}".strip() for r in card.rows if not kinds or r.kind in kinds]


def svg(drawing):
    return ET.fromstring(render_bytes(drawing, "svg"))


def words(drawing):
    return [
        "".join(e.itertext()).strip() for e in svg(drawing).iter("{http://www.w3.org/2000/svg}text")
    ]


def test_fan_out_is_the_sum_of_what_each_use_passes_back():
    a, b = Tensor(2.0, True, name="a"), Tensor(3.0, True, name="b")
    y = a * b + b
    y.name = "y"
    _, cards = shown(y)
    assert lines(cards["a"]) == ["∂y/∂a = δ b 3"]
    assert [row.kind for row in cards["b"].rows] == [RowKind.SUM]
    assert lines(cards["b"]) == ["∂y/∂b = ∂y/∂v₁ a + ∂y/∂y 3"]
    assert lines(cards["add"]) == ["∂y/∂y = 1", "∂y/∂v₁ = δ 1", "∂y/∂b += δ 1"]
    assert cards["b"].note == "parameter = 3"


def test_every_formula_is_derived_and_stands_where_the_gradient_goes(loss):
    _, cards = shown(loss)
    assert lines(cards["relu"], RowKind.GRADIENT)[0].startswith("∂L/∂a₁ = δ ⊙ 1[h₁ > 0] ")
    assert lines(cards["W₁"])[0].startswith("∂L/∂W₁ = δᵀ x ")
    assert lines(cards["mean"], RowKind.GRADIENT)[1].startswith("∂L/∂v₂ = δ/1024 ")
    assert lines(cards["x"]) == ["∂L/∂x not needed"]


def test_what_was_broadcast_is_summed_in_the_formula():
    x = Tensor(np.ones((5, 3)), True, name="x")
    bias = Tensor(np.ones(3), True, name="c")
    _, cards = shown((x + bias).sum())
    assert re.match(r"∂L/∂c = Σ.* δ 5", lines(cards["c"])[0])


def test_arrows_carry_the_size_of_the_gradient(loss):
    drawn, cards = shown(loss)
    x, linear, relu = cards["x"].id, cards["W₁"].owner, cards["relu"].id
    by_ends = {(arrow.tail, arrow.head): arrow for arrow in drawn.arrows}
    assert by_ends[x, linear].gradient == ""
    into_relu = by_ends[linear, relu]
    assert into_relu.gradient == cards["relu"].rows[0].number
    assert 0 <= into_relu.level <= 1
    levels = [arrow.level for arrow in drawn.arrows if arrow.level is not None]
    assert (min(levels), max(levels)) == (0, 1)


def test_wider_and_darker_is_more(loss):
    source = draw(loss, gradients=True).source
    pens = {
        (float(width), colour)
        for colour, width in re.findall(r'color="(#\w+)" dir=back .*?penwidth=([\d.]+)', source)
    }
    assert len(pens) > 5
    by_width = [colour for _, colour in sorted(pens)]
    green = [int(colour[3:5], 16) for colour in by_width]
    assert green == sorted(green, reverse=True)


def test_what_is_kept_for_backward_is_on_the_card_that_frees_it(loss):
    _, cards = shown(loss)
    assert lines(cards["relu"], RowKind.MEMORY) == ["keeps h₁ 512 B"]
    assert lines(cards["square"], RowKind.MEMORY) == ["keeps v₁ 4.1 KB"]
    assert lines(cards["sub"], RowKind.MEMORY) == []
    loss.backward()
    _, cards = shown(loss)
    assert lines(cards["relu"], RowKind.MEMORY) == ["kept h₁ freed"]


def test_a_freed_graph_keeps_structure_and_formulas(loss):
    before, _ = shown(loss)
    loss.backward()
    drawn, cards = shown(loss)
    assert [(a.tail, a.head) for a in drawn.arrows] == [(a.tail, a.head) for a in before.arrows]
    assert lines(cards["relu"], RowKind.GRADIENT) == ["∂L/∂a₁ = δ ⊙ 1[h₁ > 0] freed"]
    assert lines(cards["W₁"], RowKind.GRADIENT) == ["∂L/∂W₁ = δᵀ x freed"]
    assert "freed" in words(draw(loss, gradients=True, values=True, cost=True))


def test_drawing_touches_no_gradient_and_frees_nothing(loss):
    parameters = [n.leaf() for n in Graph.of(loss) if n.leaf]
    draw(loss, gradients=True, values=True, cost=True)
    assert all(p is None or p.grad is None for p in parameters)
    loss.backward()


def test_an_operation_never_heard_of_is_drawn_with_its_gradient(monkeypatch):
    monkeypatch.setattr(Op, "registry", dict(Op.registry))
    swirl = Op("swirl", lambda x, y, *, turns: x * y**turns,
               lambda g, y, turns: g * y**turns,
               lambda g, x, y, turns: g * x * turns * y ** (turns - 1),
               tex=r"\swirl^{{{turns}}}({0}; {1})")  # fmt: skip
    x = Tensor([1.0, 2.0], True, name="x")
    h = x.exp()
    h.name = "h"
    y = (swirl(x, h, turns=2) + h).sum()  # a branch that joins again
    _, cards = shown(y)
    assert lines(cards["swirl"], RowKind.GRADIENT)[0].startswith("∂L/∂x += δ ⊙ h² ")
    assert lines(cards["exp"], RowKind.SUM)[0].startswith("∂L/∂h = ")
    y.backward()
    rms = float(np.sqrt(np.mean(x.grad.data**2)))
    assert lines(cards["x"], RowKind.SUM) == [f"∂L/∂x = ∂L/∂h ⊙ h + ∂L/∂v₁ ⊙ h² {number(rms)}"]


def test_a_result_of_several_numbers_is_differentiated_as_their_sum():
    x = Tensor([1.0, 2.0], True, name="x")
    drawing = draw(x * 3.0, gradients=True)
    assert "∂Σy/∂x = 3 δ" in words(drawing)
    assert any("Σy: the sum" in text for text in words(drawing))


def test_values_are_small_pictures_inside_the_svg(loss):
    drawing = draw(loss, values=True, gradients=True)
    images = list(svg(drawing).iter("{http://www.w3.org/2000/svg}image"))
    links = [i.get("{http://www.w3.org/1999/xlink}href") for i in images]
    assert len(links) == len(drawing.images) > 10
    assert all(link.startswith("data:image/png;base64,") for link in links)
    texts = [i.get("aria-label") for i in images]
    assert any(t.startswith("x: first 3 samples; least ") for t in texts)
    assert any(t.startswith("z: first sample;") for t in texts)  # the code, as bars
    assert any(t.startswith("∂L/∂x̂: first 3 samples") for t in texts)


def test_pictures_are_on_the_cards_in_every_format(loss, tmp_path):
    plain, rich = draw(loss), draw(loss, values=True)
    for format in ("png", "pdf"):
        assert len(render_bytes(rich, format)) > 1.2 * len(render_bytes(plain, format))
    source = rich.render(tmp_path / "graph.dot").read_text("utf-8")
    for path in re.findall(r'SRC="([^"]+)"', source):
        assert Path(path).read_bytes().startswith(b"\x89PNG")


def test_a_screen_reader_is_told_what_each_part_is(loss):
    root = svg(draw(loss, gradients=True, title="One step"))
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title").text == "One step"
    assert "operations" in root.find(f"{space}desc").text
    parts = {g.get("id"): g for g in root.iter(f"{space}g") if g.get("class") in ("node", "edge", "cluster")}  # fmt: skip
    titles = {id: g.find(f"{space}title").text for id, g in parts.items() if "_pair" not in id}
    assert titles["cluster_encoder"] == "module encoder, a Sequential"
    relu = next(id for id, text in titles.items() if text == "relu: h₁ = max(0, a₁)")
    described = parts[relu].find(f"{space}desc").text
    assert "∂L/∂a₁ = δ ⊙ 1[h₁ > 0]" in described
    assert any(re.fullmatch(r"gradient from relu back into linear: [\d.e-]+", t) for t in titles.values())  # fmt: skip
    assert not any(re.search(r"n\d+", text) for text in titles.values())


def test_cost_is_measured_forward_and_backward(loss):
    drawing = draw(loss, cost=True)
    texts = words(drawing)
    assert any(re.fullmatch(r"↓ (< )?[\d.]+ [µm]?s · 16.5 kflop", t) for t in texts), texts
    assert any(re.fullmatch(r"↑ (< )?[\d.]+ [µm]?s · .*flop", t) for t in texts)
    assert any(re.fullmatch(r".* moved · .* new", t) for t in texts)


def test_a_forward_that_failed_is_drawn_up_to_the_failure():
    x, v = Tensor(np.ones((3, 4)), name="x"), Tensor(np.ones((5, 2)), True, name="V")
    w = Tensor(np.ones((4, 4)), True, name="W")
    with pytest.raises(ShapeError) as caught:
        (x @ w).relu() @ v
    drawing = draw(caught.value)
    texts = words(drawing)
    assert {"relu", "matmul", "no output", "(3, 4)", "(5, 2)", "V"} <= set(texts)
    red = re.findall(r'-> n\d+ \[.*color="#b3261e"', drawing.source)
    assert len(red) == 2
    assert any(text.startswith("matmul cannot work on") for text in texts)
    assert any(re.fullmatch(r"at test_draw_gradients\.py:\d+", text) for text in texts)
    assert max(map(len, texts)) <= 72  # a long message does not widen the picture


def test_a_layer_that_refuses_its_input_is_drawn_with_it():
    x = Tensor(np.ones((3, 4)), True, name="x").relu()
    error = ShapeError("Linear expects (…, 5)")
    before = set(Op.registry)
    with pytest.raises(UserError, match="does not say what the operation was given: Linear"):
        draw(error)
    error.inputs = (x.node,)
    assert "(3, 4)" in words(draw(error))
    assert set(Op.registry) == before
    own = Op("a layer", np.sin)  # somebody's own operation of the name that the picture shows
    try:
        draw(error)
        assert Op.registry["a layer"] is own
    finally:
        del Op.registry["a layer"]


class Attention(nn.Module):
    def __init__(self):
        self.q, self.k, self.v = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, x):
        q, k, v = (f(x).reshape(4, 6, 2, 4).transpose(0, 2, 1, 3) for f in (self.q, self.k, self.v))
        scores = q @ k.swapaxes(2, 3) / 4.0**0.5
        return (scores.softmax() @ v).transpose(0, 2, 1, 3).reshape(4, 6, 8)


@pytest.mark.parametrize("wrap", [np.asarray, Tensor])
def test_queries_keys_and_values_come_from_one_x(wrap):
    x = wrap(np.random.default_rng(0).normal(size=(4, 6, 8)).astype("f4"))
    drawn, _ = shown(as_graph(((Attention()(x) ** 2).mean(),)))
    cards = {card.id: card for card in drawn.frame.all_cards()}
    sources = [card.title for card in cards.values() if card.kind is Kind.INPUT]
    assert sources == ["x"]
    readers = [cards[a.head].formula for a in drawn.arrows if cards[a.tail].title == "x"]
    assert sorted(readers) == ["a₁ = x W₁ᵀ + b₁", "a₂ = x W₂ᵀ + b₂", "a₃ = x W₃ᵀ + b₃"]
    formulas = [card.formula for card in cards.values()]
    assert not any("constant" in card.note for card in cards.values())
    assert sum("; 0, 2, 1, 3)" in formula for formula in formulas) == 4
    assert sum(formula.endswith("ᵀ") for formula in formulas) == 1


def test_a_gradient_whose_terms_cancel_is_0_and_no_warning():
    x = Tensor(np.random.default_rng(0).normal(size=(4, 6, 8)).astype("f4"))
    _, cards = shown(((Attention()(x) - x) ** 2).mean())
    assert lines(cards["b₂"], RowKind.GRADIENT) == ["∂L/∂b₂ = Σᵢⱼ δ 0"]
    assert lines(cards["b₂"], RowKind.ABSENT) == ["gradient is 0: its terms cancel, up to rounding"]
    assert not lines(cards["b₂"], RowKind.REMARK)
