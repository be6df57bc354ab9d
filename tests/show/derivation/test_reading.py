"""What is printed can be computed by who has only the page, and gives what autodiff gives."""

import importlib
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.models.test_every_model import VARIANTS, build
from tinygrad_ae import Graph, Op, Tensor, grad, manual_seed, nn, ops
from tinygrad_ae.nn import functional
from tinygrad_ae.show.derivation import explanation as explanations
from tinygrad_ae.show.derivation import expression, printers, typeset
from tinygrad_ae.show.derivation.explain import explain
from tinygrad_ae.show.derivation.explanation import shape_text
from tinygrad_ae.show.derivation.expression import apply, constant, symbol
from tinygrad_ae.show.derivation.naming import names
from tinygrad_ae.show.derivation.reading import Page, Unreadable
from tinygrad_ae.show.derivation.simplify import simplify
from tinygrad_ae.show.derivation.sources import joined

explaining = importlib.import_module(
    "tinygrad_ae.show.derivation.explain"
)  # the function has its name
RNG = np.random.default_rng(0)
KEPT = []  # a graph keeps no leaf that it does not need


def tensor(*shape, tracked=False, name=None):
    KEPT.append(Tensor(RNG.normal(size=shape), tracked, name=name))
    return KEPT[-1]


def weights(*shape):
    KEPT.append(nn.Parameter(RNG.normal(size=shape)))
    return KEPT[-1]


def module(m):
    KEPT.append(m.astype(np.float64))
    return m


class Attention(nn.Module):
    """Of several heads, on a batch."""

    def __init__(self, width=8, heads=2):
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))

    def split(self, t):
        batch, length, width = t.shape
        return t.reshape(batch, length, self.heads, width // self.heads).transpose(0, 2, 1, 3)

    def forward(self, x):
        q, k, v = self.split(self.q(x)), self.split(self.k(x)), self.split(self.v(x))
        scores = q @ k.transpose(0, 1, 3, 2) / float(np.sqrt(q.shape[-1]))
        joined_heads = (scores.softmax() @ v).transpose(0, 2, 1, 3)
        return self.o(joined_heads.reshape(*x.shape))


def attention(tracked=False):
    x = tensor(4, 6, 8, tracked=tracked)
    return functional.mse_loss(module(Attention())(x), x)


def attention_of_an_array():
    x = RNG.normal(size=(4, 6, 8))
    return (module(Attention())(x) ** 2).mean()


def causal_attention(tracked):
    Wq, Wk, Wv, x = weights(8, 8), weights(8, 8), weights(8, 8), tensor(4, 6, 8, tracked=tracked)
    q, k, v = ((x.reshape(24, 8) @ W).reshape(4, 6, 8) for W in (Wq, Wk, Wv))
    seen = Tensor(np.tri(6, dtype=bool))
    scores = np.where(seen, q @ k.swapaxes(1, 2) / 8**0.5, -1e9)
    return ((scores.softmax() @ v).mean(axis=1) ** 2).sum()


def attention_in_indices(tracked):
    x = tensor(4, 6, 8, tracked=tracked)
    q, k, v = (ops.einsum("bnd,hde->bhne", x, weights(2, 8, 4)) for _ in range(3))
    scores = ops.einsum("bhne,bhme->bhnm", q, k).softmax()
    return (ops.einsum("bhnm,bhme->bnhe", scores, v).reshape(4, 6, 8) ** 2).mean()


def images(tracked):
    net = module(nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, groups=2,
        padding=2, dilation=2), nn.ConvTranspose2d(4, 1, 3, stride=2, padding=1, output_padding=1),
    ))  # fmt: skip
    x = tensor(2, 1, 6, 6, tracked=tracked)
    return functional.mse_loss(net(x), x)


def sequences(tracked):
    net = module(nn.Sequential(
        nn.Conv1d(2, 3, 3, stride=2, padding=1), nn.GELU(), nn.ConvTranspose1d(3, 2, 4, stride=2,
        padding=1),
    ))  # fmt: skip
    x = tensor(2, 2, 8, tracked=tracked)
    return functional.mse_loss(net(x), x)


def pooled(tracked):
    x = tensor(2, 3, 6, 6, tracked=tracked) * weights(2, 3, 6, 6)
    means = ops.avg_pool2d(x, 3, 2, 1, False)
    return (ops.max_pool2d(x, 3, 2, 1) * means).sum() + (
        ops.upsample(x, scale_factor=2) ** 2
    ).mean()


