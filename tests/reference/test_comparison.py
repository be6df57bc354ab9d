"""The comparison page's table of features: cells that end in a degree sign are tried here."""

import os
import re
from importlib import import_module
from importlib.metadata import distribution, requires
from pathlib import Path

import numpy as np
import pytest

import tinygrad_ae as ours

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "comparison.md"
NAMES = {"PyTorch": "torch", "JAX": "jax", "micrograd": "micrograd.engine"}


def table():
    """Return {(row, library): cell} of the table under Features; of a link, its text."""
    text = PAGE.read_text("utf-8").split("## Features")[1].split("\n## ")[0]
    lines = [re.split(r"\s*\|\s*", line.strip("| ")) for line in text.splitlines() if "|" in line]
    head, _, *rows = [[re.sub(r"\[(.*?)\]\(.*?\)", r"\1", c) for c in line] for line in lines]
    return {(row[0], name): cell for row in rows for name, cell in zip(head, row, strict=True)}


TRIED = {key: cell[:-1] for key, cell in table().items() if cell.endswith("°")}


def check(row, name):
    """Declare what finds out a cell's text: a function of the library."""
    return lambda found: CHECKS.setdefault((row, name), found)


CHECKS = {}


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize(("row", "name"), [pytest.param(*key, id=", ".join(key)) for key in TRIED])
def test_a_cell_says_what_was_found(row, name, monkeypatch):
    monkeypatch.setitem(os.environ, "DEV", "PYTHON")  # tinygrad's: other devices need a compiler
    library = ours if name == "tinygrad_ae" else import_module(NAMES.get(name, name))
    assert CHECKS[row, name](library) == TRIED[row, name]


def test_what_is_tried_is_marked():
    assert CHECKS.keys() == TRIED.keys()


def raises(expected, f):
    with pytest.raises(expected):
        f()
    return True


def yes(value, wanted):
    return "yes" if np.allclose(value, wanted) else f"{value}, not {wanted}"


# ---- what values are, and what they need

for library in ("autograd", "tinygrad_ae"):
    check("values are", library)(
        lambda lib: (
            {np.ndarray: "NumPy arrays"}[type(lib.grad(lambda x: (x**2).sum())(np.ones(2)))]
            if lib is not ours
            else {np.ndarray: "NumPy arrays"}[type(ours.Tensor([1.0]).data)]
        )
    )


@check("needs", "autograd")
def _(autograd):
    return {"numpy": "NumPy"}[re.split(r"\W", *requires("autograd")[:1])[0]]


def megabytes(name):
    size = sum(file.size or 0 for file in distribution(name).files) / 1e6
    return f"a binary of {50 * round(size / 50)} MB"


check("needs", "PyTorch")(lambda _: megabytes("torch"))
check("needs", "JAX")(lambda _: megabytes("jaxlib"))


# ---- derivatives

ORDER, MODES = "derivatives of any order", "forward mode, Jacobians, Hessians"
VMAP, LOW = "batching transform (`vmap`)", "low precision (float16, bfloat16)"
IN_PLACE = "in-place changes"


@check(ORDER, "micrograd")
def _(engine):
    x = engine.Value(3.0)
    (x * x).backward()
    return "yes" if isinstance(x.grad, engine.Value) else "no"


@check(ORDER, "autograd")
def _(autograd):
    return yes(autograd.grad(autograd.grad(lambda x: x**3))(2.0), 12)


@check(ORDER, "tinygrad")
def _(tinygrad):
    x = tinygrad.Tensor([2.0])
    (first,) = (x**3).sum().gradient(x)
    return yes(first.sum().gradient(x)[0].tolist(), 12)


@check(ORDER, "PyTorch")
def _(torch):
    x = torch.tensor(2.0, requires_grad=True)
    (first,) = torch.autograd.grad(x**3, x, create_graph=True)
    return yes(torch.autograd.grad(first, x)[0].item(), 12)


check(ORDER, "JAX")(lambda jax: yes(jax.grad(jax.grad(lambda x: x**3))(2.0), 12))


@check(ORDER, "tinygrad_ae")
def _(_):
    x = ours.Tensor(2.0, requires_grad=True)
    return yes(ours.grad(ours.grad(x**3, x, create_graph=True), x).item(), 12)


