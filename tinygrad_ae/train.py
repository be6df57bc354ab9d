"""The training loop: batches in, gradients back, parameters moved, and a record of each epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, SupportsIndex, overload

import numpy as np
from numpy.typing import NDArray

from . import compiled, optim
from .autodiff import detect_anomaly, no_grad
from .core.graph import state
from .core.tensor import Tensor, as_tensor, from_numpy
from .data.batches import batch_count, batches
from .data.dataset import Dataset, Split
from .errors import DataError, DivergedError, ModelError, NonFiniteError
from .evaluate import finite
from .nn.protocols import Trainable, evaluating
from .util.random import default_generator

Epoch = dict[str, float]
"""What is measured in an epoch, by name."""


class History(list[Epoch]):
    """One record for each finished epoch; ``history["loss"]`` is a column of them.

    A record has ``epoch`` (counted from 1), ``loss`` (mean over the training samples, taken
    while the parameters moved), ``validation_loss`` (mean over the validation samples, after
    the epoch; absent if there are none), ``seconds`` (in all) and ``samples_per_second``
    (while training).
    """

    @overload
    def __getitem__(self, key: str) -> list[float]: ...
    @overload
    def __getitem__(self, key: SupportsIndex) -> Epoch: ...
    @overload
    def __getitem__(self, key: slice) -> list[Epoch]: ...
    def __getitem__(self, key: Any) -> Any:
        """Return a column by its name, or a record by its position."""
        return (
            [record[key] for record in self] if isinstance(key, str) else super().__getitem__(key)
        )


# What overflows is found and named here, with its module: NumPy's warnings would say less.
_quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")


@_quiet
def fit(
    model: Trainable,
    data: Dataset | NDArray[Any],
    *,
    epochs: int = 10,
    batch_size: int = 128,
    drop_last: bool = False,
    optimizer: optim.Optimizer | None = None,
    schedule: Callable[[int], float] | None = None,
    clip: float | None = None,
    generator: np.random.Generator | None = None,
    history: History | None = None,
    on_epoch: Callable[[History], object] | Iterable[Callable[[History], object]] = (),
    on_step: Callable[[Epoch], object] | None = None,
    compile: bool = True,
    engine: compiled.Engine = "numpy",
) -> History:
    """Fit a model to data by minimising the mean of ``model.loss(batch)``.

    A model may take part in two ways more. Where it has ``start_epoch(n)``, that is called before
    epoch n, counted from 0, for what changes as training goes on. Where it has
    ``with_labels(x, y)``, a batch is of the rows that it makes of a split's samples and labels.

    While it learns, all of the model is in training mode, but for what ``start_epoch`` puts into
    evaluation mode; between epochs and afterwards all of it is in evaluation mode.

    An exception, Ctrl-C among them, leaves the weights where the last step brought them.

    Args:
        model: anything with parameters and ``loss(batch)``, which takes a tensor of shape
            (n, ...) and returns a tensor of one element: the mean loss over the n samples.
        data: a data set, whose training split is learnt and validation split is watched; or an
            array of samples, shape (n, ...), which is learnt as it is.
        epochs: how often to go through the data, those in ``history`` included.
        batch_size: samples in a step; the last batch of an epoch has what is left.
        drop_last: leave that last batch out if it is smaller: other samples in each epoch. For
            layers whose result depends on the whole batch, such as ``nn.BatchNorm1d``.
        optimizer: moves the parameters; ``Adam(model.parameters(), lr=1e-3)`` unless given.
        schedule: factor of the optimiser's learning rate for a step, counted from 0.
        clip: largest Euclidean norm of all gradients together; larger ones are scaled to it.
        generator: draws the order of the samples, afresh in each epoch; the default generator
            (see ``manual_seed``) unless given.
        history: of the epochs done before, to continue; it is extended.
        on_epoch: called with the history after each epoch; or several such functions.
        on_step: called after each step with what is known of the epoch so far: its number as
            ``epoch``, the ``samples`` seen in it, their mean ``loss``, and the
            ``samples_per_second``.
        compile: record the loss and its gradients once and replay them (see
            :func:`tinygrad_ae.compile`); False runs the model's Python in each step. Of a model
            that cannot be recorded a ``CaptureWarning`` says why, and its Python runs.
        engine: what replays it, ``"numpy"`` or ``"numba"`` (extra ``fast``).

    Returns:
        The history.

    Raises:
        DataError: there is nothing to learn from, it is not finite, or batches have no size, or
            with ``drop_last`` a larger one than there are samples.
        ModelError: the loss is not a tensor of one element that depends on parameters, or the
            optimiser has none of the model's.
        MissingExtra: the engine's package is not installed.
        DivergedError: the loss or a parameter stopped being finite; the message names the first
            operation and module that gave such a value.
    """
    train, validation = _splits(model, data)
    optimizer = optimizer or optim.Adam(model.parameters(), lr=1e-3)
    _check_optimizer(optimizer, model)
    generator = generator or default_generator
    history = History() if history is None else history
    watchers = [on_epoch] if callable(on_epoch) else list(on_epoch)
    step = len(history) * batch_count(len(train), batch_size, drop_last)
    base_lr = optimizer.lr

    def gradients(batch: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        return loss

    run = compiled.compile(gradients, engine=engine) if compile else gradients
    own = type(optimizer).step is optim.Optimizer.step  # else it may do more than update
    update = partial(optimizer.update, compiled.compiler(engine))
    move = update if compile and own else optimizer.step
    while len(history) < epochs:
        start = time.perf_counter()
        model.train()
        if hasattr(model, "start_epoch"):
            model.start_epoch(len(history))
        total, seen = 0.0, 0
        try:
            for batch in batches(train, batch_size, generator, drop_last):
                if schedule:
                    optimizer.lr = base_lr * schedule(step)
                advice = _ADVICE if step else _ADVICE_AT_FIRST
                shared = from_numpy(batch)  # shuffled batches are copies already
                loss = _step(run, move, model, shared, optimizer, clip, advice)
                total, seen, step = total + loss * len(batch), seen + len(batch), step + 1
                if on_step:
                    rate = seen / (time.perf_counter() - start)
                    number = len(history) + 1
                    on_step(
                        {
                            "epoch": number,
                            "samples": seen,
                            "loss": total / seen,
                            "samples_per_second": rate,
                        }
                    )
        finally:
            optimizer.lr = base_lr
            model.eval()
        trained = time.perf_counter() - start
        _check_parameters(model)
        record: Epoch = {"epoch": len(history) + 1, "loss": total / seen}
        if len(validation):
            record["validation_loss"] = mean_loss(model, validation)
        record["seconds"] = time.perf_counter() - start
        record["samples_per_second"] = seen / trained
        history.append(record)
        for watcher in watchers:
            watcher(history)
    return history


@_quiet
def mean_loss(model: Trainable, x: NDArray[Any], batch_size: int = 1024) -> float:
    """Return the mean of the model's loss over samples, shape (n, ...), without learning.

    Raises:
        DataError: there are no samples, or they are not finite.
        DivergedError: the loss is not finite.
    """
    x = finite(x, "samples")
    total = 0.0
    with evaluating(model), no_grad():
        for batch in batches(x, batch_size):
            loss = loss_of(model, as_tensor(batch)).item()
            if not math.isfinite(loss):
                raise _diverged(model, batch, _ADVICE)
            total += loss * len(batch)
    return total / len(x)


def _step(
    gradients: Callable[[Tensor], Tensor],
    move: Callable[[], None],
    model: Trainable,
    batch: Tensor,
    optimizer: optim.Optimizer,
    clip: float | None,
    advice: str,
) -> float:
    """Move the parameters once, down the gradient of the batch's loss; return the loss."""
    before = default_generator.bit_generator.state
    value = float(gradients(batch).item())
    if not math.isfinite(value) or not optimizer.finite():
        default_generator.bit_generator.state = before  # the same noise again
        raise _diverged(model, batch.data, advice)
    if clip is not None:
        optim.clip_grad_norm_(optimizer.parameters, clip)
    move()
    return value


