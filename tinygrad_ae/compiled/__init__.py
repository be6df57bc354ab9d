"""The compiled step: what Python does once, recorded, planned and replayed.

In the order in which data flows: ``trace`` hears what a step does while it runs; ``reach`` finds
what its Python can read beside its arguments, which ``guards`` compare before each replay, and
``witness`` compares a second recording with the first. ``lower`` turns the record into the lines of
a ``program``, each operation by its rule (``elementwise``, ``structural``, ``convolution``, written
with ``lines``); ``memory`` finds places for its buffers; ``fuse``, ``kernels``, ``calls`` and
``native`` make compiled loops of them where numba is there. ``plan`` writes the Python that is run,
and ``step`` is the door: ``compile``, and what decides between recording and replaying.
"""

from .engine import ENGINES, Engine, compiler
from .step import CaptureWarning, CompiledStep, compile

__all__ = ["ENGINES", "CaptureWarning", "CompiledStep", "Engine", "compile", "compiler"]
