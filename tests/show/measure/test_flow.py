"""Gradients that are only looked at: their sizes, what each use contributes, what is wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tinygrad_ae import Graph, Op, Tensor, nn
from tinygrad_ae.autodiff import grad
from tinygrad_ae.core.modes import record_everything
from tinygrad_ae.errors import GradientError
from tinygrad_ae.show.derivation.naming import names
from tinygrad_ae.show.picture.flow import CANCELS, Status, flow, measure, remark


def key(node, k):
    return node, k


def rms(x):
    return float(np.sqrt(np.mean(np.square(np.asarray(x, float)))))


def remarks(result):
    graph = Graph.of(result)
    found = flow(graph, key)
    with np.errstate(all="ignore"):
        remark(found, graph, graph.values())
    return {node: " | ".join(texts) for node, texts in found.remarks.items()}


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    a, b = (Tensor(rng.normal(size=s), True, name=n) for n, s in (("a", (5, 4)), ("b", (4,))))
    h = a * b + b  # b is used twice and broadcast
    return a, b, h, (h.tanh() * h).sum()


def test_the_sizes_are_those_of_the_gradients_that_backward_computes(network):
    a, b, h, loss = network
    found = flow(Graph.of(loss), key)
    for tensor, g in zip((a, b, h), grad(loss, [a, b, h], retain_graph=True), strict=True):
        assert found.totals[tensor.node].rms == pytest.approx(rms(g.data))
    assert found.totals[loss.node].rms == 1


def test_what_each_use_contributes_is_kept_apart_and_adds_up(network):
    _, b, _, loss = network
    found = flow(Graph.of(loss), lambda node, k: node.op.name)
    assert set(found.parts[b.node]) == {"mul", "add"}
    gradients = {}
    flow(Graph.of(loss), key, lambda node, g: gradients.setdefault(node, g))
    mul, add = (node for node in Graph.of(loss) if b.node in node.inputs)
    through_mul = (gradients[mul] * mul.inputs[0].leaf().data).sum(axis=0)
    through_add = gradients[add].sum(axis=0)
    assert found.parts[b.node]["mul"].rms == pytest.approx(rms(through_mul))
    assert found.parts[b.node]["add"].rms == pytest.approx(rms(through_add))
    np.testing.assert_allclose(gradients[b.node], through_mul + through_add)


def test_looking_changes_nothing(network):
    a, b, h, loss = network
    called = []
    h.register_hook(called.append)
    h.retain_grad()
    flow(Graph.of(loss), key)
    assert called == []
    assert a.grad is None
    assert b.grad is None
    assert h.grad is None
    loss.backward()  # nothing was freed
    assert a.grad is not None


def test_freed_not_needed_and_not_computed_are_told_apart(network):
    a, _, h, loss = network
    x = Tensor(np.ones((5, 4)), name="x")
    other = (a * x).sum()
    graph = Graph.of(loss * 1.0, other)
    loss.backward()
    totals = flow(graph, key).totals
    assert totals[h.node].status is Status.FREED
    assert totals[a.node].status is Status.FREED  # one part of the sum is unknown
    assert totals[x.node].status is Status.NOT_NEEDED

    stop = Op("stop_here", lambda x: x * 1, None, tex="{0}")
    try:
        w = Tensor([1.0, 2.0], True)
        with record_everything():
            end = stop(w * 2) + w.sum()
        statuses = flow(Graph.of(end), key).totals
        assert {statuses[n].status for n in Graph.of(end).op("mul")} == {Status.NOT_COMPUTED}
        assert statuses[w.node].status is Status.COMPUTED
    finally:
        del Op.registry["stop_here"]


def test_a_value_overwritten_since_is_refused():
    w = Tensor([1.0, 2.0], True)
    x = w * 1.0
    loss = (x * x).sum()
    x.data.flags.writeable = True
    free = Tensor([3.0, 4.0])
    loss = loss + (w * free).sum()
    free += 1.0
    with pytest.raises(GradientError, match="overwrote"):
        flow(Graph.of(loss), key)


@given(arrays(np.float64, st.integers(1, 20), elements=st.floats(allow_nan=True)))
def test_any_gradient_can_be_measured(array):
    amount = measure(array)
    finite = array[np.isfinite(array)]
    assert amount.nan + amount.infinite + len(finite) == amount.size == array.size
    if len(finite):
        largest = float(np.abs(finite).max())
        assert largest / np.sqrt(len(finite)) * 0.999 <= amount.rms <= largest * 1.001
    else:
        assert np.isnan(amount.rms)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_many_small_floats_do_not_overflow(dtype):
    assert measure(np.full(70_000, 200.0, dtype)).rms == pytest.approx(200, rel=1e-3)


def test_levels_go_from_the_weakest_to_the_strongest_by_logarithm():
    x = Tensor(np.ones(4), True)
    ends = [x * 1.0, x * 10.0, x * 100.0]
    graph = Graph.of(*ends)
    found = flow(graph, key)
    levels = [found.level(found.parts[x.node][end.node, 0]) for end in ends]
    assert levels == pytest.approx([0, 0.5, 1])
    assert found.level(found.totals[graph.op("mul")[0].inputs[1]]) is None


def test_dead_units_are_counted_for_any_operation_that_goes_flat():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(16, 6))
    x[:, 1] = -np.abs(x[:, 1])
    x[:, 4] = -np.abs(x[:, 4])
    t = Tensor(x, True)
    relu = t.relu()
    found = remarks(relu.sum())
    assert found[relu.node] == "dead: 2 of 6 units are 0 for all 16 samples"
    clipped = t.clip(-9.0, -5.0)
    assert remarks(clipped.sum())[clipped.node].startswith("dead: 6 of 6 units are constant")
    assert t.tanh().node not in remarks(t.tanh().sum())
    few = Tensor(-np.ones((2, 6)) * [[1], [2]], True).relu()
    assert "dead" not in remarks(few.sum()).get(few.node, "")  # two samples say nothing


def test_of_images_whole_channels_are_dead():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(8, 3, 4, 4))
    x[:, 2] = -np.abs(x[:, 2])
    t = Tensor(x, True)
    relu = t.relu()
    assert remarks(relu.sum())[relu.node] == "dead: 1 of 3 channels are 0 for all 8 samples"


def test_what_is_not_finite_is_said_in_words():
    x = Tensor([1.0, 0.0, -1.0], True)
    with np.errstate(all="ignore"):
        y = x.log()
    found = remarks(y.sum())
    assert found[y.node] == "value not finite: 1 NaN and 1 infinite of 3"
    assert found[x.node] == "gradient not finite: 1 infinite of 3"


def test_vanishing_and_exploding_are_relative_to_the_median():
    x = Tensor(np.ones(8), True)
    steps = [x]
    for factor in (1.0, 1.0, 1.0, 1.0, 1e-5):
        steps.append(steps[-1] * factor)
    found = remarks(steps[-1].sum())
    assert found[steps[-1].node].startswith("exploding gradient: 1e5 × the median")
    assert remarks((x * 0.0).sum())[x.node] == "gradient is exactly 0 everywhere"


def test_what_vanishes_is_far_below_the_median():
    x = Tensor(np.ones(8), True)
    branch = x * 1.0
    y = (branch * 1e-9).exp().exp().exp().exp()
    assert remarks(y.sum())[branch.node].startswith("vanishing gradient: 1/")


def test_a_healthy_network_has_no_remarks():
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 6))
    assert remarks(net(Tensor(rng.normal(size=(16, 6)).astype("f4"))).sum()) == {}


# ---- what is 0 by mathematics


class Attention(nn.Module):
    def __init__(self):
        self.q, self.k, self.v = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, x):
        scores = self.q(x) @ self.k(x).swapaxes(1, 2) / 8.0**0.5
        return scores.softmax() @ self.v(x)


def named_remarks(loss):
    called = names(Graph.of(loss))
    return {called[node]: text for node, text in remarks(loss).items()}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_key_bias_has_no_gradient_and_does_not_vanish(dtype):
    x = Tensor(np.random.default_rng(0).normal(size=(4, 6, 8)).astype(dtype))
    model = Attention().astype(dtype)
    found = named_remarks(((model(x) - x) ** 2).mean())
    assert found["b₂"] in (CANCELS, "gradient is exactly 0 everywhere")
    assert not any("vanishing" in text for text in found.values())


def test_a_shift_that_a_normalisation_takes_out_is_no_vanishing_gradient():
    x = Tensor(np.random.default_rng(0).normal(size=(32, 8)).astype("f4"))
    net = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 8))
    found = named_remarks(((net(x) - x) ** 2).mean())
    assert found["b₁"] == CANCELS
    assert not any("vanishing" in text for text in found.values())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("factor", [1e-5, 1e-8])
def test_a_small_gradient_is_still_a_vanishing_one(dtype, factor):
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(16, 8)).astype(dtype))
    layers = [nn.Linear(8, 8).astype(dtype) for _ in range(4)]
    small = nn.Linear(8, 8, bias=False).astype(dtype)
    h = layers[0](x) + small(x) * factor
    for layer in layers[1:]:
        h = layer(h.tanh())
    found = remarks(((h - x) ** 2).mean())
    assert found[small.weight.node].startswith("vanishing gradient")


def test_deep_sigmoids_vanish():
    x = Tensor(np.random.default_rng(0).normal(size=(32, 8)).astype("f4"))
    net = nn.Sequential(*(m for _ in range(14) for m in (nn.Linear(8, 8), nn.Sigmoid())))
    found = remarks(((net(x) - x) ** 2).mean())
    assert found[net[0].weight.node].startswith("vanishing gradient")


def test_what_cancels_does_not_count_in_the_scale_of_the_arrows():
    x = Tensor(np.random.default_rng(0).normal(size=(4, 6, 8)).astype("f4"))
    model = Attention()
    graph = Graph.of(((model(x) - x) ** 2).mean())
    found = flow(graph, key)
    before = found.totals[model.k.bias.node].rms
    remark(found, graph, graph.values())
    amount = found.totals[model.k.bias.node]
    assert amount.cancels
    assert amount.rms == before
    assert found.level(amount) is None
    levels = [found.level(a) for parts in found.parts.values() for a in parts.values()]
    assert min(level for level in levels if level is not None) == 0  # another is the weakest


def test_a_rule_that_takes_one_kind_of_floats_only_leaves_the_picture_whole():
    def only_single(g):
        if g.dtype != np.float32:
            raise TypeError("float32, please")
        return g

    op = Op("single", lambda x: x * 1, only_single, tex="{0}")
    try:
        x = Tensor(np.ones(8, "f4"), True)
        branch = x * 1.0
        y = (branch * 1e-9).exp().exp().exp().exp()
        assert remarks(op(y).sum())[branch.node].startswith("vanishing gradient: 1/")
    finally:
        del Op.registry["single"]
