"""The compiled step: what Python does once, recorded, planned and replayed."""

from .engine import ENGINES, Engine, compiler
from .step import CaptureWarning, CompiledStep, compile

__all__ = ["ENGINES", "CaptureWarning", "CompiledStep", "Engine", "compile", "compiler"]
