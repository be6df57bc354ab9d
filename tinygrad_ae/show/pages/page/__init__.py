"""``page``: the graph as one HTML file to explore, and to step through forward and backward."""

from .page import page

__all__ = ["page"]
