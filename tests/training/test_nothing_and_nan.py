"""Of nothing, and of what is not finite, there is no number: it is refused, and said what it was."""

import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tinygrad_ae import evaluate, uses
from tinygrad_ae.data import Dataset, Scaling, Split
from tinygrad_ae.errors import DataError, ModelError
from tinygrad_ae.evaluate import PCA, finite
from tinygrad_ae.models import Autoencoder, Variational
from tinygrad_ae.train import fit, mean_loss

X = np.random.default_rng(0).random((20, 6), np.float32)
Y = np.arange(20) % 2
TRUTH = Y == 1
MODEL, VAE = Autoencoder(6, (5,), 2), Variational(6, (5,), 2)
PCA_2 = PCA(X, 2)


def holed(x: np.ndarray, value: float) -> np.ndarray:
    x = x.copy()
    x.flat[x.size // 2] = value
    return x


BAD: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "nothing": lambda x: x[:0],
    "nan": lambda x: holed(x, np.nan),
    "inf": lambda x: holed(x, np.inf),
    "-inf": lambda x: holed(x, -np.inf),
}


def listened(x: np.ndarray, clean: np.ndarray) -> float:
    signal = uses.SignalToNoise()
    signal.add(x, clean)
    return signal.decibels


def dataset(test: np.ndarray) -> Dataset:
    return Dataset("t", Split(X, None), Split(X, None), Split(test, None), (6,), Scaling())


def swapped(which: int, x: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(x, Y[: len(x)]) if k == which else (X, Y) for k in range(3)]


