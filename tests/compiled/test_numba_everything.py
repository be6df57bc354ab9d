"""Fused loops give the results of plain lines: every operation, every model, random graphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steps import training
from test_every_operation import ONE, TWO, compare, inputs
from test_random_steps import programs, results
from test_whole_numbers import CASES, check_replay

import tinygrad_ae as tg
from tinygrad_ae.compiled import Engine, compile
from tinygrad_ae.data.dataset import Split
from tinygrad_ae.run import modelfile
from tinygrad_ae.train import rows


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGRAD_AE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_every_operation_is_the_same_fused(name):
    compare(ONE.get(name) or TWO[name], inputs(1 if name in ONE else 2), engine="numba")


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
@pytest.mark.parametrize("name", CASES)
def test_whole_numbers_are_the_same_fused(name, dtype):
    check_replay(name, dtype, "numba")


@pytest.mark.parametrize("name", modelfile.names())
def test_every_model_is_the_same_fused(name):
    file = modelfile.find(name)
    arguments = {"sample_shape": (8, 8), "channels": (2, 3)} if name == "convolutional" else {}
    x, y = np.random.default_rng(0).random((3, 6, 64), np.float32), np.array([0, 1, 2, 2, 1, 0])

    def train(engine: Engine) -> list[Any]:
        tg.manual_seed(1)
        model, _, step = training(file.build(file.complete(arguments, (64,))), lr=1e-3)
        run = compile(step, engine=engine)
        losses = [run(tg.as_tensor(rows(model, Split(some, y)))).item() for some in x]
        return [losses, *model.state_dict().values()]

    for wanted, got in zip(train("numpy"), train("numba"), strict=True):
        np.testing.assert_array_equal(got, wanted)


@settings(max_examples=5)
@given(programs, st.integers(0, 2**16))
def test_random_steps_are_the_same_fused(program, seed):
    wanted, got = (results(program, seed, engine) for engine in ("numpy", "numba"))
    for a, b in zip(wanted, got, strict=True):
        np.testing.assert_array_equal(a, b)
