"""The run folder: everything about one training, from its first moment on.

The folder appears whole, with a checkpoint of epoch 0, and each file in it is replaced as a
whole. So at any instant it is either not there or can be continued from: the checkpoint and the
copy of the model's file hold all that this depends on, and the other files are derived.

Between two epochs a run is what its checkpoint says. Whatever stops a training puts the run back
to it, and who changes its model, its optimiser, its choices or its data by hand is refused before
anything is written: nothing is kept under the name of an epoch, a configuration or a data set that
it does not come from.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import optim
from ..data import Dataset, Framing, Reading, Samples, Scaling, load_samples
from ..data.sources import NAMES, located
from ..data.tables import before
from ..errors import DataError, DivergedError, ModelError, RunError, UserError
from ..nn import Module
from ..nn.protocols import Model
from ..train import Epoch, History, fit
from ..util import threads
from ..util.files import at_home, atomic, leads_nowhere, remove_abandoned, unfinished_folder
from ..util.random import default_generator, manual_seed
from . import attributes, checkpoint, hooks, modelfile, trust
from .config import Config, environment
from .facts import FORMAT, version
from .facts import check as check_facts
from .lock import alone
from .modelfile import ModelFile

CHECKPOINT = "checkpoint.safetensors"
MODEL_COPY = "model.py"
ENVIRONMENT = "environment.json"
DIVERGED = "diverged.txt"
# Which of a run's files only its training writes:
KEPT = (CHECKPOINT, MODEL_COPY, ENVIRONMENT, "config.json", "metrics.csv")
_MISFITS = (KeyError, TypeError, ValueError, AttributeError, LookupError, ArithmeticError)


class Run:
    """A training and its folder.

    Make one with :meth:`create` or :meth:`open`, not with the constructor.

    Attributes:
        path: of the folder.
        config: what was asked for.
        origin: what it was found to mean: the checksums of the model file and of the data, what
            the data was read as, the shape of a sample, how it was cut from a recording, the folder
            that the model file's imports are looked up in, and after which epochs a falling
            schedule was stretched.
        scaling: of the data it was trained on.
        file: the model's.
        model: as trained so far, in evaluation mode.
        history: of the epochs so far.
    """

    def __init__(
        self, path: Path, config: Config, origin: dict[str, Any], scaling: Scaling, file: ModelFile
    ) -> None:
        self.path, self.config, self.origin, self.scaling, self.file = (
            path, config, origin, scaling, file,
        )  # fmt: skip
        callers_state = default_generator.bit_generator.state
        manual_seed(config.seed)
        self.model: Model = file.build(config.arguments)
        self.model.eval()
        self._random_state = default_generator.bit_generator.state
        default_generator.bit_generator.state = callers_state
        self.optimizer: optim.Optimizer = config.make_optimizer(self.model.parameters())
        self._made = attributes.read(self.model)
        self._made_frozen = [n for n, p in self.model.named_parameters() if not p.requires_grad]
        self._modules, self._settings = _modules(self.model), _settings(self.optimizer)
        self.history = History()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample; a row of the data is it, flattened."""
        return tuple(self.origin["sample_shape"])

    @property
    def framing(self) -> Framing | None:
        """How its samples were cut from recordings; None if they were not."""
        values = self.origin.get("framing")
        return None if values is None else Framing(**values)

    @property
    def columns(self) -> tuple[str, ...]:
        """What the table that it was trained on calls its features or channels; () without."""
        table = self._kept.table
        return tuple(self.origin.get("columns", ())) if table is None else table.headings

    @property
    def _kept(self) -> Reading:
        values = self.origin.get("reading")
        return Reading("") if values is None else Reading.from_json(values)

    def reading(self, path: str | os.PathLike[str]) -> Reading | None:
        """Return how it reads a file: as the one it was trained on, whatever that holds.

        None for what is no table, and for a table if it was trained on none. Of runs that kept no
        reading it is the one that all tables had when they were trained.
        """
        path = at_home(path)
        if path.suffix.lower() != ".csv" or not path.is_file():
            return None
        if "reading" in self.origin:
            return self._kept
        size = math.prod(self.shape) if self.framing is None else self.framing.channels
        return Reading("", before(path, size, self.origin.get("columns", ())))

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.history)

    @property
    def progress(self) -> str:
        """How far it is trained, in words: "3 of 30 epochs, when training diverged"."""
        if self.epoch >= self.config.epochs:
            return f"{self.epoch} epoch{'s' * (self.epoch != 1)}"
        said = f"{self.epoch} of {self.config.epochs} epochs"
        if (self.path / DIVERGED).exists():
            said += ", when training diverged"
        return said if self.epoch else f"{said}: its weights are random"

    # ---- coming into existence

    @classmethod
    def create(cls, path: str | os.PathLike[str] | None, config: Config, data: Dataset) -> Run:
        """Start a run in a new folder.

        Args:
            path: of the folder; None: the next free ``runs/<model>-<number>``.
            config: what to do. An argument ``inputs`` of the model is filled in from the data.
            data: what ``config.data`` names.

        Raises:
            RunError: there is something at ``path`` already.
            ModelError: the model file or an argument cannot be used.
            DataError: all training samples are equal, with ``drop_last`` too few for a batch, or
                the shape that was asked for is one that cannot be looked at.
            OSError: the folder cannot be written.
        """
        target = None if path is None else Path(path)
        if target is not None:
            refuse_existing(target)
        if (data.train.x == data.train.x[0]).all():
            raise DataError(f"All training samples of {data.name} are equal: nothing to learn.")
        config.steps(len(data.train))
        _refuse_no_picture(config.shape)
        file = modelfile.find(config.model)
        arguments = file.complete(config.arguments, data.shape, bounded=data.bounded)
        config = replace(
            config,
            arguments=arguments,
            data=located(config.data),
            threads=config.threads or threads.threads(),
        )
        origin = {
            "sample_shape": list(data.shape),
            "framing": None if data.framing is None else data.framing.to_json(),
            "reading": None if data.reading is None else data.reading.to_json(),
            "data_sha256": fingerprint(data),
            "model_sha256": file.sha256,
            "imports": file.imports,
        }
        run = cls(Path(), config, origin, data.scaling, file)
        with run.looked_at():
            file.check(run.model, data.features)
        run._write_folder(target)
        if file.imports is not None:
            with suppress(OSError, RunError):  # then opening it asks
                trust.trust(file.sha256, file.imports)
        return run

    def _write_folder(self, target: Path | None) -> None:
        parent = Path("runs") if target is None else target.parent
        made = [folder for folder in (parent, *parent.parents) if not folder.exists()]
        parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(parent)
        try:
            with unfinished_folder(parent) as self.path:
                shutil.copyfile(self.file.path, self.path / MODEL_COPY)
                write_json(self.path / ENVIRONMENT, environment())
                self._save()
                name = target or parent / self.file.path.stem
                self.path = _rename(self.path, name, target is None)
        except BaseException:
            for folder in made:
                with suppress(OSError):  # somebody else may have put something there
                    folder.rmdir()
            raise

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, trusted: bool = False) -> Run:
        """Load a run as of its last finished epoch.

        A built-in model is the installed package's. Any other is the file ``model.py`` in the
        folder, Python code that is executed only if it was trained on this machine, or is trusted.

        Args:
            path: of the folder.
            trusted: execute the run's own model file, now and from now on: you have read it, and
                what it imports.

        Raises:
            RunError: there is no run at ``path``, its checkpoint is damaged, or its model file is
                not what it was trained with, or is not trusted.
            ModelError: its model file cannot be used.
        """
        folder = Path(path)
        if not (folder / CHECKPOINT).is_file():
            what = "it is a file" if folder.is_file() else "it does not exist"
            what = "it has no " + CHECKPOINT if folder.is_dir() else what
            what = leads_nowhere(folder).rstrip(".") or what
            raise RunError(
                f"{folder} is not a run folder: {what}. "
                "Give a folder that 'tinygrad-ae train' made."
            )
        arrays, facts = checkpoint.load(folder / CHECKPOINT)
        check_facts(facts, folder / CHECKPOINT)
        config = Config.from_json(facts["config"])
        origin = facts["origin"]
        _refuse_edited(folder / MODEL_COPY, origin["model_sha256"])
        if modelfile.looks_like_path(config.model):
            file = _own_model(folder / MODEL_COPY, origin, trusted)
        else:
            file = modelfile.find(config.model)
        try:
            scaling = Scaling(arrays["data.offset"], arrays["data.scale"])
            run = cls(folder, config, origin, scaling, file)
            run._load(arrays, facts)
            run._look_at_the_rest()
        except UserError:
            raise
        except _MISFITS as error:
            raise RunError(
                f"The checkpoint {folder / CHECKPOINT} does not fit its model ({error}). Restore "
                "it from a copy, or train again."
            ) from error
        return run

    def _look_at_the_rest(self) -> None:
        """Read what else was loaded, so that what is wrong with it is said now."""
        framing, _ = self.framing, self.columns
        if framing is not None and framing.shape != self.shape:
            raise RunError(
                f"The checkpoint of {self.path} contradicts itself: its windows have the shape "
                f"{framing.shape}, its samples {self.shape}. Restore it from a copy, or train "
                "again."
            )
        default_rng = np.random.default_rng()
        default_rng.bit_generator.state = self._random_state
        for name, parameter in self.model.named_parameters():
            if not np.isfinite(parameter.data).all():
                raise RunError(
                    f"The weights {name} in {self.path} are not finite, so that nothing the model "
                    "says means anything. Training never keeps such weights: restore the "
                    "checkpoint from a copy, or train again."
                )

    # ---- going on

    def load_data(self, source: str | None = None) -> Dataset:
        """Load the data the run was started with.

        Args:
            source: where it is now, if it was moved.

        Raises:
            RunError: it is gone, or not the same any more.
            DataError: it cannot be read.
        """
        where = self.config.data if source is None else located(source)
        if source is None and where not in NAMES and not Path(where).exists():
            raise RunError(
                f"The data that {self.path} was trained on is gone: it was looked for at "
                f"{Path(where).absolute()}. Put it back there, or say where it is: "
                "'tinygrad-ae evaluate' and 'tinygrad-ae train --resume' take --data PATH."
            )
        config = replace(self.config, data=where)
        data = config.load_data(reading=self.reading(where))
        if fingerprint(data) != self.origin["data_sha256"]:
            raise RunError(
                f"{where} is not the data that {self.path} was trained on: "
                + ("it has changed since. " if source is None else "it holds something else. ")
                + "Give the same samples, or start a new run."
            )
        self.config = config
        return data

    def load_samples(self, path: str | os.PathLike[str]) -> Samples:
        """Load the user's own samples as the model takes them, see ``data.load_samples``.

        Raises:
            DataError: they cannot be read, or are not like those it was trained on.
        """
        return load_samples(path, self.shape, self.scaling, self.framing, self.reading(path))

    def extend(self, epochs: int) -> None:
        """Set a new total number of epochs.

        Raises:
            RunError: more are done already.
        """
        if epochs < self.epoch:
            raise RunError(
                f"{self.path} has done {self.epoch} epochs already; --epochs is the total and "
                f"must be at least that, not {epochs}"
            )
        self.config = replace(self.config, epochs=epochs)

    def train(
        self,
        data: Dataset,
        on_epoch: Callable[[History], object] | None = None,
        on_step: Callable[[Epoch], object] | None = None,
    ) -> None:
        """Train up to the configured number of epochs, with a checkpoint after each.

        An exception, Ctrl-C among them, puts the run back to its last checkpoint: training it
        again goes on from there, in this process as in another, to the same result.

        Args:
            data: of :meth:`load_data`.
            on_epoch: called with the history after each checkpoint. What it draws from the default
                generator or the model's own is not missed by the training; weights, settings and
                plain attributes of the model it must leave alone.
            on_step: called with what is known of the epoch after each step.

        Warns:
            UserWarning: the epochs so far had other hooks than the model has now; or another
                machine, NumPy, BLAS or version of the built-in model, so that bits may differ.

        Raises:
            RunError: the run is not what its checkpoint says, see :meth:`check`; or it is being
                trained already, here or by another process.
            DivergedError: a value stopped being finite; the last checkpoint is from before.
            ModelError: the model file failed, or training changes of the model what no checkpoint
                can hold.
        """
        with alone(self.path):
            self._train(data, on_epoch, on_step)

    def _train(
        self,
        data: Dataset,
        on_epoch: Callable[[History], object] | None,
        on_step: Callable[[Epoch], object] | None,
    ) -> None:
        self.check(data)
        remove_abandoned(self.path)
        self._warn_of_hooks()
        self._note_stretching()
        self._note_environment()
        self._save()  # what a kill left of the other files becomes what the checkpoint says
        (self.path / DIVERGED).unlink(missing_ok=True)

        def keep(history: History) -> None:
            self._refuse_unkeepable()
            self._random_state = default_generator.bit_generator.state
            arrays, facts = self._save()
            if on_epoch:
                on_epoch(history)
                self._expect(arrays, facts, "on_epoch")
                self._load_beside(facts)
                default_generator.bit_generator.state = self._random_state

        default_generator.bit_generator.state = self._random_state
        try:
            with self.file.blame(), threads.limited(self.config.threads):
                fit(
                    self.model,
                    data,
                    epochs=self.config.epochs,
                    batch_size=self.config.batch_size,
                    drop_last=self.config.drop_last,
                    optimizer=self.optimizer,
                    schedule=self.config.make_schedule(len(data.train)),
                    clip=self.config.clip,
                    history=self.history,
                    on_epoch=keep,
                    on_step=on_step,
                    compile=self.config.compile,
                    engine=self.config.engine,
                )
        except BaseException as error:
            with suppress(RunError, ModelError):  # then check() refuses what is left
                self._load(*checkpoint.load(self.path / CHECKPOINT))
            if isinstance(error, DivergedError):
                with atomic(self.path / DIVERGED) as temporary:
                    temporary.write_text(f"{error}\n", "utf-8")
            raise

    # ---- what it is and what its checkpoint says

    def check(self, data: Dataset) -> None:
        """See that the run is what its checkpoint says, and the data what it was started with.

        Of its configuration the number of epochs and the place of the data may have changed.

        Raises:
            RunError: it is not; the message says what differs.
        """
        arrays, facts = checkpoint.load(self.path / CHECKPOINT)
        kept, now = (
            json.loads(json.dumps(config.to_json()))  # in which tuples and lists are the same
            for config in (Config.from_json(facts["config"]), self.config)
        )
        for name in now:
            if now[name] != kept[name] and name not in ("epochs", "data"):
                raise RunError(
                    f"{self.path} was started with {name} {kept[name]!r}, not {now[name]!r}; a run "
                    "goes on with the choices it was started with. For others, start a new run."
                )
        if [record.get("epoch") for record in self.history] != [*range(1, facts["epoch"] + 1)]:
            raise RunError(
                f"the history of this run has {self.epoch} epochs, and the checkpoint in "
                f"{self.path} is of epoch {facts['epoch']}: one of them was changed since. "
                f"Run.open({str(self.path)!r}) is the run as it was kept."
            )
        self._expect(arrays, facts, "something")
        if fingerprint(data) != self.origin["data_sha256"]:
            raise RunError(
                f"the data {data.name!r} is not what {self.path} was started with, so its results "
                "would go under a wrong name. Run.load_data() gives the right one."
            )

    @contextmanager
    def looked_at(self) -> Iterator[None]:
        """Have the model used for a while, then its attributes and generators as they were.

        So a model that counts its calls can be measured, and trained further.
        """
        _, facts = self._state()
        try:
            yield
        finally:
            self._load_beside(facts)

    def _expect(self, arrays: checkpoint.Arrays, facts: dict[str, Any], who: str) -> None:
        """Raise RunError unless model and optimiser are as a checkpoint has them."""
        now, said = self._state()
        differing = [
            *_differing("model", self._modules, _modules(self.model)),
            *_differing("optimizer", self._settings, _settings(self.optimizer)),
            *sorted(
                name
                for name in now.keys() | arrays.keys()
                if name not in now or name not in arrays or not _same(now[name], arrays[name])
            ),
            *_differing("optimizer", facts["optimizer"], said["optimizer"]),
        ]
        if not differing:  # else it is of another model
            was, are = (f.get("attributes", {}) for f in (facts, said))
            loose = {
                path
                for path in was.keys() | are.keys()
                if attributes.is_passing(was.get(path)) or attributes.is_passing(are.get(path))
            }
            differing = [
                *(f"{name}.requires_grad" for name in _differing(
                    "model", *(dict.fromkeys(f, 1) for f in (self._frozen(facts), said["frozen"]))
                )),
                *_differing("model", *(
                    {path: text for path, text in texts.items() if path not in loose}
                    for texts in (was, are)
                )),
            ]  # fmt: skip
        if differing:
            raise RunError(
                f"{who} changed {', '.join(differing[:3])}{', …' * (len(differing) > 3)} of this "
                f"run since its checkpoint of epoch {facts['epoch']}. It would be kept under the "
                "name of that epoch, and lost when the run is resumed. "
                f"Run.open({str(self.path)!r}) is the run as it was kept; to begin from weights of "
                "your own or to freeze some, let the model's file do it, in start_epoch(n) what "
                "changes as training goes on; or use fit."
            )

    def _refuse_unkeepable(self) -> None:
        """Raise ModelError if training changed of the model what no checkpoint can hold."""
        changed = attributes.changes(self._made, attributes.read(self.model))
        names = [
            *_differing("model", self._modules, _modules(self.model)),
            *sorted(
                f"model.{k}" for k, text in changed.items() if not attributes.can_be_kept(text)
            ),
        ]
        if names:
            raise ModelError(
                f"training changed {', '.join(names[:3])}{', …' * (len(names) > 3)}, which a "
                "checkpoint cannot hold, so the run could not go on from there. Keep what changes "
                "as a number, a string, an array, or a list or dict of these, or as an array in "
                "register_buffer(); build all modules in __init__."
            )

    def _warn_of_hooks(self) -> None:
        _, facts = checkpoint.load(self.path / CHECKPOINT)
        if self.epoch and "hooks" in facts:  # else the run is new, or of before they were kept
            hooks.warn_of_others(str(self.path), self.epoch, facts["hooks"], hooks.read(self.model))

    def _note_stretching(self) -> None:
        """Note in the origin that a falling schedule was stretched over another number of epochs.

        Only so can the whole be repeated: the configuration has the last number alone.
        """
        _, facts = checkpoint.load(self.path / CHECKPOINT)
        before = facts["config"]["epochs"]
        if self.epoch and before != self.config.epochs and self.config.schedule != "constant":
            note = {"after": self.epoch, "of": before}
            earlier = facts["origin"].get("stretched", ())
            self.origin = {**self.origin, "stretched": [*earlier, note]}

    def _note_environment(self) -> None:
        """Write down the versions that training goes on with, and what was another until now."""
        before, now = read_json(self.path / ENVIRONMENT), environment()
        earlier = before.pop("earlier", [])
        earlier = earlier if isinstance(earlier, list) else []
        other = {name: value for name, value in before.items() if now.get(name) != value}
        if other and self.epoch:
            earlier = [*earlier, {"until_epoch": self.epoch, **other}]
        self._warn_of_other_bits(before, now)
        write_json(self.path / ENVIRONMENT, {**now, **({"earlier": earlier} if earlier else {})})

    def _warn_of_other_bits(self, before: dict[str, Any], now: dict[str, Any]) -> None:
        """Warn if what decides the last bits of a sum is not what it was for the epochs so far."""
        changed = [
            f"{name} {before[name]} (now {now[name]})"
            for name in ("machine", "numpy", "blas")
            if name in before and before[name] != now[name]
        ]
        if self.file.is_built_in and self.file.sha256 != self.origin["model_sha256"]:
            changed.append(f"another version of the built-in model {self.config.model}")
        if changed and self.epoch:
            warnings.warn(
                f"{self.path} was trained up to epoch {self.epoch} with {', '.join(changed)}. It "
                "goes on, but not to the very bits that it would have reached then",
                stacklevel=4,  # the line that calls Run.train
            )

    def _state(self) -> tuple[checkpoint.Arrays, dict[str, Any]]:
        """Return what a checkpoint keeps."""
        state = self.optimizer.state_dict()
        arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
        return {
            **_named("model", self.model.state_dict()),
            **_named("optimizer", arrays),
            "data.offset": self.scaling.offset,
            "data.scale": self.scaling.scale,
        }, {
            "format": FORMAT,
            "version": version(),
            "epoch": self.epoch,
            "config": self.config.to_json(),
            "history": self.history,
            "random_state": self._random_state,
            "generators": {name: _plain(g.bit_generator.state) for name, g in self._generators()},
            "optimizer": {name: state[name] for name in state.keys() - arrays.keys()},
            "frozen": [n for n, p in self.model.named_parameters() if not p.requires_grad],
            "attributes": attributes.changes(self._made, attributes.read(self.model)),
            "hooks": hooks.read(self.model),
            "origin": self.origin,
        }

    def _load(self, arrays: checkpoint.Arrays, facts: dict[str, Any]) -> None:
        """Become what a checkpoint says."""
        self.model.load_state_dict(_under("model", arrays))
        self.optimizer.load_state_dict({**facts["optimizer"], **_under("optimizer", arrays)})
        frozen = self._frozen(facts)
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name not in frozen)
        self._load_beside(facts)
        self.history[:] = facts["history"]
        self._random_state = facts["random_state"]

    def _load_beside(self, facts: dict[str, Any]) -> None:
        """Take up what the model has beside weights and buffers: attributes and generators."""
        attributes.write(self.model, self._made, facts.get("attributes", {}))
        for name, generator in self._generators():
            if name in facts.get("generators", ()):
                generator.bit_generator.state = facts["generators"][name]

    def _frozen(self, facts: dict[str, Any]) -> list[str]:
        """Return the parameters that were not trained; of a checkpoint that lacks them: as made."""
        frozen: list[str] = facts.get("frozen", self._made_frozen)
        return frozen

    def _generators(self) -> Iterator[tuple[str, np.random.Generator]]:
        """Yield the generators of its own that the model draws from, by path."""
        if isinstance(self.model, Module):
            for path, module in self.model.named_modules():
                for name, value in vars(module).items():
                    if isinstance(value, np.random.Generator) and value is not default_generator:
                        yield f"{path}.{name}", value

    def _save(self) -> tuple[checkpoint.Arrays, dict[str, Any]]:
        """Write the checkpoint, then what is derived from it; return what it keeps."""
        arrays, facts = self._state()
        checkpoint.save(self.path / CHECKPOINT, arrays, facts)
        write_json(self.path / "config.json", {**self.config.to_json(), **self.origin})
        with (
            atomic(self.path / "metrics.csv") as temporary,
            open(temporary, "w", encoding="utf-8", newline="") as f,
        ):
            columns = list(self.history[0]) if self.history else ["epoch", "loss"]
            table = csv.DictWriter(f, columns, lineterminator="\n")
            table.writeheader()
            table.writerows(self.history)
        return arrays, facts


