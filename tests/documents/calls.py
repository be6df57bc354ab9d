"""Finds the calls that documents show, and holds each to the signature of what it names.

Three things are read: Markdown pages, docstrings, and command lines in both. A call is in a block of
code, in a code span, or in a literal of a docstring. Its name is looked up where a reader would:
among what the page imports, what the docstring's module has, and what the package offers; a method,
of an object whose class cannot be told, among the methods of that name of all classes. Then keyword
names must exist and the arguments bind. ``...`` or ``…`` among them stands for any others.

Nothing is skipped in silence: what is not the package's is told by its root (``np``, ``torch``, a
name the page itself defines), and whatever else cannot be resolved is a complaint.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import io
import pkgutil
import re
import shlex
import textwrap
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np

import tinygrad_ae
from tinygrad_ae import Op

ROOT = Path(__file__).parents[2]
# Whose methods a value of unknown class may also have.
FOREIGN_TYPES = (
    np.ndarray, np.random.Generator, np.ufunc, str, bytes, int, float, list, dict, set, tuple, Path,
    io.TextIOBase, re.Pattern, re.Match,
)  # fmt: skip
FOREIGN = {"np", "numpy", "torch", "jax", "plt", "scipy"}  # as they are known, imported or not
PROGRAMS = {"pip", "python", "cd", "git", "mypy", "ruff", "pytest", ".", "npm"}
ROOMS = (  # where a name that stands alone is looked for, in this order
    "", ".train", ".evaluate", ".nn", ".nn.functional", ".optim", ".optim.schedules", ".ops",
    ".data", ".data.corrupt", ".run", ".uses", ".show", ".export", ".autodiff", ".compiled",
    ".models", ".testing", ".errors", ".core.graph", ".show.picture.render",
)  # fmt: skip


@dataclass(frozen=True)
class Snippet:
    """A piece of text that shows something: where, what, and in which room of the code."""

    where: str
    text: str
    module: str | None = None  # whose names it may use
    block: bool = False  # several lines, and not a span in a sentence
    shell: bool = False  # a line of a block of commands
    executed: bool = False  # by the build of the site or a test
    local: frozenset[str] = frozenset()  # what the text speaks of: arguments of what it describes


@dataclass
class Names:
    """What names mean where a snippet stands."""

    known: dict[str, Any] = field(default_factory=dict)  # the package's things, by name
    local: set[str] = field(default_factory=set)  # defined on the spot, or another library's
    kinds: dict[str, set[Any]] = field(default_factory=dict)  # classes that a name was given
    parts: set[str] = field(default_factory=set)  # what objects are given by name
    foreign: set[str] = field(default_factory=set)  # of other libraries, of the names in local
    executed: bool = False  # the snippet at hand runs when the site is built, or in a test


# ---- what there is to read


def pages() -> list[Path]:
    """All pages: the site's, and those beside the code."""
    site = [p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(site)]


def on_page(text: str, where: str) -> Iterator[Snippet]:
    """Yield the blocks and spans of a Markdown page."""
    prose: list[str] = []
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        fence = re.fullmatch(r"\s*(```+|:::+)(.*)", line)
        if fence is None or fence[2].startswith("{dropdown}") or not fence[2]:
            prose.append("" if fence else line)
            continue
        kind, body = fence[2].strip(), []
        for _, inner in lines:
            if inner.strip() == fence[1]:
                break
            body.append(inner)
        prose += [""] * (len(body) + 2)
        if kind == "python" or kind.startswith("{code-cell}"):
            code = "\n".join("" if x.startswith((":", "%")) else x for x in _without_header(body))
            executed = kind != "python" or where == "README.md"
            yield Snippet(f"{where}:{number}", code, block=True, executed=executed)
        elif kind in ("sh", "bash", "console"):
            for k, inner in enumerate(re.sub(r"\\\n\s*", " ", "\n".join(body)).split("\n")):
                shown = inner.removeprefix("$ ").strip()
                yield Snippet(f"{where}:{number + 1 + k}", shown, shell=True)
        elif not kind.startswith("{") and kind not in ("text", "json", "html"):
            yield Snippet(f"{where}:{number}", f"a fence of kind {kind!r}, which nobody reads(")
    # A span may go over the end of a line.
    whole = "\n".join(prose)
    for match in re.finditer(r"(?<![`\\])(`+)(?!`)(.+?)(?<!`)\1(?!`)", whole, re.DOTALL):
        if "\n\n" not in match[2]:
            number = whole[: match.start()].count("\n") + 1
            yield Snippet(f"{where}:{number}", " ".join(match[2].split()))


