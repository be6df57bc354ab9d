"""The primitive operations: the only place that knows how to compute and how to differentiate.

One file per family; each operation is one :class:`Op`. Every function here takes arrays (and
returns arrays) or tensors (and records).
"""

# Full lines, for this is a table of contents.
# fmt: off
# isort: off
from .arithmetic import (
    abs, add, astype, bitwise_and, bitwise_or, bitwise_xor, ceil, clip, div, equal, floor,
    floor_divide, greater, greater_equal, invert, isfinite, isinf, isnan, less, less_equal,
    logical_and, logical_not, logical_or, maximum, minimum, mod, mul, neg, not_equal, power,
    round, sign, square, sub, where,
)
from .conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from .decompose import cholesky, det, inv, slogdet, solve
from .einsum import einsum
from .functions import (
    acos, asin, atan, cos, cosh, elu, erf, exp, expm1, gelu, hardtanh, leaky_relu, log, log1p,
    logsigmoid, relu, rsqrt, selu, sigmoid, silu, sin, sinh, softplus, sqrt, tan, tanh,
)
from .linalg import dot, linear, matmul, outer, tensordot
from .op import Op, elementwise, unbroadcast
from .pool import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d, upsample
from .reduce import (
    all, any, argmax, argmin, cumsum, log_softmax, logsumexp, max, mean, min, norm, prod,
    softmax, std, sum, var,
)
from .sample import bernoulli, dropout, normal, normal_sample, uniform
from .shape import (
    broadcast_to, concatenate, diagonal, expand_dims, flip, gather, getitem, identity,
    moveaxis, pad, repeat, reshape, roll, scatter, scatter_add, setitem, split, squeeze, stack,
    swapaxes, take, tile, transpose, tril, triu,
)
from .windows import fold, sliding_windows

__all__ = [
    "Op", "abs", "acos", "add", "all", "any", "argmax", "argmin", "asin", "astype", "atan",
    "avg_pool1d", "avg_pool2d", "bernoulli", "bitwise_and", "bitwise_or", "bitwise_xor",
    "broadcast_to", "ceil", "cholesky", "clip", "concatenate", "conv1d", "conv2d",
    "conv_transpose1d", "conv_transpose2d", "cos", "cosh", "cumsum", "det", "diagonal", "div",
    "dot", "dropout", "einsum", "elementwise", "elu", "equal", "erf", "exp", "expand_dims",
    "expm1", "flip", "floor", "floor_divide", "fold", "gather", "gelu", "getitem", "greater",
    "greater_equal", "hardtanh", "identity", "inv", "invert", "isfinite", "isinf", "isnan",
    "leaky_relu", "less", "less_equal", "linear", "log", "log1p", "log_softmax", "logical_and",
    "logical_not", "logical_or", "logsigmoid", "logsumexp", "matmul", "max", "max_pool1d",
    "max_pool2d", "maximum", "mean", "min", "minimum", "mod", "moveaxis", "mul", "neg", "norm",
    "normal", "normal_sample", "not_equal", "outer", "pad", "power", "prod", "relu", "repeat",
    "reshape", "roll", "round", "rsqrt", "scatter", "scatter_add", "selu", "setitem", "sigmoid",
    "sign", "silu", "sin", "sinh", "sliding_windows", "slogdet", "softmax", "softplus", "solve",
    "split", "sqrt", "square", "squeeze", "stack", "std", "sub", "sum", "swapaxes", "take", "tan",
    "tanh", "tensordot", "tile", "transpose", "tril", "triu", "unbroadcast", "uniform", "upsample",
    "var", "where",
]

Op.reserved = frozenset(Op.registry)  # a user's operation may not take a built-in one's name
