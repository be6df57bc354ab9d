"""float64 that nobody asked for and that widens a float32 network is told of, once for its line."""

import inspect
import warnings

import numpy as np
import pytest

import tinygrad_ae as tg
from tinygrad_ae import PrecisionWarning, Tensor, nn, no_grad, optim
from tinygrad_ae.compiled import compile

X = np.random.default_rng(0).random((4, 3), dtype=np.float32)


class Net(nn.Module):
    def __init__(self, scale=1.0):
        self.first, self.last, self.scale = nn.Linear(3, 3), nn.Linear(3, 2), scale

    def forward(self, x):
        h = self.first(x)
        h = h * self.scale
        return self.last(h.tanh())


def told(run):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run()
    return [w for w in caught if issubclass(w.category, PrecisionWarning)]


def line_in(function, text):
    lines, start = inspect.getsourcelines(function)
    return start + next(k for k, line in enumerate(lines) if text in line)


@pytest.mark.parametrize(
    "scale",
    [np.sqrt(3), np.float64(2), np.array(2.0), Tensor([1.0, 2.0, 3.0]), np.ones(3), np.int64(3),
     Tensor([1, 2, 3])],
)  # fmt: skip
def test_a_float64_operand_is_told_of_with_its_line(scale):
    net = Net(scale)
    (warning,) = told(lambda: [net(Tensor(X)).sum().backward() for _ in range(3)])
    assert warning.filename == __file__
    assert warning.lineno == line_in(Net.forward, "h = h * self.scale")
    assert "float64" in str(warning.message)
    assert "mul of (4, 3) float32" in str(warning.message)


def test_float64_data_is_told_of_where_it_meets_the_network():
    (warning,) = told(lambda: Net()(Tensor(X.astype(float))).sum().backward())
    assert warning.lineno == line_in(Net.forward, "h = self.first(x)")


@pytest.mark.parametrize(
    "scale", [2.0, 3, True, np.float32(3), np.float16(1), np.uint8(3), Tensor(np.float32(2))]
)
def test_other_numbers_are_not(scale):
    assert told(lambda: Net(scale)(Tensor(X)).sum().backward()) == []


def half_net(scale=1.0):
    net = Net(scale)
    for layer in (net.first, net.last):
        layer.weight = nn.Parameter(layer.weight.data.astype(np.float16))
        layer.bias = nn.Parameter(layer.bias.data.astype(np.float16))
    return net


@pytest.mark.parametrize(
    ("scale", "wide", "memory"),
    [
        (np.float32(3), "float32", "twice the memory."),
        (np.ones(3, np.float32), "float32", "twice the memory."),
        (nn.Parameter(np.ones(3, np.float32)), "float32", "twice the memory."),
        (np.sqrt(3), "float64", "four times the memory."),
    ],
)
def test_what_widens_a_float16_network_is_told_of_with_its_line(scale, wide, memory):
    net, x = half_net(scale), Tensor(X.astype(np.float16))
    (warning,) = told(lambda: [net(x).sum().backward() for _ in range(3)])
    assert warning.lineno == line_in(Net.forward, "h = h * self.scale")
    said = str(warning.message)
    assert f"gives {wide}, and so will all that follows: the float16 network" in said
    assert memory in said
    assert "x.astype('float16')" in said


def test_float32_data_is_told_of_where_it_meets_a_float16_network():
    (warning,) = told(lambda: half_net()(Tensor(X)).sum().backward())
    assert warning.lineno == line_in(Net.forward, "h = self.first(x)")


def test_a_float16_network_of_float16_is_not():
    for scale in (2.0, 3, np.float16(2)):
        x = Tensor(X.astype(np.float16))
        net = half_net(scale)
        assert told(lambda net=net, x=x: net(x).sum().backward()) == []
    w = Tensor(X, requires_grad=True)
    half = w.astype(np.float16)
    assert told(lambda: half.astype(np.float32) * w) == []  # asked for
    assert len(told(lambda: half * X)) == 1
    assert told(lambda: nn.functional.mse_loss(half, Tensor(X)).backward()) == []


def test_a_float64_network_is_not():
    net = Net(np.sqrt(3))
    for layer in (net.first, net.last):
        layer.weight = nn.Parameter(layer.weight.data.astype(np.float64))
        layer.bias = nn.Parameter(layer.bias.data.astype(np.float64))
    for x in (X, X.astype(float)):
        assert told(lambda x=x: net(Tensor(x)).sum().backward()) == []


def test_what_was_asked_for_is_not():
    w = Tensor(X, requires_grad=True)
    assert told(lambda: (w.astype(np.float64) * np.sqrt(3)).sum().backward()) == []
    assert told(lambda: (w.astype(np.float64) * w).sum().backward()) == []
    assert told(lambda: Tensor(X) * np.sqrt(3)) == []  # data alone, of no network
    target = Tensor(X.astype(float))
    assert told(lambda: nn.functional.mse_loss(w, target).backward()) == []
    with no_grad():
        assert told(lambda: w.__imul__(np.sqrt(3))) == []
    assert w.dtype == np.float32


def test_gradients_of_gradients_are_not_told_of_again():
    w = Tensor(X, requires_grad=True)

    def run():
        y = (w * np.sqrt(3)).square().sum()
        (g,) = tg.grad(y, [w], create_graph=True)
        g.square().sum().backward()

    assert len(told(run)) == 1


def test_a_captured_step_tells_and_stays_captured():
    net = Net(np.sqrt(3))
    opt = optim.SGD(net.parameters(), lr=0.1)

    @compile
    def step(x):
        opt.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        opt.step()
        return loss

    (warning,) = told(lambda: [step(X) for _ in range(4)])
    assert warning.lineno == line_in(Net.forward, "h = h * self.scale")
    assert step.source()


def test_each_line_once_until_the_filters_change():
    w = Tensor(X, requires_grad=True)

    def run():
        for _ in range(3):
            w * np.sqrt(3)
            w + np.sqrt(3)

    assert len(told(run)) == 2
    assert len(told(run)) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PrecisionWarning, match="float64"):
            run()
