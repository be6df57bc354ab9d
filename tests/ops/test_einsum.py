"""einsum against NumPy's own, and its derivatives in every notation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ae import Tensor, check_op, grad, gradcheck, ops

RNG = np.random.default_rng(11)


def array(*shape):
    return RNG.standard_normal(shape)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (3, 2)]),  # product
        ("ij,ji", [(2, 3), (3, 2)]),  # trace of a product
        ("ji", [(2, 3)]),  # implicit output is alphabetical: a transpose
        ("ij->", [(2, 3)]),  # summed in the only operand
        ("ij,k->i", [(2, 3), (2,)]),  # summed in one operand alone
        ("i,j->ji", [(2,), (3,)]),  # outer
        ("ii->i", [(3, 3)]),  # diagonal
        ("ii", [(3, 3)]),  # trace
        ("iii->i", [(2, 2, 2)]),
        ("iij,i->j", [(2, 2, 3), (2,)]),
        ("ii,jj->ij", [(2, 2), (3, 3)]),
        ("bi,ij,bj->b", [(2, 2), (2, 3), (2, 3)]),  # bilinear form
        ("ij,ij,ij->ij", [(2, 2)] * 3),
        ("...ij,...jk->...ik", [(2, 2, 3), (1, 3, 2)]),  # broadcasting stacks
        ("...ij,jk", [(2, 2, 3), (3, 2)]),
        ("i...,i...->...", [(2, 3), (2, 2, 1)]),
        ("... , ...", [(), (3,)]),
        ("ij,j->i", [(2, 3), (1,)]),  # length 1 broadcasts
        ("ij,ij->j", [(1, 3), (2, 1)]),
        ("i,j->ij", [(0,), (2,)]),
        ("i,i", [(1,), (0,)]),
        ("ij,jk->ik", [(2, 0), (0, 2)]),
        ("ij->ji", [(1, 1)]),
    ],
)
def test_every_notation(subscripts, shapes):
    sample = tuple(array(*shape) for shape in shapes)
    assert check_op(
        lambda *xs: ops.einsum(subscripts, *xs),
        [sample, tuple(np.asfortranarray(x[::-1] if x.ndim else x) for x in sample)],
        reference=lambda *xs: np.einsum(subscripts, *xs),
    )


@st.composite
def contractions(draw):
    """One to three operands of up to three axes, letters repeated at will."""
    lengths = dict(zip("abcd", draw(st.lists(st.integers(1, 3), min_size=4, max_size=4)),
                       strict=True))  # fmt: skip
    terms = draw(st.lists(st.text("abcd", max_size=3), min_size=1, max_size=3))
    present = sorted(set("".join(terms)))
    out = draw(st.permutations(present))[: draw(st.integers(0, len(present)))]
    xs = [array(*(lengths[c] for c in term)) for term in terms]
    return f"{','.join(terms)}->{''.join(out)}", xs


@settings(max_examples=60, deadline=None)
@given(contractions())
def test_any_contraction(case):
    subscripts, xs = case
    np.testing.assert_allclose(ops.einsum(subscripts, *xs), np.einsum(subscripts, *xs), atol=1e-12)
    assert gradcheck(lambda *xs: ops.einsum(subscripts, *xs), tuple(xs))


def test_ellipsis_axes_that_the_output_omits_are_summed():
    x = array(2, 3)
    np.testing.assert_allclose(ops.einsum("...i->i", x), x.sum(0))
    assert gradcheck(lambda x: ops.einsum("...i->i", x), x)


def test_numpy_einsum_records():
    x = Tensor(array(2, 3), requires_grad=True)
    g = grad(np.einsum("ij,ij->", x, x), x)
    np.testing.assert_allclose(g.data, 2 * x.data)


@pytest.mark.parametrize(
    ("subscripts", "shapes", "cost"),
    [
        ("ij,jk->ik", [(2, 5), (5, 3)], 2 * 2 * 5 * 3),  # a product and a sum per triple
        ("ij->", [(2, 5)], 2 * 5),
        ("bij,bjk->bik", [(7, 2, 5), (7, 5, 3)], 2 * 7 * 2 * 5 * 3),  # of each pair in the batch
        ("i,i->i", [(4,), (4,)], 2 * 4),
        ("ij,jk->ik", [(2, 1), (5, 3)], 2 * 2 * 5 * 3),  # a length of 1 is broadcast
        ("ij,jk,k->i", [(2, 9), (9, 9), (9,)], 2 * 9 * 9 + 2 * 2 * 9),  # the vector first
    ],
)
def test_cost(subscripts, shapes, cost):
    x, *rest = (array(*shape) for shape in shapes)
    assert ops.einsum(subscripts, Tensor(x, requires_grad=True), *rest).node.flops == cost


@pytest.mark.parametrize(
    ("subscripts", "shapes", "words"),
    [
        ("ij,jk", [(2, 2)], "names 2 operands, but 1"),
        ("ijk->i", [(2, 2)], "'ijk' does not fit an operand of 2 axes"),
        ("i->i", [(2, 2)], "does not fit"),
        ("ij->ik", [(2, 2)], "only ones an operand has"),
        ("ij->ii", [(2, 2)], "names each index once"),
        ("i1->i", [(2, 2)], "'1' is not a letter"),
        ("ij,jk->ik", [(2, 3), (2, 2)], "3"),
    ],
)
def test_mistakes_are_explained(subscripts, shapes, words):
    with pytest.raises(ValueError, match=words):
        ops.einsum(subscripts, *(array(*shape) for shape in shapes))


def test_the_list_form_is_refused():
    with pytest.raises(TypeError, match="one string"):
        ops.einsum(array(2, 2), [0, 1], [1, 0])
