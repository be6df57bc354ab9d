"""What people call the values of a graph: their given names, else the textbook's letters.

=============  ==================================================================
name           what it stands for
=============  ==================================================================
x              the input: the first array the graph was given (x₁, x₂, … further ones that
               gradients are wanted for)
W₁, b₁         weight and bias of layer 1 (γ₁, β₁ where the weight only scales)
a₁, h₁         what layer 1 computes, before and after its activation
z, x̂           what leaves the module called ``encoder``, ``decoder``
L, y           the result: a loss (one number), or something else
v₁, v₂, …      anything between
c₁, c₂, …      constants; θ₁, θ₂, … tensors without a name that gradients are wanted for
=============  ==================================================================
"""

from __future__ import annotations

from ...core.graph import Graph, Node
from ...nn.parameter import Parameter
from .text import SUBSCRIPTS, SUPERSCRIPTS

MODULE_OUTPUTS = {"encoder": "z", "decoder": "x̂"}
LETTERS = {"weight": "W", "bias": "b"}
LETTERS_OF_SCALE = {"weight": "γ", "bias": "β"}


def names(graph: Graph) -> dict[Node, str]:
    """Return a name for every node; no two share one, but numbers, named by their value.

    Two equal given names are told apart as ``x`` and ``x⁽²⁾``.
    """
    book = _Book()
    parameters = parameters_of(graph)
    for node in graph:
        if is_number(node):
            book.names[node] = str(node.name).replace("-", "−")
        elif node.name and not _is_module_parameter(node):
            book.enter(node, node.name)
    _name_results(graph, book)
    _name_layers(graph, book)
    for node in graph:
        if node in book.names:
            continue
        if node.op is not None:
            book.number(node, "v")
        elif node in parameters:
            book.number(node, "θ")
        elif not book.taken("x"):
            book.enter(node, "x")
        else:
            book.number(node, "x" if node.tracked else "c")
    return book.names


def is_number(node: Node) -> bool:
    """Whether it is a constant that formulas show by its value."""
    if node.op is not None or node.tracked or node.shape or node.name is None:
        return False
    try:
        float(node.name)
    except ValueError:
        return False
    return True


def subscript(number: int) -> str:
    """Return a whole number in subscript digits."""
    return str(number).translate(SUBSCRIPTS)


class _Book:
    """The names given so far."""

    def __init__(self) -> None:
        self.names: dict[Node, str] = {}
        self.uses: dict[str, int] = {}
        self.numbers: dict[str, int] = {}

    def taken(self, name: str) -> bool:
        return name in self.uses

    def enter(self, node: Node, name: str) -> None:
        """Give ``name``, or where another node has it, ``name⁽²⁾`` and so on."""
        unique = name
        while unique in self.uses:
            self.uses[name] += 1
            unique = f"{name}⁽{str(self.uses[name]).translate(SUPERSCRIPTS)}⁾"
        self.uses[unique] = 1
        self.names[node] = unique

    def number(self, node: Node, letter: str) -> None:
        """Give the letter with the next free number."""
        name = letter
        while name == letter or name in self.uses:
            self.numbers[letter] = self.numbers.get(letter, 0) + 1
            name = letter + subscript(self.numbers[letter])
        self.enter(node, name)


def _is_module_parameter(node: Node) -> bool:
    return node.op is None and node.name in LETTERS


def _name_results(graph: Graph, book: _Book) -> None:
    """Name what the graph ends in, and what leaves the encoder and the decoder."""
    for node in graph.outputs:
        if node.op is not None and node not in book.names:
            book.enter(node, "L" if node.shape == () else "y")
    consumers = graph.consumers()
    for module, name in MODULE_OUTPUTS.items():
        inside = [n for n in graph if n.op is not None and module in n.path.split(".")]
        leaving = [
            n
            for n in inside
            if any(module not in c.path.split(".") for c in consumers[n]) or not consumers[n]
        ]
        if len(leaving) == 1 and leaving[0] not in book.names:  # of several, none is "the" output
            book.enter(leaving[0], name)


