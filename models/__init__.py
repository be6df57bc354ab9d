"""The autoencoders, one file each: readable from top to bottom, and the page of its theory."""

from .autoencoder import Autoencoder
from .contractive import Contractive
from .convolutional import Convolutional
from .deep import Deep
from .denoising import Denoising
from .sparse import Sparse
from .variational import Variational

__all__ = [
    "Autoencoder",
    "Contractive",
    "Convolutional",
    "Deep",
    "Denoising",
    "Sparse",
    "Variational",
]
