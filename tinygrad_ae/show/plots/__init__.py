"""Plots of a run: curves, maps, filters and tiles of samples, as Matplotlib figures.

``canvas`` has what every figure shares: sizes, colours, ticks, saving. ``tiles`` and ``grid`` lay
out samples, ``projection`` finds a plane for codes; ``run`` shows one run, ``comparisons`` several,
and ``detection`` how well anomalies are told apart.
"""

from .run import error_by_class, filters, latent_map, loss_curves, reconstructions, save

__all__ = ["error_by_class", "filters", "latent_map", "loss_curves", "reconstructions", "save"]
