"""Large graphs: closed modules, repetition drawn once, overviews that can be taken in."""

import numpy as np
import pytest

from tinygrad_ae import Graph, Tensor, nn
from tinygrad_ae.errors import UserError
from tinygrad_ae.show import draw
from tinygrad_ae.show.picture.cards import Kind
from tinygrad_ae.show.picture.compose import picture
from tinygrad_ae.show.picture.flow import flow
from tinygrad_ae.show.picture.grouping import LIMIT, group
from tinygrad_ae.show.picture.render import render_bytes


class Block(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.up, self.down = nn.Linear(n, 2 * n), nn.Linear(2 * n, n)

    def forward(self, x):
        return x + self.down(self.up(x).relu())


class Deep(nn.Module):
    def __init__(self, blocks=4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2))
        self.blocks = nn.Sequential(*[Block(2) for _ in range(blocks)])
        self.decoder = nn.Linear(2, 6)

    def loss(self, x):
        return ((self.decoder(self.blocks(self.encoder(x))) - x) ** 2).mean()


def loss(blocks=4):
    return Deep(blocks).loss(Tensor(np.ones((3, 6), "f4"), name="x"))


def shown(result, **view):
    graph = Graph.of(result)
    return picture(graph, group(graph, **view))


def operations(drawn):
    return [card for card in drawn.frame.all_cards() if card.formula]


def test_a_closed_module_is_one_card_that_says_what_is_in_it():
    drawn = shown(loss(), depth=0)
    titles = [card.title for card in operations(drawn)]
    assert titles == [
        "encoder (Sequential)",
        "blocks (Sequential)",
        "linear",
        "sub",
        "square",
        "mean",
    ]
    encoder = operations(drawn)[0]
    assert encoder.kind is Kind.MODULE
    assert encoder.formula == "z = encoder(x)"
    assert encoder.shape == "(3, 6) → (3, 2)"
    assert encoder.note == "3 operations · 38 parameters"
    assert not drawn.frame.frames
    ids = {card.title: card.id for card in drawn.frame.all_cards()}
    ends = [(arrow.tail, arrow.head) for arrow in drawn.arrows]
    assert (ids["x"], ids["encoder (Sequential)"]) in ends
    assert (ids["encoder (Sequential)"], ids["blocks (Sequential)"]) in ends
    assert all(tail != head for tail, head in ends)


def test_depth_opens_level_by_level():
    assert [c.title for c in operations(shown(loss(), depth=1)) if c.kind is Kind.MODULE] == [
        f"blocks.{i} (Block)" for i in range(4)
    ]
    everything = shown(loss(), depth=2)
    assert not [c for c in operations(everything) if c.kind is Kind.MODULE]
    assert len(operations(everything)) == sum(n.op is not None for n in Graph.of(loss()))


def test_named_modules_are_opened_and_those_around_them():
    drawn = shown(loss(), depth=0, expand=["blocks.1"])
    titles = [card.title for card in operations(drawn)]
    assert titles.count("relu") == 1
    assert "encoder (Sequential)" in titles
    assert "blocks.0 (Block)" in titles
    assert "blocks.1 (Block)" not in titles
    assert list(drawn.frame.frames["blocks"].frames) == ["blocks.1"]


def test_an_unknown_module_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"'encode'.*blocks\.0.*Did you mean 'encoder'"):
        draw(loss(), expand="encode")
    with pytest.raises(UserError, match="depth is the number of levels"):
        draw(loss(), depth=-1)


def test_layers_alike_are_drawn_once_on_request():
    drawn = shown(loss(12), fold=True)
    repeat = drawn.frame.frames["blocks"].frames["repeat 0"]
    assert repeat.title == "× 12: blocks.0 … blocks.11"
    inside = list(repeat.all_cards())
    assert [c.title for c in inside if c.formula] == ["linear", "relu", "linear", "add"]
    assert {c.times for c in inside} == {12}
    parameters = [c for c in inside if c.kind is Kind.PARAMETER]
    assert len(parameters) == 4
    onward = [arrow for arrow in drawn.arrows if arrow.next_turn]
    assert [(a.tail, a.label) for a in onward] == [(inside[-1].id, "to the next")] or onward
    head = next(c for c in operations(drawn) if c.note == "decoder (Linear)")
    assert any(a.head == head.id and a.tail in {c.id for c in inside} for a in drawn.arrows)


