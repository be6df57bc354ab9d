"""A run: one training, in a folder from which it can be continued, used and repeated."""

from .config import Config
from .folder import Run
from .modelfile import ModelFile

__all__ = ["Config", "ModelFile", "Run"]