def _without_header(body: list[str]) -> list[str]:
    if body and body[0] == "---":
        end = body.index("---", 1)
        return [""] * (end + 1) + body[end + 1 :]
    return body


def in_module(path: Path, module: str) -> Iterator[Snippet]:
    """Yield the literals and examples in a module's docstrings, and its command lines."""
    tree = ast.parse(path.read_text("utf-8"))
    where = path.relative_to(ROOT).as_posix()
    nodes = list(ast.walk(tree))
    formatted = {id(part) for n in nodes if isinstance(n, ast.JoinedStr) for part in n.values}
    for node in nodes:
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            doc = ast.get_docstring(node)
            line = f"{where}:{getattr(node, 'lineno', 1)}"
            for snippet in in_docstring(doc or "", line):
                yield replace(snippet, module=module, local=_arguments(node))
        elif isinstance(node, (ast.Constant, ast.JoinedStr)) and id(node) not in formatted:
            whole = node.values if isinstance(node, ast.JoinedStr) else [node]
            text = "".join(str(v.value) if isinstance(v, ast.Constant) else "VALUE" for v in whole)
            if re.match(r"tinygrad-ae \w+ ", text):
                text = re.sub(r"\s*\\$", "", text)  # it goes on on the next line
                yield Snippet(f"{where}:{node.lineno}", text, module, shell=True)


def _arguments(node: ast.AST) -> frozenset[str]:
    """Return the names of a function's arguments, or of those of a class's methods."""
    functions = node.body if isinstance(node, ast.ClassDef) else [node]
    return frozenset(
        part.arg
        for function in functions
        if isinstance(function, ast.FunctionDef)
        for part in ast.walk(function.args)
        if isinstance(part, ast.arg)
    )


def in_docstring(doc: str, where: str) -> Iterator[Snippet]:
    """Yield the literals, ``>>>`` examples and indented code of a docstring."""
    for match in re.finditer(r"(?<!`)``(?!`)(.+?)(?<!`)``(?!`)", doc, re.DOTALL):
        yield Snippet(where, " ".join(match[1].split()))
    for block in re.split(r"\n\s*\n", doc):
        if ">>> " in block:
            shown = re.findall(r"^\s*(?:>>>|\.\.\.) ?(.*)$", block, re.MULTILINE)
            yield Snippet(where, "\n".join(shown), block=True)
        elif all(line.startswith("    ") for line in block.splitlines()):
            code = textwrap.dedent(block)
            try:
                ast.parse(code.replace("…", "..."))
            except SyntaxError:
                continue  # a formula, a list or a table
            yield Snippet(where, code, block=True)


# ---- what names mean


@cache
def modules() -> dict[str, Any]:
    """All modules of the package that can be imported here, by name."""
    found: dict[str, Any] = {"tinygrad_ae": tinygrad_ae}
    models = importlib.import_module("tinygrad_ae.models")
    found[models.__name__] = models
    for package in (tinygrad_ae, models):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if module.name.endswith("__main__"):
                continue
            try:
                found[module.name] = importlib.import_module(module.name)
            except ImportError:  # of what an extra brings
                continue
    return found


