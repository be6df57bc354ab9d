"""``denoise``: samples without their noise, and how much of it is gone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from ... import uses
from ...data import Recording, Samples
from ...data.audio import Restored
from ...data.corrupt import corruption
from ...errors import DataError, UserError
from ...evaluate import Rows, in_batches, psnr
from ...run import Run
from ...uses import SignalToNoise
from ..context import count, open_run, own_data, read, test_samples
from ..help import Examples, examples
from ..options import SAMPLES, Numbers, moved_data, output, seed, trust
from ..targets import sample_or_picture_target
from ..terminal import say
from ..writing import write_samples


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae denoise runs/denoising-1 -o seen.png",
        "tinygrad-ae denoise runs/denoising-1 --noise masking --strength 0.3 -o seen.png",
        "tinygrad-ae denoise runs/denoising-1 noisy.npy --clean clean.npy -o denoised.npy",
        "",
        "# sound: short windows, and a code that has room for all that is no noise",
        "tinygrad-ae train denoising --data spoken --window 64 --hop 16 --strength 0.03 \\",
        "    --hidden 256 --latent 128 --epochs 10 --out runs/words",
        "tinygrad-ae denoise runs/words noisy.wav --clean clean.wav -o denoised.wav",
    ),
)
@click.argument("run")
@click.argument("input", required=False)
@output(f"{SAMPLES}; a picture has the noisy ones above.", required=True)
@click.option("--clean", metavar="PATH", help="INPUT without its noise, to measure the error by.")
@click.option(
    "--noise", type=Numbers(str), metavar="NAME,...",
    help="What to add to the test split, in order.  [default: what the run was trained on, or "
    "gaussian]",
)  # fmt: skip
@click.option(
    "--strength", type=Numbers(float), metavar="N,...", help="Of each noise, see 'train denoising'."
)
@seed()
@moved_data()
@trust()
def denoise(
    run: str, input: str | None, out: str, clean: str | None, noise: tuple[str, ...] | None,
    strength: tuple[float, ...] | None, seed: int, data: str | None,
) -> None:  # fmt: skip
    """Take noise out of your samples, or of noisy test samples.

    RUN is a run folder. INPUT holds noisy samples of the shape that the run was trained on; without
    it, noise is added to the run's test split, and what it does and what is left of it is measured.
    """
    if input is None and clean is not None:
        raise UserError("--clean goes with an INPUT that is noisy; give both, or neither.")
    if input is not None and (noise or strength):
        raise UserError(
            f"{input} is taken as it is, with its own noise; --noise and --strength add noise to "
            "the test split, which is taken when no INPUT is given."
        )
    target = sample_or_picture_target(out, input or run)
    trained = open_run(run)
    own = None
    noisy: Rows
    truth: Rows | None
    if input is None:
        samples = test_samples(own_data(trained, data))
        truth = samples[:]
        noisy, what = _noisy(trained, truth, noise, strength, seed)
    else:
        own, what = read(trained, input), input
        noisy = own
        truth = None if clean is None else _like(read(trained, clean), own, clean, input)
    found = _Measured(trained, noisy, truth)
    above = {"clean x": truth, "noisy x̃": noisy} if truth is not None else {"noisy x̃": noisy}
    report = write_samples(
        trained, target, found.denoised(), len(noisy), own, above, "denoised x̂", found.heard
    )
    say(f"{count(len(noisy), 'sample')}: {what}")
    say(found.report())
    say(report)


class _Measured:
    """Denoises samples a batch at a time, and measures what was gained.

    Args:
        run: that denoises.
        noisy: samples, or what reads them.
        clean: the same without noise, if they are known.
    """

    def __init__(self, run: Run, noisy: Rows, clean: Rows | None) -> None:
        self._run, self._noisy, self._clean = run, noisy, clean
        self._errors = np.zeros(2)  # summed over samples: of noisy and of denoised ones
        self._signal = [SignalToNoise(), SignalToNoise()]  # likewise
        self._by_time = run.framing is not None and run.framing.kind == "raw"

    def denoised(self) -> Iterator[NDArray[Any]]:
        """Yield the denoised samples."""
        start = 0
        for x in in_batches(self._noisy):
            truth = None if self._clean is None else self._clean[start : start + len(x)]
            start += len(x)
            with self._run.file.blame():
                found = uses.denoise(self._run.model, x, truth)
            if truth is not None and found.mse is not None and found.noisy_mse is not None:
                self._errors += len(x) * np.array([found.noisy_mse, found.mse])
                if self._by_time:
                    for signal, values in zip(self._signal, (x, found.denoised), strict=True):
                        signal.add(*(v.reshape(-1, self._run.shape[-1]) for v in (values, truth)))
            yield found.denoised

    def heard(self, restored: Restored) -> Restored:
        """Measure recordings that are put together, too: what is heard is their noise."""
        if not (isinstance(self._noisy, Samples) and isinstance(self._clean, Samples)):
            yield from restored
            return
        self._by_time, self._signal = False, [SignalToNoise(), SignalToNoise()]
        for (recording, stretches), clean in zip(restored, self._clean.recordings, strict=True):
            yield recording, self._listened(recording, stretches, clean)

    def _listened(
        self, noisy: Recording, stretches: Iterable[NDArray[Any]], clean: Recording
    ) -> Iterator[NDArray[Any]]:
        start = 0
        for stretch in stretches:
            at = slice(start, start + len(stretch))
            start = at.stop
            truth = clean.values[at].reshape(len(stretch), -1)
            self._signal[0].add(noisy.values[at].reshape(len(stretch), -1), truth)
            self._signal[1].add(stretch, truth)
            yield stretch

    def report(self) -> str:
        """Say what was gained, when all are denoised."""
        if self._clean is None:
            return "  To measure what was gained, give them without noise too: --clean PATH"
        lines = []
        errors = self._errors / len(self._noisy)
        for name, mse, signal in zip(("noisy", "denoised"), errors, self._signal, strict=True):
            line = f"  {name:<9} mean squared error {mse:.5f}  PSNR {psnr(mse):5.2f} dB"
            if self._run.framing is not None and signal and math.isfinite(signal.decibels):
                line += f"  signal to noise {signal.decibels:5.2f} dB"
            lines.append(line)
        return "\n".join(lines)


def _like(clean: Samples, noisy: Samples, clean_path: str, noisy_path: str) -> Samples:
    """Return clean samples, if they can be those of the noisy ones."""
    lengths = [list(map(len, samples.recordings)) for samples in (clean, noisy)]
    if len(clean) != len(noisy) or lengths[0] != lengths[1]:
        raise DataError(
            f"{clean_path} holds {count(len(clean), 'sample')}, but {noisy_path} "
            f"{len(noisy):,}: give the same without noise, in the same order and as long."
        )
    return clean


def _noisy(
    run: Run,
    x: NDArray[np.float32],
    noise: tuple[str, ...] | None,
    strength: tuple[float, ...] | None,
    seed: int,
) -> tuple[NDArray[np.float32], str]:
    """Return samples with noise, the run's own unless another is given, and what was added."""
    own = run.config.arguments
    if noise is None:
        noise = own.get("corruptions", ("gaussian",))
        strength = strength or own.get("strength")
        strength = strength if isinstance(strength, tuple) else (0.5,)
    elif strength is None:
        raise UserError(
            f"How much of it? Give --strength, a number for each of {', '.join(noise)}."
        )
    corrupt = corruption(noise, strength, run.shape, np.random.default_rng(seed))
    added = ", ".join(f"{n} {s:g}" for n, s in zip(noise, strength, strict=True))
    return np.asarray(corrupt(x), np.float32), f"the test split with noise ({added}) added"