def _name_layers(graph: Graph, book: _Book) -> None:
    """Name parameters, and the values before and after each layer's activation.

    A layer is what uses parameters together: a module, or an operation outside of any. Layers
    are numbered in the order they are used; those that only scale (their weight is a vector)
    are counted apart, since they do not make a network deeper.
    """
    layers: dict[object, list[tuple[Node, Node]]] = {}
    for parameter, use in _first_uses(graph):
        layers.setdefault(use.path or use, []).append((parameter, use))
    depth = scales = 0
    before_activation: dict[Node, int] = {}
    for members in layers.values():
        given = {parameter.name for parameter, _ in members}
        if any(_is_weight(*member) for member in members) or given == {"bias"}:
            depth += 1
            letters, number = LETTERS, depth
            before_activation[members[-1][1]] = depth
        else:
            scales += 1
            letters, number = LETTERS_OF_SCALE, scales
        for parameter, _ in members:
            if parameter.name in letters:
                book.enter(parameter, letters[parameter.name] + subscript(number))
    _name_hidden(graph, before_activation, book)


def _name_hidden(graph: Graph, before_activation: dict[Node, int], book: _Book) -> None:
    """Name each layer's output a₁ and the output of its activation h₁.

    The activation is the first operation to turn the layer's output into another of the same
    shape with nothing else taking part; a normalisation may stand between, inside the model.
    """
    newest: dict[Node, Node] = {}  # for each node, the last layer's output it depends on
    active: set[Node] = set()
    for node in graph:
        if node.op is None:
            continue
        layers = [newest[x] for x in node.inputs if x in newest]
        if node in before_activation:
            newest[node] = node
            if node not in book.names:
                book.enter(node, "a" + subscript(before_activation[node]))
        elif layers:
            a = newest[node] = max(layers, key=lambda layer: before_activation[layer])
            arguments = [x for x in node.inputs if not is_number(x)]
            model = a.path.partition(".")[0]
            is_near = arguments[0] is a or (model and node.path.partition(".")[0] == model)
            if len(arguments) == 1 and node.shape == a.shape and is_near and a not in active:
                active.add(a)
                if node not in book.names:
                    book.enter(node, "h" + subscript(before_activation[a]))


def _is_weight(parameter: Node, use: Node) -> bool:
    """Whether it mixes the elements of what it meets, rather than scaling each."""
    return len(parameter.shape) > 1 and use.op is not None and use.op.expr is None


def parameters_of(graph: Graph) -> set[Node]:
    """Return the leaves that a model is made of: not its input, should that require gradients.

    Where no leaf is known to be a parameter, all that gradients are wanted for count as such.
    """
    wanted = [node for node in graph if node.op is None and node.tracked]
    known = {node for node in wanted if _is_parameter(node)}
    frozen = {node for node in graph if not node.tracked and _is_module_parameter(node)}
    return (known or (set() if frozen else set(wanted))) | frozen


def _is_parameter(node: Node) -> bool:
    """Whether a module keeps it; one whose module is gone still has the name it had there."""
    tensor = node.leaf() if node.leaf else None
    return _is_module_parameter(node) if tensor is None else isinstance(tensor, Parameter)


def of_parameters(graph: Graph) -> set[Node]:
    """Return parameters and numbers, and what is computed from them alone."""
    own: set[Node] = set()
    parameters = parameters_of(graph)
    for node in graph:
        if node.op is None:
            is_own = node in parameters or is_number(node)
        else:
            is_own = all(x in own for x in node.inputs)
        if is_own:
            own.add(node)
    return own


def _first_uses(graph: Graph) -> list[tuple[Node, Node]]:
    """Return each parameter with the operation that first brings it together with data.

    That is its first consumer, or where it is reshaped or transposed before, that result's.
    """
    consumers = graph.consumers()
    own, parameters = of_parameters(graph), parameters_of(graph)
    uses = []
    for node in graph:
        if node in parameters and consumers[node]:
            use = consumers[node][0]
            while use in own and consumers[use]:
                use = consumers[use][0]
            if use not in own:
                uses.append((node, use))
    return sorted(uses, key=lambda pair: pair[1].index)
