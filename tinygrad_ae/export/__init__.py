"""The graph in other languages: each file here is a reader of it that prints what it computes."""

from .javascript import javascript

__all__ = ["javascript"]
