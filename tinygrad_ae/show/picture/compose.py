"""From a graph to a picture: what stands on each card, which frame it is in, what arrows say."""

from __future__ import annotations

from collections.abc import Hashable

from ...core.graph import Graph, Node, Scope
from ..derivation.naming import is_number, names
from ..derivation.printers import right_side
from .cards import Arrow, Card, Frame, Kind, Picture
from .flow import Amount
from .grouping import Grouping, first_array, group, operations
from .repetition import Group, Repeat, chain
from .rows import Details, Rows, written


def picture(
    graph: Graph, grouping: Grouping | None = None, details: Details | None = None
) -> Picture:
    """Lay out a graph as cards.

    Numbers are written into the formulas. Parameters stand beside the operation that takes them
    first; an array that several modules read, and the input, stand outside of all modules.

    Args:
        graph: what to draw.
        grouping: which nodes share a card; by default each has its own.
        details: what is known beyond the graph itself: gradients, values, cost.
    """
    grouping = grouping or group(graph)
    return _Composer(graph, grouping, details or Details(names(graph))).picture()


def used_as(grouping: Grouping, node: Node, k: int) -> Hashable:
    """Return which use of a value the input ``k`` of a node is: all of a closed card's are one."""
    place = grouping.places[node]
    return place.group, place.turn, None if place.group.is_closed else k


