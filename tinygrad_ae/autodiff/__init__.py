"""Gradients of any order, derived from the graph."""

from .check import *
from .custom import *
from .engine import *
from .functional import *
from .modes import *
