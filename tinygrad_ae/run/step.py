"""One training step of a run, to be looked at: its graph, and what its operations cost."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from ..core.graph import Graph
from ..core.tensor import Tensor, as_tensor
from ..data import Dataset
from ..data.dataset import Split
from ..nn.protocols import Model
from ..show import draw, profile
from ..show.measure.profile import Profile
from ..train import rows
from .folder import Run
from .modelfile import ModelFile

if TYPE_CHECKING:
    from ..show.picture.dot import Drawing  # brings graphviz

_REPEATS = 7  # steps that are timed


def step_graph(file: ModelFile, model: Model, samples: Split) -> Graph:
    """Return the graph of the loss on a batch, as a training step computes it."""
    model = copy.deepcopy(model).train()  # a step may change what the model remembers
    with file.blame():
        return Graph.of(model.loss(_batch(model, samples)))


def drawn(run: Run, data: Dataset, theme: str = "light") -> Drawing:
    """Return a picture of that graph, with its gradients.

    Args:
        run: whose step it is.
        data: it is trained on.
        theme: "light" or "dark".
    """
    batch = data.train.first(run.config.batch_size)
    graph = step_graph(run.file, run.model, batch)
    title = f"{type(run.model).__name__}: the loss of one step on {len(batch)} samples"
    return draw(graph, gradients=True, title=title, theme=theme)


def profiled(run: Run, data: Dataset) -> Profile:
    """Measure a training step, run by Python operation by operation; the run does not change."""
    model = copy.deepcopy(run.model).train()
    optimizer = run.config.make_optimizer(model.parameters())
    batch = _batch(model, data.train.first(run.config.batch_size))

    def step() -> None:
        optimizer.zero_grad()
        model.loss(batch).backward()
        optimizer.step()

    with run.file.blame():
        return profile(step, repeat=_REPEATS)


def _batch(model: Model, samples: Split) -> Tensor:
    batch = as_tensor(rows(model, samples))
    batch.name = "x"
    return batch
