"""What numba compiles of a long step: loops of a bounded length, and equal ones once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.planning import KINDS
from tinygrad_ae.compiled import compile, fuse


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TINYGRAD_AE_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_long_rows_of_elementwise_lines_become_several_loops_of_the_same_bits(cache):
    step, batch = KINDS["mixed"](3 * fuse.LINES // 2)
    compiled = compile(step, engine="numba")
    for _ in range(2):
        for wanted, got in zip(compile(step)(batch), compiled(batch), strict=True):
            np.testing.assert_array_equal(wanted.data, got.data)
    loops = [line for line in compiled.source().splitlines() if "loop(" in line]
    assert len(loops) >= 2


def test_equal_loops_are_compiled_once(cache):
    x = np.full(7, 0.5, np.float32)

    def step(x: Any) -> Any:
        for _ in range(5 * fuse.LINES):
            x = x * 0.75 + 0.375
        return x

    compiled = compile(step, engine="numba")
    np.testing.assert_array_equal(compiled(x).data, compile(step)(x).data)
    assert compiled.source().count("loop(") == 10
    texts = [path.read_text() for path in (cache / "kernels").glob("*.py")]
    assert sum(" * " in text for text in texts) == 1
