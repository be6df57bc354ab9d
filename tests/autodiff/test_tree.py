"""Nests are taken apart and rebuilt; what rebuilds them holds on to nothing."""

import gc
import weakref

import numpy as np
import pytest

from tinygrad_ae.autodiff.tree import flatten


def test_a_nest_is_rebuilt_around_new_leaves():
    leaves, rebuild = flatten({"b": (1, [2, None]), "a": 3})
    assert leaves == [3, 1, 2]
    assert rebuild([30, 10, 20]) == {"b": (10, [20, None]), "a": 30}
    assert list(rebuild([30, 10, 20])) == ["b", "a"]
    with pytest.raises(ValueError, match="3 leaves cannot be rebuilt from 2"):
        rebuild([1, 2])


def test_rebuilding_keeps_no_leaf_alive():
    nest = {"a": [np.ones(3)], "b": (np.ones(2),)}
    alive = [weakref.ref(nest["a"][0]), weakref.ref(nest["b"][0])]
    _, rebuild = flatten(nest)
    del nest, _
    gc.collect()
    assert [leaf() for leaf in alive] == [None, None]
    assert rebuild([1, 2]) == {"a": [1], "b": (2,)}