def loss_of(model: Trainable, batch: Tensor) -> Tensor:
    """Return ``model.loss(batch)``.

    Raises:
        ModelError: it is not a tensor of one element, or no gradient can be pulled back from it.
    """
    loss = model.loss(batch)
    if not isinstance(loss, Tensor) or loss.size != 1:
        got = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
        raise ModelError(
            f"{type(model).__name__}.loss(batch) returned {got}; it must return a tensor of one "
            "element, the mean loss over the batch. Reduce it with .mean()."
        )
    if state.recording and not loss.requires_grad:
        raise ModelError(
            f"{type(model).__name__}.loss(batch) returned a tensor that depends on no parameter, "
            "so nothing can be learnt from it. Is there a .detach(), no_grad() or NumPy's "
            "arithmetic on the way to it, or are all parameters frozen?"
        )
    return loss


def _check_optimizer(optimizer: optim.Optimizer, model: Trainable) -> None:
    if isinstance(optimizer, type):
        name = optimizer.__name__
        raise ModelError(
            f"optimizer is the class {name}; give an optimiser with the parameters that it moves: "
            f"{name}(model.parameters(), lr=1e-3)"
        )
    own = {id(parameter) for parameter in model.parameters()}
    if not any(id(parameter) in own for parameter in optimizer.parameters):
        raise ModelError(
            "the optimizer holds none of this model's parameters, so training would move nothing. "
            f"Make it of model.parameters() of the {type(model).__name__} that is to be trained."
        )


