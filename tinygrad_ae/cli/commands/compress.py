"""``compress``: what a code costs in bits, and what is lost."""

from __future__ import annotations

import click

from ... import uses
from ...errors import DataError
from ...show.plots import comparisons
from ..context import count, open_run, own_data
from ..help import Examples, examples
from ..options import moved_data, output, trust
from ..targets import folder_target
from ..terminal import say
from ..writing import write_figure, write_table


@click.command(cls=Examples, epilog=examples("tinygrad-ae compress runs/autoencoder-1"))
@click.argument("run")
@output("A folder for the table and the picture.  [default: RUN/compress]")
@moved_data()
@trust()
def compress(run: str, out: str | None, data: str | None) -> None:
    """Measure test samples as quantised codes: bits and errors.

    RUN is a run folder. Beside it stand PCA, quantised in the same way, and for pictures JPEG of
    one sheet of all samples. Bits are those of an ideal entropy coder; the weights of model and
    PCA, which a receiver needs once, are not counted.
    """
    trained = open_run(run)
    found = own_data(trained, data)
    folder = folder_target(out, run, "compress")
    with trained.file.blame():
        curves = uses.compress(trained.model, found.train.x, found.test.x)
    try:
        curves.append(uses.jpeg(found.test.x, trained.shape))
    except DataError as error:
        say(f"Without JPEG: {error}.")
    unit = "pixel" if curves[-1].name.startswith("JPEG") else "value"
    say(f"{count(len(found.test), 'test sample')}, fine to coarse:")
    for curve in curves:
        line = "  ".join(
            f"{b:.3f}: {p:.1f} dB" for b, p in list(zip(curve.bits, curve.psnr, strict=True))[::2]
        )
        say(f"  {curve.name:<18} bits per {unit}: {line}")
    figure = comparisons.rate_distortion({c.name: (c.bits, c.psnr) for c in curves}, unit)
    say(write_figure(folder / "bits.png", figure))
    rows = [
        (c.name, f"{b:.6g}", f"{m:.6g}", f"{p:.4f}")
        for c in curves for b, m, p in zip(c.bits, c.mse, c.psnr, strict=True)
    ]  # fmt: skip
    say(write_table(folder / "bits.csv", ("way", f"bits_per_{unit}", "mse", "psnr"), rows))