def test_closed_layers_alike_are_one_card():
    drawn = shown(loss(12), depth=1, fold=True)
    card = next(c for c in operations(drawn) if c.kind is Kind.MODULE)
    assert (card.title, card.times) == ("blocks.0 … blocks.11 (Block)", 12)


def test_what_differs_is_not_taken_for_a_repetition():
    x = Tensor(np.ones(3), True, name="x")
    h = x
    for i in range(6):
        h = h * 2.0 if i != 3 else h * 3.0
    assert [c.times for c in operations(shown(h, fold=True))] == [3, 1, 1, 1]
    y = x
    for i in range(6):  # the same operations, wired differently
        a = y.tanh()
        y = a + y if i % 2 else a + a
    assert all(c.times < 6 for c in operations(shown(y, fold=True)))


def test_gradients_of_what_is_repeated_are_a_range():
    x = Tensor(np.ones(3), True, name="x")
    h = x
    for _ in range(100):
        h = h * 0.5
    source = draw(h.sum(), gradients=True).source
    assert "mul × 100" in source
    graph = Graph.of(loss(12))
    totals = flow(graph, lambda node, k: (node, k)).totals
    sizes = [totals[n].rms for n in graph if n.name == "weight" and n.shape == (4, 2)]
    folded = draw(graph, gradients=True, fold=True).source
    assert f"{min(sizes[1:]):.2g}"[:3] in folded


def test_the_gradient_into_a_closed_module_is_that_of_all_its_uses_together():
    class Twice(nn.Module):
        def forward(self, x):
            return x * 2.0 + x * 3.0

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.twice = Twice()

        def forward(self, x):
            return self.twice(x * 1.0)

    y = Outer()(Tensor(np.ones(3), True, name="x")).sum()
    assert "∂L/∂v₁ = …" in draw(y, gradients=True, depth=0).source
    assert ">5<" in draw(y, gradients=True, depth=0).source


def test_a_module_called_twice_is_two_cards():
    layer = nn.Sequential(nn.Linear(2, 2), nn.Tanh())

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return self.layer(self.layer(x))

    drawn = shown(Model()(Tensor(np.ones((1, 2), "f4"), name="x")).sum(), depth=0)
    assert [c.title for c in operations(drawn)] == ["layer (Sequential)"] * 2 + ["sum"]


@pytest.mark.parametrize("kind", ["chain", "irregular", "deep"])
def test_any_large_graph_gives_an_overview_that_can_be_taken_in(kind):
    rng = np.random.default_rng(0)
    y = Tensor(np.ones(3), True, name="x")
    if kind == "deep":
        y = loss(100)
    steps = {"chain": [3] * 500, "irregular": rng.integers(0, 4, 500), "deep": []}[kind]
    for i in steps:
        y = (np.tanh, np.sin, np.cos, lambda y: y * 1.01)[i](y)
    drawing = draw(y, gradients=True)
    drawn = shown(y)
    assert sum(len(c.title) > 0 for c in operations(drawn)) <= LIMIT
    assert (
        f"An overview of {sum(n.op is not None for n in Graph.of(y)):,} operations"
        in drawing.source
    )
    heads = {arrow.head for arrow in drawn.arrows}
    assert all(card.id in heads for card in operations(drawn))
    assert b"<svg" in render_bytes(drawing, "svg")


def test_asking_for_everything_draws_everything():
    y = x = Tensor(np.ones(3), True, name="x")
    for _ in range(200):
        y = y * 1.01
    assert len(operations(shown(y))) == 1
    assert len(operations(shown(y, fold=False, depth=1))) == 200
    assert x.grad is None
