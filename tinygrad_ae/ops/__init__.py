"""The primitive operations: the only place that knows how to compute and how to differentiate.

One file per family; each operation is one :class:`Op`. Every function here takes arrays (and
returns arrays) or tensors (and records). The ``__all__`` of each family says what it offers.
"""

from . import op
from .arithmetic import *
from .conv import *
from .decompose import *
from .einsum import *
from .functions import *
from .linalg import *
from .op import *
from .pool import *
from .reduce import *
from .sample import *
from .shape import *
from .windows import *

# What a user calls reports its errors; what rules call among themselves stays as quick as it is.
globals().update(
    op.reports({name: value for name, value in vars().items() if name not in op.__all__})
)

op.Op.reserved = frozenset(op.Op.registry)  # a user's operation may not take a built-in one's name
