"""Which engine replays a plan, and what is said where there is none."""

import sys

import pytest

from tinygrad_ae import nn
from tinygrad_ae.capture import compile
from tinygrad_ae.errors import MissingExtra, ModelError


def test_without_numba_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingExtra, match=r"tinygrad-ae\[fast\]"):
        compile(lambda x: x, engine="numba")


def test_an_unknown_engine_is_said():
    layer = nn.Linear(2, 2)
    with pytest.raises(ModelError, match="numpy, numba"):
        compile(layer, engine="fortran")  # type: ignore[call-overload]
