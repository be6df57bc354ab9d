"""A trained autoencoder as one page to play with: the model runs in the browser."""

from .explore import explore

__all__ = ["explore"]