def recurrent(tracked):
    W, U, b, x = weights(4, 3), weights(4, 4), weights(4), tensor(2, 5, 3, tracked=tracked)
    h = Tensor(np.zeros((2, 4)))
    for t in range(5):
        h = (x[:, t] @ W.T + h @ U.T + b).tanh()
    return (h * h).mean()


def gated(tracked):
    Ws, Us, bs = ([weights(*s) for _ in range(3)] for s in ((4, 3), (4, 4), (4,)))
    x, h = tensor(2, 3, 3, tracked=tracked), tensor(2, 4)
    for t in range(3):
        a = [x[:, t] @ W.T + b for W, b in zip(Ws, bs, strict=True)]
        r, z = ((a[i] + h @ Us[i].T).sigmoid() for i in (0, 1))
        n = (a[2] + r * (h @ Us[2].T)).tanh()
        h = (1 - z) * n + z * h
    return (h**2).sum()


def long_short_term(tracked):
    W, U, b, x = weights(16, 3), weights(16, 4), weights(16), tensor(3, 2, 3, tracked=tracked)
    h, c, outputs = Tensor(np.zeros((2, 4))), Tensor(np.zeros((2, 4))), []
    for t in range(3):
        a = x[t] @ W.T + h @ U.T + b
        i, f, g, o = (a[:, 4 * k : 4 * k + 4] for k in range(4))
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    return (ops.stack(outputs, 1) ** 2).mean()


def normalised(tracked):
    net = module(nn.Sequential(
        nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ELU(), nn.Dropout(0.3), nn.Linear(4, 6),
        nn.Unflatten((2, 3)), nn.LayerNorm((2, 3)), nn.Hardtanh(), nn.LayerNorm(3),
    ))  # fmt: skip
    return (net(tensor(6, 5, tracked=tracked)) ** 2).mean()


def moved_about(tracked):
    x = tensor(2, 3, 4, tracked=tracked) * weights(2, 3, 4)
    a = ops.moveaxis(x, 0, 2) @ weights(2, 5)
    b = ops.roll(ops.flip(x, 1), 2, 2).cumsum(2)[:, :, np.array([0, 3, 3])]
    c = ops.concatenate([ops.pad(x, ((0, 0), (1, 1), (0, 2))), tensor(2, 5, 2)[:, :, [0] * 6]], 0)
    return a.tanh().sum() + (b.T**3).mean() + (c[..., ::2] ** 2).sum()


def reduced(tracked):
    x = tensor(3, 4, tracked=tracked) * weights(3, 4)
    parts = x.norm(axis=1) + x.var(axis=1) * x.std(axis=1, ddof=1) + ops.logsumexp(x, axis=1)
    shares = x.softmax(0) * x.exp().sum(0) + x.sum(1)[:, None] - x.mean(0, keepdims=True)
    return parts.sum() + (shares * x.max(axis=1, keepdims=True)).sum() + ops.prod(x, axis=0).sum()


def embedded(tracked):
    rows = RNG.integers(0, 10, 40)
    return (weights(10, 4)[rows] * tensor(40, 4, tracked=tracked)).sum() + ops.det(weights(3, 3))


CASES = [
    causal_attention, attention_in_indices, images, sequences, pooled, recurrent, gated,
    long_short_term, normalised, moved_about, reduced, embedded, attention,
]  # fmt: skip


def read(page, values):
    """Compute all lines of a printed derivation, from nothing but the page and given values."""
    known = Page(values)
    shapes = {}
    for line in page.split("where\n")[0].splitlines():
        found = re.fullmatch(r" +(.+?) +(\([\d, ]+\)|scalar)( +[✓✗].*)?", line)
        if not found:
            assert not line or line in ("Forward", "Backward"), line
            continue
        left, _, text = found[1].partition(" = ")
        if re.match("∂\\S+ = ", text) and left.startswith("δ"):
            text = text.partition(" = ")[2]
        assert left not in known.known, f"{left} is defined twice"
        known.define(left, known.value_of(text, found[2]))
        shapes[left] = found[2]
    for n in re.findall(r"^  (\w) = [\d ·]+?(?: = ([\d,]+))?$", page, re.MULTILINE):
        assert n[0] in known.known
    return known.known, shapes


