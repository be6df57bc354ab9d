"""Whole numbers where floats come out: every such operation and loss × every integer dtype ×
extreme values, against float64: eager, replayed, and as JavaScript."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special as special

from tinygrad_ae import Op, Tensor, nn, ops
from tinygrad_ae.compiled import Engine, compile
from tinygrad_ae.errors import UserError
from tinygrad_ae.export import javascript

F = nn.functional
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
Case = tuple[Callable[..., Any], Callable[..., Any]]


def rows(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays (4, 3): 0 and 1, both ends of the range, what lies beside them and far apart."""
    if dtype == "bool":
        x = np.array([[0, 1, 1], [0, 0, 0], [1, 1, 1], [1, 0, 1]], bool)
        return x, x[::-1].copy()
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    x = np.array(
        [[0, 1, 2], [low, high, 3], [high, high - 1, high - 2], [low, low + 1, 100]], dtype
    )
    return x, np.array([[0, 2, 1], [high, low, 3], [low, high, 5], [low, 0, 101]], dtype)


def unit(x: Any) -> Any:
    """The same bits for an array and a tensor: 1 where x > 1, in x's dtype."""
    return ops.astype(x > 1, x.dtype)


ONE: dict[str, Case] = {
    **{name: (getattr(ops, name), getattr(np, name)) for name in
       ("exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{name: (getattr(np, name), getattr(np, name)) for name in
       ("exp2", "log2", "log10", "fabs", "arcsin", "arccos", "arctan", "rint")},
    "rsqrt": (ops.rsqrt, lambda x: 1 / np.sqrt(x)),
    "sigmoid": (ops.sigmoid, special.expit), "logsigmoid": (ops.logsigmoid, special.log_expit),
    "softplus": (ops.softplus, lambda x: np.logaddexp(0, x)),
    "silu": (ops.silu, lambda x: x * special.expit(x)),
    "leaky_relu": (ops.leaky_relu, lambda x: np.where(x > 0, x, 0.01 * x)),
    "elu": (ops.elu, lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
    "selu": (ops.selu, lambda x: 1.0507009873554805 * np.where(
        x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))),
    "gelu": (ops.gelu, lambda x: x * special.ndtr(x)),
    "gelu_tanh": (lambda x: ops.gelu(x, "tanh"),
                  lambda x: 0.5 * x * (1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))),
    "erf": (ops.erf, special.erf),
    "hardtanh": (lambda x: ops.hardtanh(x, -1, 1), lambda x: np.clip(x, -1.0, 1.0)),
    "softmax": (ops.softmax, lambda x: special.softmax(x, -1)),
    "softmax over all": (lambda x: ops.softmax(x, None), special.softmax),
    "log_softmax": (ops.log_softmax, lambda x: special.log_softmax(x, -1)),
    "logsumexp": (lambda x: ops.logsumexp(x, 0), lambda x: special.logsumexp(x, 0)),
    "norm": (ops.norm, lambda x: np.sqrt(np.sum(x * x))),
    "norm of rows": (lambda x: ops.norm(x, 1, True), lambda x: np.sqrt(np.sum(x * x, 1)[:, None])),
    "np.linalg.norm": (np.linalg.norm, np.linalg.norm),
    "mean": (ops.mean, np.mean), "var": (lambda x: ops.var(x, 0), lambda x: np.var(x, 0)),
    "std": (lambda x: ops.std(x, 1, ddof=1), lambda x: np.std(x, 1, ddof=1)),
    "layer_norm": (lambda x: F.layer_norm(x, 3), lambda x: (x - x.mean(1, keepdims=True))
                   / np.sqrt(x.var(1, keepdims=True) + 1e-5)),
    "det": (lambda x: ops.det(x[:3]), lambda x: np.linalg.det(x[:3])),
    "a negative power": (lambda x: x ** -0.5, lambda x: x ** -0.5),
    "binary_cross_entropy": (lambda x: F.binary_cross_entropy(unit(x), unit(x), "none"),
                             lambda x: 0 * x),
    "binary_cross_entropy with logits": (
        lambda x: F.binary_cross_entropy_with_logits(x, unit(x), "none"),
        lambda x: np.logaddexp(0, x) - x * (x > 1)),
    "kl_div": (lambda x: F.kl_div(x, unit(x), "none"), lambda x: (x > 1) * -x),
    "nll_loss": (lambda x: F.nll_loss(x, np.array([2, 0, 1, 2]), "none"),
                 lambda x: -x[np.arange(4), [2, 0, 1, 2]]),
    "cross_entropy": (lambda x: F.cross_entropy(x, np.uint8([2, 0, 1, 2]), "none"),
                      lambda x: -special.log_softmax(x, -1)[np.arange(4), [2, 0, 1, 2]]),
}  # fmt: skip
TWO: dict[str, Case] = {
    "div": (ops.div, np.divide), "float_power": (np.float_power, np.float_power),
    "logaddexp": (np.logaddexp, np.logaddexp), "hypot": (np.hypot, np.hypot),
    **{f"{name} {how}": (lambda x, y, name=name, how=how: getattr(F, name)(x, y, how), reference)
       for how, total in (("mean", np.mean), ("sum", np.sum), ("none", np.asarray))
       for name, reference in {
           "mse_loss": lambda x, y, total=total: total((x - y) ** 2),
           "l1_loss": lambda x, y, total=total: total(np.abs(x - y)),
           "huber_loss": lambda x, y, total=total: total(special.huber(1.0, x - y)),
           "smooth_l1_loss": lambda x, y, total=total: total(special.huber(1.0, x - y)),
       }.items()},
}  # fmt: skip
CASES = {**dict.fromkeys(ONE, 1), **dict.fromkeys(TWO, 2)}
NO_MASKS = {"softmax", "softmax over all", "log_softmax", "logsumexp", "cross_entropy"}


