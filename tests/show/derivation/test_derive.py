"""Gradient formulas, derived by running each operation's rules on letters."""

import numpy as np
import pytest

from tinygrad_ae import Graph, Tensor, ops
from tinygrad_ae.show.derivation.derive import local_gradients
from tinygrad_ae.show.derivation.naming import names


def derived(result):
    """Return the gradient formulas of the last operation as text."""
    graph = Graph.of(result)
    formulas = local_gradients(result.node, names(graph), graph.values())
    return [f and str(f) for f in formulas]


@pytest.fixture
def h():
    return Tensor(np.random.default_rng(0).random((4, 3)), requires_grad=True, name="h")


@pytest.fixture
def w():
    return Tensor(np.random.default_rng(1).random(3), requires_grad=True, name="w")


@pytest.mark.parametrize(
    ("function", "formulas"),
    [
        (lambda h, w: h * w, ["δ ⊙ w", "Σᵢ δ ⊙ h"]),
        (lambda h, w: h - w, ["δ", "−Σᵢ δ"]),
        (lambda h, w: h**3, ["3 δ ⊙ h²", None]),
        (lambda h, w: h @ w, ["reshape(δ; 4, 1) ⊙ w", "hᵀ δ"]),
        (lambda h, w: h.sum(), ["δ"]),
        (lambda h, w: h.mean(), ["δ/12"]),
        (lambda h, w: h.sigmoid(), ["δ ⊙ y ⊙ (1 − y)"]),
        (lambda h, w: h.tanh(), ["δ ⊙ (1 − y²)"]),
        (lambda h, w: h.relu(), ["δ ⊙ 1[y > 0]"]),
        (lambda h, w: h.softmax(), ["y ⊙ (δ − Σⱼ δ ⊙ y)"]),
        (lambda h, w: ops.clip(h, 0, 1), ["δ ⊙ 1[(h ≥ 0) ∧ (h ≤ 1)]"]),
        (lambda h, w: h > w, [None, None]),
    ],
)
def test_formulas_read_as_in_a_textbook(h, w, function, formulas):
    y = function(h, w)
    y.name = "L" if y.shape == () else "y"
    if y.requires_grad:
        assert derived(y) == formulas
