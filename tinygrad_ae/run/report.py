"""``report.html``: one offline page with everything that a run knows."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset
from ..evaluate import Quality, errors, psnr
from ..nn import Module
from ..show import summary
from ..show.measure import quantities
from ..show.measure.profile import Profile
from ..show.pages import document
from ..show.picture.render import render_bytes
from ..show.plots.tiles import is_image
from . import step
from .folder import ENVIRONMENT, Run, read_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT = "report.html"
_SAMPLES = 20  # that are shown with their reconstructions
_SHARE = 0.005  # of a step's time, from which on an operation is listed


def write(
    run: Run,
    data: Dataset,
    qualities: tuple[Quality, Quality],
    x_hat: NDArray[Any],
    codes: NDArray[Any],
    figures: Mapping[str, Figure],
    path: Path | None = None,
) -> Path:
    """Write the page; return its path.

    Args:
        run: whose it is.
        data: it was trained on.
        qualities: the model's on the test split, and PCA's.
        x_hat: reconstructions of the test split, shape (n, d).
        codes: of its first samples, shape (m, k).
        figures: as ``results`` draws them, by the names of their files without suffix.
        path: of the page; in the run's folder unless given.

    Raises:
        MissingExtra: a package that draws is not installed.
        OSError: the file cannot be written.
    """
    own, pca = qualities
    name, model = type(run.model).__name__, run.model
    about = run.file.line[:1].upper() + run.file.line[1:]
    page = document.Document(
        f"{name} on {Path(data.name).name}",
        f"{about} {data.features} numbers to {model.latent} and back, {run.progress}.",
    )
    unit = "pixel" if len(data.shape) > 1 and data.framing is None else "value"
    page.tile(f"{own.mse:.5f}", f"MSE per {unit}, {len(data.test):,} test samples")
    page.tile(f"{own.psnr:.2f} dB", "PSNR")
    page.tile(f"{pca.mse:.5f}", f"MSE of {pca.name} beside it")
    page.tile(f"{sum(p.size for p in model.parameters()):,}", "parameters")
    page.tile(f"{sum(run.history['seconds']):.1f} s" if run.history else "none", "training time")
    if "loss" in figures:
        page.section(
            "Loss", page.figure(figures["loss"]),
            about="By epoch, on training and on validation samples. "
            + (inspect.getdoc(type(model).loss) or "").partition("\n")[0],
        )  # fmt: skip
    page.section("Reconstructions", _reconstructions(page, data, x_hat, figures),
                 about=f"Test samples above what the model makes of them from {model.latent} "
                 "numbers each.")  # fmt: skip
    n = len(codes)
    labels = None if data.test.y is None else data.test.y[:n]
    page.section(
        "Latent map",
        document.hover_map(page, codes, data.test.x[:n], x_hat[:n], data.shape, labels),
        about="Each point is the code of a test sample; point at one to see it. Codes of more "
        "than two numbers are projected to their two widest directions.",
    )
    if "filters" in figures:
        page.section("Filters", page.figure(figures["filters"]),
                     about="What the first layer responds to.")  # fmt: skip
    if "error_by_class" in figures:
        page.section("Error by class", page.figure(figures["error_by_class"]))
    light, dark = (
        document.data_uri(render_bytes(step.drawn(run, data, theme), "svg"), "image/svg+xml")
        for theme in ("light", "dark")
    )
    page.section(
        "Computation graph",
        '<div class="plate"><picture>'
        f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img src="{light}" alt="The graph of the loss"></picture></div>',
        about="The loss of one training step, with its gradients.",
    )
    page.section("Timings", document.table(_timings(run, data)))
    page.section(
        "Cost of a step", _costs(step.profiled(run, data)),
        about="Where the time of a training step goes when Python runs it operation by operation"
        + (", as 'tinygrad-ae profile' shows by module, too. The training replayed a compiled step "
           "instead; its time is above." if run.config.compile else "."),
    )  # fmt: skip
    page.section("Configuration", document.table(_configuration(run, data)),
                 f'<pre class="wrapped">{_command(run)}</pre>',
                 about="All that the result depends on, and how to repeat it.")  # fmt: skip
    if isinstance(model, Module):
        with run.file.blame():
            lines = summary(model)
        page.section("Layers", f"<pre>{document.escape(lines)}</pre>")
    page.section("Environment", document.table(_environment(run)))
    return page.write(path or run.path / REPORT)


def _reconstructions(
    page: Any, data: Dataset, x_hat: NDArray[Any], figures: Mapping[str, Figure]
) -> str:
    """Return pictures as cards that wrap, anything else as a plot."""
    if not is_image(data.shape):
        return str(page.figure(figures["reconstructions"]))
    chosen = _spread(data.test.y, len(data.test))
    error = errors(x_hat[chosen], data.test.x[chosen])
    cards = []
    for i, mse in zip(chosen, error, strict=True):
        label = "" if data.test.y is None else f"{data.test.y[i]} · "
        pictures = [
            document.image(_pixels(x[i], data.shape), what)
            for x, what in ((data.test.x, f"test sample {i}"), (x_hat, "its reconstruction"))
        ]
        caption = f"<figcaption>{label}{psnr(float(mse)):.1f} dB</figcaption>"
        cards.append(f"<figure>{''.join(pictures)}{caption}</figure>")
    return f'<div class="samples">{"".join(cards)}</div>'


def _spread(labels: NDArray[np.int64] | None, n: int) -> NDArray[np.int64]:
    """Choose samples to show, in turn of each class."""
    if labels is None:
        return np.arange(min(_SAMPLES, n))
    turn = np.empty(n, np.int64)
    for label in np.unique(labels):
        turn[labels == label] = np.arange((labels == label).sum())
    return np.lexsort((labels, turn))[:_SAMPLES]


def _pixels(x: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8).reshape(shape)
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _timings(run: Run, data: Dataset) -> list[tuple[str, str]]:
    if not run.history:
        return [("epochs", "none yet")]
    seconds = np.array(run.history["seconds"])
    rate = np.array(run.history["samples_per_second"])
    steps = run.config.steps(len(data.train))
    return [
        ("epochs", f"{run.epoch} of {run.config.epochs}, {steps:,} steps each"),
        ("training", f"{seconds.sum():.2f} s with validation"),
        ("an epoch", f"{np.median(seconds):.3f} s (median), at most {seconds.max():.3f} s"),
        ("samples per second", f"{np.median(rate):,.0f} (median)"),
        ("a step", f"{1000 * run.config.batch_size / np.median(rate):.3f} ms"),
    ]  # fmt: skip


def _costs(profile: Profile) -> str:
    shown = profile.by_op()
    seconds = sum(row.seconds for row in shown) + profile.unobserved

    def time(part: float) -> tuple[str, str]:
        return quantities.duration(part), f"{100 * part / seconds:.1f} %"

    large = [row for row in shown if row.seconds >= _SHARE * seconds]
    rows = [
        (row.name, row.phase, *time(row.seconds), f"{row.calls:,}",
         f"{quantities.count(row.flops / row.seconds)}flop/s" if row.flops else "",
         quantities.data(row.peak))
        for row in large
    ]  # fmt: skip
    others = sum(row.seconds for row in shown if row not in large)
    rows += [
        ("other operations", "", *time(others), "", "", ""),
        ("between operations", "", *time(profile.unobserved), "", "", ""),
        ("a step", "", *time(seconds), "", "", quantities.data(profile.peak)),
    ]
    return document.table(
        rows, ("operation", "phase", "time", "share", "calls", "speed", "peak memory")
    )


def _configuration(run: Run, data: Dataset) -> list[tuple[str, str]]:
    values = run.config.to_json()
    arguments = values.pop("arguments")
    rows = [(f"{name} (model)", _said(value)) for name, value in arguments.items()]
    rows += [(name, _said(value)) for name, value in values.items() if value is not None]
    rows.append(("sample shape", _said(data.shape)))
    splits = (f"{len(getattr(data, name)):,} {name}" for name in ("train", "validation", "test"))
    rows.append(("samples", ", ".join(splits)))
    if data.reading is not None:
        rows.append(("read as", str(data.reading)))
    rows.append(("scaling", str(data.scaling)))
    return rows


def _command(run: Run) -> str:
    """Return the command that repeats the run, and how it went on if its schedule was stretched."""
    words = ["tinygrad-ae", "train", run.config.model]
    values = run.config.to_json()
    stretched = run.origin.get("stretched", ())
    totals = [*(note["of"] for note in stretched), values["epochs"]]
    values["epochs"] = totals[0]
    del values["model"]
    for name, value in (*values.pop("arguments").items(), *values.items()):
        if value is None or name in ("inputs", "sample_shape"):
            continue
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        else:
            words += [option, shlex.quote(_said(value))]
    lines = [" ".join(words)] + [
        f"tinygrad-ae train --resume RUN --epochs {total}  # when epoch {note['after']} was done"
        for note, total in zip(stretched, totals[1:], strict=True)
    ]
    return document.escape("\n".join(lines))


def _said(value: Any) -> str:
    if not isinstance(value, (tuple, list)):
        return str(value)
    return ",".join(f'"{item}"' if "," in str(item) else str(item) for item in value)


def _environment(run: Run) -> list[tuple[str, str]]:
    values = read_json(run.path / ENVIRONMENT)
    if not values:
        return [("unknown", "environment.json is missing")]
    notes = values.pop("earlier", ())
    earlier = [
        (f"until epoch {e.pop('until_epoch', '?')}", e)
        for e in (notes if isinstance(notes, list) else ())
        if isinstance(e, dict)
    ]
    return [
        (name, ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict)
         else str(value))
        for name, value in (*values.items(), *earlier)
    ]  # fmt: skip