class _Composer:
    """Makes one picture."""

    def __init__(self, graph: Graph, grouping: Grouping, details: Details) -> None:
        self.graph, self.grouping, self.details = graph, grouping, details
        self.called = details.names
        self.rows = Rows(graph, grouping, details)
        self.consumers = graph.consumers()
        self.input = first_array(graph)
        self.ids = {unit: f"n{i}" for i, unit in enumerate(grouping.groups)}
        self.homes = {unit: self._home(unit) for unit in grouping.groups}
        self.crowds: dict[str, int] = {}  # module path: how many operations it holds, at any depth
        for unit in grouping.groups:
            for scope in self.homes[unit] if unit.is_closed or unit.copies[0][0].op else ():
                self.crowds[scope.path] = self.crowds.get(scope.path, 0) + 1

    def picture(self) -> Picture:
        root = Frame()
        repeats: list[Repeat] = []
        for unit in self.grouping.groups:
            frame = root
            home = self.homes[unit]
            if unit.repeat and len(unit.repeat.turns[0]) > 1:
                if unit.repeat not in repeats:
                    repeats.append(unit.repeat)
                # a frame for the turn, inside the modules that all turns share
                common = self._common(unit.repeat)
                frame = self._descend(frame, [s for s in home if s.path in common])
                name = f"repeat {repeats.index(unit.repeat)}"
                frame = frame.frames.setdefault(name, Frame(name, _turns(unit.repeat), "repeat"))
                home = [s for s in home if s.path not in common]
            self._descend(frame, home).cards.append(self._card(unit))
        return Picture(root, self._arrows(), self.details.legend)

    def _descend(self, frame: Frame, home: list[Scope]) -> Frame:
        for scope in home:
            if self.crowds.get(scope.path, 0) > 1:  # a frame around one card would say nothing
                frame = frame.frames.setdefault(
                    scope.path, Frame(scope.path, scope.path, scope.kind)
                )
        return frame

    def _common(self, repeat: Repeat) -> set[str]:
        sets = [{s.path for s in self._scopes(unit)} for turn in repeat.turns for unit in turn]
        return set.intersection(*sets)

    # ---- where a card stands

    def _home(self, unit: Group) -> list[Scope]:
        """Return the modules a card stands in, outermost first."""
        node = unit.node
        if node is self.input and node is not None:
            return []
        if node is None or node.op is not None or not self.consumers[node]:
            return self._scopes(unit)
        readers = [self.grouping.places[n].group for n in self.consumers[node]]
        home = self._scopes(readers[0])
        for other in [] if node.tracked else readers[1:]:
            paths = {scope.path for scope in self._scopes(other)}
            home = [scope for scope in home if scope.path in paths]
        return home

    @staticmethod
    def _scopes(unit: Group) -> list[Scope]:
        if unit.scope is not None:
            return chain(unit.scope)[:-1]
        return chain(unit.copies[0][0].scope)

    # ---- what stands on it

    def _card(self, unit: Group) -> Card:
        if unit.is_closed:
            card = self._closed(unit)
        elif unit.copies[0][0].op is not None:
            card = self._operation(unit)
        else:
            card = self._leaf(unit)
        return card

    def _finish(
        self, unit: Group, kind: Kind, title: str, equation: str, shape: str, note: str,
        hints: list[str], owner: Group | None = None,
    ) -> Card:  # fmt: skip
        node = unit.node
        return Card(
            self.ids[unit],
            kind,
            title,
            equation,
            shape,
            f"{note} {self.details.number(node)}".strip() if node else note,
            _lines(*hints),
            self.ids[owner] if owner else None,
            len(unit.copies),
            self.rows.of(unit),
            self.details.thumbnails.get(node, ()) if node else (),
        )

    def _operation(self, unit: Group) -> Card:
        node = unit.copies[0][0]
        assert node.op is not None
        failed = self.details.failure
        is_result = any(n in self.graph.outputs for n in unit.nodes)
        if failed and is_result:
            kind = Kind.FAILED
        elif is_result:
            kind = Kind.RESULT
        elif node.op.views:
            kind = Kind.VIEW
        else:
            kind = Kind.ELEMENTWISE if node.op.expr else Kind.OPERATION
        right = right_side(node, self.called)
        equation = right if kind is Kind.FAILED else f"{self.called[node]} = {right}"
        shape = "no output" if kind is Kind.FAILED else _shape(node)
        alone = [s for s in self.homes[unit] if self.crowds.get(s.path, 0) == 1]
        ending = ("loss" if node.shape == () else "result") if kind is Kind.RESULT else ""
        note = repr(alone[-1]) if alone else ending
        if len(unit.copies) > 1:
            note = f"{self.called[node]} … {self.called[unit.copies[-1][0]]} {note}"
        inside = f"in {node.scope!r}" if node.path else ""
        where = failed if kind is Kind.FAILED else _where(node)
        hints = [f"{node.op.name}: {equation}", shape, inside, where]
        return self._finish(unit, kind, node.op.name, equation, shape, note, hints)

    def _leaf(self, unit: Group) -> Card:
        node = unit.copies[0][0]
        called = self.called[node]
        owner = self.rows.owner(unit)
        if node.tracked:
            kind = Kind.PARAMETER
            use = next(iter(self.consumers[node]), None)
            path = use.path if use else ""
            full = f"{path}.{node.name}" if path and node.name else node.name
            note = full if full and full != called else "parameter"
        else:
            kind = Kind.CONSTANT if self.homes[unit] else Kind.INPUT
            note = kind.value
        hints = [f"{called}: {kind.value}", note, _shape(node), _where(node)]
        return self._finish(unit, kind, called, "", _shape(node), note, hints, owner)

    def _closed(self, unit: Group) -> Card:
        nodes = unit.copies[0]
        inside = set(nodes)
        outputs = [
            n
            for n in nodes
            if n in self.graph.outputs or any(c not in inside for c in self.consumers[n])
        ]
        inputs = list(
            dict.fromkeys(
                x
                for n in nodes
                for x in n.inputs
                if x not in inside and x in self.grouping.places and not is_number(x)
            )
        )
        results = _listed([self.called[n] for n in outputs])
        arguments = ", ".join(self.called[x] for x in inputs)
        leaves = [x for x, home in self.grouping.hidden.items() if home is unit and x.tracked]
        size = sum(_size(x) for x in leaves)
        if unit.scope is not None:
            name = unit.scope.path
            title = f"{name} ({unit.scope.kind})"
            if len(unit.copies) > 1 and unit.repeat and unit.repeat.paths:
                paths = unit.repeat.paths
                title = f"{paths[0]} … {paths[-1]} ({unit.scope.kind})"
        else:
            name = title = f"{len(nodes)} operations"
        equation = f"{results} = {name}({arguments})" if unit.scope else operations(nodes)
        shape = " → ".join(_listed([str(n.shape) for n in part]) for part in (inputs, outputs))
        note = f"{len(nodes)} operations" if unit.scope else f"{results} from {arguments}"
        if size:
            note += f" · {size:,} parameters"
        hints = [f"{title}: {equation}", shape, operations(nodes), _where(nodes[0])]
        return self._finish(unit, Kind.MODULE, title, equation, shape, note, hints)

    # ---- arrows

    def _arrows(self) -> tuple[Arrow, ...]:
        uses: dict[tuple[Group, Group, int, bool], dict[Hashable, tuple[Node, Node, int]]] = {}
        onwards: dict[Group, Group] = {}
        for node in self.graph:
            if node not in self.grouping.places or node.op is None:
                continue
            head = self.grouping.places[node]
            for k, x in enumerate(node.inputs):
                tail = self.grouping.places.get(x)
                if tail is None or (tail.group is head.group and head.group.is_closed):
                    continue
                repeat = head.group.repeat
                onward = repeat is not None and tail.group.repeat is repeat
                onward = onward and tail.turn != head.turn
                if onward and tail.group is head.group:
                    continue  # its "× 12" says so
                if onward and onwards.setdefault(tail.group, head.group) is not head.group:
                    continue  # one arrow is enough to say so
                slot = 0 if head.group.is_closed else k
                between = uses.setdefault((tail.group, head.group, slot, onward), {})
                between[x, used_as(self.grouping, node, k)] = (x, node, k)
        return tuple(self._arrow(*ends, list(between.values())) for ends, between in uses.items())

    def _arrow(
        self, tail: Group, head: Group, slot: int, onward: bool, uses: list[tuple[Node, Node, int]]
    ) -> Arrow:
        tracked = any(x.tracked and n.op and n.op.vjp(k) for x, n, k in uses)
        failed = bool(self.details.failure) and uses[0][1] in self.graph.outputs
        gradient, level = "", None
        flow = self.details.flow
        if flow is not None and tracked and not onward:
            amounts: list[Amount] = []
            for x, node, k in uses:
                found = flow.parts.get(x, {}).get(used_as(self.grouping, node, k))
                if found:
                    amounts.append(found)
            gradient = written(amounts)
            levels = [value for a in amounts if (value := flow.level(a)) is not None]
            level = max(levels, default=None)
        label = "to the next" if onward else ""
        if failed:
            label = str(uses[0][0].shape)
        return Arrow(
            self.ids[tail], self.ids[head], tracked, slot, gradient, level, onward, label, failed
        )


def _turns(repeat: Repeat) -> str:
    paths = repeat.paths
    which = f": {paths[0]} … {paths[-1]}" if paths else ""
    return f"× {len(repeat.turns)}{which}"


def _listed(parts: list[str]) -> str:
    parts = parts if len(parts) <= 3 else [*parts[:2], "…", parts[-1]]
    return ", ".join(parts)


def _size(node: Node) -> int:
    size = 1
    for n in node.shape:
        size *= n
    return size


def _shape(node: Node) -> str:
    return f"{node.shape} {node.dtype}"


def _where(node: Node) -> str:
    file, _, line = node.where.rpartition(":")
    return f"{file.replace(chr(92), '/').rpartition('/')[2]}:{line}"


def _lines(*lines: str) -> str:
    return "\n".join(dict.fromkeys(line for line in lines if line))
