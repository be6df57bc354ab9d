"""What planning costs grows with the length of a step, not with its square."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.planning import KINDS
from tinygrad_ae import Tensor, nn, optim
from tinygrad_ae.compiled import compile
from tinygrad_ae.errors import ModelError
from tinygrad_ae.util.overlap import Places, overlapping


def lines_run(work: Callable[[], object]) -> int:
    """Count the lines of Python that run, each turn of a loop among them."""
    count = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_first_call_takes_work_in_proportion_to_the_steps_length(name):
    def planned(n: int) -> int:
        step, batch = KINDS[name](n)
        run = compile(step)
        return lines_run(lambda: run(batch))

    planned(60)  # what is found out once
    a, b, c = (planned(n) for n in (140, 280, 560))
    assert c - b <= 1.01 * 2 * (b - a)


def test_the_count_shows_what_grows_with_the_square():
    def pairs(n: int) -> int:
        return lines_run(lambda: [i for i in range(n) for _ in range(n)])

    assert pairs(400) - pairs(200) > 1.9 * 2 * (pairs(200) - pairs(100))


@pytest.mark.parametrize("name", ["views", "calls", "concatenation"])
def test_long_chains_need_no_recursion(name):
    step, batch = KINDS[name](2 * sys.getrecursionlimit())
    np.testing.assert_allclose(compile(step)(batch).data, step(Tensor(batch)).data, rtol=1e-4)


# ---- overlaps


@given(st.lists(st.tuples(*[st.integers(0, 40)] * 2, st.integers(1, 3)), max_size=8))
def test_overlaps_are_those_that_numpy_finds(parts):
    memory = np.zeros(40)
    arrays = [memory[min(a, b) : max(a, b) : step] for a, b, step in parts]
    wanted = {
        (j, k)
        for k in range(len(arrays))
        for j in range(k)
        if np.may_share_memory(arrays[j], arrays[k])
    }
    found = list(overlapping(arrays))
    assert len(found) == len({*found})
    assert {*found} == wanted
    for k, array in enumerate(arrays):
        shared = [np.may_share_memory(other, array) for other in arrays[:k]]
        assert Places(arrays[:k]).overlap(array) == any(shared)


def test_parameters_between_each_others_elements_do_not_share_memory():
    columns = np.ones((4, 3), np.float32)
    optim.SGD([_over(column) for column in columns.T], lr=1)
    with pytest.raises(ModelError, match=r"\(number 1\) and .* \(number 2\) share memory"):
        optim.SGD([_over(np.ones(3)), _over(columns[0]), _over(columns[0, 1:])], lr=1)


def _over(array: Any) -> nn.Parameter:
    p = nn.Parameter(array)
    p.data = array
    return p