def rows(model: Trainable, split: Split) -> NDArray[Any]:
    """Return what the model's loss takes: samples, with their labels if it has use for them.

    Raises:
        DataError: it has, and they do not fit.
    """
    if not hasattr(model, "with_labels"):
        return split.x
    made: NDArray[Any] = model.with_labels(split.x, split.y)
    return made


def _splits(model: Trainable, data: Dataset | NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what to learn and what to watch."""
    if isinstance(data, Dataset):
        train, validation = rows(model, data.train), rows(model, data.validation)
        if len(validation):
            finite(validation, "validation samples")
        return finite(train, "training samples"), validation
    x = np.asarray(data)
    if x.ndim < 2 or not x.size or x.dtype.kind not in "fiub":
        raise DataError(
            f"the data to fit has shape {x.shape} and dtype {x.dtype}; expected real numbers of "
            "shape (samples, features), at least one of each"
        )
    if x.dtype.kind != "f":
        x = x.astype(np.float32)
    return finite(x, "samples to fit"), x[:0]


# ---- when it diverges

_ADVICE_AT_FIRST = (
    "This was the first step, when no parameter had moved yet: look at how loss(batch) is computed "
    "(a logarithm or root of what may be negative, a division by what may be 0) and at the values "
    "that the parameters start with."
)
_ADVICE = "Lower the learning rate (--lr), or limit the gradient (--clip 1)."


def _diverged(model: Trainable, batch: NDArray[Any], advice: str) -> DivergedError:
    """Run the batch again to find the first operation that gives a value that is not finite."""
    _check_parameters(model)
    model.zero_grad()
    try:
        with detect_anomaly():
            loss = loss_of(model, as_tensor(batch))
            if loss.requires_grad:
                loss.backward()
    except NonFiniteError as error:
        return DivergedError(f"Training diverged: {error}\n{advice}")
    return DivergedError(f"Training diverged: the loss or a gradient is not finite.\n{advice}")


def _check_parameters(model: Trainable) -> None:
    for name, parameter in model.named_parameters():
        if not np.isfinite(parameter.data).all():
            raise DivergedError(
                f"Training diverged: the optimiser's last steps made {name} {parameter.shape} not "
                f"finite (the gradient was too large, or not finite itself).\n{_ADVICE}"
            )
