import math
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from tinygrad_ae import Tensor, default_generator, manual_seed, nn, optim
from tinygrad_ae.data import Dataset, Scaling, Split
from tinygrad_ae.errors import DataError, DivergedError, ModelError
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.train import History, fit, mean_loss

X = np.random.default_rng(0).random((50, 6), np.float32)


def model() -> Autoencoder:
    return Autoencoder(inputs=6, hidden=(5,), latent=2)


def dataset(validation: int = 10) -> Dataset:
    return Dataset(
        "test",
        Split(X[:30], None),
        Split(X[30 : 30 + validation], None),
        Split(X[40:], None),
        (6,),
        Scaling(),
    )


def weights(model: nn.Module) -> bytes:
    return b"".join(array.tobytes() for array in model.state_dict().values())


class Noisy(nn.Module):
    """A model that draws from the default generator."""

    def __init__(self) -> None:
        self.encoder = nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 2))
        self.decoder = nn.Linear(2, 6)

    def loss(self, batch: Tensor) -> Tensor:
        return ((self.decoder(self.encoder(batch)) - batch) ** 2).mean()


class Constant(nn.Module):
    """A model of one number, whose loss is ``f(w)``."""

    def __init__(self, f: object) -> None:
        self.w = nn.Parameter(np.ones(1, np.float32))
        self.f = f

    def loss(self, batch: Tensor) -> object:
        return self.f(self.w)  # type: ignore[operator]


# ---- what it does


def test_the_loss_falls_and_each_epoch_is_recorded() -> None:
    manual_seed(0)
    history = fit(model(), dataset(), epochs=20, batch_size=8)
    assert history["epoch"] == list(range(1, 21))
    assert history["loss"][-1] < history["loss"][0]
    assert history["validation_loss"][-1] < history["validation_loss"][0]
    assert set(history[0]) == {
        "epoch", "loss", "validation_loss", "seconds", "samples_per_second",
    }  # fmt: skip
    assert min(history["samples_per_second"]) > 0


def test_a_plain_array_is_learnt_as_it_is() -> None:
    history = fit(model(), X, epochs=1)
    assert "validation_loss" not in history[0]


def test_nothing_to_validate_is_fine() -> None:
    assert "validation_loss" not in fit(model(), dataset(validation=0), epochs=1)[0]


def test_the_loss_is_the_mean_over_samples_though_the_last_batch_is_smaller() -> None:
    class MeanOfInputs(Constant):
        def loss(self, batch: Tensor) -> Tensor:
            return (batch * self.w).mean()

    learner = MeanOfInputs(None)
    still = optim.SGD(learner.parameters(), lr=0.0)
    history = fit(learner, X, epochs=1, batch_size=16, optimizer=still)
    assert history["loss"] == [pytest.approx(X.mean())]


def test_validation_is_in_evaluation_mode_and_training_in_training_mode() -> None:
    modes = []

    class Watching(Constant):
        def loss(self, batch: Tensor) -> Tensor:
            modes.append((len(batch.data), self.training))
            return (self.w * self.w).sum()

    fit(Watching(None), dataset(), epochs=2, batch_size=30, compile=False)
    assert modes == [(30, True), (10, False), (30, True), (10, False)]


def test_every_sample_is_seen_once_an_epoch_in_an_order_that_changes() -> None:
    seen = []

    class Watching(Constant):
        def loss(self, batch: Tensor) -> Tensor:
            seen.append(batch.data.copy())
            return (self.w * self.w).sum()

    fit(Watching(None), X, epochs=2, batch_size=20, compile=False)
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert [len(batch) for batch in seen] == [20, 20, 10] * 2
    assert (first != second).any()
    for epoch in (first, second):
        np.testing.assert_array_equal(np.sort(epoch, axis=0), np.sort(X, axis=0))


def test_the_schedule_multiplies_the_learning_rate_by_step_and_leaves_it_as_it_was() -> None:
    rates = []

    class Watched(optim.SGD):
        def step(self) -> None:
            rates.append(self.lr)
            super().step()

    learner = model()
    optimizer = Watched(learner.parameters(), lr=0.5)
    halving = lambda step: 0.5**step
    history = fit(learner, X, epochs=1, batch_size=25, optimizer=optimizer, schedule=halving)
    fit(
        learner, X, epochs=2, batch_size=25, optimizer=optimizer, schedule=halving, history=history
    )  # continues counting
    assert rates == [0.5, 0.25, 0.125, 0.0625]
    assert optimizer.lr == 0.5


def test_clip_limits_the_step() -> None:
    learner = Constant(lambda w: (w * 1000.0).sum())
    fit(learner, X, epochs=1, optimizer=optim.SGD(learner.parameters(), lr=1.0), clip=0.25)
    assert learner.w.data == pytest.approx([0.75])


def test_watchers_are_called_after_each_epoch() -> None:
    lengths: list[int] = []
    others: list[int] = []
    fit(model(), X, epochs=2, on_epoch=lambda history: lengths.append(len(history)))
    fit(model(), X, epochs=1, on_epoch=[lambda h: lengths.append(9), lambda h: others.append(1)])
    assert (lengths, others) == ([1, 2, 9], [1])


