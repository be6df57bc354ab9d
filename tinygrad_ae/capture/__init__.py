"""The compiled step: what Python does once, recorded, planned and replayed."""

from .step import CaptureWarning, CompiledStep, compile

__all__ = ["CaptureWarning", "CompiledStep", "compile"]
