"""Framing: a recording cut into samples that overlap, and put together again from them.

A window of w times is taken every h times (the hop). It is used as it is (``raw``), or as the
magnitudes of its frequencies: the column of a short-time Fourier transform, in decibels
(``stft``), or the power in bands that are as wide as the ear's (``logmel``). Windows are put
together by overlap-add, each weighted by a window function that fades it in and out:

    y[t] = Σᵢ v[t − i h] · xᵢ[t − i h]  /  Σᵢ v[t − i h] · a[t − i h]

with a the window function that the frames were multiplied by before (1 for raw ones) and v the
one they fade by; frames that were not changed give the recording back.

Magnitudes have lost the phase. It is taken from the recording that they came from, as denoising
does; where there is none, it is found by the iteration of Griffin and Lim.

J. Allen and L. Rabiner, "A Unified Approach to Short-Time Fourier Analysis and Synthesis",
Proceedings of the IEEE 65 (1977); D. Griffin and J. Lim, "Signal Estimation from Modified
Short-Time Fourier Transform", IEEE Transactions on Acoustics, Speech, and Signal Processing 32
(1984); S. Stevens, J. Volkmann and E. Newman, "A Scale for the Measurement of the Psychological
Magnitude Pitch", Journal of the Acoustical Society of America 8 (1937).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data.raw import Rows
from tinygrad_ae.errors import DataError, did_you_mean

Floats = NDArray[np.floating[Any]]

KINDS = ("raw", "stft", "logmel")
WINDOW = 256  # unless told: 32 ms of speech on the telephone
MELS = 40  # bands of a log-mel frame, as in speech recognition
FLOOR = -80.0  # dB below a sine of amplitude 1: what is quieter counts as silence
_ITERATIONS = 50  # of Griffin and Lim


@dataclass(frozen=True)
class Framing:
    """How samples are cut from recordings; a run remembers it beside its scaling.

    Args:
        kind: one of ``KINDS``.
        window: times in a window, at least 2.
        hop: times from the start of one window to that of the next, 1...window.
        channels: of a recording. Spectra are of one.
        sample_rate: times in a second, in Hz; None where it is not known. Audio has one.

    Raises:
        DataError: a value is out of its range, or spectra are asked of what has none.
    """

    kind: str = "raw"
    window: int = WINDOW
    hop: int = WINDOW // 2
    channels: int = 1
    sample_rate: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(
                f"There is no frame named {self.kind!r}.{did_you_mean(self.kind, KINDS)} "
                f"Known are: {', '.join(KINDS)}."
            )
        if self.window < 2 or not 1 <= self.hop <= self.window:
            raise DataError(
                f"A window of {self.window} every {self.hop} is not possible: the window (--window)"
                " must be at least 2, and the hop (--hop) within 1...window, so that no time is "
                "left out."
            )
        if self.kind != "raw":
            if self.channels != 1:
                raise DataError(
                    f"Frames of kind {self.kind} are of one channel, but the data has "
                    f"{self.channels}. Use --frame raw."
                )
            if 2 * self.hop > self.window:
                raise DataError(
                    f"Spectra overlap by at least half: give --hop {self.window // 2} or less, "
                    f"not {self.hop}."
                )
        if self.kind == "logmel" and self.sample_rate is None:
            raise DataError(
                "Log-mel frames need to know how many values there are in a second: give "
                "--sample-rate (in Hz), or use --frame stft."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample: (times or frequencies, 1, channels), a picture one value wide."""
        length = {"raw": self.window, "stft": self.window // 2 + 1, "logmel": MELS}[self.kind]
        return (length, 1, self.channels)

    def count(self, length: int, *, pad: bool = True) -> int:
        """Return how many windows are cut from a recording, see ``starts``."""
        room = length + 2 * self._before - self.window
        return max(0, -(-room // self.hop) if pad else room // self.hop) + 1

    def starts(
        self, length: int, *, pad: bool = True, rows: slice = slice(None)
    ) -> NDArray[np.int64]:
        """Return the times at which the windows of a recording start, shape (n,).

        Those of spectra start before 0, so that every time lies in as many windows as any other.

        Args:
            length: times in the recording.
            pad: let a last window reach beyond the end, so that no time is left out; a single
                one always may.
            rows: which of the windows, all unless told.
        """
        first, end, _ = rows.indices(self.count(length, pad=pad))
        return np.arange(first, end) * self.hop - self._before

    def split(self, recording: Rows, *, pad: bool = True, rows: slice = slice(None)) -> Floats:
        """Cut a recording, shape (times, channels), into samples, shape (n, *self.shape).

        Beyond its ends it holds its first and its last value (for spectra: silence). Spectra are
        in decibels, 0 for a sine of amplitude 1, and not below ``FLOOR``.

        Args:
            recording: at least one time.
            pad: as in ``starts``.
            rows: as in ``starts``; of the recording only the times are read that they cover.
        """
        windows = self._windows(recording, self.starts(len(recording), pad=pad, rows=rows))
        if self.kind == "raw":
            return windows.reshape(-1, *self.shape)
        magnitude = np.abs(self._analyse(windows[..., 0]))
        if self.kind == "logmel":
            magnitude = np.sqrt(magnitude**2 @ self._mel.T)
        decibels: Floats = 20 * np.log10(np.maximum(magnitude, 10 ** (FLOOR / 20)))
        return decibels.reshape(-1, *self.shape)

    def join(self, samples: Floats, like: Floats | None = None) -> Floats:
        """Put samples together to a recording, shape (times, channels).

        Args:
            samples: in the order of ``starts``, shape (n, ...).
            like: the recording they came from: it gives the length, and spectra their phase.
                None: as long as the windows reach, the phase by Griffin and Lim.

        Raises:
            DataError: there are not as many samples as windows of ``like``.
        """
        if like is not None:
            return np.concatenate(list(self.stretches([samples], like)))
        length = self._reach(len(samples))
        guess: Floats = np.random.default_rng(0).standard_normal((length, self.channels))
        for _ in range(1 if self.kind == "raw" else _ITERATIONS):
            guess = np.concatenate(list(self.stretches([samples], guess)))
        return guess

    def stretches(self, parts: Iterable[Floats], like: Rows) -> Iterator[Floats]:
        """Yield what ``join`` returns a stretch at a time, so that it need not fit in the memory.

        Args:
            parts: its samples in batches.
            like: as there.
        """
        return filter(len, self._overlap_add(self._heard(parts, like), len(like)))

    def _heard(self, parts: Iterable[Floats], like: Rows) -> Iterator[Floats]:
        """Yield the windows, shape (n, window, channels), that samples stand for."""
        n, first = self.count(len(like)), 0
        for samples in parts:
            rows = slice(first, first + len(samples))
            first = rows.stop
            if self.kind == "raw":
                yield samples.reshape(-1, self.window, self.channels)
            elif first <= n:
                windows = self._windows(like, self.starts(len(like), rows=rows))
                turned = np.exp(1j * np.angle(self._analyse(windows[..., 0])))
                spectra = self._magnitude(samples) * turned * (self._fade.sum() / 2)
                yield np.fft.irfft(spectra, self.window, axis=1)[..., None]
        if first != n:
            raise DataError(
                f"{first} samples are not the {n} windows of a recording of {len(like)} times."
            )

    def _magnitude(self, samples: Floats) -> Floats:
        """Return the magnitudes, shape (n, frequencies), that are so many decibels."""
        decibels = samples.reshape(len(samples), -1)
        magnitude: Floats = np.where(decibels <= FLOOR, 0.0, 10 ** (decibels / 20))
        if self.kind == "logmel":
            power = magnitude**2 @ np.linalg.pinv(self._mel).T
            magnitude = np.sqrt(np.maximum(power, 0))
        return magnitude

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON's types; ``Framing(**values)`` gives it back."""
        return asdict(self)

    # ---- windows

    @property
    def _before(self) -> int:
        """How long before the recording the first window starts."""
        return 0 if self.kind == "raw" else self.window - self.hop

    def _windows(self, recording: Rows, starts: NDArray[np.int64]) -> Floats:
        """Return what the windows see that start there, shape (n, window, channels)."""
        first, end = int(starts[0]), int(starts[-1]) + self.window
        seen = np.asarray(recording[max(0, first) : end]).reshape(-1, self.channels)
        seen = seen if seen.dtype.kind == "f" else seen.astype(np.float64)
        mode: Any = "edge" if self.kind == "raw" else "constant"
        padding = (max(0, -first), max(0, end - len(recording)))
        padded = np.pad(seen, (padding, (0, 0)), mode)
        views = np.lib.stride_tricks.sliding_window_view(padded, self.window, axis=0)
        return views[:: self.hop].swapaxes(1, 2)

    def _overlap_add(self, parts: Iterable[Floats], length: int) -> Iterator[Floats]:
        """Yield y[t] of above, shape (length, channels) in all, from windows in batches.

        Args:
            parts: windows, shape (n, window, channels), that follow each other.
            length: times in the recording.
        """
        fade = self._fade[:, None]
        faded = fade if self.kind == "raw" else fade**2
        overlap = self.window - self.hop
        # The two sums of above, from a time on, to which windows to come may still add.
        total, weight = np.zeros((overlap, self.channels)), np.zeros((overlap, 1))
        time = -self._before
        for windows in parts:
            done = len(windows) * self.hop
            total = np.pad(total, ((0, done), (0, 0)))
            weight = np.pad(weight, ((0, done), (0, 0)))
            for i, window in enumerate(windows):
                at = slice(i * self.hop, i * self.hop + self.window)
                total[at] += fade * window
                weight[at] += faded
            inside = slice(max(0, -time), max(0, min(done, length - time)))
            yield total[inside] / weight[inside]
            total, weight, time = total[done:], weight[done:], time + done
        inside = slice(max(0, -time), max(0, length - time))
        yield total[inside] / weight[inside]

    def _reach(self, n: int) -> int:
        """Return how many times n windows cover."""
        return max(1, (n - 1) * self.hop + self.window - 2 * self._before)

    @cached_property
    def _fade(self) -> NDArray[np.float64]:
        """Hann's window function, positive everywhere: that of w + 1 intervals, inside."""
        return np.hanning(self.window + 2)[1:-1]

    # ---- spectra

    def _analyse(self, windows: Floats) -> NDArray[np.complex128]:
        """Return spectra, shape (n, frequencies), in which a sine of amplitude 1 measures 1."""
        spectra: NDArray[np.complex128] = np.fft.rfft(windows * self._fade, axis=1)
        spectra *= 2 / self._fade.sum()
        return spectra

    @cached_property
    def _mel(self) -> NDArray[np.float64]:
        """The bands: triangles that are evenly wide on the mel scale, shape (MELS, frequencies).

        mel(f) = 2595 log₁₀(1 + f / 700 Hz); each overlaps half of its neighbours.
        """
        assert self.sample_rate is not None
        top = 2595 * np.log10(1 + self.sample_rate / 2 / 700)
        corners = 700 * (10 ** (np.linspace(0, top, MELS + 2) / 2595) - 1)
        f = np.fft.rfftfreq(self.window, 1 / self.sample_rate)
        low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
        rising, falling = (f - low) / (centre - low), (high - f) / (high - centre)
        return np.maximum(0, np.minimum(rising, falling))