def given_values(loss, explanation):
    """Return values for the names that the page says are given, and for its counts."""
    graph, _ = joined(Graph.of(loss))
    called, values = names(graph), graph.values()
    by_name = {called[node]: values.get(node) for node in graph}
    given = {name: by_name[name] for name in explanation.given if name in by_name}
    counts = {letter: int(np.prod(n)) for letter, n in explanation.counts.items()}
    for name, shape in explanation.given.items():
        assert name not in given or np.shape(given[name]) == shape
    return given | counts


@pytest.mark.parametrize("tracked", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_a_page_alone_gives_the_gradients_of_autodiff(case, tracked):
    manual_seed(0)
    loss = case(tracked)
    explanation = explain(loss)
    rules_arrays = set(explanation.given) - set(given_values(loss, explanation))
    if not rules_arrays:  # else the check below has their values
        found, shapes = read(str(explanation), given_values(loss, explanation))
        graph, stand_ins = joined(Graph.of(loss))
        called = names(graph)
        leaves = [n for n in Graph.of(loss) if n.op is None and n.tracked]
        wanted = [n.leaf() for n in leaves]
        for node, g in zip(leaves, grad(loss, wanted, retain_graph=True), strict=True):
            name = f"∂L/∂{called[stand_ins[node]]}"
            assert shapes[name] == shape_text(g.shape)
            np.testing.assert_allclose(found[name], g.data, rtol=1e-7, atol=1e-9)
    for line in explain(loss, check=True).lines:
        assert line.error is not None
        assert line.error < 1e-8, line


@pytest.mark.parametrize(("name", "arguments"), VARIANTS)
def test_every_model_is_explained_and_checked(name, arguments):
    manual_seed(0)
    model = build(name, arguments)
    x = RNG.random((6, 64))
    if name == "classifier":
        x = np.concatenate([x, np.eye(model.classes)[np.arange(6) % model.classes]], 1)
    lines = explain(model.loss(Tensor(x.astype(np.float32))), check=True).lines
    for line in lines:
        assert line.error is not None
        assert line.error < 1e-7, line


# ---- names


def test_an_input_of_more_axes_is_one_x_and_keeps_its_shape():
    explanation = explain(attention())
    assert explanation.given["x"] == (4, 6, 8)
    assert not [name for name in explanation.given if name.startswith("c")]
    first = explanation.lines[0]
    assert (first.target, first.text, first.shape) == ("a₁", "x W₁ᵀ + b₁", (4, 6, 8))
    assert "(24, 8)" not in str(explanation)


@pytest.mark.parametrize("make", [attention_of_an_array, lambda: causal_attention(False)])
def test_one_source_is_one_leaf(make):
    graph, _ = joined(Graph.of(make()))
    data = [n for n in graph.leaves() if n.shape == (4, 6, 8)]
    assert len(data) == 1
    assert names(graph)[data[0]] == "x"
    assert not [n for n in graph.leaves() if n.shape == (24, 8)]


def test_steps_of_a_sequence_are_parts_of_it():
    explanation = explain(recurrent(False))
    assert explanation.given["x"] == (2, 5, 3)
    assert any("x[:, 4]" in line.text for line in explanation.lines)


def test_a_batch_cut_from_all_data_is_the_input():
    model, data = module(nn.Linear(3, 2)), tensor(100, 3)
    explanation = explain((model(data[:8]) ** 2).sum())
    assert explanation.given["x"] == (8, 3)
    assert explanation.lines[0].text == "x W₁ᵀ + b₁"


def test_zeros_are_not_taken_for_one_source():
    w = weights(2)
    loss = (w * Tensor(np.zeros(2)) + w * Tensor(np.zeros(2))).sum()
    assert len(joined(Graph.of(loss))[0].leaves()) == 3


def test_a_view_of_what_has_moved_on_is_a_source_of_its_own():
    x, w = tensor(4), weights(2)
    part = x[:2]
    x.data = x.data * 2  # another array
    assert (Graph.of((w * part).sum()).leaves()[1]).shape == (2,)
    assert len(joined(Graph.of((w * part).sum()))[0].op("getitem")) == 0


def test_a_chain_of_views_does_not_keep_what_was_long_ago():
    t = Tensor(np.ones((2, 2)))
    for _ in range(100):
        t = t.T
    depth = 0
    while hasattr(t, "_seen"):
        t, depth = t._seen[1], depth + 1
    assert depth < 20


def test_parameters_keep_their_letters_when_the_input_requires_gradients():
    assert set(explain(attention(tracked=True)).given) == set(explain(attention()).given)


def test_frozen_parameters_keep_their_letters():
    model = module(nn.Linear(3, 2))
    for p in model.parameters():
        p.requires_grad_(False)
    assert set(explain((model(tensor(4, 3, tracked=True)) ** 2).sum()).given) == {"x", "W₁", "b₁"}


def test_a_module_that_is_gone_leaves_its_parameters_letters():
    def loss():
        return (nn.Linear(3, 2).astype(np.float64)(tensor(4, 3, tracked=True)) ** 2).sum()

    assert {"x", "W₁"} <= set(explain(loss()).given)


# ---- planted mistakes: each must be found


def worst(loss):
    return max(line.error for line in explain(loss, check=True).lines)


def test_without_a_mistake_all_is_well():
    assert worst(attention()) < 1e-10


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("v₂ v₄ᵀ", "v₄ v₂ᵀ"), ("W₂", "W₃"), ("δ₃", "δ₂"), ("x", "y"), ("v₆", "v₆₆"), ("2/n", "1/n"),
     ("0, 2, 1, 3", "0, 1, 2, 3"), ("; 24, 8", "; 8, 24"), ("4, 6, 2, 4", "4, 6, 4, 2"),
     ("Σᵢⱼ", "Σᵢ"), ("softmax(", "softmaxᵢ("), ("(x − a₄)", "(a₄ − x)"), ("ᵀ", ""), (")", "")],
)  # fmt: skip
def test_a_wrong_sign_on_the_page_is_found(monkeypatch, right, wrong):
    printed = printers.to_unicode
    loss = attention(tracked=True)
    assert any(right in line.text for line in explain(loss).lines)
    monkeypatch.setitem(expression.PRINTERS, "unicode", lambda e: printed(e).replace(right, wrong))
    assert worst(loss) > 1e-3


