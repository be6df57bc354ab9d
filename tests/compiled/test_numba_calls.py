"""Lines that are carried out from a table: NumPy's bits, however the arrays lie in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_ae as tg
from tinygrad_ae import Tensor, nn, optim
from tinygrad_ae.compiled import calls, compile


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGRAD_AE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def products(a: Any, b: Any, v: Any) -> Any:
    a, b = a + 1, b * 2
    return a @ b, a.T @ b.T, a @ a.T, v @ a, a.T @ v, v @ v, a.sum(0), (a @ b) @ v, b.T @ v


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 37])
def test_products_give_numpys_bits(dtype, n):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype(dtype) for shape in ((n, n), (n, n), (n,))]
    fused = compile(products, engine="numba")
    for _ in range(2):
        for wanted, got in zip(compile(products)(*arrays), fused(*arrays), strict=True):
            np.testing.assert_array_equal(got.data, wanted.data)


def test_products_need_no_python():
    carried = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    if carried != "scipy-openblas":  # as in NumPy's wheels; elsewhere products stay NumPy's
        pytest.skip(f"NumPy carries {carried}")
    x = np.random.default_rng(0).normal(size=(5, 5)).astype(np.float32)
    fused = compile(lambda x: ((x @ (x + 1)) * 2).sum(0), engine="numba")
    fused(x)
    lines = [line for line in fused.source().splitlines() if not line.lstrip().startswith("#")]
    assert [line.split("(")[0].strip() for line in lines[1:-1]] == ["place0", "calls0"]


def test_arguments_may_lie_otherwise_than_at_first():
    x = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    raw = np.empty(x.nbytes + 1, np.uint8)
    odd = raw[1:].view(np.float32).reshape(x.shape)
    odd[...] = x
    still = x.copy()
    still.flags.writeable = False
    w = tg.as_tensor(np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32))
    step = compile(lambda x: (x @ w, x * 2 + 1), engine="numba")
    wanted = [y.numpy() for y in step(x)]
    for other in (np.asfortranarray(x), x[::-1][::-1], np.repeat(x, 2, 1)[:, ::2], odd, still,
                  x.astype(">f4"), x.copy()):  # fmt: skip
        for y, right in zip(step(other), wanted, strict=True):
            np.testing.assert_array_equal(y.data, right)


def test_an_array_that_a_function_makes_is_found():
    def step(x: Any) -> Any:
        return (tg.ops.cumsum(x, axis=0) * 2 + 1) @ x

    x = np.random.default_rng(0).normal(size=(5, 5))
    fused = compile(step, engine="numba")
    for k in (1, 2):
        np.testing.assert_array_equal(fused(k * x).data, compile(step)(k * x).data)


def test_an_array_between_other_things_is_read_right():
    records = np.zeros(6, np.dtype([("mark", "u1"), ("value", "f4")]))
    records["value"] = np.arange(6)
    between = tg.as_tensor(records["value"])
    between.data = records["value"]  # 5 bytes from each element to the next
    fused = compile(lambda x: (x + between) * 2, engine="numba")
    assert fused(np.ones(6, np.float32)).tolist() == [2, 4, 6, 8, 10, 12]


def test_without_numpys_blas_products_stay_lines(monkeypatch):
    monkeypatch.setattr(calls, "BLAS", {})
    found = []
    for engine in ("numpy", "numba"):
        tg.manual_seed(0)
        layer = nn.Linear(3, 4)
        optimizer = optim.Adam(layer.parameters())

        def step(x: Tensor, layer: Any = layer, optimizer: Any = optimizer) -> Tensor:
            optimizer.zero_grad()
            loss = ((layer(x) - 1) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        run = compile(step, engine=engine)  # type: ignore[call-overload] (a str)
        x = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
        found.append([*(run(x).item() for _ in range(3)), layer.weight.data.tolist()])
    assert found[0] == found[1]
    assert "\n    batch.dot(" in run.source()


@pytest.mark.parametrize("name", ["step", "calls0", "place0"])
def test_a_tensor_may_be_called_what_the_plan_calls_its_own(name):
    w = Tensor(np.full((3, 3), 0.1), requires_grad=True, name=name)

    def run(x: Any) -> Any:
        return (x @ w).exp() @ w.tanh()

    x = np.ones((2, 3))
    np.testing.assert_array_equal(compile(run, engine="numba")(x).data, run(Tensor(x)).data)
