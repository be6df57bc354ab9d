"""What the tests of compiled steps share: a step that trains, and two runs that are compared."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_ae as tg
from tinygrad_ae import Tensor, optim
from tinygrad_ae.compiled import CaptureWarning, Engine, compile

TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}


def assert_close(a: Any, b: Any) -> None:
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    top = max(float(np.max(np.abs(a), initial=0)), 1e-30)
    assert np.max(np.abs(a - b), initial=0) <= TOLERANCE[a.dtype] * top


def training(
    model: Any,
    make: Callable[..., optim.Optimizer] = optim.Adam,
    loss: Callable[[Any, Tensor], Tensor] | None = None,
    **options: Any,
) -> tuple[Any, optim.Optimizer, Callable[[Any], Tensor]]:
    optimizer = make(model.parameters(), **options)

    def step(batch: Any) -> Tensor:
        optimizer.zero_grad()
        value = loss(model, batch) if loss else model.loss(batch)
        value.backward()
        optimizer.step()
        return value

    return model, optimizer, step


def same(build: Callable[[], Any], batches: list[Any], **options: Any) -> Any:
    """Train two equal models, one with the compiled step, and compare all there is."""
    runs = []
    for compiled in (False, True):
        tg.manual_seed(3)
        model, _, step = training(build(), **options)
        run = compile(step) if compiled else step
        tg.manual_seed(7)
        losses, grads = [], []
        for batch in batches:
            losses.append(run(tg.as_tensor(batch)).detach().numpy())
            grads.append(
                {
                    k: None if p.grad is None else p.grad.data.copy()
                    for k, p in model.named_parameters()
                }
            )
        noise = tg.default_generator.random()
        runs.append((losses, grads, model.state_dict(), noise, run))
    (losses, grads, state, noise, _), (losses2, grads2, state2, noise2, run) = runs
    assert noise == noise2  # as many draws, in the same order
    for a, b in zip(losses, losses2, strict=True):
        assert_close(a, b)
    for name, value in grads[0].items():
        if value is None:
            assert grads2[0][name] is None
        else:
            assert_close(value, grads2[0][name])
            assert_close(grads[1][name], grads2[1][name])
    for name, value in state.items():
        a, b = value, state2[name]
        assert np.max(np.abs(a - b), initial=0) <= 4 * len(batches) * TOLERANCE[a.dtype] * max(
            np.max(np.abs(a), initial=0), 1e-30
        )
    return run


def data(n: int = 6, d: int = 12, count: int = 4, dtype: Any = np.float32) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.random((n, d)).astype(dtype) for _ in range(count)]


BATCHES = [np.full((2, 3), k) for k in (1.0, 2.0, 0.5, 3.0, 1.5)]
Build = Callable[[], tuple[Callable[..., Any], Callable[[], Any]]]


def said(
    build: Build, arguments: Callable[[int], Any] | None = None, engine: Engine = "numpy"
) -> list[str]:
    """Hold a compiled step to the step as written, changed before call 3; return its warnings."""
    runs: list[list[Any]] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CaptureWarning)
        for compiled in (False, True):
            tg.manual_seed(0)
            step, change = build()
            run = compile(step, engine=engine) if compiled else step
            runs.append([])
            for k in range(7):
                if k == 3:
                    change()
                rest = arguments(k) if arguments else ()
                result = run(tg.as_tensor(BATCHES[k % 5].copy()), *rest)
                runs[-1].append(tg.as_tensor(result).detach().data.copy())
    for wanted, got in zip(*runs, strict=True):
        np.testing.assert_array_equal(np.signbit(got), np.signbit(wanted))
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=0)
    messages = [str(w.message) for w in caught if w.category is CaptureWarning]
    assert len(messages) <= 1
    return messages
