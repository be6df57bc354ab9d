"""What the source of compiled code may use: types, memory by its address, and BLAS.

Imported where numba is there; see :mod:`tinygrad_ae.compiled.kernels`.
"""

from __future__ import annotations

import ctypes
import sys
from math import sqrt
from typing import Any

from numpy import bool_, float32, float64, int32, int64

from ..errors import require

numba = require("numba", extra="fast", purpose='engine="numba"')
_ir = require("llvmlite.ir", extra="fast", purpose='engine="numba"')
_linker = require("llvmlite.binding", extra="fast", purpose='engine="numba"')
_types = numba.types

__all__ = ["bool_", "call", "float32", "float64", "get", "int32", "int64", "pointer", "put", "sqrt"]
BLAS: dict[str, Any] = {}
"""Functions of the BLAS that NumPy carries, by their names in CBLAS; empty if it is another."""


def _pointer(context: Any, address: Any, dtype: Any) -> Any:
    result = _types.CPointer(dtype.dtype)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(result))

    return result(_types.int64, dtype), generate


def _get(context: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.unpack_value(builder, array.dtype, builder.gep(args[0], [args[1]]))

    return array.dtype(array, _types.int64), generate


def _put(context: Any, array: Any, index: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.gep(args[0], [args[1]])
        context.pack_value(builder, array.dtype, args[2], place)
        return context.get_dummy_value()

    return _types.void(array, _types.int64, array.dtype), generate


def _call(context: Any, function: Any, row: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = _ir.FunctionType(_ir.VoidType(), [_ir.IntType(64)])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])
        return context.get_dummy_value()

    return _types.void(_types.int64, _types.int64), generate


# Numba's own arrays do the same, but take three times as long to compile.
pointer = numba.extending.intrinsic(_pointer)  # (address, dtype) -> the array that begins there
get = numba.extending.intrinsic(_get)  # (array, index) -> the element
put = numba.extending.intrinsic(_put)  # (array, index, value)
call = numba.extending.intrinsic(_call)  # (address of a function, address of its row)


def _find_blas() -> None:
    library = ctypes.CDLL(sys.modules["numpy._core._multiarray_umath"].__file__)
    word, size, array = _types.int32, _types.int64, (_types.int64, _types.int64)  # address, step
    for letter, real in (("s", _types.float32), ("d", _types.float64)):
        signatures = {
            "dot": real(size, *array, *array),
            "gemv": _types.void(word, word, size, size, real, *array, *array, real, *array),
            "gemm": _types.void(
                word, word, word, size, size, size, real, *array, *array, real, *array
            ),
        }
        for name, signature in signatures.items():
            symbol = f"scipy_cblas_{letter}{name}64_"  # so NumPy's wheels name it, for 64-bit sizes
            function = getattr(library, symbol, None)
            if function is not None:
                _linker.add_symbol(symbol, ctypes.cast(function, ctypes.c_void_p).value)
                BLAS[letter + name] = _types.ExternalFunction(symbol, signature)


_find_blas()
globals().update(BLAS)
__all__ += list(BLAS)
