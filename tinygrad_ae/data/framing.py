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

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

    def starts(self, length: int, *, pad: bool = True) -> NDArray[np.int64]:
        """Return the times at which the windows of a recording start, shape (n,).

        Those of spectra start before 0, so that every time lies in as many windows as any other.

        Args:
            length: times in the recording.
            pad: let a last window reach beyond the end, so that no time is left out; a single
                one always may.
        """
        before = 0 if self.kind == "raw" else self.window - self.hop
        room = length + 2 * before - self.window
        last = -(-room // self.hop) if pad else room // self.hop
        return np.arange(max(0, last) + 1) * self.hop - before

    def split(self, recording: Floats, *, pad: bool = True) -> Floats:
        """Cut a recording, shape (times, channels), into samples, shape (n, *self.shape).

        Beyond its ends it holds its first and its last value (for spectra: silence). Spectra are
        in decibels, 0 for a sine of amplitude 1, and not below ``FLOOR``.

        Args:
            recording: at least one time.
            pad: as in ``starts``.
        """
        windows = self._windows(recording, pad=pad)
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
        length = self._reach(len(samples)) if like is None else len(like)
        if len(samples) != len(self.starts(length)):
            raise DataError(
                f"{len(samples)} samples are not the {len(self.starts(length))} windows of a "
                f"recording of {length} times."
            )
        if self.kind == "raw":
            return self._overlap_add(samples.reshape(-1, self.window, self.channels), length)
        decibels = samples.reshape(len(samples), -1)
        magnitude = np.where(decibels <= FLOOR, 0.0, 10 ** (decibels / 20))
        if self.kind == "logmel":
            power = magnitude**2 @ np.linalg.pinv(self._mel).T
            magnitude = np.sqrt(np.maximum(power, 0))
        if like is not None:
            return self._synthesise(magnitude, self._analyse(self._windows(like)[..., 0]), length)
        guess: Floats = np.random.default_rng(0).standard_normal((length, 1))
        for _ in range(_ITERATIONS):
            guess = self._synthesise(magnitude, self._analyse(self._windows(guess)[..., 0]), length)
        return guess

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON's types; ``Framing(**values)`` gives it back."""
        return asdict(self)

    # ---- windows

    def _windows(self, recording: Floats, *, pad: bool = True) -> Floats:
        """Return what each window sees, shape (n, window, channels)."""
        starts = self.starts(len(recording), pad=pad)
        before = -int(starts[0])
        after = max(0, int(starts[-1]) + self.window - len(recording))
        mode: Any = "edge" if self.kind == "raw" else "constant"
        padded = np.pad(recording, ((before, after), (0, 0)), mode)
        views = np.lib.stride_tricks.sliding_window_view(padded, self.window, axis=0)
        return views[:: self.hop][: len(starts)].swapaxes(1, 2)

    def _overlap_add(self, windows: Floats, length: int) -> Floats:
        """Return y[t] of above, shape (length, channels), from windows, shape (n, window, c)."""
        starts = self.starts(length)
        before = -int(starts[0])
        total = np.zeros((int(starts[-1]) + before + self.window, windows.shape[2]))
        weight = np.zeros((len(total), 1))
        fade = self._fade[:, None]
        for start, window in zip(starts + before, windows, strict=True):
            total[start : start + self.window] += fade * window
            weight[start : start + self.window] += fade * (1 if self.kind == "raw" else fade)
        joined: Floats = (total / weight)[before : before + length]
        return joined

    def _reach(self, n: int) -> int:
        """Return how many times n windows cover."""
        before = 0 if self.kind == "raw" else self.window - self.hop
        return max(1, (n - 1) * self.hop + self.window - 2 * before)

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

    def _synthesise(self, magnitude: Floats, phase: NDArray[np.complex128], length: int) -> Floats:
        """Return the recording with these magnitudes and the phase of those spectra."""
        turned = magnitude * np.exp(1j * np.angle(phase)) * (self._fade.sum() / 2)
        return self._overlap_add(np.fft.irfft(turned, self.window, axis=1)[..., None], length)

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
