"""The record every reader reads."""

import sys
import threading
from pathlib import Path

import numpy as np

from tinygrad_ae import Graph, Tensor, grad, no_grad, ops
from tinygrad_ae.autodiff import record_everything
from tinygrad_ae.core.graph import Scope, state


def test_nodes_know_operation_inputs_shape_dtype_and_line():
    x = Tensor(np.ones((2, 3), np.float32), requires_grad=True, name="x")
    y = (x * 2).sum(axis=0)
    node = y.node
    assert (node.op, node.shape, node.dtype) == (ops.Op.registry["sum"], (3,), np.float32)
    assert node.attrs == {"axis": (0,), "keepdims": False}
    assert node.inputs[0].op is ops.mul
    assert node.inputs[0].inputs[0] is x.node
    assert node.inputs[0].inputs[1].name == "2"
    file, _, line = node.where.rpartition(":")
    assert file == __file__
    assert "(x * 2).sum(axis=0)" in Path(file).read_text("utf-8").splitlines()[int(line) - 1]
    assert repr(x.node) == "<x (2, 3) float32>"


def test_constants_and_leaves_know_their_line_whoever_meets_them():
    def lines(node):
        return [int(x.where.removeprefix(f"{__file__}:")) for x in Graph([node])]

    first = sys._getframe().f_lineno + 1
    w = Tensor([1.0, 2.0], requires_grad=True)
    x = Tensor([3.0, 4.0])  # enters the graph where an operation first meets it
    by_operator = 2.0 * w
    by_method = (w * x).mean()
    by_function = ops.logsumexp(np.multiply(w, [5.0, 6.0]), axis=0)
    assert lines(by_operator.node) == [first, first + 2, first + 2]
    assert lines(by_method.node) == [first, first + 3, first + 3, first + 3]
    assert set(lines(by_function.node)) == {first, first + 4}


def test_graph_is_ordered_found_and_counted():
    a, b = (Tensor(1.0, requires_grad=True, name=n) for n in "ab")
    y = a * b + b
    graph = Graph.of(y)
    assert [n.label for n in graph] == ["a", "b", "mul", "add"]
    assert graph.op("mul")[0].inputs == (a.node, b.node)
    assert graph.leaves() == [a.node, b.node]
    assert graph.consumers()[b.node] == [*graph.op("mul"), *graph.op("add")]
    assert graph.outputs == (y.node,)
    assert y.node in graph
    assert graph.counts() == {"mul": 1, "add": 1}
    assert graph.filter(lambda node: node.name == "b") == [b.node]
    assert len(graph) == 4
    assert repr(graph) == "<Graph: 2 operations, 2 leaves>"
    assert len(Graph.of(y, a * 3)) == 6


def test_nodes_know_what_they_cost():
    x = Tensor(np.ones((4, 3), np.float32), requires_grad=True)
    y = x @ Tensor(np.ones((3, 5), np.float32))
    assert y.node.flops == 2 * 4 * 5 * 3
    assert y.node.bytes == 4 * (4 * 3 + 3 * 5 + 4 * 5)
    assert (y.T.node.flops, y.T.node.bytes) == (0, 0)
    assert ops.sum(y).node.flops == 20
    assert (x.node.flops, x.node.bytes) == (0, 0)


def test_values_are_read_or_computed_again_until_backward_frees_them():
    x = Tensor([1.0, 2.0], requires_grad=True)
    h = x * np.array([3.0, 4.0]) + 1
    y = np.tanh(h).sum()
    graph = Graph.of(y)
    wanted = {"mul": [3, 8], "add": [4, 9], "tanh": np.tanh([4, 9]), "sum": np.tanh([4, 9]).sum()}
    values = graph.values()
    assert set(values) == set(graph)
    for name, value in wanted.items():
        np.testing.assert_allclose(values[graph.op(name)[0]], value)
    y.backward()
    assert set(graph.values()) == set(graph.leaves())


def test_random_draws_are_kept_not_repeated():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with record_everything():
        noise = ops.normal(x.detach())
        y = (x + noise).sum()
    assert Graph.of(y).values()[noise.node] is noise.data


def test_the_backward_pass_is_a_graph_too():
    x = Tensor(2.0, requires_grad=True)
    y = x**3
    graph = Graph.of(y, *grad(y, [x], create_graph=True))
    assert graph.counts() == {"power": 2, "mul": 1}  # x³; 3 · x²


def test_scopes_and_modules():
    x = Tensor(1.0, requires_grad=True)
    outer = Scope("encoder", "Sequential", None)
    state.scope = Scope("0", "Linear", outer)
    try:
        y = x * 2
    finally:
        state.scope = None
    graph = Graph.of(y + 1)
    assert graph.op("mul")[0].path == "encoder.0"
    assert graph.module("encoder") == [y.node, graph.op("mul")[0].inputs[1]][::-1]
    assert graph.module("enc") == []
    assert x.node.path == ""  # given from outside, wherever it is first used
    assert repr(y.node.scope) == "encoder.0 (Linear)"


def test_a_graph_goes_to_json_and_back():
    a, b = (Tensor(1.0, requires_grad=True, name=n) for n in "ab")
    graph = Graph.of(a * b + b)
    again = Graph.from_json(graph.to_json())
    assert [(n.label, n.shape) for n in again] == [(n.label, n.shape) for n in graph]


def test_threads_record_independently():
    seen = []

    def other():
        seen.append((Tensor(1.0, requires_grad=True) * 2).requires_grad)

    with no_grad():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert seen == [True]
