"""The backward pass: fan-out, freeing, hooks, modes, memory, depth."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

from tinygrad_ae import Op, Tensor, detect_anomaly, enable_grad, grad, no_grad, ops
from tinygrad_ae.autodiff import is_grad_enabled, record_everything
from tinygrad_ae.core.graph import Graph
from tinygrad_ae.errors import GradientError, NonFiniteError, ShapeError


def leaf(*values):
    return Tensor(np.array(values), requires_grad=True)


def test_gradients_add_where_a_value_is_used_twice():
    x = leaf(2.0, 3.0)
    y = x * x
    (y * y + y + x).sum().backward()
    np.testing.assert_allclose(x.grad.data, 4 * x.data**3 + 2 * x.data + 1)


def test_backward_adds_to_grad_and_zero_grad_forgets():
    x = leaf(1.0)
    (3 * x).backward()
    (4 * x).backward()
    assert x.grad.item() == 7
    x.zero_grad()
    assert x.grad is None


def test_leaves_never_share_gradient_memory():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = np.ones(2)
    (a + b).backward(seed)
    a.grad.data[:] = 9
    np.testing.assert_array_equal(b.grad.data, [1, 1])
    np.testing.assert_array_equal(seed, [1, 1])


def test_grad_touches_no_grad_and_prunes_what_it_does_not_need():
    calls = []
    watched = Op("watched", lambda x: x * 1, lambda g: calls.append(1) or g, tex="{0}")
    a, b = leaf(1.0), leaf(2.0)
    y = a * watched(b)
    assert grad(y, a).item() == 2
    assert calls == []
    assert a.grad is None
    assert b.grad is None


def test_grad_of_several_outputs_with_respect_to_an_intermediate():
    x = leaf(1.0, 2.0)
    h = x * 3
    gx, gh = grad([h.sum(), (h * h).sum()], [x, h])
    np.testing.assert_array_equal(gh.data, 1 + 2 * h.data)
    np.testing.assert_array_equal(gx.data, 3 * gh.data)


def test_an_unused_input_is_named_or_allowed():
    x, unused = leaf(1.0), Tensor(1.0, requires_grad=True, name="unused")
    with pytest.raises(GradientError, match="no output depends on the input unused"):
        grad(x * 2, [x, unused])
    assert grad(x * 2, [x, unused], allow_unused=True)[1] is None


def test_gradients_of_any_order():
    x = leaf(0.7)
    y, wanted = np.sin(x), [np.cos, lambda v: -np.sin(v), lambda v: -np.cos(v), np.sin]
    for derivative in wanted:
        y = grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(derivative(0.7))


def test_errors_say_what_to_do_next():
    with pytest.raises(GradientError, match="requires_grad=True"):
        Tensor([1.0]).backward()
    with pytest.raises(GradientError, match=r"shape \(2,\).*\.sum\(\)"):
        leaf(1.0, 2.0).backward()
    with pytest.raises(GradientError, match="does not require gradients"):
        grad(leaf(1.0) * 2, Tensor(1.0))
    with pytest.raises(ShapeError, match=r"\(3,\).*\(2,\)"):
        leaf(1.0, 2.0).backward(np.ones(3))
    with pytest.raises(TypeError, match="float"):
        Tensor([1, 2], requires_grad=True)


def test_a_freed_graph_says_so_and_a_retained_one_runs_again():
    x = leaf(2.0)
    y = np.exp(x) * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == pytest.approx(2 * np.exp(2) * 3)
    with pytest.raises(GradientError, match=r"freed.*retain_graph=True"):
        y.backward()


def test_detach_and_no_grad_stop_gradients():
    x = leaf(2.0)
    (x * x.detach()).backward()
    assert x.grad.item() == 2
    with no_grad():
        assert not is_grad_enabled()
        assert not (x * 2).requires_grad
        with enable_grad():
            assert (x * 2).requires_grad
    assert is_grad_enabled()

    @no_grad()
    def evaluate():
        return x * 2

    assert not evaluate().requires_grad
    assert (x * 2).requires_grad
    with pytest.raises(TypeError, match=r"@no_grad\(\) does not reach into pieces"):

        @no_grad()
        def pieces():
            yield x * 2


def test_untracked_work_is_not_recorded_unless_asked():
    y = Tensor(1.0) + 1
    assert len(Graph.of(y)) == 1
    with record_everything():
        assert len(Graph.of(Tensor(1.0) + 1)) == 3


def test_hooks_see_and_replace_gradients():
    x = leaf(1.0, 2.0)
    h = x * 3
    h.retain_grad()
    seen = []
    remove = h.register_hook(lambda g: seen.append(g.data.copy()) or g * 2)
    (h * h).sum().backward(retain_graph=True)
    np.testing.assert_array_equal(seen[0], 2 * h.data)
    np.testing.assert_array_equal(h.grad.data, 2 * 2 * h.data)
    np.testing.assert_array_equal(x.grad.data, 2 * 2 * h.data * 3)
    remove()
    (h * h).sum().backward()
    assert len(seen) == 1
    with pytest.raises(GradientError, match="does not require"):
        Tensor(1.0).register_hook(print)
    bad = x * 1
    bad.register_hook(lambda g: np.ones(5))
    with pytest.raises(ShapeError, match=r"hook.*\(5,\).*\(2,\)"):
        bad.sum().backward()


def test_hooks_take_part_in_second_derivatives():
    x = leaf(2.0)
    h = x * x
    h.register_hook(lambda g: g * 3)
    (g,) = grad(h * h, [x], create_graph=True)
    assert g.item() == 3 * 4 * 8
    # g = 3 · 2h · 2x: 12 h directly, and 3 · (12 x · 2x) through h, where the hook runs again
    assert grad(g, x).item() == 12 * 4 + 3 * 24 * 4


def test_dtypes_survive_the_round_trip():
    for dtype in (np.float16, np.float32, np.float64):
        x = Tensor([1.0, 2.0], dtype=dtype, requires_grad=True)
        w = Tensor([0.5, 0.5], dtype=np.float64)
        y = ((x * 2 + 1) * w).sum()
        assert y.dtype == np.float64
        y.backward()
        assert x.grad.dtype == dtype


def test_detect_anomaly_names_operation_module_and_line():
    x = leaf(-1.0, 1.0)
    with detect_anomaly(), np.errstate(all="ignore"):
        with pytest.raises(
            NonFiniteError, match=r"(?s)log gave .*inputs are finite.*test_engine.py:\d+"
        ):
            np.log(x)
        zero = Tensor(0.0, requires_grad=True)
        with pytest.raises(NonFiniteError, match=r"(?s)gradient of sqrt .*test_engine.py"):
            np.sqrt(zero).backward()


def test_a_rule_of_the_wrong_shape_is_blamed():
    for rule in (lambda g, x: np.transpose(g), lambda g, x: np.ones(7)):
        twisted = Op("twisted", lambda x: x * 1, rule, tex="{0}")
        with pytest.raises(ShapeError, match="rule of twisted"):
            twisted(Tensor(np.ones((2, 3)), requires_grad=True)).sum().backward()


def test_a_rule_must_name_what_exists():
    with pytest.raises(TypeError, match="asks for 'w'; it may name g, z, x, x_shape"):
        Op("odd", lambda x: x, lambda g, w: g, tex="{0}")
    with pytest.raises(TypeError, match="2 inputs"):
        Op("odd", np.add, lambda g: g, tex="{0}")


def test_a_chain_of_100_000_operations_needs_no_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    y.backward()
    assert x.grad.item() == 1


def test_a_fan_out_of_10_000_adds_in_place():
    x = Tensor(np.ones(100), requires_grad=True)
    total = sum(((x * 2).sum() for _ in range(10_000)), Tensor(0.0))
    total.backward()
    np.testing.assert_array_equal(x.grad.data, np.full(100, 20_000.0))


def test_no_reference_cycles_keep_a_graph_alive():
    gc.disable()
    try:
        x = Tensor(np.ones(10), requires_grad=True)
        y = np.tanh(x * 2)
        y.retain_grad()
        loss = y.sum()
        watch = [weakref.ref(t) for t in (y, loss, loss.node, y.node)]
        loss.backward()
        del loss, y
        assert [w() for w in watch] == [None] * 4
    finally:
        gc.enable()


def test_a_training_loop_keeps_a_flat_memory_curve_without_the_garbage_collector():
    x = Tensor(np.ones((100, 100)), requires_grad=True)

    def step():
        loss = np.tanh(x @ x).sum()
        loss.backward()
        x.grad = None

    gc.disable()
    tracemalloc.start()
    try:
        step()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(50):
            step()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        gc.enable()
    assert grown < 50_000  # one array is 80,000 bytes


def test_memory_is_released_as_backward_proceeds():
    n = 100_000
    x = Tensor(np.ones(n), requires_grad=True)
    y = x
    for _ in range(20):
        y = np.sin(y)
    loss = y.sum()
    tracemalloc.start()
    try:
        held = [node.saved for node in Graph.of(loss)]
        assert sum(s is not None for s in held) == 21
        del held, y
        loss.backward()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * 8 * n
    assert all(node.saved is None for node in Graph.of(loss) if node.op)


def test_only_what_a_rule_names_is_kept():
    x, y = leaf(1.0), Tensor(2.0)
    assert (x + y).node.saved == [None, None, None]
    product = (x * y).node.saved
    assert product[0] is None
    assert product[2] is None
    assert product[1] is y.data
    assert ops.sum(x * y).node.saved == [None, None]


def test_a_callers_array_may_be_overwritten_after_use():
    x, array = leaf(1.0, 1.0), np.array([2.0, 3.0])
    y = x * array
    array[:] = 100
    np.testing.assert_array_equal(grad(y.sum(), x).data, [2, 3])


def test_retain_grad_keeps_the_gradient_of_the_present_value_once():
    x = leaf(2.0)
    y = x * 3
    y.retain_grad()
    y.retain_grad()
    y *= 5
    (y * y).sum().backward()
    assert y.grad.tolist() == [60]
    x.retain_grad()
    assert x.grad.tolist() == [60 * 15]
    with pytest.raises(GradientError, match="does not require"):
        Tensor(1.0).retain_grad()


def test_hooks_stay_with_a_leaf_and_go_one_at_a_time():
    x, calls = leaf(1.0), []
    hook = calls.append
    remove_one, remove_other = x.register_hook(hook), x.register_hook(hook)
    x.requires_grad_(False).requires_grad_(True)
    (x * 2).backward()
    assert len(calls) == 2
    remove_one()
    remove_one()
    (x * 2).backward()
    assert len(calls) == 3
    remove_other()
    (x * 2).backward()
    assert len(calls) == 3


@pytest.mark.parametrize("values", [np.ones(3), np.ones((2, 2)), np.ones(2, np.float32)])
def test_a_leaf_given_other_data_is_named(values):
    p = Tensor([1.0, 2.0], requires_grad=True, name="p")
    p.data = values
    with pytest.raises(GradientError, match=r"p .* was given other data"):
        (p * p).sum().backward()
    with pytest.raises(GradientError, match=r"p .* was given other data"):
        grad((p * p).sum(), p)


def test_memory_that_a_rule_keeps_is_not_written_to():
    ones = np.ones(2)
    kept = Op("kept", lambda x: x.sum(), lambda g: ones, tex="{0}")
    x = leaf(1.0, 2.0)
    (kept(x) + kept(x) + kept(x)).backward()
    assert x.grad.tolist() == [3, 3]
    assert ones.tolist() == [1, 1]


def _returning(result):
    return lambda g: result


def test_a_rule_that_fails_is_named_with_the_forward_line():
    for result in (0, None, [1.0]):
        odd = Op("odd", lambda x: x * 1, _returning(result), tex="{0}")
        with pytest.raises(GradientError, match="rule of odd for argument 0 returned"):
            odd(leaf(1.0)).backward()
    broken = Op("broken", lambda x: x * 1, lambda g: g.reshape(7), tex="{0}")
    with pytest.raises(ValueError, match="reshape") as caught:
        broken(leaf(1.0)).backward()
    assert "rule of broken for argument 0; forward at" in caught.value.__notes__[0]
    assert "test_engine.py" in caught.value.__notes__[0]
