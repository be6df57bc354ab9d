"""A compiled step does what the step does: values, gradients, parameters, randomness, state."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_ae as tg
from tinygrad_ae import Tensor, nn, no_grad, ops, optim
from tinygrad_ae.capture import CaptureWarning, compile
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.nn import functional
from tinygrad_ae.train import fit

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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("make", "options"),
    [
        (optim.Adam, {}),
        (optim.Adam, {"weight_decay": 0.01}),
        (optim.AdamW, {}),
        (optim.SGD, {"lr": 0.1}),
        (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        (optim.RMSprop, {"momentum": 0.5}),
    ],
)
def test_training_is_the_same_compiled(dtype, make, options):
    run = same(
        lambda: Autoencoder(12, (8,), 3).astype(dtype), data(dtype=dtype), make=make, **options
    )
    assert "dot(" in run.source()


@pytest.mark.parametrize(
    "activation", ["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid",
                   "hardtanh", "softplus"]
)  # fmt: skip
def test_every_activation_is_the_same_compiled(activation):
    same(lambda: Autoencoder(12, (8,), 3, activation).astype(np.float64), data(dtype=np.float64))


def reconstruction(model: Any, batch: Tensor) -> Tensor:
    return functional.mse_loss(model(batch), batch)


@pytest.mark.parametrize(
    "middle",
    [
        lambda: nn.Dropout(0.4),
        lambda: nn.LayerNorm(12),
        lambda: nn.BatchNorm1d(12),
        lambda: nn.Softmax(),
        lambda: nn.LogSoftmax(),
    ],
)
def test_layers_with_noise_and_state_are_the_same_compiled(middle):
    def build() -> Any:
        # a bias before a normalisation has no gradient: what is computed for it is rounding
        return nn.Sequential(nn.Linear(12, 12, bias=False), middle(), nn.Tanh(), nn.Linear(12, 12))

    same(build, data(), loss=reconstruction)


@pytest.mark.parametrize(
    "loss",
    [
        lambda m, x: functional.binary_cross_entropy_with_logits(m(x), x),
        lambda m, x: functional.binary_cross_entropy(ops.sigmoid(m(x)), x),
        lambda m, x: functional.l1_loss(m(x), x),
        lambda m, x: functional.huber_loss(m(x), x, delta=0.3),
        lambda m, x: functional.kl_div(
            functional.log_softmax(m(x)), functional.softmax(x), reduction="sum"
        ),
        lambda m, x: functional.cross_entropy(m(x), np.arange(6)),
        lambda m, x: m(x).var() + m(x).std() + m(x).norm(),
        lambda m, x: m(x).max(axis=1).sum() - m(x).logsumexp(axis=0).mean(),
    ],
)
def test_losses_are_the_same_compiled(loss):
    same(lambda: nn.Linear(12, 12), data(), loss=loss)


def test_noise_is_drawn_anew_and_in_the_order_of_the_eager_step():
    def loss(model: Any, x: Tensor) -> Tensor:
        noisy = x + 0.3 * ops.normal(x)
        masked = noisy * ops.bernoulli(x, 0.7)
        code = model(masked)
        return ((ops.normal_sample(code, 0.1) - ops.uniform(x, -1, 1)) ** 2).mean()

    same(lambda: nn.Linear(12, 12), data(), loss=loss)


def test_labels_are_inputs_of_the_plan():
    rng = np.random.default_rng(1)
    batches = [(rng.random((6, 12), dtype=np.float32), rng.integers(0, 4, 6)) for _ in range(3)]

    def losses(compiled: bool) -> list[float]:
        tg.manual_seed(0)
        layer = nn.Linear(12, 4)
        optimizer = optim.SGD(layer.parameters(), lr=0.5)

        def step(x: Any, labels: Any) -> Tensor:
            optimizer.zero_grad()
            loss = functional.cross_entropy(layer(x), labels)
            loss.backward()
            optimizer.step()
            return loss

        run = compile(step) if compiled else step
        return [run(x, y).item() for x, y in batches]

    np.testing.assert_allclose(losses(True), losses(False), rtol=1e-5)


def test_clipping_is_part_of_the_plan_and_its_norm_stays_live():
    def losses_and_norms(compiled: bool) -> list[list[float]]:
        tg.manual_seed(0)
        layer = nn.Linear(12, 12)
        optimizer = optim.SGD(layer.parameters(), lr=0.5)

        def step(x: Tensor) -> Any:
            optimizer.zero_grad()
            loss = functional.mse_loss(layer(x), x)
            loss.backward()
            norm = optim.clip_grad_norm_(layer.parameters(), 0.05)
            optimizer.step()
            return loss, tg.as_tensor(norm)

        run = compile(step) if compiled else step
        return [[float(t.detach()) for t in run(tg.as_tensor(x))] for x in data()]

    compiled = losses_and_norms(True)
    np.testing.assert_allclose(compiled, losses_and_norms(False), rtol=1e-5)
    assert compiled[0][1] != compiled[1][1]


def test_the_learning_rate_is_read_at_each_step():
    layer = nn.Linear(2, 2)
    optimizer = optim.SGD(layer.parameters(), lr=1.0)

    @compile
    def step(x: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = (layer(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    x = tg.as_tensor(np.ones((3, 2), np.float32))
    step(x)
    optimizer.lr = 0.0
    before = layer.state_dict()
    step(x)
    np.testing.assert_equal(layer.state_dict(), before)


def test_numbers_passed_to_the_step_are_inputs():
    @compile
    def step(x: Any, scale: float) -> Tensor:
        return (x * scale).sum()

    x = np.ones((2, 3), np.float32)
    assert [step(x, s).item() for s in (1.0, 2.0, 0.5)] == [6.0, 12.0, 3.0]
    assert len(step._entries) == 1


def test_other_arguments_are_told_apart():
    @compile
    def step(x: Any, times: int, how: Any = None, *, flag: bool = False) -> Any:
        y = x * times
        y = how(y) if how else y
        return {"y": -y if flag else y}

    x = np.ones(3)
    for times, how, flag in ((2, None, False), (3, ops.exp, False), (3, np.sqrt, True)):
        wanted = how(x * times) if how else x * times
        for _ in range(2):
            got = step(x, times, how, flag=flag)["y"]
            np.testing.assert_allclose(got.data, -wanted if flag else wanted)
    assert step(x, np.float64(0.5))["y"].tolist() == [0.5] * 3
    assert step(x, np.float64(1.5))["y"].tolist() == [1.5] * 3
    assert sum(len(entries) for entries in step._entries.values()) == 4


def test_a_method_can_be_compiled():
    class Scale(nn.Module):
        def __init__(self, factor: float) -> None:
            self.factor = nn.Parameter(np.array([factor]))

        @compile
        def apply_to(self, x: Any) -> Any:
            return x * self.factor

    for factor in (2.0, 3.0):
        scale = Scale(factor)
        for x in (ONES, 2 * ONES):
            np.testing.assert_array_equal(scale.apply_to(x).data, factor * x)


def test_new_shapes_dtypes_and_modes_are_captured_anew():
    dropout = nn.Dropout(0.5)

    @compile
    def step(x: Any) -> Tensor:
        return dropout(x) * 2

    ones = np.ones((4, 5), np.float32)
    assert step(ones).shape == (4, 5)
    assert step(ones[:2]).shape == (2, 5)
    assert step(ones.astype(np.float64)).dtype == np.float64
    assert (step(ones).data == 0).any()
    dropout.eval()
    assert (step(ones).data == 2).all()
    dropout.train()
    assert (step(ones).data == 0).any()
    captured = step.source()
    dropout.eval()
    step(ones)
    assert "generator" in captured
    assert "generator" not in step.source()
    assert sum(len(entries) for entries in step._entries.values()) == 4


def test_freezing_a_parameter_is_noticed():
    layer = nn.Linear(3, 3)

    @compile
    def step(x: Any) -> Tensor:
        layer.zero_grad()
        loss = layer(x).sum()
        loss.backward()
        return loss

    x = np.ones((2, 3), np.float32)
    step(x)
    step(x)
    assert layer.weight.grad is not None
    layer.weight.requires_grad_(False)
    step(x)
    assert layer.weight.grad is None


def test_results_are_the_callers_own():
    @compile
    def double(x: Any) -> Any:
        return {"twice": x * 2, "sum": x.sum()}

    first = double(np.ones((2, 2)))
    second = double(np.full((2, 2), 3.0))
    assert (first["twice"].data == 2).all()
    assert second["sum"].item() == 12


def test_batches_of_any_memory_layout_are_read_right():
    @compile
    def product(x: Any) -> Any:
        return x @ x.T

    x = np.random.default_rng(0).random((5, 5))
    product(x)
    for y in (x[::-1], x.T, np.asfortranarray(x), np.repeat(x, 2, 0)[::2]):
        np.testing.assert_allclose(product(y).data, y @ y.T, rtol=1e-12)


# ---- what cannot be captured


def uncapturable(f: Callable[..., Any], *calls: Any) -> None:
    """Check that a step warns once, with a line of this file, and gives the eager results."""
    step = compile(f)
    with pytest.warns(CaptureWarning, match=r"test_compile\.py:\d+") as caught:
        first = step(calls[0])
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = [first, *(step(x) for x in calls[1:])]
    for x, got in zip(calls, results, strict=True):
        wanted = f(tg.as_tensor(x))
        np.testing.assert_array_equal(tg.as_tensor(got).data, tg.as_tensor(wanted).data)


ONES = np.ones((2, 3))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * 2 if x.sum() > 0 else x,
        lambda x: x * float(x.sum()),
        lambda x: x * x.sum().item(),
        lambda x: x * np.asarray(x).max(),
        lambda x: x * x.numpy().max(),
        lambda x: x.detach() + x.data[0],
        lambda x: x[x > 0],
    ],
)
def test_looking_at_values_is_said_and_runs_eagerly(f):
    uncapturable(f, ONES, -ONES, 3 * ONES)


def test_gradients_from_before_the_step_are_said_and_run_eagerly():
    w = Tensor(np.ones(3), requires_grad=True)
    w.grad = Tensor(np.ones(3))

    def step(x: Any) -> Any:
        (w * x).sum().backward()
        return w.grad

    compiled = compile(step)
    with pytest.warns(CaptureWarning, match="zero_grad"):
        compiled(ONES)
    compiled(ONES)
    np.testing.assert_array_equal(w.grad.data, 5.0)


def test_gradients_reset_outside_the_step_accumulate_in_between():
    layer = nn.Linear(3, 3)

    @compile
    def step(x: Any) -> Any:
        loss = layer(x).sum()
        loss.backward()
        return loss

    for _ in range(2):
        layer.zero_grad()
        for k in range(1, 4):
            step(ONES.astype(np.float32))
            np.testing.assert_array_equal(layer.bias.grad.data, 2.0 * k)


def test_plain_values_are_part_of_the_plan_and_compared():
    scale = 1.0

    @compile
    def step(x: Any) -> Any:
        return x * scale

    np.testing.assert_array_equal(step(ONES).data, ONES)
    scale = 2.0
    np.testing.assert_array_equal(step(ONES).data, 2 * ONES)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for scale in range(3, 30):
            np.testing.assert_array_equal(step(ONES).data, scale * ONES)
    assert ["scale keeps changing" in str(w.message) for w in caught] == [True]


def test_a_step_that_counts_in_python_is_said_and_counts_on():
    class Warm(nn.Module):
        def __init__(self) -> None:
            self.count = 0

        def forward(self, x: Any) -> Any:
            self.count += 1
            return x * min(1.0, self.count / 4)

    model = Warm()
    step = compile(lambda x: model(x))
    with pytest.warns(CaptureWarning, match=r"changes Warm\.count"):
        first = step(ONES)
    results = [first, *(step(ONES) for _ in range(4))]
    assert [r.data[0, 0] for r in results] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_stopping_and_continuing_gives_the_same_bits():
    def run(parts: list[list[Any]]) -> dict[str, Any]:
        tg.manual_seed(0)
        saved: Any = None
        for part in parts:
            model, optimizer, step = training(Autoencoder(12, (8,), 3))
            if saved:
                model.load_state_dict(saved[0])
                optimizer.load_state_dict(saved[1])
            compiled = compile(step)
            for batch in part:
                compiled(batch)
            saved = model.state_dict(), optimizer.state_dict()
        return saved[0]

    batches = data(count=6)
    whole, parted = run([batches]), run([batches[:2], batches[2:]])
    for name, value in whole.items():
        np.testing.assert_array_equal(value, parted[name])


def test_randomness_outside_the_graph_is_said():
    def step(x: Any) -> Any:
        return x * tg.default_generator.random()

    with pytest.warns(CaptureWarning, match="drawn outside the graph"):
        compile(step)(ONES)


def test_work_under_no_grad_is_part_of_the_plan():
    @compile
    def step(x: Any) -> Any:
        with no_grad():
            target = x * 3
        return target - x

    np.testing.assert_array_equal(step(ONES).data, 2 * ONES)
    np.testing.assert_array_equal(step(2 * ONES).data, 4 * ONES)


def test_a_tensor_made_of_a_computed_one_follows_it():
    @tg.compile
    def step(batch):
        with no_grad():
            doubled = batch * 2
        return (Tensor(doubled) + 1).sum()

    assert [step(np.full(3, value)).item() for value in (1.0, 2.0, 3.0)] == [9, 15, 21]


def test_in_place_updates_by_hand_are_part_of_the_plan():
    w, eager = nn.Parameter(np.ones(3)), nn.Parameter(np.ones(3))

    def by_hand(x: Any) -> Any:
        w.grad = None
        loss = ((w * x) ** 2).sum()
        loss.backward()
        with no_grad():
            w[...] = w - 0.1 * w.grad
        return loss

    def by_hand_eager(x: Any) -> Any:
        eager.grad = None
        loss = ((eager * x) ** 2).sum()
        loss.backward()
        with no_grad():
            eager[...] = eager - 0.1 * eager.grad
        return loss

    compiled = compile(by_hand)
    for k in range(1, 4):
        x = np.array([[0.1, 0.2, 0.3]]) * k
        assert compiled(x).item() == pytest.approx(by_hand_eager(tg.as_tensor(x)).item(), rel=1e-14)
    np.testing.assert_allclose(w.data, eager.data, rtol=1e-14)


def test_gradients_of_gradients_are_captured():
    w = nn.Parameter(np.array([1.0, 2.0]))

    def penalty(x: Any) -> Any:
        w.grad = None
        y = (ops.tanh(w * x)).sum()
        g = tg.grad(y, w, create_graph=True)
        (g * g).sum().backward()
        return (g * g).sum()

    compiled = compile(penalty)
    for k in range(1, 4):
        x = np.array([[0.5, -0.3]]) * k
        wanted = penalty(tg.as_tensor(x)).item()
        expected = w.grad.data.copy()
        assert compiled(x).item() == pytest.approx(wanted, rel=1e-12)
        np.testing.assert_allclose(w.grad.data, expected, rtol=1e-12)


def test_source_names_operations_modules_and_lines():
    _, _, step = training(Autoencoder(12, (8,), 3))
    run = compile(step)
    with pytest.raises(tg.errors.UserError, match="call the step first"):
        run.source()
    run(data()[0])
    source = run.source()
    assert "encoder.0" in source
    assert "∂linear" in source
    assert "autoencoder.py:" in source
    assert "adam_step()" in source


def test_fit_gives_the_same_model_compiled():
    x = np.random.default_rng(0).random((50, 12), dtype=np.float32)
    models = []
    for compiled in (False, True):
        tg.manual_seed(0)
        model = Autoencoder(12, (8,), 3)
        history = fit(model, x, epochs=2, batch_size=20, clip=0.1, compile=compiled)
        models.append((history["loss"], model.state_dict()))
    np.testing.assert_allclose(models[0][0], models[1][0], rtol=1e-5)
    for name, value in models[0][1].items():
        np.testing.assert_allclose(models[1][1][name], value, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_choosing_keeps_every_bit(dtype):
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-42, -1.5, 3.0], dtype)
    x, y = (a.reshape(-1, 8) for a in (special, special[::-1].copy()))

    @compile
    def choose(x: Any, y: Any) -> Any:
        c = x > 0
        return ops.where(c, x, y), ops.where(c, x, 0.0), ops.where(c, 0.0, y), ops.where(c, 2.5, y)

    for a, b in ((x, y), (y, x)):
        wanted = [np.where(a > 0, p, q) for p, q in ((a, b), (a, 0), (0, b), (2.5, b))]
        for got, right in zip(choose(a, b), wanted, strict=True):
            assert got.dtype == right.dtype == dtype
            assert got.data.tobytes() == right.tobytes()
    assert "bitwise" in choose.source()


@pytest.mark.parametrize("with_optimizer", [False, True])
def test_gradients_have_memory_of_their_own(with_optimizer):
    """Constant, shared, transposed and later used gradients, scaled in place."""

    def run(compiled: bool) -> list[Any]:
        rng = np.random.default_rng(0)
        a, b, c, d = (nn.Parameter(rng.normal(size=(3, 3))) for _ in range(4))
        ps = [a, b, c, d]
        optimizer = optim.SGD(ps if with_optimizer else [nn.Parameter(np.ones(1))], lr=0.1)

        def step(x: Any) -> Any:
            for p in ps:
                p.grad = None
            loss = a.sum() + ((b + c) * x).sum() + ((d.T @ x) ** 2).sum()
            loss.backward()
            kept = d.grad * 1.0
            optim.clip_grad_norm_(ps, 0.5)
            optimizer.step()
            after = (d.grad + kept).sum()
            return loss, after

        runner = compile(step) if compiled else step
        found = []
        for k in range(3):
            x = np.random.default_rng(k).normal(size=(3, 3))
            found += [t.detach().numpy() for t in runner(tg.as_tensor(x))]
            found += [p.grad.data.copy() for p in ps] + [p.data.copy() for p in ps]
        return found

    for wanted, got in zip(run(False), run(True), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)


def test_gradients_are_computed_where_the_optimiser_reads_them():
    model, optimizer, step = training(Autoencoder(12, (8,), 3))
    run = compile(step)
    run(data()[0])
    assert "copyto" not in run.source()
    for p, memory in optimizer.gradient_memory():
        assert p.grad.data is memory
    assert len(list(model.parameters())) == 8


def test_two_optimisers_take_turns_in_one_step():
    def run(compiled: bool) -> list[Any]:
        tg.manual_seed(0)
        maker, judge = nn.Linear(4, 4), nn.Linear(4, 1)
        first, second = optim.Adam(maker.parameters()), optim.SGD(judge.parameters(), lr=0.1)

        def step(x: Any) -> Any:
            second.zero_grad()
            fake = maker(ops.normal(x))
            judged = (
                functional.softplus(-judge(x)).mean()
                + functional.softplus(judge(fake.detach())).mean()
            )
            judged.backward()
            second.step()
            first.zero_grad()
            made = functional.softplus(-judge(fake)).mean()
            made.backward()
            first.step()
            return judged, made

        runner = compile(step) if compiled else step
        found = []
        for x in data(d=4):
            found += [t.item() for t in runner(tg.as_tensor(x))]
        return [*found, *(p.data for m in (maker, judge) for p in m.parameters())]

    for wanted, got in zip(run(False), run(True), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=1e-6)


def test_a_setting_of_a_module_is_compared_whatever_else_was_set():
    class Scaled(nn.Module):
        factor = 1.0

        def forward(self, x: Any) -> Any:
            return x * self.factor

    model, other = Scaled(), Scaled()
    model.factor = 2.0
    step = compile(lambda x: model(x))
    for factor, where in ((2.0, model), (5.0, other), (3.0, model), (2.0, model)):
        where.factor = factor
        np.testing.assert_array_equal(step(ONES).data, model.factor * ONES)


def test_gradients_that_overflow_are_found_where_the_optimiser_reads_them():
    layer = nn.Linear(2, 2)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    for value, finite in ((1.0, True), (1e30, True), (np.inf, False), (np.nan, False)):
        layer.weight.grad = Tensor(np.full((2, 2), value, np.float32))
        assert optimizer.finite() is finite  # though 1e30 squared is not


def test_the_logistic_functions_keep_their_tails():
    x = np.concatenate([np.linspace(-103, 103, 4001), [np.inf, -np.inf, np.nan, 0.0]])
    x = x.astype(np.float32)

    @compile
    def logistic(x: Any) -> Any:
        return ops.sigmoid(x), ops.softplus(x), ops.logsigmoid(x)

    for got, wanted in zip(logistic(x), logistic.__wrapped__(tg.as_tensor(x)), strict=True):
        np.testing.assert_allclose(got.data, wanted.data, rtol=1e-6, atol=1e-44)
