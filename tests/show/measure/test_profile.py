"""What is counted is asserted exactly; what is timed, only in how it adds up."""

import re

import numpy as np
import pytest

from tinygrad_ae import Tensor, grad, nn, no_grad, optim
from tinygrad_ae.autodiff import custom_vjp, remat
from tinygrad_ae.core.graph import state
from tinygrad_ae.errors import UserError
from tinygrad_ae.ops.op import Op
from tinygrad_ae.show.measure.profile import profile


def training_step():
    model = nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.Tanh(), nn.Linear(3, 4)))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x = Tensor(np.ones((5, 4), np.float32))

    def step():
        optimizer.zero_grad()
        ((model(x) - x) ** 2).mean().backward()
        optimizer.step()

    return step


def rows(profile_, name):
    return {row.phase: row for row in profile_.rows if row.name == name}


def test_calls_flops_bytes_and_memory_of_a_product():
    a = Tensor(np.ones((2, 300), np.float32), requires_grad=True)
    b = Tensor(np.ones((300, 5), np.float32), requires_grad=True)
    measured = rows(profile(lambda: (a @ b).sum().backward(), repeat=1), "matmul")
    forward, backward = measured["forward"], measured["backward"]
    assert (forward.calls, forward.flops) == (1, 2 * 2 * 300 * 5)
    assert forward.bytes == 4 * (2 * 300 + 300 * 5 + 2 * 5)
    assert forward.peak >= 4 * 2 * 5
    assert (backward.calls, backward.flops) == (2, 2 * forward.flops)  # δ bᵀ and aᵀ δ
    assert backward.peak >= 4 * 300 * 5


def test_an_input_that_needs_no_gradient_costs_none():
    a, b = Tensor(np.ones((2, 3))), Tensor(np.ones((3, 5)), requires_grad=True)
    measured = rows(profile(lambda: (a @ b).sum().backward(), repeat=1), "matmul")
    assert measured["backward"].calls == 1
    assert measured["backward"].flops == measured["forward"].flops


def test_views_move_nothing():
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    assert rows(profile(lambda: x.T.sum().backward(), repeat=1), "transpose")["forward"].bytes == 0


def test_a_training_step_has_three_phases():
    measured = profile(training_step(), repeat=3)
    assert [row.name for row in measured.by_phase()] == ["forward", "backward", "optimizer"]
    (adam,) = rows(measured, "Adam").values()
    assert (adam.phase, adam.calls, adam.flops, adam.bytes) == ("optimizer", 1, None, None)
    linear = {(r.module, r.phase): r.calls for r in measured.rows if r.name == "linear"}
    assert linear == {
        ("0", "forward"): 1, ("0", "backward"): 2,  # x needs no gradient
        ("1.1", "forward"): 1, ("1.1", "backward"): 3,
    }  # fmt: skip


def test_totals_add_up():
    measured = profile(training_step(), repeat=3)
    assert measured.repeat == 3
    for totals in (measured.by_op(), measured.by_phase()):
        assert sum(r.seconds for r in totals) == pytest.approx(
            sum(r.seconds for r in measured.rows)
        )
        assert sum(r.calls for r in totals) == sum(r.calls for r in measured.rows)
    assert measured.unobserved >= 0
    slowest_first = [row.seconds for row in measured.by_op()]
    assert slowest_first == sorted(slowest_first, reverse=True)
    linear = next(r for r in measured.by_op() if (r.name, r.phase) == ("linear", "forward"))
    assert linear.flops == sum(
        r.flops for r in measured.rows if r.name == "linear" and r.phase == "forward"
    )


def test_modules_contain_those_inside_them():
    measured = profile(training_step(), repeat=1)
    modules = {(row.module, row.phase): row for row in measured.by_module()}
    assert list(dict.fromkeys(path for path, _ in modules)) == ["", "0", "1", "1.0", "1.1"]
    inner, outer = modules["1.1", "backward"], modules["1", "backward"]
    assert outer.calls == inner.calls + modules["1.0", "backward"].calls
    assert outer.flops == inner.flops + modules["1.0", "backward"].flops
    assert outer.peak == max(inner.peak, modules["1.0", "backward"].peak)
    assert modules["", "forward"].name == "Sequential"


