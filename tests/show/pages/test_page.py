"""What a page holds, without a browser: its data, its layout, its file."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_ae import Graph, Tensor, grad, nn, ops
from tinygrad_ae.errors import UserError
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.ops.op import Op
from tinygrad_ae.show import page
from tinygrad_ae.show.pages.page.numbers import WHOLE, picture_shape, summary


def read(path):
    text = path.read_text("utf-8")
    return json.loads(re.search(r'type="application/json">(.*?)</script>', text, re.DOTALL)[1])


@pytest.fixture(scope="module")
def model():
    return Autoencoder(inputs=784, hidden=(32,), latent=4)


@pytest.fixture(scope="module")
def loss(model):
    x = np.random.default_rng(0).random((5, 784), np.float32)
    return model.loss(Tensor(x, name="x"))


@pytest.fixture(scope="module")
def data(loss, tmp_path_factory):
    return read(page(loss, tmp_path_factory.mktemp("page") / "page.html"))


def card(data, name):
    return next(c for c in data["cards"] if c["name"] == name)


# ---- what it says


def test_every_node_has_a_card_in_its_module(data, loss):
    graph = Graph.of(loss)
    shown = [n for n in graph if n.name != "2"]
    assert len(data["cards"]) == len(shown)
    assert [m["path"] for m in data["modules"]] == ["encoder", "decoder"]
    a = card(data, "a₁")
    assert (a["formula"], a["shape"], a["module"]) == ("a₁ = x W₁ᵀ + b₁", [5, 32], "encoder")
    assert a["where"].startswith("autoencoder.py:")
    source = Path(graph.op("linear")[0].where.rpartition(":")[0]).read_text("utf-8")
    assert a["source"] in source.replace("    ", "").splitlines()
    assert data["title"] == "Autoencoder"


def test_numbers_are_those_of_values_and_gradients(data, loss, model):
    weight = model.encoder[0].weight
    (g,) = grad(loss, [weight], retain_graph=True)
    shown = card(data, "W₁")
    for what, array in (("value", weight.data), ("gradient", g.data)):
        found = shown[what]
        assert found["mean"] == pytest.approx(array.mean(), rel=1e-4, abs=1e-9)
        assert (found["min"], found["max"]) == pytest.approx((array.min(), array.max()), rel=1e-6)
        assert found["rms"] == pytest.approx(np.sqrt((array.astype(float) ** 2).mean()), rel=1e-5)
        assert sum(found["histogram"]) == array.size
    assert card(data, "L")["value"]["whole"] == [pytest.approx(loss.item(), rel=1e-6)]
    assert card(data, "x")["gradient"] is None
    assert card(data, "x")["status"] == "not needed"
    assert weight.grad is None


def test_steps_follow_the_passes(data, loss):
    graph = Graph.of(loss)
    operations = [n for n in graph if n.op]
    forward = [s for s in data["steps"] if s["phase"] == "forward"]
    backward = [s for s in data["steps"] if s["phase"] == "backward"]
    assert len(forward) == len(operations)
    assert backward[0]["rules"] == [{"to": forward[-1]["card"], "equation": "∂L/∂L = 1", "rms": 1}]
    assert [s["card"] for s in backward[1:]] == [s["card"] for s in reversed(forward)]
    linear = next(s for s in backward if s["card"] == card(data, "a₄")["id"])
    assert linear["arriving"] == "δ = ∂L/∂a₄"
    assert [r["equation"] for r in linear["rules"]] == [
        "∂L/∂h₃ = δ W₄", "∂L/∂W₄ = δᵀ h₃", "∂L/∂b₄ = Σᵢ δ",
    ]  # fmt: skip
    w = card(data, "W₄")
    assert linear["rules"][1]["to"] == w["id"]
    assert linear["rules"][1]["rms"] == w["gradient"]["rms"]


def test_single_numbers_are_put_into_the_equations(tmp_path):
    a, b = (Tensor(v, requires_grad=True, name=n) for n, v in (("a", -2.0), ("b", 3.0)))
    y = a * b + b
    y.name = "y"
    shown = read(page(y, tmp_path / "y.html"))
    steps = shown["steps"]
    assert [s["numbers"] for s in steps[:2]] == ["(−2) ⊙ 3 = −6", "(−6) + 3 = −3"]
    (mul,) = [s for s in steps if s.get("arriving") == "δ = ∂L/∂v₁"]
    assert [(r["equation"], r["numbers"]) for r in mul["rules"]] == [
        ("∂L/∂a = δ b", "1 · 3 = 3"), ("∂L/∂b = δ a", "1 · (−2) = −2"),
    ]  # fmt: skip
    assert card(shown, "b")["gradient"]["whole"] == [-1]


def test_an_operation_it_has_never_heard_of(tmp_path):
    cube = Op("cube", lambda x: x**3, lambda g, x: 3 * g * x**2, tex="{0}^3")
    try:
        x = Tensor(np.arange(4.0), requires_grad=True, name="x")
        shown = read(page(cube(x).sum() + x.sum(), tmp_path / "cube.html"))
    finally:
        del Op.registry["cube"]
    assert card(shown, "x")["gradient"]["whole"] == [1, 4, 13, 28]
    (step,) = [s for s in shown["steps"] if s["phase"] == "forward" and "³" in s["equation"]]
    (back,) = [s for s in shown["steps"] if s["card"] == step["card"] and s["phase"] == "backward"]
    assert "x²" in back["rules"][0]["equation"]


def test_without_gradients_it_has_a_forward_pass(tmp_path):
    for result in (Tensor([1.0]) * 2, nn.Linear(2, 2)(Tensor(np.ones((1, 2))))):
        shown = read(page(result, tmp_path / "y.html"))
        assert {s["phase"] for s in shown["steps"]} <= {"forward", "backward"}
    untracked = read(page(Tensor([1.0]), tmp_path / "x.html"))
    assert untracked["steps"] == []


def test_a_freed_graph_keeps_structure_and_formulas(tmp_path):
    layer = nn.Linear(3, 2)
    loss = (layer(Tensor(np.ones((4, 3)), name="x")) ** 2).mean()
    before = read(page(loss, tmp_path / "before.html"))
    loss.backward()
    after = read(page(loss, tmp_path / "after.html"))
    equations = [
        [r["equation"] for s in d["steps"] for r in s.get("rules", [])] for d in (before, after)
    ]
    assert equations[0] == equations[1]
    assert card(before, "W₁")["gradient"] is not None
    assert (card(after, "W₁")["gradient"], card(after, "W₁")["status"]) == (None, "freed")
    assert card(after, "W₁")["value"] is not None


def test_values_can_be_left_out(loss, tmp_path):
    path = page(loss, tmp_path / "bare.html", values=False, title="Bare")
    shown = read(path)
    assert (shown["numbers"], shown["title"]) == (False, "Bare")
    assert all(c["value"] is None and c["gradient"] is None for c in shown["cards"])
    assert all(
        "rms" not in r for s in shown["steps"][1:] for r in s.get("rules", []) if "seed" not in s
    )


# ---- where it stands


def test_cards_lie_apart_and_inside_their_modules(data):
    def box(thing):
        return thing["x"], thing["y"], thing["x"] + thing["w"], thing["y"] + thing["h"]

    modules = {m["path"]: box(m) for m in data["modules"]}
    boxes = [box(c) for c in data["cards"]]
    for i, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:i]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    for c in data["cards"]:
        if c["module"]:
            inner, outer = box(c), modules[c["module"]]
            assert min(np.subtract(inner[:2], outer[:2])) >= 0
            assert min(np.subtract(outer[2:], inner[2:])) >= 0
    assert min(b[0] for b in boxes) >= 0
    assert max(b[2] for b in boxes) <= data["size"][0] + 1
    for arrow in data["arrows"]:
        assert len(arrow["points"]) % 6 == 2


def test_a_parameter_stands_beside_its_operation(data):
    w = card(data, "W₁")
    assert w["owner"] == card(data, "a₁")["id"]
    assert abs(w["y"] - card(data, "a₁")["y"]) < 100


# ---- the file


def test_it_is_one_small_file_that_asks_for_nothing(loss, tmp_path):
    path = page(loss, tmp_path / "page.html")
    text = path.read_text("utf-8")
    assert path.stat().st_size < 300_000
    addresses = set(re.findall(r"\w+://[^\s\"'`)]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not re.search(r"<link[^>]+stylesheet|<script[^>]+src|@import|url\((?!#)", text)
    assert "fetch(" not in text
    assert str(tmp_path) not in text


def test_names_cannot_break_out_of_the_page(tmp_path):
    name = '</script><b onclick="x">{{style}}'
    x = Tensor([1.0, 2.0], requires_grad=True, name=name)
    path = page((x * x).sum(), tmp_path / "x.html", title=name)
    assert card(read(path), name)["tracked"]
    text = path.read_text("utf-8")
    assert "</script><b" not in text
    assert "{{style}}" in text
    assert "<h1>&lt;/script&gt;" in text


def test_it_is_the_same_file_each_time(loss, tmp_path):
    first, second = (page(loss, tmp_path / f"{i}.html").read_bytes() for i in "ab")
    assert first == second


@pytest.mark.parametrize(
    ("result", "name", "message"),
    [
        (Tensor([1.0]), "page.txt", r"page\.txt must end in \.html"),
        (3.0, "page.html", r"page takes the tensor.*got float"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(result, name, message, tmp_path):
    with pytest.raises(UserError, match=message):
        page(result, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_graph_of_500_operations(tmp_path):
    x = y = Tensor(np.full((2, 3), 0.1), requires_grad=True, name="x")
    for _ in range(250):
        y = ops.tanh(y) * 1.01
    shown = read(page(y.sum(), tmp_path / "chain.html"))
    assert len(shown["cards"]) == 502
    (g,) = grad(y.sum(), [x])
    assert card(shown, "x")["gradient"]["whole"] == pytest.approx(g.data.ravel().tolist(), rel=1e-6)


# ---- arrays in figures


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9),
                  elements=st.floats()))  # fmt: skip
def test_any_array_can_be_summed_up(array):
    found = summary(array, array.shape[1:] if array.ndim == 3 else None)
    json.dumps(found, allow_nan=False)
    finite = array[np.isfinite(array)]
    assert found["nonfinite"] == array.size - finite.size
    assert ("mean" in found) == (finite.size > 0)
    assert ("whole" in found) == (array.size <= WHOLE)
    if finite.size:
        assert float(found["min"]) == pytest.approx(finite.min(), rel=1e-6)
        assert float(found["max"]) == pytest.approx(finite.max(), rel=1e-6)
    assert len(found.get("pictures", {}).get("pixels", "")) < 4 * 200
    if "histogram" in found:
        assert sum(found["histogram"]) == finite.size


def test_what_is_not_finite_is_named():
    found = summary(np.array([1.0, np.nan, np.inf, -np.inf]))
    assert found["whole"] == [1, "NaN", "∞", "−∞"]
    assert (found["nonfinite"], found["mean"]) == (3, 1)


@pytest.mark.parametrize(
    ("shape", "sample", "expected"),
    [
        ((5, 784), (784,), (28, 28)),
        ((5, 784), (28, 28), (28, 28)),
        ((5, 16), (784,), None),
        ((5, 16), (16,), None),  # four by four is no picture
        ((5, 800), (800,), None),
        ((2, 3, 9, 8), (1, 28, 28), (9, 8)),
        ((2, 3, 9, 3), (1, 28, 28), None),
        ((), (784,), None),
    ],
)  # fmt: skip
def test_what_is_a_picture(shape, sample, expected):
    assert picture_shape(shape, sample) == expected
