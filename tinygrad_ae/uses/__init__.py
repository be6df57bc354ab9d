"""What a trained autoencoder is good for: one file for each use, plain arrays in and out.

Each function takes a model and scaled samples, shape (n, d), and returns arrays; nothing here reads
or writes files. The commands of the same names do.
"""

from .denoise import Denoised, denoise
from .generate import Generated, generate, is_generative, strangeness
from .interpolate import Path, interpolate
from .nearest import nearest
from .traverse import Traversal, traverse

__all__ = [
    "Denoised",
    "Generated",
    "Path",
    "Traversal",
    "denoise",
    "generate",
    "interpolate",
    "is_generative",
    "nearest",
    "strangeness",
    "traverse",
]
