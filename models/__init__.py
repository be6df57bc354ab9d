"""The autoencoders, one file each: readable from top to bottom, and the page of its theory."""

from .autoencoder import Autoencoder
from .classifier import Classifier
from .contractive import Contractive
from .convolutional import Convolutional
from .deep import Deep
from .denoising import Denoising
from .sparse import Sparse
from .stacked import Stacked
from .variational import Variational

__all__ = [
    "Autoencoder",
    "Classifier",
    "Contractive",
    "Convolutional",
    "Deep",
    "Denoising",
    "Sparse",
    "Stacked",
    "Variational",
]
