"""``diff``: two computation graphs in one picture, with what differs marked."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from ...errors import require
from .cards import Arrow, Card, Change, Frame, Kind, Picture, Row, RowKind
from .compose import picture
from .draw import as_graph
from .grouping import group
from .themes import theme as find_theme

if TYPE_CHECKING:
    from .dot import Drawing

Uses = dict[str, set[tuple[str, int]]]  # of each leaf: the cards it goes into, and where


def diff(
    a: Any,
    b: Any,
    *,
    depth: int | None = None,
    fold: bool | None = None,
    theme: str = "light",
    title: str | None = None,
) -> Drawing:
    """Draw two graphs over each other: what ``b`` adds to ``a``, removes from it and reshapes.

    Operations are the same if they have the same name in the same module and stand in the same
    order; leaves are, if they enter the same operation in the same place.

    Args:
        a: a tensor, graph node or :class:`~tinygrad_ae.core.graph.Graph`.
        b: another.
        depth: how many levels of modules to open, as for :func:`~tinygrad_ae.show.picture.draw`.
        fold: whether to draw what repeats once, as for :func:`~tinygrad_ae.show.picture.draw`.
        theme: ``"light"`` or ``"dark"``.
        title: heading of the picture.

    Returns:
        What :func:`~tinygrad_ae.show.picture.draw` returns.

    Raises:
        UserError: something was given that is no tensor, or an unknown theme.
        MissingExtra: the package ``graphviz`` is not installed.

    Example:
        >>> diff(autoencoder.loss(x), denoising.loss(x)).render("diff.svg")
    """
    require("graphviz", extra="all", purpose="Drawing a graph")
    from .dot import drawing

    look = find_theme(theme)
    before, after = as_graph((a,)), as_graph((b,))
    return drawing(
        compared(
            picture(before, group(before, depth, fold=fold)),
            picture(after, group(after, depth, fold=fold)),
        ),
        title,
        look,
    )


def compared(a: Picture, b: Picture) -> Picture:
    """Put two pictures together: ``b`` with what only ``a`` has, and with all changes marked."""
    same = _same_cards(a, b)  # ids in a to ids in b
    ids = {card.id: same.get(card.id, f"{card.id}-before") for card in a.frame.all_cards()}
    old = {ids[card.id]: card for card in a.frame.all_cards()}

    root = Frame()
    for path, card in _with_paths(b.frame):
        _descend(root, path).cards.append(_after(card, old.get(card.id)))
    for path, card in _with_paths(a.frame):
        if card.id not in same:
            owner = ids[card.owner] if card.owner else None
            removed = replace(_marked(card, Change.REMOVED), id=ids[card.id], owner=owner)
            _descend(root, path).cards.append(removed)

    moved = [replace(x, tail=ids[x.tail], head=ids[x.head]) for x in a.arrows]
    before, after = ({_ends(x) for x in arrows} for arrows in (moved, b.arrows))
    arrows = [x if _ends(x) in before else replace(x, change=Change.ADDED) for x in b.arrows]
    arrows += [replace(x, change=Change.REMOVED) for x in moved if _ends(x) not in after]
    return Picture(root, tuple(arrows), (_summary(root),))


def _after(card: Card, before: Card | None) -> Card:
    if before is None:
        return _marked(card, Change.ADDED)
    if before.shape != card.shape:
        return _marked(card, Change.RESHAPED, f"from {before.shape}")
    return card


def _marked(card: Card, change: Change, text: str = "") -> Card:
    row = Row(RowKind.CHANGE, f"{change.value} {text}".strip())
    return replace(card, change=change, rows=(*card.rows, row))


def _summary(root: Frame) -> str:
    cards = list(root.all_cards())
    counts = {change: sum(card.change is change for card in cards) for change in Change}
    words = ", ".join(f"{n} {change.value}" for change, n in counts.items() if n)
    return (
        f"Compared with the first graph: {words or 'no card differs'}. Wide arrows are added, "
        "wide dashed ones removed."
    )


# ---- what is the same


def _same_cards(a: Picture, b: Picture) -> dict[str, str]:
    """Return which card of ``b`` each card of ``a`` is."""
    left, right = ([(_key(p, c), c) for p, c in _with_paths(x.frame) if c.formula] for x in (a, b))
    left.sort(key=lambda entry: _order(entry[1]))
    right.sort(key=lambda entry: _order(entry[1]))
    matcher = SequenceMatcher(None, [k for k, _ in left], [k for k, _ in right], autojunk=False)
    same = {
        left[block.a + i][1].id: right[block.b + i][1].id
        for block in matcher.get_matching_blocks()
        for i in range(block.size)
    }
    candidates = _leaf_uses(b, {card.id: card.id for card in b.frame.all_cards()})
    for leaf, uses in _leaf_uses(a, same).items():
        found = next((other for other, theirs in candidates.items() if uses & theirs), None)
        if found is not None:
            same[leaf] = found
            del candidates[found]
    return same


def _key(path: tuple[Frame, ...], card: Card) -> Hashable:
    """Return what two operations must have in common to be the same."""
    module = card.note if card.kind not in (Kind.RESULT, Kind.MODULE) else ""
    return tuple(frame.path for frame in path), card.title, module


def _leaf_uses(shown: Picture, known: dict[str, str]) -> Uses:
    """Return where each leaf is used, among the cards that ``known`` gives a common name."""
    leaves = {card.id for card in shown.frame.all_cards() if not card.formula}
    uses: Uses = {}
    for arrow in shown.arrows:
        if arrow.tail in leaves and arrow.head in known:
            uses.setdefault(arrow.tail, set()).add((known[arrow.head], arrow.slot))
    return uses


def _order(card: Card) -> int:
    return int(card.id.removeprefix("n"))


def _ends(arrow: Arrow) -> tuple[str, str, int, bool]:
    return arrow.tail, arrow.head, arrow.slot, arrow.next_turn


# ---- frames


def _with_paths(
    frame: Frame, path: tuple[Frame, ...] = ()
) -> Iterator[tuple[tuple[Frame, ...], Card]]:
    """Yield each card with the frames it is in, outermost first."""
    for card in frame.cards:
        yield path, card
    for inner in frame.frames.values():
        yield from _with_paths(inner, (*path, inner))


def _descend(root: Frame, path: tuple[Frame, ...]) -> Frame:
    """Return the frame of that path below ``root``, made if it is not there."""
    for part in path:
        root = root.frames.setdefault(part.path, Frame(part.path, part.title, part.kind))
    return root
