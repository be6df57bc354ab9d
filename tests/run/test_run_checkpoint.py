from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_ae.errors import RunError
from tinygrad_ae.run import checkpoint

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
kept = st.sampled_from([np.float32, np.float64, np.int64, np.uint8]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
)


@in_one_folder
@given(arrays=st.dictionaries(st.text("ab.", min_size=1), kept, max_size=3))
def test_what_is_saved_is_loaded(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    facts = {"seed": 2**100, "loss": [0.1, 1e-300], "name": "größe", "none": None}
    checkpoint.save(tmp_path / "c.safetensors", arrays, facts)
    loaded, found = checkpoint.load(tmp_path / "c.safetensors")
    assert found == facts
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype
        assert loaded[name].shape == array.shape
        assert loaded[name].tobytes() == array.tobytes()


def test_a_transposed_array_keeps_its_values(tmp_path: Path) -> None:
    array = np.arange(6.0).reshape(2, 3).T
    checkpoint.save(tmp_path / "c.safetensors", {"a": array}, {})
    np.testing.assert_array_equal(checkpoint.load(tmp_path / "c.safetensors")[0]["a"], array)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no checkpoint"):
        checkpoint.load(tmp_path / "c.safetensors")


@in_one_folder
@given(data=st.data())
def test_a_changed_or_shortened_file_is_never_loaded(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, {"w": np.arange(5.0), "n": np.array(3)}, {"epoch": 7})
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        damaged = whole[:at]
    else:
        changed = whole[at] ^ data.draw(st.integers(1, 255))
        damaged = whole[:at] + bytes([changed]) + whole[at + 1 :]
    path.write_bytes(damaged)
    try:
        arrays, facts = checkpoint.load(path)
    except RunError:
        return
    assert facts == {"epoch": 7}  # the change was in the spaces between
    np.testing.assert_array_equal(arrays["w"], np.arange(5.0))
    assert arrays["n"] == 3
