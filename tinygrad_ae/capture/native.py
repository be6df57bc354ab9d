"""What the source of compiled code may use: types, memory by its address, and BLAS.

Imported where numba is there; see :mod:`tinygrad_ae.capture.kernels`.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from numpy import bool_, float32, float64, int32, int64, sqrt
from numpy.lib.stride_tricks import as_strided

from ..errors import require

numba = require("numba", extra="fast", purpose='engine="numba"')
_ir = require("llvmlite.ir", extra="fast", purpose='engine="numba"')
_linker = require("llvmlite.binding", extra="fast", purpose='engine="numba"')
_types = numba.types

carray = numba.carray
BLAS: dict[str, Any] = {}
"""Functions of the BLAS that NumPy carries, by their names in CBLAS; empty if it is another."""


def _pointer(context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], _ir.IntType(8).as_pointer())

    return _types.voidptr(_types.int64), generate


def _call(context: Any, function: Any, row: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = _ir.FunctionType(_ir.VoidType(), [_ir.IntType(64)])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])
        return context.get_dummy_value()

    return _types.void(_types.int64, _types.int64), generate


pointer = numba.extending.intrinsic(_pointer)  # (address) -> a pointer to what lies there
call = numba.extending.intrinsic(_call)  # (address of a function, the row it is called on)


def _find_blas() -> None:
    library = ctypes.CDLL(sys.modules["numpy._core._multiarray_umath"].__file__)
    word, size, at = _types.int32, _types.int64, _types.voidptr
    for letter, real in (("s", _types.float32), ("d", _types.float64)):
        vector, matrix, scaled = (at, size), (at, size), (real,)
        for name, signature in {
            "dot": real(size, *vector, *vector),
            "gemv": _types.void(
                word, word, size, size, *scaled, *matrix, *vector, *scaled, *vector
            ),
            "gemm": _types.void(
                word, word, word, size, size, size, *scaled, *matrix, *matrix, *scaled, *matrix
            ),
        }.items():
            # As NumPy's wheels name it; 64: its whole numbers have 64 bits.
            symbol = f"scipy_cblas_{letter}{name}64_"
            function = getattr(library, symbol, None)
            if function is None:
                return
            _linker.add_symbol(symbol, ctypes.cast(function, ctypes.c_void_p).value)
            BLAS[letter + name] = _types.ExternalFunction(symbol, signature)


_find_blas()
globals().update(BLAS)