def test_a_permutation_written_as_a_transpose_is_found(monkeypatch):
    monkeypatch.setattr(typeset, "_is_exchange", lambda axes: True)
    assert worst(attention()) > 1e-3


def test_a_change_of_shape_left_out_is_found(monkeypatch):
    monkeypatch.setattr(
        typeset, "is_silent", lambda e: e.op in (typeset.RESHAPE, typeset.BROADCAST)
    )
    monkeypatch.setattr(typeset, "fits", lambda *_: True)
    assert worst(attention()) == np.inf


@pytest.mark.parametrize("wrong", ["(24, 8)", "(6, 4, 8)", "(4, 6)", "scalar"])
def test_a_wrong_shape_on_the_page_is_found(monkeypatch, wrong):
    def printed(shape):
        return wrong if shape == (4, 6, 8) else str(shape) if shape else "scalar"

    monkeypatch.setattr(explanations, "shape_text", printed)
    monkeypatch.setattr(explaining, "shape_text", printed)
    loss = attention()
    assert wrong in str(explain(loss))
    assert worst(loss) == np.inf


def test_settings_left_out_are_found(monkeypatch):
    monkeypatch.setattr(typeset, "says_all", lambda op, attrs: True)
    assert worst(images(False)) == np.inf


def test_two_values_under_one_name_are_found(monkeypatch):
    def alike(graph):
        found = names(graph)
        return {node: "v₂" if name == "v₄" else name for node, name in found.items()}

    monkeypatch.setattr(explaining, "names", alike)
    assert worst(attention()) == np.inf


def test_a_name_that_no_line_defines_is_found(monkeypatch):
    printed = printers.to_unicode
    monkeypatch.setitem(
        expression.PRINTERS, "unicode", lambda e: printed(e).replace("a₁", "∂L/∂a₁")
    )
    assert worst(attention()) == np.inf


def test_a_gradient_that_cancels_is_right_if_it_is_small_enough(monkeypatch):
    loss = attention()
    (line,) = [x for x in explain(loss, "b₂", check=True).lines if x.target == "∂L/∂b₂"]
    assert line.error < 1e-4
    printed = printers.to_unicode
    monkeypatch.setitem(
        expression.PRINTERS,
        "unicode",
        lambda e: printed(e).replace("Σᵢⱼ δ₂", "Σᵢⱼ δ₂ + 0.000001"),
    )
    (line,) = [x for x in explain(loss, "b₂", check=True).lines if x.target == "∂L/∂b₂"]
    assert line.error > 1


# ---- the notation