@cache
def methods() -> dict[str, list[Any]]:
    """The methods of all classes of the package, by name."""
    found: dict[str, list[Any]] = {}
    classes = {
        value
        for module in modules().values()
        for value in vars(module).values()
        if inspect.isclass(value) and _is_ours(value)
    }
    for cls in classes:
        for name in dir(cls):
            member = inspect.getattr_static(cls, name)
            if name.startswith("__") or isinstance(member, property):
                continue
            method = getattr(cls, name)
            if callable(method) and method not in found.setdefault(name, []):
                found[name].append(method)
    return {name: found[name] for name in found if found[name]}


@cache
def parts() -> set[str]:
    """What objects of the package are given by name, such as the ``encoder`` of a model."""
    sources = [
        Path(module.__file__).read_text("utf-8") for module in modules().values() if module.__file__
    ]
    given = re.findall(r"^ +(self\.[^=()\n]*)=[^=]", "\n".join(sources), re.MULTILINE)
    return {name for targets in given for name in re.findall(r"self\.(\w+)", targets)}


def _assigned(tree: ast.AST) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }


def offered(name: str) -> Any:
    """Return what the package offers under a name that stands alone, or None."""
    if name == "tinygrad_ae":
        return tinygrad_ae
    for room in ROOMS:
        found = getattr(modules()[f"tinygrad_ae{room}"], name, None)
        if found is not None and not inspect.ismodule(found):
            return found
    return getattr(tinygrad_ae, name, None) or modules().get(f"tinygrad_ae.{name}")


def _is_ours(thing: Any) -> bool:
    home = thing.__name__ if inspect.ismodule(thing) else getattr(thing, "__module__", "")
    return isinstance(thing, Op) or str(home).partition(".")[0] == "tinygrad_ae"