def wanted(name: str, dtype: str) -> np.ndarray:
    with np.errstate(all="ignore"):
        reference = {**ONE, **TWO}[name][1]
        return np.asarray(reference(*(x.astype(np.float64) for x in rows(dtype)[: CASES[name]])))


@pytest.mark.parametrize("dtype", [*INTEGERS, "bool"])
@pytest.mark.parametrize("name", CASES)
def test_eager_equals_float64(name, dtype):
    if dtype == "bool" and (name in NO_MASKS or name == "a negative power"):
        pytest.skip("of numbers only")
    with np.errstate(all="ignore"):
        got = {**ONE, **TWO}[name][0](*map(Tensor, rows(dtype)[: CASES[name]]))
    assert got.dtype == np.float64
    np.testing.assert_allclose(got.data, wanted(name, dtype), rtol=1e-10, atol=1e-12)


def check_replay(name: str, dtype: str, engine: Engine) -> None:
    f = {**ONE, **TWO}[name][0]
    given = rows(dtype)[: CASES[name]]
    run = compile(f, engine=engine)
    with np.errstate(all="ignore"):
        run(*(np.ones_like(x) for x in given))
        got, eager = run(*given), f(*map(Tensor, given))
    assert (got.dtype, got.shape) == (eager.dtype, eager.shape)
    np.testing.assert_allclose(got.data, eager.data, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", CASES)
def test_replay_equals_eager(name, dtype):
    check_replay(name, dtype, "numpy")


# ---- operations of a user's own


def test_a_formula_of_ones_own_computes_in_floats_too():
    op = ops.elementwise("whole_sigmoid", "1 / (1 + exp(-x))", lambda g, z: g * z * (1 - z))
    try:
        assert op(np.uint8([1]))[0] == op(Tensor(np.uint8([1]))).data[0] == 1 / (1 + np.exp(-1.0))
    finally:
        del Op.registry["whole_sigmoid"]


def test_what_gives_whole_numbers_keeps_them():
    x = Tensor(np.uint8([250, 3]))
    for f in (ops.relu, ops.square, lambda t: t + t, lambda t: ops.maximum(t, 7), lambda t: t**2):
        assert f(x).dtype == np.uint8
        np.testing.assert_array_equal(
            f(x).data, f(Tensor(x.data.astype(int))).data.astype(np.uint8)
        )


def test_whole_numbers_beside_floats_take_their_dtype():
    x, y = Tensor(np.uint8([200, 7])), Tensor(np.float32([3.5, 8]))
    for pair in ((x, y), (y, x)):
        assert np.hypot(*pair).dtype == F.mse_loss(*pair).dtype == np.float32
    assert F.binary_cross_entropy(Tensor([True, False]), np.float32([1, 0])).dtype == np.float32
    assert F.mse_loss(y, Tensor([1, 2])).dtype == np.float32  # a target never widens a network


def test_pictures_of_bytes():
    assert Tensor(np.uint8([200, 200])).norm().item() == pytest.approx(282.8427, abs=1e-4)
    a, b = np.random.default_rng(0).integers(0, 256, (2, 28, 28)).astype(np.uint8)
    wide = (a.astype(float) - b) ** 2
    assert F.mse_loss(Tensor(a), Tensor(b)).item() == pytest.approx(wide.mean())


# ---- JavaScript


def typed(array: np.ndarray) -> str:
    """An array as JavaScript writes it."""
    kind, bits = array.dtype.kind, 8 * array.dtype.itemsize
    name = "Float64" if bits == 64 else f"{'Int' if kind == 'i' else 'Uint'}{bits}"
    return f"{name}Array.from({json.dumps(array.ravel().tolist())})"


def evaluated(programs: list[tuple[str, tuple[np.ndarray, ...]]]) -> list[np.ndarray]:
    """What the function ``f`` of each program of a page computes of its arrays, in Node."""
    show = "Array.from(out, v => Number.isFinite(v) ? v : String(v))"
    blocks = [
        f"{{ {text}\nconst out = model.f({', '.join(map(typed, arrays))});\nall.push({show}); }}"
        for text, arrays in programs
    ]
    whole = "\n".join(["const all = [];", *blocks, "console.log(JSON.stringify(all));"])
    done = subprocess.run(["node"], input=whole, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    return [np.array([float(str(v).replace("Infinity", "inf")) for v in out]) for out in found]


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="JavaScript needs Node to run")


@needs_node
@pytest.mark.parametrize("dtype", [*INTEGERS, "bool"])
def test_javascript_equals_float64(dtype):
    programs, given = {}, rows(dtype)
    for name, count in CASES.items():
        if name in NO_MASKS and dtype == "bool":
            continue
        try:
            with np.errstate(all="ignore"):
                text = javascript(f=({**ONE, **TWO}[name][0], *given[:count]))
        except (UserError, TypeError):  # no translation, as of a determinant
            continue
        programs[name] = text, given[:count]
    assert len(programs) > 40
    for name, got in zip(programs, evaluated(list(programs.values())), strict=True):
        np.testing.assert_allclose(
            got, wanted(name, dtype).ravel(), rtol=1e-7, atol=1e-9, err_msg=name
        )


@needs_node
@pytest.mark.parametrize("dtype", [d for d in INTEGERS if "64" not in d])
def test_whole_numbers_wrap_in_javascript_as_in_numpy(dtype):
    given = rows(dtype)
    functions = [lambda x, y: x + y, lambda x, y: x - y, lambda x, y: -x, lambda x, y: x // 3]
    found = evaluated([(javascript(f=(f, *given)), given) for f in functions])
    for f, got in zip(functions, found, strict=True):
        np.testing.assert_array_equal(got, f(*map(Tensor, given)).data.ravel())
