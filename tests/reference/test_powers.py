"""Powers at their edges: the gradients of base and exponent are PyTorch's."""

import itertools

import numpy as np
import pytest
import torch

from tinygrad_ae import Tensor, grad

INF = np.inf
BASES = [0.0, 1.0, -1.0, 2.5, -2.5, INF, -INF, np.nan, 1e-310, 1e300]
EXPONENTS = [0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, -0.5, 1.5, INF]
# PyTorch's 0 · ∞ is NaN. The slope in y of xʸ for y < 0 falls to 0 as x grows; and |x|^½ has a
# number exponent's rule in PyTorch (√x) that a tensor's has not.
LIMITS = {(INF, y): 0.0 for y in EXPONENTS if y < 0}
APART = {(-INF, 0.5)}


@pytest.mark.parametrize(("x", "y"), list(itertools.product(BASES, EXPONENTS)))
def test_gradients_of_powers_are_pytorchs(x, y):
    a, b, c = (Tensor([v], requires_grad=True) for v in (x, y, x))
    p, q, r = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (x, y, x))
    with np.errstate(all="ignore"):
        ours = [g.item() for g in (*grad((a**b).sum(), [a, b]), grad((c**y).sum(), c))]
    theirs = [g.item() for g in torch.autograd.grad((p**q).sum(), [p, q])]
    theirs += [torch.autograd.grad((r**y).sum(), r)[0].item()]
    theirs[1] = LIMITS.get((x, y), theirs[1])
    if (x, y) in APART:
        theirs[2] = theirs[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
