"""Compressing: how many bits a sample takes as a code, and what of it is left.

Each number of a code is rounded to multiples of a step, and what was rounded is written by an ideal
entropy coder: a symbol of probability p, as counted on training samples, takes −log₂ p bits (an
arithmetic coder comes within a percent of it). A coarser step takes fewer bits and costs more
error. The step of zⱼ is Δ / sⱼ, with sⱼ how much the decoder's output changes as zⱼ does, so that
rounding costs all numbers alike; for PCA, whose directions have length 1, that is the one step
which is best for it (transform coding).

K. Sayood, Introduction to Data Compression (2017), sections 9.6 and 13.3; A. Gersho and R. Gray,
Vector Quantization and Signal Compression (1992), section 8.6.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, require
from ..evaluate import PCA, Floats, decode, encode, finite, psnr
from ..nn.protocols import Model

STEPS = tuple(float(f"{0.03 * 2 ** (i / 2):.4g}") for i in range(12))  # standard deviations
QUALITIES = (1, 2, 5, 10, 20, 30, 50, 70, 85, 95)
_PROBED = 256  # codes that a decoder's sensitivity is measured at
_TILED = 400  # pictures on a sheet that is saved as JPEG


@dataclass(frozen=True, eq=False)
class Compression:
    """What a way to compress takes and keeps, at several settings.

    Attributes:
        name: of the way.
        bits: per value of a sample (per pixel), shape (m,).
        mse: mean squared error per value, shape (m,).
    """

    name: str
    bits: NDArray[np.float64]
    mse: NDArray[np.float64]

    @property
    def psnr(self) -> list[float]:
        """Peak signal-to-noise ratios in decibels."""
        return [psnr(float(mse)) for mse in self.mse]


def compress(
    model: Model, train: Floats, test: Floats, steps: Sequence[float] | None = None
) -> list[Compression]:
    """Return what quantised codes take and keep: the model's, and PCA's beside them.

    Args:
        model: a trained autoencoder.
        train: samples that steps and probabilities are measured on, shape (n, d).
        test: samples to compress, shape (m, d).
        steps: Δ, the rounding step in units of a value, from fine to coarse; unless given,
            ``STEPS`` times the standard deviation of the training values.

    Returns:
        The model's; that of PCA of the same code size; and that of PCA of as many numbers as
        each step leaves anything of, the best that a linear code can do.

    Raises:
        DataError: there are no test samples, fewer than 2 to measure on, samples that are not
            finite, or steps that are not above 0.
    """
    train = finite(train, "samples to measure on")
    k, d = min(model.latent, train.shape[1]), train.shape[1]
    if steps is None:
        steps = [step * float(train.std()) for step in STEPS]
    pca, widest = PCA(train, k), PCA(train, min(d, len(train) - 1, 256))
    return [
        quantised(
            type(model).__name__, lambda x: encode(model, x), lambda z: decode(model, z),
            train, test, steps,
        ),
        quantised(f"PCA-{k}", pca.encode, pca.decode, train, test, steps),
        quantised(
            f"PCA, up to {len(widest.components)}", widest.encode, widest.decode, train, test, steps
        ),
    ]  # fmt: skip


def quantised(
    name: str,
    encoder: Callable[[Any], Any],
    decoder: Callable[[Any], Any],
    train: Floats,
    test: Floats,
    steps: Sequence[float],
) -> Compression:
    """Return what a code takes and keeps when it is rounded, at each of several steps.

    Args:
        name: what to call it.
        encoder: samples, shape (n, d), to codes, shape (n, k).
        decoder: codes to samples.
        train: samples that steps and probabilities are measured on.
        test: samples to compress.
        steps: Δ, the rounding step in units of a value.

    Raises:
        DataError: there are no samples or steps, they are not finite, or a step is not above 0.
    """
    train, test = finite(train, "samples to measure on"), finite(test, "samples to compress")
    if not (finite(steps, "steps") > 0).all():
        raise DataError(f"a rounding step must be above 0; got {list(steps)}")
    d = test.shape[1]
    z_train, z = np.asarray(encoder(train), float), np.asarray(encoder(test), float)
    centre = z_train.mean(0)
    unit = 1 / _sensitivity(decoder, z_train[:_PROBED])
    bits, mse = [], []
    for step in steps:
        delta = step * math.sqrt(d) * unit
        known = np.rint((z_train - centre) / delta).astype(np.int64)
        symbols = np.clip(
            np.rint((z - centre) / delta).astype(np.int64), known.min(0), known.max(0)
        )
        x_hat = decoder((symbols * delta + centre).astype(np.float32))
        bits.append(_length(known, symbols) / test.size)
        mse.append(float(np.square(np.asarray(x_hat, np.float64) - test).mean()))
    return Compression(name, np.array(bits), np.array(mse))


def jpeg(x: Floats, shape: Sequence[int], qualities: Sequence[int] = QUALITIES) -> Compression:
    """Return what JPEG takes and keeps of all samples tiled into one sheet.

    A sheet, because the header of one small JPEG alone takes more than a code does.

    Args:
        x: samples within 0...1, shape (n, d).
        shape: of one: (height, width), or (height, width, 3).
        qualities: of Pillow's encoder, 1...95.

    Raises:
        DataError: samples of this shape are no pictures that JPEG knows; there are none, or they
            are not finite; or no quality is given, or one beyond 1...95.
        MissingExtra: Pillow is not installed.
    """
    if len(shape) != 2 and (len(shape) != 3 or shape[2] != 3):
        raise DataError(
            f"samples of shape {tuple(shape)} are no pictures in grey or RGB, which JPEG is for"
        )
    x = finite(x, "pictures")
    if x.size != len(x) * math.prod(shape):
        raise DataError(f"pictures of shape {x.shape} do not hold {tuple(shape)} each")
    if not qualities or not all(1 <= quality <= 95 for quality in qualities):
        raise DataError(f"JPEG has qualities from 1 to 95; got {list(qualities)}")
    pillow = require("PIL.Image", extra="all", purpose="Compressing pictures as JPEG")
    columns = math.isqrt(min(len(x), _TILED))
    tiles = x[: columns * columns].reshape(columns, columns, *shape)
    sheet = np.concatenate(np.concatenate(list(tiles), axis=1), axis=1)
    pixels = np.rint(np.clip(sheet, 0, 1) * 255).astype(np.uint8)
    bits, mse = [], []
    for quality in qualities:
        file = io.BytesIO()
        pillow.fromarray(pixels).save(file, "JPEG", quality=quality, optimize=True)
        bits.append(8 * file.tell() / pixels.size)
        read = np.asarray(pillow.open(file), np.float64) / 255
        mse.append(float(np.square(read - sheet).mean()))
    return Compression("JPEG of one sheet", np.array(bits), np.array(mse))


def _sensitivity(decoder: Callable[[Any], Any], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the length of ∂g/∂zⱼ, root of its mean square over codes, shape (k,)."""
    base = np.asarray(decoder(z.astype(np.float32)), np.float64)
    spread = z.std(0)
    lengths = np.empty(z.shape[1])
    for j in range(z.shape[1]):
        h = 0.05 * spread[j] or 1.0
        moved = z.copy()
        moved[:, j] += h
        change = np.asarray(decoder(moved.astype(np.float32)), np.float64) - base
        lengths[j] = math.sqrt(np.square(change).sum(1).mean()) / h
    floor = 1e-6 * lengths.max() or 1.0
    return np.maximum(lengths, floor)


def _length(known: NDArray[np.int64], symbols: NDArray[np.int64]) -> float:
    """Return the bits that symbols take, by how often they are among known ones, shape (n, k)."""
    total = 0.0
    for seen, column in zip(known.T, symbols.T, strict=True):
        low = int(seen.min())
        counts = np.bincount(seen - low) + 0.5  # what was never seen may yet come
        p = counts / counts.sum()
        total -= float(np.log2(p[column - low]).sum())
    return total