def test_a_history_has_columns_and_records() -> None:
    history = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    assert history["loss"] == [0.5, 0.25]
    assert history[-1]["epoch"] == 2
    assert history[:1] == [{"epoch": 1, "loss": 0.5}]


def test_a_smaller_last_batch_may_be_left_out_and_steps_and_means_agree() -> None:
    rates: list[float] = []
    seen: list[np.ndarray] = []

    class Watched(optim.SGD):
        def step(self) -> None:
            rates.append(self.lr)
            super().step()

    class MeanOfInputs(Constant):
        def loss(self, batch: Tensor) -> Tensor:
            seen.append(batch.data.copy())
            return (batch * self.w).mean()

    learner = MeanOfInputs(None)
    still = Watched(learner.parameters(), lr=0.0)
    still.lr = 1e-30  # moves nothing, but is multiplied
    history = fit(
        learner, X, epochs=1, batch_size=16, drop_last=True, optimizer=still, compile=False,
        schedule=lambda step: float(step),
    )  # fmt: skip
    fit(
        learner, X, epochs=2, batch_size=16, drop_last=True, optimizer=still, compile=False,
        schedule=lambda step: float(step), history=history,
    )  # fmt: skip
    assert [len(batch) for batch in seen] == [16] * 6
    assert rates == [1e-30 * step for step in range(6)]  # continued where it stopped
    for record, part in zip(history, (seen[:3], seen[3:]), strict=True):
        assert record["loss"] == pytest.approx(np.concatenate(part).mean())


def test_batches_that_are_all_left_out_are_refused_at_once() -> None:
    learner = model()
    before = weights(learner)
    with pytest.raises(DataError, match=r"50 samples, less than a batch of 64.*at most 50"):
        fit(learner, X, batch_size=64, drop_last=True)
    assert weights(learner) == before


def test_batch_norm_says_what_to_do_with_a_last_batch_of_one() -> None:
    class Normed(nn.Module):
        def __init__(self) -> None:
            self.encoder = nn.Sequential(nn.Linear(6, 2), nn.BatchNorm1d(2))
            self.decoder = nn.Linear(2, 6)

        def loss(self, batch: Tensor) -> Tensor:
            return ((self.decoder(self.encoder(batch)) - batch) ** 2).mean()

    with pytest.raises(ValueError, match=r"drop_last=True.*--drop-last"):
        fit(Normed(), X, batch_size=7, epochs=1)
    assert len(fit(Normed(), X, batch_size=7, epochs=1, drop_last=True)) == 1


# ---- repeatable


@pytest.mark.parametrize("kind", [model, Noisy])
def test_the_same_seed_gives_the_same_weights_bit_for_bit(kind: type[nn.Module]) -> None:
    def train(seed: int) -> bytes:
        manual_seed(seed)
        learner = kind()
        fit(learner, dataset(), epochs=3, batch_size=7)
        return weights(learner)

    assert train(1) == train(1)
    assert train(1) != train(2)


def test_a_generator_of_ones_own_draws_the_order() -> None:
    def train() -> bytes:
        manual_seed(0)
        learner = model()
        manual_seed(seed)
        fit(learner, X, epochs=1, batch_size=7, generator=np.random.default_rng(3))
        return weights(learner)

    seed = 1
    first = train()
    seed = 2
    assert train() == first


def test_continuing_a_history_is_the_same_as_not_stopping() -> None:
    def train(*stops: int) -> bytes:
        manual_seed(5)
        learner = Noisy()
        optimizer = optim.Adam(learner.parameters(), lr=1e-2)
        history = History()
        for epochs in stops:
            fit(learner, dataset(), epochs=epochs, optimizer=optimizer, history=history)
        assert history["epoch"] == [1, 2, 3, 4]
        return weights(learner)

    assert train(4) == train(1, 3, 4)


