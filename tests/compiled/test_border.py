"""What goes round the counting of changes, watches, or calls from elsewhere: as eager, or a warning."""

import copy
import cProfile
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_ae
from tinygrad_ae import CaptureWarning, Tensor, as_tensor, nn

BATCH = np.arange(6, dtype=np.float32).reshape(2, 3)


def results(step: Callable[..., Any], change: Callable[[int], object], calls: int = 6) -> list[Any]:
    """Call a step several times, with a change before each."""
    found = []
    for k in range(calls):
        change(k)
        found.append(
            step(BATCH + k if isinstance(step, tinygrad_ae.CompiledStep) else Tensor(BATCH + k))
        )
    return [(y.data.tolist(), y.dtype) for y in found]


@pytest.mark.parametrize(
    ("layer", "name", "value"),
    [
        (nn.LeakyReLU(0.1), "negative_slope", 0.5),
        (nn.Dropout(0.5).eval(), "training", True),
        (nn.Linear(3, 1), "weight", nn.Parameter(np.full((1, 3), 2, np.float32))),
        (nn.Sequential(nn.Tanh()), "0", nn.ReLU()),
        (nn.BatchNorm1d(3).eval(), "eps", 1.0),
    ],
)
def test_an_attribute_of_a_layer_set_behind_its_back_is_noticed(
    layer: nn.Module, name: str, value: Any
) -> None:
    step = tinygrad_ae.compile(lambda x: layer(x - 4))
    before = [step(BATCH).data.copy() for _ in range(3)][-1]
    assert name in vars(layer) or name == "training"
    vars(layer)[name] = value
    tinygrad_ae.manual_seed(1)
    after = step(BATCH).data
    tinygrad_ae.manual_seed(1)
    np.testing.assert_array_equal(after, layer(Tensor(BATCH) - 4).data)
    assert not np.array_equal(before, after)


def test_as_tensor_of_a_number_has_its_dtype() -> None:
    def step(x: Any, number: float) -> Tensor:
        return as_tensor(x) * as_tensor(number)

    compiled = tinygrad_ae.compile(step)
    for number in (0.1, 0.2, 0.3, 1e300):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", tinygrad_ae.PrecisionWarning)
            expected, found = step(Tensor(BATCH), number), compiled(BATCH, number)
        assert found.dtype == expected.dtype == np.float64
        np.testing.assert_array_equal(found.data, expected.data)


def reading(path: Path) -> Callable[[Any], Tensor]:
    def step(x: Any) -> Tensor:
        with open(path) as file:
            return as_tensor(x) * float(file.read())

    return step


def rewritten(path: Path) -> Callable[[int], object]:
    return lambda k: path.write_text("2" if k < 4 else "3")


def test_a_file_that_changes_is_noticed_under_a_profiler(tmp_path: Path) -> None:
    path = tmp_path / "factor"
    expected = results(reading(path), rewritten(path))
    profile = cProfile.Profile()
    profile.enable()
    with pytest.warns(CaptureWarning, match="calls open"):
        found = results(tinygrad_ae.compile(reading(path)), rewritten(path))
    profile.disable()
    assert found == expected
    names = {entry.code.co_name for entry in profile.getstats() if hasattr(entry.code, "co_name")}
    assert "results" in names  # the profiler went on where the recording was over


def test_a_profile_function_goes_on_hearing(tmp_path: Path) -> None:
    path, heard = tmp_path / "factor", set()
    expected = results(reading(path), rewritten(path))

    def listen(frame: Any, event: str, argument: Any) -> None:
        heard.add(frame.f_code.co_name)

    sys.setprofile(listen)
    try:
        with pytest.warns(CaptureWarning, match="calls open"):
            found = results(tinygrad_ae.compile(reading(path)), rewritten(path))
        assert sys.getprofile() is listen
    finally:
        sys.setprofile(None)
    assert found == expected
    assert "step" in heard


def test_threads_that_share_a_step_each_get_their_own_result() -> None:
    weight = Tensor(np.ones((64, 64), np.float32))
    step = tinygrad_ae.compile(lambda x: (x @ weight).tanh().sum())
    wrong: list[Any] = []

    def work(k: int) -> None:
        try:
            for i in range(50):
                x = np.full((8, 64), (k + 1) * 1e-4 * (i + 1), np.float32)
                found = step(x).item()
                expected = (Tensor(x) @ weight).tanh().sum().item()
                if abs(found - expected) > 1e-4 * abs(expected):
                    wrong.append((k, i, found, expected))
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # as often as can be
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert wrong == []


def test_a_compiled_part_of_a_step_that_cannot_be_compiled_keeps_its_gradients() -> None:
    w = Tensor(np.ones(3, np.float32), requires_grad=True)
    part = tinygrad_ae.compile(lambda x: (x * w).sum())

    @tinygrad_ae.compile
    def step(x: Any) -> Tensor:
        w.zero_grad()
        loss = part(x)
        loss.backward()
        return loss * float(loss.item() > 0)  # which no plan can repeat

    gradients = []
    with pytest.warns(CaptureWarning):
        results(step, lambda k: gradients.append(w.grad))
    for k, gradient in enumerate(gradients[1:]):
        np.testing.assert_allclose(gradient.data, (BATCH + k).sum(axis=0))


def test_a_copy_of_a_compiled_step_records_for_itself() -> None:
    step = tinygrad_ae.compile(np.tanh)
    step(BATCH)
    np.testing.assert_allclose(copy.deepcopy(step)(BATCH).data, np.tanh(BATCH), rtol=1e-6)
