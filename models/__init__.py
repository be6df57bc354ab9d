"""The autoencoders, one file each: readable from top to bottom, and the page of its theory."""

from .autoencoder import Autoencoder

__all__ = ["Autoencoder"]