# ---- what it refuses


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros(5, np.float32), r"shape \(5,\)"),
        (np.zeros((0, 5), np.float32), r"shape \(0, 5\)"),
        (np.array([["a"]]), "real numbers"),
        (np.array([[1.0, np.nan]]), "NaN or infinite"),
    ],
)
def test_data_that_cannot_be_learnt_is_refused(data: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit(model(), data)


@pytest.mark.parametrize(
    ("f", "got"),
    [(lambda w: None, "NoneType"), (lambda w: 1.0, "float"), (lambda w: w + np.ones(3), r"\(3,\)")],
)
def test_a_loss_that_is_no_number_is_refused(f: object, got: str) -> None:
    with pytest.raises(ModelError, match=rf"Constant\.loss\(batch\) returned .*{got}"):
        fit(Constant(f), X)


def test_a_batch_has_a_size() -> None:
    with pytest.raises(DataError, match="batch size is 0"):
        fit(model(), X, batch_size=0)


def test_samples_of_another_size_are_named() -> None:
    with pytest.raises(ValueError, match=r"\(50, 7\)"):
        fit(model(), np.zeros((50, 7), np.float32))


# ---- when it diverges


def test_the_first_operation_that_overflows_is_named_with_its_module() -> None:
    learner = model()
    for layer in (learner.encoder[0], learner.encoder[2]):
        layer.weight.data[...] = 1e30
    with pytest.raises(DivergedError) as caught:
        fit(learner, X)
    message = str(caught.value)
    assert "linear gave a value that is not finite (its inputs are finite)" in message
    assert "in module encoder.2 (Linear), at" in message


def test_a_noise_that_made_the_loss_overflow_is_drawn_again() -> None:
    class Risky(Constant):
        def loss(self, batch: Tensor) -> Tensor:
            risk = default_generator.random()
            return (self.w / (0.0 if risk > 0.9 else 1.0)).sum()

    with pytest.raises(DivergedError, match="div gave a value that is not finite"):
        fit(Risky(None), X, epochs=100, compile=False)


def test_a_gradient_that_overflows_is_named_and_the_parameters_stay_finite() -> None:
    learner = Constant(lambda w: (w - 1.0).sqrt().sum())  # √0 is fine, its slope is not
    with pytest.raises(DivergedError, match="the gradient of sqrt"):
        fit(learner, X)
    assert np.isfinite(learner.w.data).all()


def test_a_parameter_that_overflows_is_named() -> None:
    learner = Constant(lambda w: (w * 1e30).sum())
    with pytest.raises(DivergedError, match=r"made w \(1,\) not finite"):
        fit(learner, X, optimizer=optim.SGD(learner.parameters(), lr=1e30))


def test_a_validation_loss_that_overflows_is_named() -> None:
    learner = Constant(lambda w: (w * np.float32(3e38) * 10.0).sum())
    with pytest.raises(DivergedError, match="mul gave a value that is not finite"):
        mean_loss(learner, X)


def test_a_finite_gradient_whose_square_overflows_is_no_divergence() -> None:
    learner = Constant(lambda w: (w * 1e25).sum())
    fit(learner, X, epochs=1, optimizer=optim.Adam(learner.parameters()))
    assert math.isfinite(learner.w.data[0])


# ---- what it needs


def test_numpy_is_all_it_needs() -> None:
    code = """
import sys
for name in ("click", "graphviz", "matplotlib", "PIL", "pygraphviz", "rich", "safetensors"):
    sys.modules[name] = None  # importing it fails
from tinygrad_ae.data import load
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.train import fit
print(len(fit(Autoencoder(hidden=()), load("digits"), epochs=1)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_an_interruption_leaves_a_model_that_can_be_trained_on() -> None:
    learner = model()

    def interrupt(history: History) -> Iterator[None]:
        raise KeyboardInterrupt

    history = History()
    with pytest.raises(KeyboardInterrupt):
        fit(learner, X, epochs=3, history=history, on_epoch=interrupt)
    assert len(fit(learner, X, epochs=3, history=history)) == 3


def test_a_step_that_fails_leaves_the_learning_rate_as_it_was() -> None:
    learner = Constant(lambda w: None)
    optimizer = optim.SGD(learner.parameters(), lr=0.5)
    with pytest.raises(ModelError):
        fit(learner, X, optimizer=optimizer, schedule=lambda step: 0.1)
    assert optimizer.lr == 0.5


def test_an_optimizer_that_would_move_nothing_is_refused() -> None:
    learner = model()
    others = optim.Adam(model().parameters())
    with pytest.raises(ModelError, match="holds none of this model's parameters"):
        fit(learner, X, optimizer=others)
    with pytest.raises(ModelError, match=r"is the class Adam; .*Adam\(model\.parameters\(\)"):
        fit(learner, X, optimizer=optim.Adam)  # type: ignore[arg-type]
    part = optim.Adam(learner.encoder.parameters())
    assert len(fit(learner, X, epochs=1, optimizer=part)) == 1


def test_a_loss_that_depends_on_no_parameter_is_refused() -> None:
    with pytest.raises(ModelError, match=r"Constant\.loss\(batch\).*depends on no parameter"):
        fit(Constant(lambda w: (w * 2.0).sum().detach()), X)


@pytest.mark.filterwarnings("error")
def test_a_loss_that_is_not_finite_at_once_is_no_matter_of_the_learning_rate() -> None:
    with pytest.raises(DivergedError, match="first step") as caught:
        fit(Constant(lambda w: (w * -1.0).log().sum()), X)
    assert "--lr" not in str(caught.value)


def test_each_step_can_be_watched() -> None:
    seen = []
    history = fit(model(), X, epochs=2, batch_size=20, on_step=seen.append)
    assert [(s["epoch"], s["samples"]) for s in seen] == [
        (1, 20), (1, 40), (1, 50), (2, 20), (2, 40), (2, 50),
    ]  # fmt: skip
    assert [seen[2]["loss"], seen[5]["loss"]] == history["loss"]
    assert min(s["samples_per_second"] for s in seen) > 0
