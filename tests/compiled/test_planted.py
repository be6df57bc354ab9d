"""A guard left out is found: by the machine of random steps, or by the second recording."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from machine import PARTS, hold

from tinygrad_ae import nn
from tinygrad_ae.compiled import CaptureWarning, compile, plan, reach, step
from tinygrad_ae.compiled.guards import Guard
from tinygrad_ae.compiled.trace import Trace

LATE = {7: 0.5, 13: 2.0}  # long after both recordings


def leave_out(monkeypatch: pytest.MonkeyPatch, wrong: Callable[[Guard], bool]) -> None:
    """Let plans do without some of their guards."""
    whole = step.Guards.__init__

    def less(self: Any, direct: Any, counted: Any) -> None:
        kept = [[g for g in guards if not wrong(g)] for guards in (direct, counted)]
        whole(self, *kept)

    monkeypatch.setattr(step.Guards, "__init__", less)


WAYS = {
    "item": "global",
    "cell": "closure",
    "values": "array by Python",
    "data": "tensor's data",
    "members": "attribute behind",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_kind_of_guard_left_out_is_found(way, monkeypatch):
    program = [(WAYS[way], LATE)]
    assert hold(program, "numpy") == []
    leave_out(monkeypatch, lambda guard: guard.way == way)
    with pytest.raises(AssertionError):
        hold(program, "numpy")


def test_contents_of_containers_left_out_are_found(monkeypatch):
    values = [1.0]
    run = compile(lambda x: x * values[0])
    leave_out(monkeypatch, lambda guard: guard.way == "contents")
    for _ in range(3):
        run(np.ones(2))
    values[0] = 2.0
    assert run(np.ones(2)).tolist() == [1.0, 1.0]  # the mistake


def test_changes_of_modules_left_out_are_found(monkeypatch):
    program = [("forward hook", LATE)]
    assert hold(program, "numpy") == []
    leave_out(monkeypatch, lambda guard: "_forward" in guard.label or guard.way == "members")
    with pytest.raises(AssertionError):
        hold(program, "numpy")


@pytest.mark.parametrize("name", sorted(PARTS))
def test_without_guards_and_second_recording_much_goes_wrong(name, monkeypatch):
    leave_out(monkeypatch, lambda guard: True)
    whole = step.Guards.__init__

    def blind(self, direct, counted):
        whole(self, direct, counted)
        self.hold = lambda: True

    monkeypatch.setattr(step.Guards, "__init__", blind)
    changes = {k: 0.5 + k for k in range(2, 20, 5)}
    follows = {  # read anew by each replay, or new in each call
        "array in place", "buffer in place", "default generator", "named generator",
        "parameter in place", "leaf", "parameter", "detached",
    }  # fmt: skip
    if name in follows:
        assert hold([(name, changes)], "numpy") == []
    else:
        with pytest.raises(AssertionError):
            hold([(name, changes)], "numpy")


def test_the_second_recording_finds_what_no_guard_does(monkeypatch):
    monkeypatch.setattr(reach.Reach, "_looks_at_data", lambda self: None)
    run = compile(lambda x: x * (x.data > 1.0))
    run(np.ones(3))
    with pytest.warns(CaptureWarning, match=r"test_planted\.py"):
        second = run(np.full(3, 2.0))
    assert second.tolist() == [2.0, 2.0, 2.0]


def test_it_waits_for_other_arguments(monkeypatch):
    monkeypatch.setattr(reach.Reach, "_looks_at_data", lambda self: None)
    run = compile(lambda x: x * (x.data > 1.0))
    for _ in range(4):
        assert run(np.ones(3)).tolist() == [0.0, 0.0, 0.0]
    with pytest.warns(CaptureWarning):
        assert run(np.full(3, 2.0)).tolist() == [2.0, 2.0, 2.0]


def test_without_it_a_frozen_mask_goes_unseen(monkeypatch):
    monkeypatch.setattr(reach.Reach, "_looks_at_data", lambda self: None)
    monkeypatch.setattr(step.CacheEntry, "wants_witness", lambda self, arrays: False)
    run = compile(lambda x: x * (x.data > 1.0))
    run(np.ones(3))
    assert run(np.full(3, 2.0)).tolist() == [0.0, 0.0, 0.0]  # the mistake


def test_a_leaf_taken_for_a_parameter_is_found_by_the_second_recording(monkeypatch):
    monkeypatch.setattr(plan.Lowering, "is_made", lambda *_: False)
    monkeypatch.setattr(Trace, "copied", lambda *_: None)
    assert len(hold([("leaf", {})], "numpy")) == 1


def test_user_code_runs_once_in_each_recorded_call():
    calls = []

    class Counting(nn.Module):
        def forward(self, x: Any) -> Any:
            note()
            return x * 2

    def note(count: Callable[[], Any] = lambda: calls.append(1)) -> None:
        count()

    run = compile(Counting())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        for k in range(1, 5):
            run(np.full(2, float(k)))
            assert len(calls) == k  # counted in Python, so never replayed
