"""What a trained autoencoder is good for: one file for each use, plain arrays in and out.

Each function takes a model and scaled samples, shape (n, d), and returns arrays; nothing here reads
or writes files (but ``explore``, whose result is a page). The commands of the same names do.
"""

from .anomalies import (
    Area,
    Detection,
    anomaly_scores,
    attribution,
    detect,
    scores_and_largest,
    threshold,
)
from .compare import compare
from .compress import Compression, compress, jpeg, quantised
from .denoise import Denoised, SignalToNoise, denoise
from .explore import explore
from .features import FewLabels, Probe, few_labels, linear_probe
from .generate import Generated, distance_ratio, generate, is_generative
from .interpolate import Path, interpolate
from .nearest import nearest
from .sweep import Trial, combinations, sweep
from .traverse import Traversal, traverse

__all__ = [
    "Area",
    "Compression",
    "Denoised",
    "Detection",
    "FewLabels",
    "Generated",
    "Path",
    "Probe",
    "SignalToNoise",
    "Traversal",
    "Trial",
    "anomaly_scores",
    "attribution",
    "combinations",
    "compare",
    "compress",
    "denoise",
    "detect",
    "distance_ratio",
    "explore",
    "few_labels",
    "generate",
    "interpolate",
    "is_generative",
    "jpeg",
    "linear_probe",
    "nearest",
    "quantised",
    "scores_and_largest",
    "sweep",
    "threshold",
    "traverse",
]
