"""The graph in other languages: each file here is a reader of it that prints what it computes."""

from .javascript import javascript
from .json import from_json, to_json

__all__ = ["from_json", "javascript", "to_json"]
