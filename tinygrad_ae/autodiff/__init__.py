"""Gradients of any order, derived from the graph.

Read ``gradients`` first: ``grad`` and ``backward`` differentiate tensors that are there already.
``functional`` differentiates functions: products with Jacobians and Hessians, and the matrices
themselves, of arguments that ``tree`` takes apart and puts together again. ``custom`` takes
derivatives from you, or computes values again instead of keeping them; ``check`` compares all of
this with finite differences. The pass itself is :mod:`tinygrad_ae.core.engine`.
"""

from ..core.modes import *
from .check import *
from .custom import *
from .functional import *
from .gradients import *
