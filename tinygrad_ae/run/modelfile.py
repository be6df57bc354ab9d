"""Model files: built in or the user's own, found by name or by path.

A model file holds one ``Module`` with ``encoder``, ``decoder``, ``latent`` (the size of a code)
and ``loss(batch)``. Its first docstring line describes it.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import math
import pkgutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np

from ..autodiff import no_grad
from ..core.tensor import Tensor, as_tensor
from ..data.dataset import Split
from ..errors import ModelError, UserError, did_you_mean
from ..nn import Module
from ..nn.protocols import Model, evaluating
from ..train import loss_of, rows
from ..util.files import at_home

_BUILT_IN = f"{__package__.partition('.')[0]}.models"


@dataclass(frozen=True)
class ModelFile:
    """A model's class and the file it stands in.

    Attributes:
        name: a built-in model's name, or the path of the user's file.
        path: of the file.
        cls: the model's class.
        line: the first line of the file's docstring, without the name before a colon.
    """

    name: str
    path: Path
    cls: type[Module]
    line: str

    @property
    def is_built_in(self) -> bool:
        """Whether it is one of the package's own models."""
        return self.cls.__module__.startswith(_BUILT_IN)

    @property
    def sha256(self) -> str:
        """Of the file's text."""
        return checksum(self.path.read_bytes())

    @property
    def imports(self) -> str | None:
        """The folder its imports are looked up in last; None for a built-in model."""
        return None if self.is_built_in else str(self.path.parent)

    def complete(
        self, arguments: dict[str, Any], shape: tuple[int, ...], *, bounded: bool = True
    ) -> dict[str, Any]:
        """Return all of the constructor's arguments: those given, and defaults for the others.

        Args:
            arguments: by name.
            shape: of one sample. It gives the argument ``inputs``, the numbers in a sample, and
                where there is more than one axis ``sample_shape``, if the model has them.
            bounded: whether samples cannot leave 0...1. It gives ``likelihood``, "bernoulli" or
                "gaussian", where that is None.

        Raises:
            ModelError: an argument is unknown, or one without a default is not given.
        """
        parameters = self.parameters()
        for name in arguments:
            if name not in parameters:
                raise ModelError(
                    f"{self.name} has no argument {name!r}.{did_you_mean(name, parameters)} "
                    f"It takes: {', '.join(parameters)}."
                )
        known: dict[str, Any] = {"inputs": math.prod(shape)}
        if len(shape) > 1:
            known["sample_shape"] = shape
        if arguments.get("likelihood") is None:
            arguments = arguments | {"likelihood": "bernoulli" if bounded else "gaussian"}
        complete = {}
        for name, parameter in parameters.items():
            complete[name] = arguments.get(name, known.get(name, parameter.default))
            if complete[name] is parameter.empty:
                raise ModelError(f"{self.name} needs a value for its argument {name!r}.")
        return complete

    def parameters(self) -> dict[str, inspect.Parameter]:
        """Return the constructor's parameters, with their annotations as types if they are."""
        try:
            signature = inspect.signature(self.cls, eval_str=True)
        except Exception:  # an annotation may name what is there for type checkers only
            signature = inspect.signature(self.cls)
        variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return {name: p for name, p in signature.parameters.items() if p.kind not in variadic}

    def build(self, arguments: dict[str, Any]) -> Model:
        """Construct the model.

        Raises:
            ModelError: the constructor fails, or the model lacks what every model has.
        """
        try:
            with self.blame():
                model = cast(Model, self.cls(**arguments))
        except UserError as error:
            given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
            raise ModelError(f"{self.cls.__name__}({given}) cannot be made: {error}") from error
        missing = [n for n in ("encoder", "decoder", "latent", "loss") if not hasattr(model, n)]
        if missing:
            raise ModelError(
                f"{self.path}: {self.cls.__name__} has no {' and no '.join(missing)}. A model "
                "has encoder, decoder, latent (the size of a code) and loss(batch)."
            )
        latent = model.latent
        if not isinstance(latent, int) or latent < 1:
            raise ModelError(
                f"{self.path}: {self.cls.__name__}.latent is {latent!r}; it must be the "
                "number of values in a code, at least 1"
            )
        return model

    def check(self, model: Model, inputs: int) -> None:
        """Try the model on two samples of ``inputs`` numbers.

        Raises:
            ModelError: encoder, decoder or loss fails, or gives another shape than promised.
        """
        x = as_tensor(np.full((2, inputs), 0.5, np.float32))
        # A value that is not finite is for training to explain, not for NumPy's warnings.
        with evaluating(model), self.blame(), np.errstate(all="ignore"):
            with no_grad():
                z = model.encoder(x)
                self._expect("encoder", z, (2, model.latent))
                self._expect("decoder", model.decoder(z), (2, inputs))
            try:
                loss_of(model, as_tensor(rows(model, Split(x.data, np.zeros(2, np.int64)))))
            except ModelError as error:
                raise ModelError(f"{self.path}: {error}") from error

    def _expect(self, part: str, result: Any, shape: tuple[int, ...]) -> None:
        got = result.shape if isinstance(result, Tensor) else type(result).__name__
        if got != shape:
            raise ModelError(
                f"{self.path}: for two samples the {part} gives {got}; expected shape {shape}"
            )

    @contextmanager
    def blame(self) -> Iterator[None]:
        """Turn an exception that comes out of the file into a message with the line.

        Raises:
            ModelError: instead of whatever the file raised, but for errors that say enough.
        """
        with blame(self.path):
            yield