def _refuse_edited(path: Path, sha256: str) -> None:
    """Raise RunError if the copy of the model's file is not what it was."""
    if path.exists() and modelfile.checksum(modelfile.read(path)) != sha256:
        raise RunError(
            f"{path} is not the model that this run trained: it was edited since. "
            f"Restore it, or start a new run:  tinygrad-ae train {path}"
        )


def _own_model(path: Path, origin: dict[str, Any], trusted: bool) -> ModelFile:
    """Return the model of a run's own file, which is executed if it may be."""
    source, imports = modelfile.read(path), origin["imports"]
    sha256 = modelfile.checksum(source)
    if trusted:
        trust.trust(sha256, imports)
    elif not trust.is_trusted(sha256, imports):
        raise RunError(
            f"To open {path.parent} would run {path}, Python code that was neither trained nor "
            f"trusted on this machine (and what it imports, from {imports} too). Read it; to "
            "allow it, once and for all: --trust, or Run.open(..., trusted=True)."
        )
    return modelfile.execute(str(path), path.resolve(), source, imports)


def fingerprint(data: Dataset) -> str:
    """Return a checksum of all samples and labels, as they are after scaling."""
    digest = hashlib.sha256(repr(data.shape).encode())
    for split in (data.train, data.validation, data.test):
        for array in (split.x, split.y):
            if array is not None:
                digest.update(f"{array.shape} {array.dtype}".encode())
                digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; an empty one where there is none."""
    try:
        values = json.loads(path.read_bytes()) if path.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def write_json(path: Path, values: Any) -> None:
    """Write JSON for people: indented, and whole or not at all."""
    with atomic(path) as temporary:
        text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))  # also half a character


def refuse_existing(path: Path) -> None:
    """Raise RunError if there is something at ``path`` that a new run would replace."""
    if lost := leads_nowhere(path):
        raise RunError(f"{lost} Remove it, or choose another --out.")
    if path.is_file():
        raise RunError(f"{path} exists already and is a file; a run is a folder. Choose another.")
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        cure = "Choose another --out"
        if (path / CHECKPOINT).exists():
            cure += f", or continue that run with --resume {path}"
        raise RunError(f"{path} exists already and is not empty. {cure}.")


def _refuse_no_picture(shape: tuple[int, ...] | None) -> None:
    """Raise DataError if a shape was asked for that makes neither a picture nor a signal."""
    if shape and 1 in shape[:2] and (len(shape) == 2 or (len(shape) == 3 and shape[0] == 1)):
        raise DataError(
            f"--shape {','.join(map(str, shape))}: a picture is at least two values high and two "
            "wide. Leave --shape out for samples whose values stand in a row, such as the columns "
            "of a table."
        )


def _rename(temporary: Path, target: Path, numbered: bool) -> Path:
    """Give a finished folder its name, or the first free number after it."""
    number = 1
    while True:
        path = target.with_name(f"{target.name}-{number}") if numbered else target
        try:
            if numbered and path.exists():
                raise FileExistsError
            os.rename(temporary, path)
            return path
        except OSError:
            if not path.exists():
                raise
            if not numbered:
                refuse_existing(path)
                raise
        number += 1


def _plain(value: Any) -> Any:
    """Return the state of a generator as JSON's types, which can be written back as they are."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _modules(model: Model) -> dict[str, str]:
    """Return of what class the modules of a model are, by path."""
    if not isinstance(model, Module):
        return {}
    return {path: type(module).__name__ for path, module in model.named_modules()}


def _settings(optimizer: optim.Optimizer) -> dict[str, Any]:
    """Return what an optimiser is beside what it trains, its rate and its state."""
    kept = ("parameters", "_buffers", "_lr")
    named = {name: repr(value) for name, value in vars(optimizer).items() if name not in kept}
    return {"class": type(optimizer).__name__, **named}


def _differing(group: str, a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    return sorted(
        f"{group}.{name}".rstrip(".") for name in a.keys() | b.keys() if a.get(name) != b.get(name)
    )


def _named(group: str, arrays: dict[str, Any]) -> dict[str, Any]:
    return {f"{group}.{name}": array for name, array in arrays.items()}


def _under(group: str, arrays: dict[str, Any]) -> dict[str, Any]:
    prefix = f"{group}."
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