x, y, s, W = symbol("x", (2, 3, 4)), symbol("y", (2, 3, 4)), symbol("s"), symbol("W", (4, 4))
VALUES = {
    name: RNG.uniform(0.5, 2, e.shape) for name, e in (("x", x), ("y", y), ("s", s), ("W", W))
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x ⊙ y + s x", lambda x, y, s, W: x * y + s * x),
        ("2/s x", lambda x, y, s, W: 2 / s * x),
        ("x / y²", lambda x, y, s, W: x / y**2),
        ("(x W) ⊙ y", lambda x, y, s, W: (x @ W) * y),
        ("x Wᵀ W", lambda x, y, s, W: x @ W.T @ W),
        ("Σⱼ x ⊙ y − x", lambda x, y, s, W: (x * y).sum(1, keepdims=True) - x),
        ("−x + 10⁻² y", lambda x, y, s, W: -x + 0.01 * y),
        ("1[(x > y) ∧ (x ≠ 1)]", lambda x, y, s, W: ((x > y) & (x != 1)) * 1),
        ("permute(x; 2, 0, 1)[0, ::2]", lambda x, y, s, W: x.transpose(2, 0, 1)[0, ::2]),
        ("log Σₖ e^(x)", lambda x, y, s, W: np.log(np.exp(x).sum(2, keepdims=True))),
        ("|x − |y||", lambda x, y, s, W: abs(x - abs(y))),
        ("√(x²) ⊙ (√y)²", lambda x, y, s, W: x * y),
        ("max(0, x) + max(x) + maxᵢ(x)", lambda x, y, s, W: x + x.max() + x.max(0, keepdims=True)),
        ("log softmaxⱼ(x)", lambda x, y, s, W: np.log(np.exp(x) / np.exp(x).sum(1, keepdims=True))),
        ("clip(x, −1, 1.5)", lambda x, y, s, W: np.clip(x, -1, 1.5)),
        ("3 · 10⁻² x", lambda x, y, s, W: 0.03 * x),
        ("‖x‖₂ₖ", lambda x, y, s, W: np.sqrt((x * x).sum(2, keepdims=True))),
    ],
)
def test_the_notation_is_read_as_the_page_says(text, value):
    expected = np.asarray(value(**VALUES))
    found = Page(VALUES).value_of(text, shape_text(expected.shape))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "text",
    ["", "x +", "(x", "x)", "q", "x W y", "wibble(x)", "x[9]", "reshape(x; 5)", "x ⊙", "Σ", "1[x"],
)
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(Unreadable):
        Page(VALUES).value_of(text, "(2, 3, 4)")


def test_the_value_of_a_line_has_the_shape_beside_it():
    page = Page(VALUES)
    assert page.value_of("Σᵢ x", "(3, 4)").shape == (3, 4)
    assert page.value_of("2", "(3, 4)").shape == (3, 4)
    with pytest.raises(Unreadable, match="has the shape"):
        page.value_of("x", "(6, 4)")
    with pytest.raises(Unreadable, match="has the shape"):
        page.value_of("x", "(3, 2, 4)")


UNARY = [
    ops.neg, ops.square, ops.exp, ops.sigmoid, ops.tanh, ops.abs, ops.sqrt, ops.rsqrt, ops.relu,
    ops.softplus, ops.logsigmoid, ops.log1p, ops.expm1, ops.silu, ops.floor, ops.ceil, ops.sin,
]  # fmt: skip
BINARY = [ops.add, ops.sub, ops.mul, ops.div, ops.maximum, ops.minimum]
REDUCE = [Op.registry[name] for name in ("sum", "mean", "max", "logsumexp", "norm", "var", "prod")]


def applied(f, *operands, **attrs):
    """Return a registered operation applied, its shape found by computing it."""
    value = f.forward(*(np.ones(o.shape) for o in operands), **attrs)
    return apply(f, *operands, shape=np.shape(value), attrs=attrs)


KINDS = ["unary", "binary", "reduce", "permute", "reshape", "part", "join", "matmul", "where"]


