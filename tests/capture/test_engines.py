"""Which engine replays a plan, and what is said where there is none."""

import sys

import numpy as np
import pytest

from tinygrad_ae import nn
from tinygrad_ae.capture import ENGINES, compile
from tinygrad_ae.errors import MissingExtra, ModelError


def test_without_numba_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingExtra, match=r"tinygrad-ae\[fast\]"):
        compile(lambda x: x, engine="numba")


def test_an_unknown_engine_is_said():
    layer = nn.Linear(2, 2)
    with pytest.raises(ModelError, match="numpy, numba"):
        compile(layer, engine="fortran")  # type: ignore[call-overload]


def test_the_package_offers_what_the_room_does():
    import tinygrad_ae

    for name in ("compile", "CaptureWarning", "CompiledStep", "Engine"):
        assert getattr(tinygrad_ae, name) is getattr(tinygrad_ae.capture, name)
        assert name in tinygrad_ae.__all__


@pytest.mark.parametrize("engine", ENGINES)
def test_every_way_to_compile_takes_an_engine(engine):
    import tinygrad_ae

    if engine == "numba":
        pytest.importorskip("numba")

    def double(x):
        return x * 2

    @tinygrad_ae.compile(engine=engine)
    def decorated(x):
        return double(x)

    @tinygrad_ae.compile()
    def bare(x):
        return double(x)

    for step in (
        tinygrad_ae.compile(double, engine=engine),
        decorated,
        bare,
        tinygrad_ae.compile(double),
    ):
        assert isinstance(step, tinygrad_ae.CompiledStep)
        assert [step(np.full(3, k, np.float32)).tolist() for k in (1, 2)] == [[2] * 3, [4] * 3]
    assert decorated.__name__ == "decorated"


def test_an_engine_in_the_steps_place_is_said():
    with pytest.raises(
        ModelError, match=r"takes the step, a function; got 'numba'.*engine='numba'"
    ):
        compile("numba")  # type: ignore[call-overload]
    with pytest.raises(ModelError, match=r"one of numpy, numba; got 'nunba'"):
        compile(engine="nunba")(lambda x: x)  # type: ignore[call-overload]
