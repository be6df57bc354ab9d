"""Training with a compiled step is training with the step: losses, gradients, parameters, noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from steps import data, same, training

import tinygrad_ae as tg
from tinygrad_ae import Tensor, nn, ops, optim
from tinygrad_ae.compiled import compile
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.nn import functional
from tinygrad_ae.train import fit


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