@st.composite
def deeper(draw, inner):
    a = draw(inner)
    n = len(a.shape)
    kind = draw(st.sampled_from(KINDS))
    if kind == "unary":
        return applied(draw(st.sampled_from(UNARY)), a)
    if kind in ("binary", "where"):
        b = draw(inner)
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            return a
        if kind == "where":
            return applied(ops.where, applied(ops.greater, a, b), a, b)
        return applied(draw(st.sampled_from(BINARY)), a, b)
    if kind == "reduce" and n:
        f = draw(st.sampled_from(REDUCE))
        axes = tuple(sorted(draw(st.sets(st.integers(0, n - 1), min_size=1))))
        more = {"ddof": 0} if f.name == "var" else {}
        return applied(f, a, axis=axes, keepdims=draw(st.booleans()), **more)
    if kind == "permute" and n > 1:
        return applied(typeset.TRANSPOSE, a, axes=tuple(draw(st.permutations(range(n)))))
    if kind == "reshape":
        lengths = [*a.shape, 1]
        return applied(typeset.RESHAPE, a, shape=tuple(draw(st.permutations(lengths))))
    if kind == "part" and n and a.shape[0] > 1:
        return applied(ops.getitem, a, index=(draw(st.sampled_from([0, slice(1, None), -1])),))
    if kind == "join" and n:
        axis = draw(st.integers(0, n - 1))
        cuts = (0, a.shape[axis], 2 * a.shape[axis])
        return applied(Op.registry["concatenate"], a, a, axis=axis, cuts=cuts)
    if kind == "matmul" and n > 1:
        order = (*range(n - 2), n - 1, n - 2)
        turned = applied(typeset.TRANSPOSE, a, axes=order)
        return applied(ops.matmul, a, turned)
    return a


NUMBERS = [constant(v) for v in (2, -1, 0.5, 1 / 3, 1e-5)]
trees = st.recursive(st.sampled_from([x, y, s, W, *NUMBERS]), deeper, max_leaves=8)


@given(trees, st.booleans())
def test_any_formula_is_read_as_what_it_is(e, short):
    e = simplify(e) if short else e
    with np.errstate(all="ignore"):
        expected = e.evaluate(VALUES)
        sizes = [np.abs(part.evaluate(VALUES)).max(initial=0) for part in e.walk()]
    assume(expected.size < 10_000 and np.isfinite(expected).all() and max(sizes) < 1e6)
    found = Page(VALUES).value_of(str(e), shape_text(e.shape))
    scale = max(1, *sizes) * 1e-7
    assert np.abs(found - expected).max(initial=0) <= scale, str(e)


# ---- operations that nobody here has heard of


DOUBLED = (lambda x, y: 2 * x + y, lambda g: 2 * g, lambda g: g)
MIXED = (lambda x, y: x - 3 * y, lambda g: g, lambda g: -3 * g)


@pytest.mark.parametrize(
    ("functions", "tex", "text"),
    [
        (DOUBLED, r"{0} \diamond {1}", "(a − b) diamond (a diamond b)"),
        (MIXED, r"\operatorname{{mix}}_{{{1}}}({0})", "mix_mix_b(a)(a − b)"),
        (MIXED, None, "stranger(a − b, stranger(a, b))"),
    ],
)
def test_the_template_of_a_stranger_is_read(monkeypatch, functions, tex, text):
    monkeypatch.setattr(Op, "registry", dict(Op.registry))
    f = Op("stranger", *functions, tex=tex)
    a, b = tensor(2, 3, tracked=True, name="a"), tensor(3, tracked=True, name="b")
    explanation = explain((f(a - b, f(a, b)) ** 2).sum(), check=True)
    assert any(text in line.text for line in explanation.lines), explanation.unicode()
    assert max(line.error for line in explanation.lines) < 1e-10


def test_a_stranger_s_settings_are_on_the_page(monkeypatch):
    monkeypatch.setattr(Op, "registry", dict(Op.registry))
    f = ops.elementwise("shrink", "x * k", lambda g, k: k * g, tex=r"S({0})", attrs=["k"])
    explanation = explain((f(tensor(3, tracked=True, name="a"), k=0.25) ** 2).sum(), check=True)
    assert any("shrink(a; k=0.25)" in line.text for line in explanation.lines)
    assert max(line.error for line in explanation.lines) < 1e-10


def test_an_operation_that_is_written_without_words_does_not_stop_the_reader():
    silent = Op("silent_of_a_test", lambda x: x * 1.0, lambda g: g, tex="{0}")
    try:
        x = Tensor(np.array([1.0, 2.0]), requires_grad=True, name="x")
        explanation = explain((silent(x) * x).sum(), check=True)
        assert max(line.error for line in explanation.lines) < 1e-12
    finally:
        del Op.registry[silent.name]
