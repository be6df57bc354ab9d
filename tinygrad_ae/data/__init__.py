"""Data: loading it from anywhere, split and scaled; the user's own samples; mini-batches."""

from tinygrad_ae.data.batches import batches
from tinygrad_ae.data.dataset import Dataset, Scaling, Split
from tinygrad_ae.data.framing import Framing
from tinygrad_ae.data.reading import Layout, Reading
from tinygrad_ae.data.recordings import Recording
from tinygrad_ae.data.samples import Samples
from tinygrad_ae.data.sources import NAMES, load, load_samples

__all__ = [
    "NAMES",
    "Dataset",
    "Framing",
    "Layout",
    "Reading",
    "Recording",
    "Samples",
    "Scaling",
    "Split",
    "batches",
    "load",
    "load_samples",
]