def built_in() -> dict[str, str]:
    """Return the first docstring line of each built-in model, by name."""
    return {name: find(name).line for name in names()}


def names() -> list[str]:
    """Return the names of the built-in models."""
    spec = importlib.util.find_spec(_BUILT_IN)
    folders = spec.submodule_search_locations if spec else None
    found = [module.name for module in pkgutil.iter_modules(folders)]
    return sorted(name for name in found if not name.startswith("_"))


def looks_like_path(given: str) -> bool:
    """Whether a model is given as a file and not as a name."""
    return given.endswith(".py") or "/" in given or "\\" in given


def checksum(text: bytes) -> str:
    """Return the SHA-256 of a file's text, in hexadecimal."""
    return hashlib.sha256(text).hexdigest()


def find(given: str) -> ModelFile:
    """Find a model by its name, or in the Python file at a path, which is executed.

    Raises:
        ModelError: there is no such model or file, or it does not hold one model.
    """
    if Path(given).is_dir() and given not in names():
        raise ModelError(
            f"{given} is a folder, not a model. Give a model's name ({', '.join(names())}) or the "
            f"path of a Python file; to go on with a run: --resume {given}"
        )
    if not looks_like_path(given):
        if given not in names():
            raise ModelError(
                f"There is no model named {given!r}.{did_you_mean(given, names())} "
                f"Known are: {', '.join(names())}; or give the path of a Python file."
            )
        module = importlib.import_module(f"{_BUILT_IN}.{given}")
        assert module.__file__
        path = Path(module.__file__)
        return _held(given, path, module)
    path = at_home(given).resolve()
    return execute(given, path, read(path), str(path.parent))


def read(path: Path) -> bytes:
    """Return the text of a model file.

    Raises:
        ModelError: it cannot be read.
    """
    if path.exists() and not path.is_file():
        raise ModelError(f"The model file {path} is no file.")
    try:
        return path.read_bytes()
    except OSError as error:
        siblings = [p.name for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise ModelError(
            f"The model file {path} cannot be read ({error.strerror})."
            f"{did_you_mean(path.name, siblings)}"
        ) from error


def execute(name: str, path: Path, source: bytes, imports: str) -> ModelFile:
    """Run the text of a file as a module. (An import would leave compiled files beside it.)

    Args:
        name: what it is called.
        path: of the file.
        source: its text.
        imports: the folder in which its imports are looked up last: what lies there stands for no
            package that is installed.

    Raises:
        ModelError: it fails, or does not hold one model.
    """
    module = ModuleType(f"model file {path}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and type hints look their module up
    if imports not in sys.path:
        sys.path.append(imports)
    with blame(path):
        # It is the user's own, or trusted: see trust.py.
        exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))  # noqa: S102
    return _held(name, path, module)


def _held(name: str, path: Path, module: ModuleType) -> ModelFile:
    """Return the model that a module holds."""
    first = (module.__doc__ or "").strip().partition("\n")[0]
    line = first.partition(": ")[2] or first
    return ModelFile(name, path, _model_class(module, path), line)


def _model_class(module: ModuleType, path: Path) -> type[Module]:
    modules = {
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Module)
        and value.__module__ == module.__name__
    }
    models = sorted((m for m in modules if hasattr(m, "loss")), key=lambda m: m.__name__)
    if len(models) == 1:
        return models[0]
    if models:
        found = f"holds {len(models)}: {' and '.join(m.__name__ for m in models)}"
    elif modules:
        lacking = " nor ".join(sorted(m.__name__ for m in modules))
        found = f"holds none: {lacking} has no loss(batch)"
    else:
        found = "holds none"
    raise ModelError(
        f"{path} must hold one model, a class derived from nn.Module with encoder, decoder, "
        f"latent and loss(batch); it {found}."
    )


@contextmanager
def blame(path: Path) -> Iterator[None]:
    """Turn an exception that comes out of a file's code into a message with file and line."""
    try:
        yield
    except UserError:
        raise
    except SystemExit as error:
        raise ModelError(f"{path} ends the program (SystemExit: {error.code})") from error
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        text = f"\n    {error.text.strip()}" if error.text else ""
        raise ModelError(f"{error.filename or path}{line}: {error.msg}{text}") from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        inside = [frame for frame in frames if frame.filename == str(path)]
        if not inside:
            raise
        where = inside[-1]
        raise ModelError(
            f"{path}, line {where.lineno}: {type(error).__name__}: {error}\n    {where.line}"
        ) from error
