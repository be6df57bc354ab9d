"""Which engine replays a plan, and what is said where there is none."""

import sys

import numpy as np
import pytest
from steps import training

from tinygrad_ae import manual_seed, nn
from tinygrad_ae.compiled import ENGINES, compile
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
        assert getattr(tinygrad_ae, name) is getattr(tinygrad_ae.compiled, name)
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


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_stack_of_vectors_is_multiplied_as_in_the_eager_step(engine):
    rng = np.random.default_rng(0)
    batches = [rng.normal(size=(4, 6, 8)).astype(np.float32) for _ in range(4)]

    def run(engine):
        if engine == "numba":
            pytest.importorskip("numba")
        manual_seed(0)
        net = nn.Sequential(
            nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 5, bias=False), nn.Linear(5, 8)
        )
        _, _, step = training(net, loss=lambda model, x: ((model(x) - x) ** 2).mean(), lr=0.1)
        step = compile(step, engine=engine) if engine else step
        return [step(x).item() for x in batches], net.state_dict()

    (losses, state), (eager, expected) = run(engine), run(None)
    np.testing.assert_allclose(losses, eager, rtol=1e-5)
    for name, value in expected.items():
        np.testing.assert_allclose(state[name], value, rtol=1e-4, atol=1e-6)
