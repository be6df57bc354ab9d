"""The same plan with its elementwise lines fused: the same bits, wherever a loop begins and ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from steps import training

import tinygrad_ae as tg
from tinygrad_ae import nn, ops, optim
from tinygrad_ae.compiled import compile
from tinygrad_ae.models import Autoencoder, Variational
from tinygrad_ae.train import fit


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGRAD_AE_CACHE", str(folder))
        yield folder


def trained(engine: Any, build: Callable[[], Any], make: Any, **options: Any) -> tuple[Any, Any]:
    tg.manual_seed(0)
    model, _, step = training(build(), make, **options)
    run = compile(step, engine=engine)
    rng = np.random.default_rng(1)
    losses = [run(rng.random((9, 12), dtype=np.float32)).item() for _ in range(5)]
    return (losses, model.state_dict()), run.source()


@pytest.mark.parametrize(
    ("build", "make", "options"),
    [
        (lambda: Autoencoder(12, (8,), 3), optim.Adam, {}),
        (lambda: Autoencoder(12, (8,), 3, "leaky_relu").astype(np.float64), optim.SGD,
         {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        (lambda: Variational(12, (8,), 3), optim.RMSprop, {"momentum": 0.5}),
    ],
)  # fmt: skip
def test_training_gives_the_same_bits_as_without(build, make, options):
    plain, _ = trained("numpy", build, make, **options)
    fused, source = trained("numba", build, make, **options)
    assert "loop(" in source
    assert plain[0] == fused[0]
    for name, value in plain[1].items():
        np.testing.assert_array_equal(value, fused[1][name])


def test_a_loop_reads_no_element_before_it_is_there():
    """Transposes, sums, broadcasting either way, and results that outlive a loop."""

    def work(x: Any, y: Any) -> Any:
        a = x * 2 + y
        b = a.T * x - a  # other elements of what was just computed
        c = (b - b.sum()) / (abs(b) + 1)  # a number from all of them
        d = ops.maximum(c, y[0]) - c[:, :1]
        return a, d * d, ops.where(d > 0, d, -a), (-d)[::-1] * 2 + 1

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 5, 5))
    compiled = compile(work, engine="numba")
    for _ in range(2):
        for wanted, got in zip(compile(work)(x, y), compiled(x, y), strict=True):
            np.testing.assert_array_equal(wanted.data, got.data)


def test_arrays_that_lie_in_another_order_give_the_same_bits():
    """A convolution's samples lie last in memory; its bias is broadcast in the middle."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 2, 7, 6)).astype(np.float32)
    found = []
    for engine in ("numpy", "numba"):
        tg.manual_seed(0)
        layer = nn.Conv2d(2, 3, 3)

        def step(x: Any, layer: Any = layer) -> Any:
            layer.zero_grad()
            y = ops.relu(layer(x)) * 2 - 0.1
            ((y + x[:, :1, 1:-1, 1:-1]) ** 2).sum().backward()
            return y

        run = compile(step, engine=engine)  # type: ignore[call-overload]
        y = [run(x).data, run(2 * x).data]
        found.append([*y, layer.weight.grad.data, layer.bias.grad.data])
    assert "loop(" in run.source()
    for plain, fused in zip(*found, strict=True):
        np.testing.assert_array_equal(plain, fused)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_special_numbers_are_treated_as_numpy_does():
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-42, -1.5, 3.0], np.float32)
    x, y = np.meshgrid(special, special)

    def work(x: Any, y: Any) -> Any:
        return (
            ops.maximum(x, y) + 1, ops.minimum(x, y) * 2, (x / y) - x, abs(-x) + y * y,
            x * (x > y) + (x <= y) * y, ops.sqrt(x) - y,
        )  # fmt: skip

    for wanted, got in zip(compile(work)(x, y), compile(work, engine="numba")(x, y), strict=True):
        np.testing.assert_array_equal(wanted.data, got.data)


def test_loops_are_kept_on_disk(cache):
    x = np.ones((3, 4), np.float32)
    compile(lambda x: x * 3 + 1, engine="numba")(x)
    kept = {path.suffix for path in (cache / "kernels").rglob("*") if path.is_file()}
    assert {".py", ".nbi", ".nbc"} <= kept


def test_loops_run_where_nothing_can_be_kept(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TINYGRAD_AE_CACHE", str(tmp_path / "file"))
    run = compile(lambda x: x * 7 - 1, engine="numba")
    assert run(np.ones(3)).tolist() == [6, 6, 6]


def test_fit_takes_the_engine_too():
    x = np.random.default_rng(0).random((30, 12), dtype=np.float32)
    histories = []
    for engine in ("numpy", "numba"):
        tg.manual_seed(0)
        histories.append(fit(Autoencoder(12, (8,), 3), x, epochs=2, batch_size=20, engine=engine))
    assert histories[0]["loss"] == histories[1]["loss"]
