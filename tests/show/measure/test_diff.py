"""Two graphs in one picture."""

import numpy as np
import pytest

from tinygrad_ae import Graph, Tensor, nn
from tinygrad_ae.core.modes import record_everything
from tinygrad_ae.errors import UserError
from tinygrad_ae.show.picture.cards import Change, Kind
from tinygrad_ae.show.picture.compose import picture
from tinygrad_ae.show.picture.diff import compared, diff
from tinygrad_ae.show.picture.render import render_bytes


class Model(nn.Module):
    def __init__(self, code=2):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, code))
        self.decoder = nn.Sequential(nn.Linear(code, 6), nn.Sigmoid())

    def loss(self, x, noise=None):
        with record_everything():
            seen = x if noise is None else x + 0.5 * noise
            return ((self.decoder(self.encoder(seen)) - x) ** 2).mean()


X = Tensor(np.ones((3, 6), "f4"), name="x")
EPS = Tensor(np.ones((3, 6), "f4"), name="ε")


def both(a, b):
    return compared(picture(Graph.of(a)), picture(Graph.of(b)))


def changes(drawn):
    found = {}
    for card in drawn.frame.all_cards():
        if card.change:
            found.setdefault(card.change, []).append(card.title)
    return found


def arrows(drawn, change):
    titles = {card.id: card.title for card in drawn.frame.all_cards()}
    return [(titles[a.tail], titles[a.head]) for a in drawn.arrows if a.change is change]


def test_equal_graphs_have_no_differences():
    model = Model()
    drawn = both(model.loss(X), Model().loss(X))
    assert changes(drawn) == {}
    assert not any(arrow.change for arrow in drawn.arrows)
    assert len(list(drawn.frame.all_cards())) == len(
        list(picture(Graph.of(model.loss(X))).frame.all_cards())
    )
    assert drawn.legend[0].startswith("Compared with the first graph: no card differs.")


def test_what_the_second_graph_adds():
    drawn = both(Model().loss(X), Model().loss(X, EPS))
    assert sorted(changes(drawn)[Change.ADDED]) == ["add", "mul", "ε"]
    assert set(changes(drawn)) == {Change.ADDED}
    assert arrows(drawn, Change.REMOVED) == [("x", "linear")]
    assert ("add", "linear") in arrows(drawn, Change.ADDED)


def test_what_it_removes_stays_in_its_module():
    drawn = both(Model().loss(X, EPS), Model().loss(X))
    assert sorted(changes(drawn)[Change.REMOVED]) == ["add", "mul", "ε"]
    ids = [card.id for card in drawn.frame.all_cards()]
    assert len(ids) == len(set(ids))

    class Plain(Model):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 2))

    drawn = both(Model().loss(X), Plain().loss(X))
    inside = {card.title: card.change for card in drawn.frame.frames["encoder"].cards}
    assert inside["relu"] is Change.REMOVED


def test_what_it_reshapes_says_from_what():
    drawn = both(Model(2).loss(X), Model(5).loss(X))
    reshaped = [c for c in drawn.frame.all_cards() if c.change is Change.RESHAPED]
    assert {c.kind for c in reshaped} == {Kind.PARAMETER, Kind.OPERATION}
    z = next(c for c in reshaped if c.formula.startswith("z"))
    assert z.shape == "(3, 5) float32"
    assert z.rows[-1].text == "reshaped from (3, 2) float32"
    assert changes(drawn).keys() == {Change.RESHAPED}


def test_the_picture_marks_changes_by_words_and_lines():
    drawing = diff(Model().loss(X), Model().loss(X, EPS), theme="dark", title="With noise")
    svg = render_bytes(drawing, "svg").decode()
    assert svg.count(">added</text>") == 3
    assert "from x into linear, removed" in svg
    assert render_bytes(diff(Model().loss(X, EPS), Model().loss(X)), "svg").count(b">removed<") == 3


def test_modules_can_be_closed():
    drawing = diff(Model(2).loss(X), Model(5).loss(X), depth=0)
    assert "from (3, 6) → (3, 2)" in drawing.source


@pytest.mark.parametrize("wrong", [3, None, Model()])
def test_what_cannot_be_compared_is_refused(wrong):
    with pytest.raises(UserError, match="tensors a computation ended in"):
        diff(X * 2, wrong)
