"""A graph survives being written down and read again."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ae import Graph, Tensor, nn, ops
from tinygrad_ae.autodiff import record_everything
from tinygrad_ae.errors import DataError
from tinygrad_ae.export.json import FORMAT, Opaque, from_json, to_json
from tinygrad_ae.ops.op import Op
from tinygrad_ae.show import draw


def described(graph):
    """Everything a structure says, with nodes and modules by position."""
    ids = {node: i for i, node in enumerate(graph)}
    scopes = {}
    rows = []
    for node in graph:
        chain, scope = [], node.scope
        while scope is not None:
            chain.append((scope.path, scope.kind, scopes.setdefault(scope, len(scopes))))
            scope = scope.parent
        rows.append((
            node.op and node.op.name, [ids[x] for x in node.inputs], repr(node.attrs), node.shape,
            node.dtype, node.tracked, node.name, node.where, chain,
        ))  # fmt: skip
    return rows, [ids[node] for node in graph.outputs]


STEPS = {
    "add": lambda x, y: x + y,
    "scaled": lambda x, y: x * 2.5 - y,
    "relu": lambda x, y: ops.relu(x),
    "slice": lambda x, y: x[1:, ..., None].reshape(-1),
    "gather": lambda x, y: y[[0, 1], np.array([1, 0])].sum(),
    "reduce": lambda x, y: x.sum(axis=0, keepdims=True) + y,
    "clip": lambda x, y: ops.clip(x, -np.inf, 3),
    "turn": lambda x, y: (x + y).T.T,
    "half": lambda x, y: y.astype("float16"),
    "stack": lambda x, y: ops.concatenate([y, y], axis=-1)[:, :2],
}


@st.composite
def random_graphs(draw_):
    values = [Tensor(np.ones((2, 2)), requires_grad=True, name="a"), Tensor(np.ones((2, 2)))]
    for step in draw_(st.lists(st.sampled_from(sorted(STEPS)), max_size=30)):
        square = [v for v in values if v.shape == (2, 2)]
        x, y = (draw_(st.sampled_from(square)) for _ in "xy")
        values.append(STEPS[step](x, y))
    return Graph.of(*draw_(st.lists(st.sampled_from(values), min_size=1, max_size=3)))


@settings(max_examples=60)
@given(random_graphs())
def test_structure_survives(graph):
    text = to_json(graph)
    again = from_json(text)
    assert described(again) == described(graph)
    assert to_json(again) == text
    assert [n.flops for n in again] == [n.flops for n in graph]
    assert all(a.op is b.op for a, b in zip(again, graph, strict=True))


def test_modules_survive_with_their_calls():
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 2), nn.Tanh()), nn.Linear(2, 3))
    graph = Graph.of(model(model(Tensor(np.ones((2, 3))))))
    again = from_json(to_json(graph))
    assert described(again) == described(graph)
    assert [repr(n.scope) for n in again] == [repr(n.scope) for n in graph]
    assert len(again.module("0")) == len(graph.module("0")) > 0


def test_readers_work_on_what_was_read():
    x = Tensor(np.ones((2, 3)), name="x")
    loss = ((nn.Linear(3, 3)(x) - x) ** 2).mean()
    graph = Graph.of(loss)
    again = from_json(to_json(graph))
    assert draw(again).source == draw(graph).source
    assert again.values() == {}


ATTRIBUTES = [
    None, True, 3, -1.5, float("inf"), "same", [1, [2]], (1, (2, None)), {"a": (1,)},
    slice(None, 3, -1), Ellipsis, np.dtype("float32"), np.float32(0.1), np.int64(7), np.bool_(True),
    (slice(1, None), np.array([[True, False]])), np.array([0.1, -np.inf], np.float32),
]  # fmt: skip


@pytest.mark.parametrize("value", ATTRIBUTES, ids=repr)
def test_attributes_survive_with_their_types(value):
    node = Tensor(1.0, requires_grad=True).node
    node.attrs = {"value": value}
    (read,) = from_json(to_json(Graph([node])))
    assert repr(read.attrs["value"]) == repr(value)
    assert type(read.attrs["value"]) is type(value)


def test_not_a_number_and_opaque_attributes():
    node = Tensor(1.0, requires_grad=True).node
    node.attrs = {"nan": float("nan"), "generator": np.random.default_rng(0)}
    text = to_json(Graph([node]))
    (read,) = from_json(text)
    assert np.isnan(read.attrs["nan"])
    assert read.attrs["generator"] == Opaque(repr(node.attrs["generator"]))
    json.loads(text, parse_constant=pytest.fail)  # NaN as such is not JSON


def test_an_unknown_operation_keeps_its_name():
    def foreign(x, *, power):
        return x**power

    op = Op("foreign", foreign, lambda g, x, power: g * power * x, tex="{0}^{power}")
    try:
        text = to_json(Graph.of(op(Tensor(3.0, requires_grad=True, name="x"), power=2) * 2))
    finally:
        del Op.registry["foreign"]
    graph = from_json(text)
    (node,) = graph.op("foreign")
    assert "foreign" not in Op.registry
    assert node.attrs == {"power": 2}
    assert to_json(graph) == text
    assert "foreign(x)" in draw(graph).source
    with pytest.raises(DataError, match=r"'foreign'.*not registered"):
        node.op(np.ones(1))


def test_operations_that_need_no_gradient_are_written_too():
    with record_everything():
        y = Tensor([1.0, 2.0]) > 1.5
    assert described(from_json(to_json(Graph.of(y)))) == described(Graph.of(y))


GOOD = {"format": FORMAT, "outputs": [0], "modules": [], "nodes": [
    {"id": 0, "op": None, "inputs": [], "attrs": {}, "shape": [2], "dtype": "float32",
     "tracked": True, "name": "w", "module": None, "where": "m.py:1"},
]}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: "{", "not JSON"),
        (lambda g: "[]", "expected an object of format.*got 'list'"),
        (lambda g: json.dumps(g | {"format": "other"}), "got 'other'"),
        (lambda g: json.dumps(g | {"outputs": [1]}), "outputs refers to number 1; 1 stand"),
        (lambda g: json.dumps(g | {"modules": [{"path": "a"}]}), "'parent' is missing"),
        (lambda g: json.dumps(g | {"nodes": [g["nodes"][0] | {"inputs": [0]}]}), "node 0 refers"),
        (lambda g: json.dumps(g | {"nodes": [g["nodes"][0] | {"id": 5}]}), "has the id 5"),
        (lambda g: json.dumps(g | {"nodes": [g["nodes"][0] | {"dtype": "f99"}]}), "damaged.*f99"),
        (lambda g: json.dumps(g | {"nodes": [g["nodes"][0] | {"module": 0}]}), "node 0 refers"),
        (lambda g: json.dumps(g | {"nodes": [g["nodes"][0] | {"attrs": {"a": {"z": 1}}}]}), "'z'"),
        (lambda g: json.dumps(g | {"nodes": 3}), "damaged"),
        (lambda g: "[" * 99_999, "not JSON"),
        (lambda g: json.dumps(g | {"modules": [{"path": 1, "kind": "A", "parent": None}]}), "'path' of"),
        (lambda g: json.dumps(g | {"nodes": [g["nodes"][0] | {"shape": [-1]}]}), r"shape \[-1\]"),
        (lambda g: json.dumps(g | {"nodes": [g["nodes"][0] | {"shape": "ab"}]}), "'shape' of node 0"),
        (lambda g: json.dumps(g | {"nodes": [g["nodes"][0] | {"tracked": "yes"}]}), "'tracked' of"),
        (lambda g: json.dumps(g | {"nodes": [g["nodes"][0] | {"name": 3}]}), "'name' of node 0 is 3"),
        *(
            (lambda g, t=t: json.dumps(g | {"nodes": [g["nodes"][0] | {"dtype": t}]}), "no type of numbers")
            for t in ("(2,2)f4", "()\x01f", "f4,f8", "object", "<f4", "U9", "")  # NumPy takes or parses them
        ),
        *(
            (lambda g, a=a: json.dumps(g | {"nodes": [g["nodes"][0] | {"attrs": {"a": a}}]}), "damaged graph")
            for a in (
                {"dtype": "f4,"}, {"scalar": {"dtype": "O", "data": 1}}, {"float": "x"}, {"float": [1]},
                {"array": {"dtype": "float32", "shape": [2**62], "data": [1]}}, {}, {"a": 1, "b": 2},
                {"array": {"dtype": "int8", "shape": [1], "data": [10**30]}},
            )
        ),
    ],
)  # fmt: skip
def test_a_damaged_graph_is_refused(change, message):
    assert len(from_json(json.dumps(GOOD))) == 1
    with pytest.raises(DataError, match=message):
        from_json(change(GOOD))


def test_reading_a_graph_leaves_the_registry_alone():
    op = Op("late", lambda x: x * 2, lambda g: g * 2)
    try:
        text = to_json(Graph.of(op(Tensor(3.0, requires_grad=True))))
        (node,) = from_json(text).op("late")
        assert node.op is op
        del Op.registry["late"]
        unknown = from_json(text)
        op.register()
        assert from_json(text).op("late")[0].op is Op.registry["late"] is op
        assert unknown.op("late")[0].op is not op
        assert Op.registry["late"] is op
    finally:
        del Op.registry["late"]
