"""What changes between calls is followed by the loops that numba compiles, too."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from machine import PARTS, UNCAPTURABLE, hold, programs

NAMES = sorted(PARTS)


@pytest.mark.parametrize("first", range(0, len(NAMES), 4))
def test_parts_that_change_are_followed(first):
    changes = [{1: 0.5}, {7: 2.0}, {13: 1.5}, {}]
    assert hold(list(zip(NAMES[first : first + 4], changes, strict=False)), "numba") == []


@settings(max_examples=8, deadline=None)
@given(programs)
def test_random_steps_follow_what_changes(program):
    hold(program, "numba")


@pytest.mark.parametrize("name", UNCAPTURABLE)
def test_what_cannot_be_replayed_is_said(name):
    assert len(hold([(name, {})], "numba")) == 1
