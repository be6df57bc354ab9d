"""Plots of a run: curves, maps, filters and tiles of samples, as Matplotlib figures."""

from .run import error_by_class, filters, latent_map, loss_curves, reconstructions, save

__all__ = ["error_by_class", "filters", "latent_map", "loss_curves", "reconstructions", "save"]