# Each takes what makes an array bad, and gives it in one place.
MEASURES: dict[str, Callable[[Callable[[np.ndarray], np.ndarray]], Any]] = {
    "mean_loss": lambda bad: mean_loss(MODEL, bad(X)),
    "fit": lambda bad: fit(MODEL, bad(X)),
    "fit, validating": lambda bad: fit(
        MODEL,
        Dataset("t", Split(bad(X), None), Split(X, None), Split(X, None), (6,), Scaling()),
    ),
    "encode": lambda bad: evaluate.encode(MODEL, bad(X)),
    "encodings": lambda bad: list(evaluate.encodings(MODEL, bad(X))),
    "decode": lambda bad: evaluate.decode(MODEL, bad(X[:, :2])),
    "decodings": lambda bad: list(evaluate.decodings(MODEL, bad(X[:, :2]))),
    "reconstruct": lambda bad: evaluate.reconstruct(MODEL, bad(X)),
    "reconstructions": lambda bad: list(evaluate.reconstructions(MODEL, bad(X))),
    "in_batches": lambda bad: list(evaluate.in_batches(bad(X))),
    "errors": lambda bad: evaluate.errors(bad(X), bad(X)),
    "errors, x": lambda bad: evaluate.errors(X, bad(X)),
    "reconstruction_error": lambda bad: evaluate.reconstruction_error(MODEL, bad(X)),
    "by_class": lambda bad: evaluate.by_class(bad(X[:, 0]), Y),
    "PCA": lambda bad: PCA(bad(X), 2),
    "PCA.encode": lambda bad: PCA_2.encode(bad(X)),
    "PCA.decode": lambda bad: PCA_2.decode(bad(X[:, :2])),
    "evaluate.compare": lambda bad: evaluate.compare(MODEL, X, bad(X)),
    "evaluate.compare, PCA": lambda bad: evaluate.compare(MODEL, bad(X), X),
    "finite": lambda bad: finite(bad(X), "samples"),
    "anomaly_scores": lambda bad: uses.anomaly_scores(MODEL, bad(X)),
    "attribution": lambda bad: uses.attribution(MODEL, bad(X)),
    "scores_and_largest": lambda bad: uses.scores_and_largest(MODEL, bad(X)),
    "threshold": lambda bad: uses.threshold(bad(X[:, 0])),
    "detect": lambda bad: uses.detect(bad(X[:, 0]), TRUTH, 0.5),
    "detect, nothing": lambda bad: uses.detect(bad(X[:, 0]), TRUTH[: len(bad(X))], 0.5),
    "compare": lambda bad: uses.compare({"m": MODEL}, X, bad(X)),
    "compare, PCA": lambda bad: uses.compare({"m": MODEL}, bad(X), X),
    "compress": lambda bad: uses.compress(MODEL, X, bad(X)),
    "compress, train": lambda bad: uses.compress(MODEL, bad(X), X),
    "compress, steps": lambda bad: uses.compress(MODEL, X, X, list(bad(X[0]))),
    "quantised": lambda bad: uses.quantised("", PCA_2.encode, PCA_2.decode, X, bad(X), [0.1]),
    "quantised, train": lambda bad: uses.quantised("", np.copy, np.copy, bad(X), X, [0.1]),
    "jpeg": lambda bad: uses.jpeg(bad(X), (2, 3)),
    "denoise": lambda bad: uses.denoise(MODEL, bad(X)),
    "denoise, clean": lambda bad: uses.denoise(MODEL, X[: len(bad(X))], bad(X)),
    "SignalToNoise": lambda bad: listened(bad(X), X[: len(bad(X))]),
    "SignalToNoise, clean": lambda bad: listened(X[: len(bad(X))], bad(X)),
    "explore": lambda bad: uses.explore(MODEL, dataset(bad(X)), "never.html"),
    "linear_probe": lambda bad: uses.linear_probe(*swapped(0, bad(X))),
    "linear_probe, validation": lambda bad: uses.linear_probe(*swapped(1, bad(X))),
    "linear_probe, test": lambda bad: uses.linear_probe(*swapped(2, bad(X))),
    "few_labels": lambda bad: uses.few_labels(
        MODEL, lambda _: MODEL, *swapped(0, bad(X))[:2], 2, (0,)
    ),
    "few_labels, test": lambda bad: uses.few_labels(
        MODEL, lambda _: MODEL, *swapped(1, bad(X))[:2], 2, (0,)
    ),
    "generate": lambda bad: uses.generate(MODEL, 3, bad(X)),
    "distance_ratio": lambda bad: uses.distance_ratio(MODEL, bad(X), X, X),
    "distance_ratio, train": lambda bad: uses.distance_ratio(MODEL, X, bad(X), X),
    "distance_ratio, held out": lambda bad: uses.distance_ratio(MODEL, X, X, bad(X)),
    "interpolate": lambda bad: uses.interpolate(MODEL, X[1][: len(bad(X[0]))], bad(X[0])),
    "nearest": lambda bad: uses.nearest(bad(X), X),
    "nearest, reference": lambda bad: uses.nearest(X, bad(X)),
    "traverse": lambda bad: uses.traverse(MODEL, bad(X)),
    "traverse, start": lambda bad: uses.traverse(MODEL, X, bad(X[0])),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", MEASURES)
def test_it_is_refused(name: str, bad: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with np.errstate(all="raise"), pytest.raises(DataError) as caught:
        MEASURES[name](BAD[bad])
    said = str(caught.value)
    if bad == "nothing":  # what was given: how many there are, or their shape
        assert "0" in said or "there are no" in said
    else:
        assert "NaN or infinite values: 1 of " in said
        assert f"the first is {bad} at [" in said
    assert list(tmp_path.iterdir()) == []


def test_every_function_is_tried() -> None:
    def functions(room: ModuleType) -> set[str]:
        return {
            name
            for name, value in vars(room).items()
            if inspect.isfunction(value)
            and value.__module__.startswith(("tinygrad_ae.evaluate", "tinygrad_ae.uses"))
            and not name.startswith("_")
        }

    others = {  # no arrays in, or tried below
        "gather", "matched", "psnr", "is_generative", "combinations", "sweep",
    }  # fmt: skip
    assert (
        functions(evaluate) | functions(uses)
        == {name for name in MEASURES if "," not in name and "." not in name}
        - {"mean_loss", "fit", "PCA", "SignalToNoise"}
        | others
    )


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (lambda: evaluate.gather([], 0), "no samples"),
        (lambda: evaluate.psnr(float("nan")), "at least 0; got nan"),
        (lambda: evaluate.psnr(-1.0), r"at least 0; got -1\.0"),
        (lambda: evaluate.psnr(float("inf")), "got inf"),
        (lambda: uses.SignalToNoise().decibels, "add stretches first"),
        (lambda: uses.detect(X[:, 0], TRUTH, float("nan")), "threshold must be finite; got nan"),
        (lambda: uses.detect(X[:, 0], TRUTH[:5], 0.5), r"20 scores, but truths of shape \(5,\)"),
        (lambda: uses.detect(X[:, 0], Y, 0.5), r"True \(anomalous\) or False; got int64"),
        (lambda: uses.threshold(X[:, 0], float("nan")), "20 scores and nan"),
        (lambda: evaluate.by_class(X[:, 0], Y[:3]), r"20 errors, but labels of shape \(3,\)"),
        (lambda: evaluate.errors(X, X[:1]), r"\(20, 6\), the samples \(1, 6\)"),
        (lambda: evaluate.errors(X.astype(complex), X), "real numbers; got an array of complex128"),
        (lambda: PCA(X[0], 2), r"shape \(n, d\); got \(6,\)"),
        (lambda: PCA_2.encode(X[:, :3]), r"shape \(20, 3\); this PCA takes ones of \(n, 6\)"),
        (lambda: uses.compress(MODEL, np.ones_like(X), X), r"must be above 0; got \[0\.0"),
        (lambda: uses.jpeg(X, (2, 2)), r"pictures of shape \(20, 6\) do not hold \(2, 2\)"),
        (lambda: uses.jpeg(X, (2, 3), ()), "from 1 to 95"),
        (lambda: uses.jpeg(X, (2, 3), (0,)), r"from 1 to 95; got \[0\]"),
        (lambda: uses.generate(VAE, 0), "at least 1; got 0"),
        (lambda: uses.nearest(X, X[:, :2]), r"\(20, 6\) cannot be compared with .* \(20, 2\)"),
        (lambda: uses.traverse(MODEL, X, share=float("nan")), "within 0...1; got nan"),
        (lambda: uses.linear_probe((X, Y[:3]), (X, Y), (X, Y)), r"labels of shape \(3,\)"),
        (
            lambda: uses.few_labels(MODEL, lambda _: MODEL, (X, Y), (X, Y), 2, ()),
            "there are no seeds",
        ),
        (lambda: uses.compare({}, X, X), "no models"),
    ],
)
def test_what_was_given_is_said(measure: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        measure()


def test_a_sample_is_named_by_its_number_in_the_whole() -> None:
    x = np.tile(X, (100, 1))
    x[1234, 5] = np.nan
    with pytest.raises(DataError, match=r"the first is nan at \[1234, 5\]"):
        uses.anomaly_scores(MODEL, x)


def test_a_sum_that_overflows_is_still_finite() -> None:
    large = np.array([[1.7e308, 1.7e308]])
    np.testing.assert_array_equal(finite(large, "samples"), large)
    np.testing.assert_array_equal(finite([True, False], "flags"), [True, False])


def test_a_model_that_diverged_is_no_matter_of_the_samples() -> None:
    broken = Autoencoder(6, (5,), 2)
    broken.encoder[0].weight.data[...] = np.nan
    with pytest.raises(ModelError, match=r"Autoencoder\.encoder gives values that are not finite"):
        uses.anomaly_scores(broken, X)