@check(MODES, "autograd")
def _(autograd):
    x, f = np.array([1.0, 2.0]), lambda x: (x**3).sum()
    assert np.allclose(autograd.make_jvp(f)(x)(np.array([1.0, 0.0]))[1], 3)
    return yes(autograd.hessian(f)(x), autograd.jacobian(lambda x: 3 * x**2)(x))


@check(MODES, "tinygrad")
def _(tinygrad):
    names = ("jvp", "jacobian", "hessian")
    return (
        "yes"
        if any(hasattr(where, n) for where in (tinygrad, tinygrad.Tensor) for n in names)
        else "no"
    )


@check(MODES, "PyTorch")
def _(torch):
    x, f = torch.tensor([1.0, 2.0]), lambda x: (x**3).sum()
    assert torch.func.jvp(f, (x,), (torch.tensor([1.0, 0.0]),))[1].item() == 3
    return yes(torch.func.hessian(f)(x), torch.func.jacrev(lambda x: 3 * x**2)(x))


@check(MODES, "JAX")
def _(jax):
    x, f = np.array([1.0, 2.0], np.float32), lambda x: (x**3).sum()
    assert jax.jvp(f, (x,), (np.array([1, 0], np.float32),))[1] == 3
    return yes(jax.hessian(f)(x), jax.jacfwd(lambda x: 3 * x**2)(x))


@check(MODES, "tinygrad_ae")
def _(_):
    x, f = ours.Tensor([1.0, 2.0]), lambda x: (x**3).sum()
    assert ours.jvp(f, (x,), (ours.Tensor([1.0, 0.0]),))[1].item() == 3
    return yes(ours.hessian(f, x), ours.jacobian(lambda x: 3 * x**2, x))


for library in ("autograd", "tinygrad", "tinygrad_ae", "PyTorch", "JAX"):
    check(VMAP, library)(
        lambda lib: (
            "yes" if hasattr(lib, "vmap") or hasattr(getattr(lib, "func", 0), "vmap") else "no"
        )
    )


# ---- numbers, and changes in place


@check(LOW, "autograd")
def _(autograd):
    gradient = autograd.grad(lambda x: (x**2).sum())(np.ones(2, np.float16))
    return {np.dtype(np.float16): "NumPy's float16"}[gradient.dtype]


@check(LOW, "tinygrad_ae")
def _(_):
    x = ours.Tensor(np.ones(2, np.float16), requires_grad=True)
    return {np.dtype(np.float16): "NumPy's float16"}[ours.grad((x**2).sum(), x).dtype]


@check(LOW, "PyTorch")
def _(torch):
    x = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)
    return "yes" if torch.autograd.grad((x**2).sum(), x)[0].dtype == torch.bfloat16 else "no"


@check(LOW, "JAX")
def _(jax):
    x = jax.numpy.ones(2, "bfloat16")
    return "yes" if jax.grad(lambda x: (x**2).sum())(x).dtype == "bfloat16" else "no"


@check(IN_PLACE, "micrograd")
def _(engine):
    x = engine.Value(3.0)
    y = x * x
    x.data = 5.0
    y.backward()  # d(3²)/d3 is 6
    return "unseen" if x.grad != 6 else "right"


@check(IN_PLACE, "autograd")
def _(autograd):
    def f(x):
        y = x * 2
        y[0] = 0.0
        return y.sum()

    return "refused" if raises(TypeError, lambda: autograd.grad(f)(np.ones(3))) else ""


@check(IN_PLACE, "JAX")
def _(jax):
    return "refused" if raises(TypeError, lambda: jax.numpy.ones(3).__setitem__(0, 1.0)) else ""


@check(IN_PLACE, "PyTorch")
def _(torch):
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    y[0] = 0
    y.sum().backward()
    z = x.exp()
    z.add_(1)
    right = x.grad.tolist() == [0, 2, 2]
    return "right, or raise" if right and raises(RuntimeError, z.sum().backward) else ""


@check(IN_PLACE, "tinygrad_ae")
def _(_):
    x = ours.Tensor(np.ones(3), requires_grad=True)
    y = x * 2
    y[0] = 0
    right = ours.grad(y.sum(), x).tolist() == [0, 2, 2]
    loss = (x * x).sum()
    with ours.no_grad():
        x += 1
    return "right, or raise" if right and raises(ours.errors.GradientError, loss.backward) else ""
