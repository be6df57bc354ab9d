import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ae.data import batches
from tinygrad_ae.data.batches import batch_count
from tinygrad_ae.errors import DataError


@given(n=st.integers(0, 40), size=st.integers(1, 50), seed=st.none() | st.integers(0, 9))
def test_every_sample_comes_once_in_batches_of_the_size(n, size, seed):
    x = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    rng = None if seed is None else np.random.default_rng(seed)
    found = [batch.copy() for batch in batches(x, size, rng)]
    assert [len(batch) for batch in found[:-1]] == [size] * (len(found) - 1)
    assert len(found) == -(-n // size)
    together = np.concatenate([x[:0], *found])
    assert together.dtype == x.dtype
    if seed is not None:
        together = together[np.argsort(together[:, 0])]
    np.testing.assert_array_equal(together, x)


def test_the_order_is_the_generators_and_changes_with_each_pass():
    x = np.arange(100)
    rng = np.random.default_rng(3)
    first, second = (np.concatenate([b.copy() for b in batches(x, 7, rng)]) for _ in range(2))
    np.testing.assert_array_equal(first, np.random.default_rng(3).permutation(100))
    assert (first != second).any()


def test_batches_in_order_are_views():
    x = np.zeros((5, 3), np.float32)
    assert all(np.shares_memory(batch, x) for batch in batches(x, 2))


def test_a_batch_holds_at_least_one_sample():
    with pytest.raises(DataError, match="batch size is 0; it must be at least 1"):
        batches(np.zeros((5, 3)), 0)


@given(n=st.integers(0, 40), size=st.integers(1, 50), seed=st.none() | st.integers(0, 9))
def test_the_last_batch_may_be_dropped(n, size, seed):
    x = np.arange(n, dtype=np.float32)
    rng = None if seed is None else np.random.default_rng(seed)
    if n < size:
        with pytest.raises(DataError, match=rf"{n} samples, less than a batch of {size}"):
            batches(x, size, rng, drop_last=True)
        return
    found = [batch.copy() for batch in batches(x, size, rng, drop_last=True)]
    assert [len(batch) for batch in found] == [size] * batch_count(n, size, drop_last=True)
    assert len(np.unique(np.concatenate(found))) == n // size * size
    if rng is None:
        np.testing.assert_array_equal(np.concatenate(found), x[: n // size * size])
    assert batch_count(n, size) == len(list(batches(x, size)))


def test_what_is_dropped_changes_with_each_pass():
    x, rng = np.arange(10), np.random.default_rng(0)
    passes = [np.concatenate([b.copy() for b in batches(x, 4, rng, True)]) for _ in range(20)]
    assert set(np.concatenate(passes)) == set(range(10))
