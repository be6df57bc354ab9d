"""Parameters in half precision: their updates are computed in float32."""

import copy

import numpy as np
import pytest

from tinygrad_ae import Tensor, nn, optim
from tinygrad_ae.compiled import compile

MAKE = {
    "sgd": lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9),
    "adam": lambda ps: optim.Adam(ps, lr=0.01, weight_decay=0.01),
    "adamw": lambda ps: optim.AdamW(ps, lr=0.01),
    "rmsprop": lambda ps: optim.RMSprop(ps, lr=0.01, momentum=0.5),
}
X = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float16)


def model():
    rng = np.random.default_rng(1)
    return nn.Parameter(rng.normal(size=(2, 3)).astype(np.float16)), nn.Parameter(
        np.zeros(2, np.float16)
    )


def stepper(make, run=lambda step: step):
    W, b = model()
    opt = make([W, b])

    def step(x):
        opt.zero_grad()
        loss = ((nn.functional.linear(x, W, b) - 1) ** 2).mean()
        loss.backward()
        opt.step()
        return loss

    return W, b, opt, run(step)


@pytest.mark.parametrize("name", MAKE)
def test_zero_and_tiny_gradients_give_finite_steps(name):
    p = nn.Parameter(np.array([1.0, -1.0, 2.0], np.float16))
    opt = MAKE[name]([p])
    for _ in range(3):
        p.grad = Tensor(np.array([0.0, 1e-5, 3e4], np.float16))
        opt.step()
    assert p.dtype == np.float16
    assert np.isfinite(p.data).all()
    assert all(v.dtype == np.float32 for k, v in opt.state_dict().items() if "float16.e" in k)


@pytest.mark.parametrize("name", MAKE)
def test_a_step_is_float32s_rounded_once(name):
    half, single = (nn.Parameter(np.array([1.0, -0.3, 2.0]).astype(np.float16).astype(dtype))
                    for dtype in (np.float16, np.float32))  # fmt: skip
    g = np.array([0.25, 2**-14, -1.5])
    for p in (half, single):
        p.grad = Tensor(g.astype(p.dtype))
        MAKE[name]([p]).step()
    np.testing.assert_array_equal(half.data, single.data.astype(np.float16))


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("name", MAKE)
def test_compiled_updates_are_the_same(name, engine, tmp_path, monkeypatch):
    if engine == "numba":
        pytest.importorskip("numba")
        monkeypatch.setenv("TINYGRAD_AE_CACHE", str(tmp_path))
    eager, compiled = stepper(MAKE[name]), stepper(MAKE[name], lambda s: compile(s, engine=engine))
    for x in X:
        a, b = eager[3](Tensor(x)), compiled[3](x)
        np.testing.assert_allclose(a.data, b.data, rtol=2e-3)
    for a, b in zip(eager[:2], compiled[:2], strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=4e-3, atol=4e-3)
    assert eager[0].data.any()


@pytest.mark.parametrize("name", MAKE)
def test_a_run_goes_on_where_it_stopped(name):
    W, b, opt, step = stepper(MAKE[name])
    for x in X[:2]:
        step(Tensor(x))
    state, values = copy.deepcopy(opt.state_dict()), [p.data.copy() for p in (W, b)]
    for x in X[2:]:
        step(Tensor(x))
    W2, b2, opt2, step2 = stepper(MAKE[name])
    for p, value in zip((W2, b2), values, strict=True):
        p.data[...] = value
    opt2.load_state_dict(state)
    for x in X[2:]:
        step2(Tensor(x))
    np.testing.assert_array_equal(W.data, W2.data)
    np.testing.assert_array_equal(b.data, b2.data)
