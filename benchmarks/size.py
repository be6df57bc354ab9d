"""How much there is to read: lines of code by room, without docstrings, comments, blank lines.

    python -m benchmarks.size

The core is what a reader of the autograd reads: operations, graph, tensor, autodiff, modules and
optimisers. How NumPy's own functions are answered is counted beside it.
"""

from __future__ import annotations

import ast
import tokenize
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "tinygrad_ae"
CORE = (
    "ops", "graph.py", "tensor.py", "operators.py", "mutation.py", "failures.py", "autodiff",
    "nn", "optim",
)  # fmt: skip
BESIDE = ("numpy_protocol.py", "random.py")
_NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENCODING, tokenize.ENDMARKER,
}  # fmt: skip


def lines_of_code(path: Path) -> int:
    """Count the lines of a Python file that hold code."""
    with path.open("rb") as file:
        tokens = [t for t in tokenize.tokenize(file.readline) if t.type not in _NO_CODE]
    code = {line for t in tokens for line in range(t.start[0], t.end[0] + 1)}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        owner = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        if owner and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            code -= set(range(docstring.lineno, docstring.end_lineno + 1))
    return len(code)


def room(name: str) -> int:
    """Count the code of a file or folder of the package."""
    place = PACKAGE / name
    return sum(map(lines_of_code, place.rglob("*.py") if place.is_dir() else [place]))


def main() -> None:
    """Print the count of each room."""
    sizes = {name: room(name) for name in (*CORE, *BESIDE)}
    for name in CORE:
        print(f"{sizes[name]:6,}  {name}")
    print(f"{sum(sizes[name] for name in CORE):6,}  the core")
    for name in BESIDE:
        print(f"{sizes[name]:6,}  {name}, beside it")


if __name__ == "__main__":
    main()
