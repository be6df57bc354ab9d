"""What operations cost."""

import numpy as np
import pytest

from tinygrad_ae import Graph, Tensor, nn, ops
from tinygrad_ae.show.measure.cost import Work, backward_work, forward_work
from tinygrad_ae.show.measure.quantities import count, data, duration, number


@pytest.fixture
def linear():
    layer = nn.Linear(8, 4)
    out = layer(Tensor(np.ones((5, 8), "f4"), True))
    graph = Graph.of(out)
    return graph, graph.op("linear")[0], layer


def test_forward_is_timed_and_counted(linear):
    graph, node, _ = linear
    work = forward_work(node, graph.values())
    assert work.seconds > 0
    assert (work.flops, work.bytes) == (node.flops, node.bytes)
    assert work.memory == 5 * 4 * 4


def test_backward_is_counted_by_the_operations_its_rules_call(linear):
    _, node, _ = linear
    work = backward_work(node, np.ones((5, 4), "f4"))
    assert work.seconds > 0
    products = 2 * (2 * 5 * 4 * 8)  # δ W and δᵀ x
    assert products <= work.flops <= products + 5 * 4 + 200
    assert work.memory >= (5 * 8 + 4 * 8) * 4


def test_without_values_there_is_no_time_but_a_count(linear):
    _, node, _ = linear
    work = forward_work(node, {})
    assert work.seconds == 0
    assert work.flops == node.flops


def test_timing_draws_nothing_from_the_users_generator():
    generator = np.random.default_rng(0)
    with_noise = ops.normal_sample(Tensor(np.zeros(3), True), Tensor(np.ones(3), True), generator)
    graph = Graph.of(with_noise)
    state = generator.bit_generator.state
    for node in graph:
        if node.op is not None:
            forward_work(node, graph.values())
    assert generator.bit_generator.state == state


def test_a_view_needs_no_memory():
    y = Tensor(np.ones((2, 3)), True).reshape(6)
    assert forward_work(y.node, Graph.of(y).values()).memory == 0


def test_work_adds_up():
    assert Work(1.0, 2, 3, 4) + Work(1.0, 1, 1, 1) == Work(2.0, 3, 4, 5)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (data(784), "784 B"), (data(98_304), "98.3 KB"), (data(100_352), "100 KB"),
        (data(999_999), "1 MB"), (data(3.2e9), "3.2 GB"), (count(12_800_000), "12.8 M"),
        (count(7), "7 "), (duration(591e-6), "591 µs"), (duration(1.25e-3), "1.2 ms"),
        (duration(2e-7), "< 1 µs"), (duration(0), "0 µs"), (duration(90), "90.0 s"),
        (number(4.31e-5), "4.3e-5"), (number(0.123), "0.12"), (number(311.4), "311"),
        (number(1e-300), "1e-300"), (number(123456.0), "1.2e5"), (number(0), "0"),
    ],
)  # fmt: skip
def test_quantities_are_written_briefly(written, expected):
    assert written == expected
