"""Documents of figures, tables and text: one HTML file each, which needs no network."""

from html import escape

from .document import Document, data_uri, image, inline, table
from .hover import hover_map

__all__ = ["Document", "data_uri", "escape", "hover_map", "image", "inline", "table"]
