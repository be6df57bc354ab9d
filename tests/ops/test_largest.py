import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_ae import Tensor, ops
from tinygrad_ae.errors import ShapeError


@given(
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=3), elements=st.floats(-9, 9)),
    st.data(),
)
def test_k_are_marked_and_none_left_out_is_larger(x, data):
    k = data.draw(st.integers(1, x.shape[-1]))
    marked = ops.largest(x, k)
    assert (marked.sum(-1) == k).all()
    least = np.where(marked, x, np.inf).min(-1)
    assert (np.where(marked, -np.inf, x).max(-1) <= least).all()
    np.testing.assert_array_equal(ops.largest(Tensor(x), k).data, marked)


def test_gradients_flow_to_what_is_kept():
    x = Tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]], requires_grad=True)
    ops.where(ops.largest(x, 2), x**2, 0.0).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [[6, 0, 4], [0, 10, 8]])


@pytest.mark.parametrize("k", [0, 4, -1])
def test_k_out_of_range_is_refused(k):
    with pytest.raises(ShapeError, match=f"the {k} largest of 3"):
        ops.largest(Tensor([1.0, 2.0, 3.0]), k)