def learn(tree: ast.AST, names: Names) -> None:
    """Note what a piece of code imports, defines and assigns."""
    names.parts |= _assigned(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                _note_import(f"{node.module}", alias, names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                if root == "tinygrad_ae" and (alias.asname or alias.name == root):
                    names.known[alias.asname or root] = modules()[alias.name]
                else:
                    names.local.add(alias.asname or root)
                    names.foreign.add(alias.asname or root)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.local.add(node.name)
        elif isinstance(node, ast.arg):
            names.local.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.local.add(node.id)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            kind = _kind(node.value, names)
            names.kinds.setdefault(node.targets[0].id, set()).add(kind)


@cache
def _shared() -> ast.AST:
    return ast.parse((ROOT / "docs" / "_shared.py").read_text("utf-8"))


def _note_import(module: str, alias: ast.alias, names: Names) -> None:
    if module == "_shared":
        learn(_shared(), names)
    elif module.partition(".")[0] != "tinygrad_ae":
        names.local.add(alias.asname or alias.name)
        names.foreign.add(alias.asname or alias.name)
    else:
        home = modules()[module]
        value = getattr(home, alias.name, None) or modules().get(f"{module}.{alias.name}")
        if value is None:
            raise UnknownError(f"{module} has no {alias.name}")
        names.known[alias.asname or alias.name] = value


def _kind(value: ast.expr, names: Names) -> Any:
    """Return the class of what an expression gives, or None if that cannot be told."""
    if not isinstance(value, ast.Call):
        return None
    try:
        made = _named(value.func, names)
    except (NotOursError, UnknownError):
        return None
    if inspect.isclass(made):
        return made
    try:
        hint = typing.get_type_hints(made).get("return") if made else None
    except Exception:  # a hint may name what is there for type checkers only
        return None
    return hint if inspect.isclass(hint) and _is_ours(hint) else None


class NotOursError(Exception):
    """What is named is another library's, Python's or the page's own."""


class UnknownError(Exception):
    """There is nothing of that name."""


def _named(name: ast.expr, names: Names) -> Any:
    """Return what an expression names; None if it is a value whose class cannot be told.

    Raises:
        NotOursError: it is none of the package's.
        UnknownError: there is nothing of that name.
    """
    if isinstance(name, ast.Attribute):
        owner = _owner(name.value, names)
        if inspect.ismodule(owner):
            inner = modules().get(f"{owner.__name__}.{name.attr}")
            found = getattr(owner, name.attr, inner)
        elif inspect.isclass(owner):
            found = getattr(owner, name.attr, None)
            if found is None or not callable(found):  # an attribute that instances have
                return None
        else:
            return None
        if found is None:
            base = name.value
            spoken = isinstance(base, ast.Name) and base.id not in names.known
            if spoken and name.attr in methods():
                return None  # ``run.train(data)``: of a run, not of the room of that name
            raise UnknownError(f"{owner.__name__} has no {name.attr}")
        return found
    if not isinstance(name, ast.Name):
        return None
    if name.id in names.known and name.id not in names.local:
        return names.known[name.id]
    if name.id in names.local | FOREIGN:
        raise NotOursError(name.id)
    found = offered(name.id)
    if hasattr(builtins, name.id) and (found is None or names.executed):
        raise NotOursError(name.id)
    if found is None:
        raise UnknownError(name.id)
    if not _is_ours(found):
        raise NotOursError(name.id)
    return found


def _owner(value: ast.expr, names: Names) -> Any:
    """Return the module, or the class of the value, that something is an attribute of."""
    kind = _kind(value, names)
    if kind is not None:
        return kind
    base = value
    while isinstance(base, (ast.Attribute, ast.Call, ast.Subscript)):
        base = base.func if isinstance(base, ast.Call) else base.value
    if isinstance(base, ast.Name):
        if base.id in FOREIGN or base.id in names.foreign:
            raise NotOursError(base.id)
        kinds = names.kinds.get(base.id, {None}) if base is value else {None}
        if base.id in names.local:
            if len(kinds) == 1 and None not in kinds:
                return next(iter(kinds))
            if names.executed:
                raise NotOursError(base.id)
            return None
    elif isinstance(base, ast.Constant):
        raise NotOursError("a literal")
    try:
        return _named(value, names)
    except UnknownError:
        return None  # a value that the text speaks of, such as ``model``


# ---- whether a call can be


def _refusal(thing: Any, call: ast.Call) -> str | None:
    """Return why a thing cannot be called like that, or None if it can."""
    open_ended = any(
        isinstance(a, ast.Starred) or (isinstance(a, ast.Constant) and a.value is ...)
        for a in call.args
    )
    args = [] if open_ended else [None] * len(call.args)
    keywords = {k.arg: None for k in call.keywords if k.arg is not None}
    if isinstance(thing, Op):
        if not thing.variadic and len(args) > thing.arity:
            return f"it takes {thing.arity} inputs"
        unknown = keywords.keys() - set(thing.attrs)
        return f"it has no attribute {', '.join(unknown)}" if unknown else None
    if not callable(thing):
        return "it cannot be called"
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return None  # written in C
    if next(iter(signature.parameters), "") == "self" and not open_ended:
        args = [None, *args]
    try:
        signature.bind_partial(*args, **keywords)
    except TypeError as error:
        return f"{error}: its signature is {signature}"
    return None


def complaint(call: ast.Call, names: Names) -> str | None:
    """Return what is wrong with a call, or None."""
    shown = ast.unparse(call)
    if not isinstance(call.func, (ast.Name, ast.Attribute)):
        return None  # of a value without a name
    name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr
    thing = None
    try:
        thing = _named(call.func, names)
    except NotOursError:
        return None
    except UnknownError as error:
        if isinstance(call.func, ast.Attribute):
            return f"{shown}: {error}"
    if callable(thing):
        why = _refusal(thing, call)
        pythons = getattr(builtins, name, None)
        if why and isinstance(call.func, ast.Name) and pythons and not _refusal(pythons, call):
            return None
        return f"{shown}: {why}" if why else None
    whys = [_refusal(method, call) for method in methods().get(name, [])]
    if None in whys or any(hasattr(kind, name) for kind in FOREIGN_TYPES):
        return None
    if isinstance(call.func, ast.Attribute) and name in parts() | names.parts:
        return None  # a part of an object, called like a layer
    return f"{shown}: {whys[0]}" if whys else f"{shown}: nothing is called {name}"


# ---- command lines


@cache
def commands() -> dict[str, click.Command]:
    """The commands, by name."""
    from tinygrad_ae.cli.app import app

    context = click.Context(app)
    return {name: app.get_command(context, name) for name in app.list_commands(context)}  # type: ignore[misc]


@cache
def options() -> set[str]:
    """The options of all commands, of the models, and of the benchmarks."""
    several = [*commands().values(), *(training(name) for name in _models())]
    found = {o for c in several for p in c.params for o in (*p.opts, *p.secondary_opts)}
    for path in (ROOT / "benchmarks").rglob("*.py"):
        found |= set(re.findall(r'"(--[\w-]+)"', path.read_text("utf-8")))
    return found | {"--help", "--version"}


@cache
def training(model: str) -> click.Command:
    """Return the command that trains a model; of a user's file, all that models take."""
    from tinygrad_ae.run import modelfile

    train = commands()["train"]
    assert isinstance(train, click.Group)
    context = click.Context(train)
    if model in modelfile.names():
        command = train.get_command(context, model)
        assert command is not None
        return command
    params = [p for name in modelfile.names() for p in training(name).params]
    unique = {name: p for p in params for name in p.opts}
    return click.Command(model, params=list({p.name: p for p in unique.values()}.values()))


def command_complaint(line: str, defined: set[str] = frozenset()) -> str | None:  # type: ignore[assignment]
    """Return what is wrong with a command line, or None.

    Args:
        line: a command, with a comment or without.
        defined: names of the page, which options of a model file that it shows may have.
    """
    words = shlex.split(line.replace("…", "..."), comments=True)
    for sign in (">", "|", "&&"):
        words = words[: words.index(sign)] if sign in words else words
    if not words:
        return None
    if words[:3] == ["python", "-m", "tinygrad_ae"]:
        words[:3] = ["tinygrad-ae"]
    if words[0] in commands():
        words.insert(0, "tinygrad-ae")
    if words[0].startswith("--"):
        unknown = [w for w in words if w.startswith("--") and w.partition("=")[0] not in options()]
        return f"{line}: no command has {unknown[0]}" if unknown else None
    if words[0] == "python" and len(words) > 1:
        return _script_complaint(words[1:], line)
    if words[0] != "tinygrad-ae":
        return None if words[0] in PROGRAMS else f"{line}: no program called {words[0]}"
    words = [word for word in words[1:] if word != "..."]
    if not words or words[0].startswith("-"):
        return None if words[:1] in ([], ["--help"], ["--version"]) else f"{line}: no such option"
    name, rest = words[0], words[1:]
    if name not in commands():
        return f"{line}: no command called {name}"
    command = commands()[name]
    if name in ("train", "sweep") and not any(w.partition("=")[0] == "--resume" for w in rest):
        model = rest.pop(0) if rest and not rest[0].startswith("-") else "autoencoder"
        if not (model.endswith(".py") or model.isupper()) and model not in _models():
            return f"{line}: no model called {model}"
        own = [] if name == "train" else [p for p in command.params if isinstance(p, click.Option)]
        params = {p.name: p for p in (*own, *training(model).params)}
        if model.endswith(".py"):
            for option in re.findall(r"--([\w-]+)", line):
                found = option.replace("-", "_")
                if found in defined and found not in params:
                    params[found] = click.Option([f"--{option}"])
        command = click.Command(name, params=list(params.values()))
    return _parse(command, rest, line)


def _script_complaint(words: list[str], line: str) -> str | None:
    """Judge what follows ``python``: a script or module of this repository has to be there."""
    if words[0] == "-m" and words[1].partition(".")[0] == "benchmarks":
        path, rest = ROOT / words[1].replace(".", "/"), words[2:]
        if not (path.is_dir() or path.with_suffix(".py").exists()):
            return f"{line}: there is no {words[1]}"
        return command_complaint(" ".join(["--help", *rest]))
    if words[0].endswith(".py") and "/" in words[0] and not (ROOT / words[0]).exists():
        return f"{line}: there is no {words[0]}"
    return None


def _models() -> list[str]:
    from tinygrad_ae.run import modelfile

    return modelfile.names()


def _parse(command: click.Command, words: list[str], line: str) -> str | None:
    context = click.Context(command)
    several = command.name == "sweep"  # lists of values
    try:
        values, left, _ = command.make_parser(context).parse_args(
            [word for word in words if word not in ("--help", "-h")]
        )
        if left:
            return f"{line}: {' '.join(left)} is too much"
        for param in command.params:
            value = values.get(param.name)
            judged = isinstance(param.type, (click.Choice, click.types._NumberRangeBase))
            if isinstance(value, str) and judged and not value.isupper() and not several:
                param.type.convert(value, param, context)
    except click.UsageError as error:
        return f"{line}: {error.format_message()}"
    return None


# ---- all of it


_OF_A_DERIVATION = re.compile(r"\w+\([^();]+; .+\)")
"""permute(x; 0, 2, 1): how a page of explain writes settings, which tests/show/derivation/ reads back."""


def complaints(snippets: list[Snippet]) -> Iterator[tuple[str, str]]:
    """Yield where something cannot be as it is shown, and why."""
    names: dict[str | None, Names] = {}
    trees: list[tuple[Snippet, ast.AST]] = []
    lines: list[Snippet] = []
    for snippet in snippets:
        if snippet.shell or _is_command(snippet.text):
            lines.append(snippet)
            continue
        if "(" not in snippet.text and not snippet.block:
            continue
        if _OF_A_DERIVATION.fullmatch(snippet.text):
            continue
        tree = parsed(snippet.text)
        if tree is None:
            yield snippet.where, f"{snippet.text}: cannot be read as Python"
            continue
        if snippet.module not in names:
            home = modules().get(snippet.module or "")
            own = {k: v for k, v in vars(home).items() if not k.startswith("__")} if home else {}
            ours = {k: v for k, v in own.items() if _is_ours(v)}
            names[snippet.module] = Names(ours, {k for k in own.keys() - ours.keys()
                                                 if inspect.ismodule(own[k])})  # fmt: skip
        trees.append((snippet, tree))
        if snippet.block:
            try:
                learn(tree, names[snippet.module])
            except UnknownError as error:
                yield snippet.where, str(error)
    for snippet in lines:
        defined = names[snippet.module].local if snippet.module in names else set()
        why = command_complaint(snippet.text, defined)
        if why:
            yield snippet.where, why
    for snippet, tree in trees:
        here = names[snippet.module]
        here = replace(here, executed=snippet.executed, local=here.local | snippet.local)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                why = complaint(node, here)
                if why:
                    yield snippet.where, why


def _is_command(text: str) -> bool:
    """Whether a span is a command line, or the end of one: ``train --drop-last``, ``--seed 3``."""
    first, _, rest = text.partition(" ")
    short = first in commands() and (rest.startswith("--") or rest.partition(" ")[0] in _models())
    return first in ("tinygrad-ae", "python") or short or re.match(r"--\w", text) is not None


def parsed(text: str) -> ast.AST | None:
    """Return the syntax tree of a snippet, also of a header without a body; or None."""
    text = text.replace("…", "...")
    for code in (text, f"{text}\ndef _(): pass", f"{text}\n    pass", f"{text}: pass", f"_{text}"):
        try:
            return ast.parse(code)
        except SyntaxError:
            continue
    return None
