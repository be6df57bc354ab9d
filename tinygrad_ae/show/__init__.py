"""A graph and a run, for people: pictures of what was computed and of what was learnt.

``draw`` makes a picture of a graph, ``diff`` of two, ``render`` writes one to a file, ``page``
writes one to explore and to step through, ``explain`` writes out the chain rule, ``profile``
measures where time and memory go, ``summary`` lists a model's layers, ``plots`` holds the
pictures of a trained model. Graphviz and Matplotlib are loaded when first used.
"""

from . import plots
from .derivation.explain import explain
from .measure.profile import profile
from .measure.summary import summary
from .pages.page import page
from .picture.diff import diff
from .picture.draw import draw
from .picture.render import render

__all__ = ["diff", "draw", "explain", "page", "plots", "profile", "render", "summary"]