def test_only_the_largest_moment_of_memory_counts():
    def fn():
        for _ in range(3):
            np.tanh(Tensor(np.ones(100_000)))

    with no_grad():
        measured = profile(fn, repeat=1)
    assert 800_000 <= rows(measured, "tanh")["forward"].peak < 1_000_000
    assert 1_600_000 <= measured.peak < 4_000_000


def test_the_function_is_run_as_often_as_promised_and_left_as_it_was():
    calls = []
    x = Tensor([1.0, 2.0], requires_grad=True)

    def fn():
        calls.append(1)
        (x * x).sum().backward()

    profile(fn, repeat=4)
    assert len(calls) == 6
    assert x.grad.tolist() == [12.0, 24.0]
    assert state.observer is None


def test_gradients_of_gradients_count_as_the_rules_they_come_from():
    x = Tensor([1.0, 2.0], requires_grad=True)

    def fn():
        (g,) = grad((x**3).sum(), [x], create_graph=True)
        g.sum().backward()

    measured = profile(fn, repeat=1)
    assert rows(measured, "power")["backward"].flops > 0
    assert rows(measured, "power")["forward"].calls == 1


def test_recomputation_is_part_of_the_backward_pass():
    w = Tensor(np.ones((3, 3)), requires_grad=True)
    measured = profile(lambda: remat(lambda: np.tanh(w @ w))().sum().backward(), repeat=1)
    assert rows(measured, "remat")["backward"].calls == 1
    assert set(rows(measured, "tanh")) == {"forward"}


def test_a_rule_on_arrays_alone_has_no_count():
    @custom_vjp(lambda g: np.frombuffer(g.tobytes()).reshape(g.shape))
    def opaque(x):
        return x.copy()

    try:
        x = Tensor([1.0, 2.0], requires_grad=True)
        measured = rows(profile(lambda: opaque(x).sum().backward(), repeat=1), "opaque")
        text = str(profile(lambda: opaque(x).sum().backward(), repeat=1))
    finally:
        del Op.registry["opaque"]
    assert (measured["backward"].calls, measured["backward"].flops) == (1, None)
    assert measured["forward"].flops == 2
    assert re.search(r"opaque +backward .* 1  +\d+ k?B$", text, re.MULTILINE)  # no flop/s, no bytes


def test_it_prints_tables():
    text = str(profile(training_step(), repeat=1))
    assert re.match(
        r"[\d.]+ \ws a call, median of 1: forward .* backward .* optimizer .* the rest", text
    )
    for heading in (
        "operation",
        "module",
        "time",
        "share",
        "calls",
        "flop/s",
        "bytes",
        "peak memory",
    ):
        assert heading in text
    assert re.search(r"^    1\.1 \(Linear\) +backward", text, re.MULTILINE)
    assert "\nAdam" in text
    blocks = text.split("\n\n")
    assert len(blocks) == 3
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_notebooks_show_tables():
    page = profile(training_step(), repeat=1)._repr_html_()
    assert page.count("<table>") == page.count("</table>") == 2
    assert '<th scope="row"' in page
    assert "1.1 (Linear)" in page


def test_without_modules_there_is_one_table():
    x = Tensor([1.0], requires_grad=True)
    assert "module" not in str(profile(lambda: (x * x).backward(), repeat=1))
    assert profile(lambda: None, repeat=1).rows == ()


def test_what_is_not_a_function_is_refused():
    loss = Tensor([1.0], requires_grad=True).sum()
    with pytest.raises(UserError, match=r"given a Tensor.*profile\(lambda: "):
        profile(loss)
    with pytest.raises(UserError, match="at least 1; got 0"):
        profile(lambda: None, repeat=0)


def test_an_error_passes_through_and_leaves_nothing_behind():
    x = Tensor(np.ones(2), requires_grad=True)
    with pytest.raises(UserError, match="can't be used inside"):
        profile(lambda: profile(lambda: x * x), repeat=1)
    with pytest.raises(ValueError, match="add cannot work"):
        profile(lambda: x + np.ones(3), repeat=1)
    assert state.observer is None
