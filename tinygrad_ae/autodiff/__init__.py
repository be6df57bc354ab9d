"""Gradients of any order, derived from the graph."""

from ..core.modes import *
from .check import *
from .custom import *
from .functional import *
from .gradients import *
