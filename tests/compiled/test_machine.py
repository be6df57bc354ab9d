"""Whatever changes between calls, a compiled step gives what the step as written gives."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from machine import PARTS, UNCAPTURABLE, hold, programs

SEEN: Counter[bool] = Counter()


@settings(max_examples=60, deadline=None)
@given(programs)
def test_random_steps_follow_what_changes(program):
    SEEN[bool(hold(program, "numpy"))] += 1


def test_few_of_them_are_given_up(record_property):
    if not SEEN:
        test_random_steps_follow_what_changes()
    share = SEEN[True] / SEEN.total()
    text = f"{SEEN.total()} random steps, {share:.1%} given up with a warning"
    record_property("said", text)
    assert share <= 0.05


@pytest.mark.parametrize("name", PARTS)
def test_each_part_alone_is_replayed_without_a_word(name):
    assert hold([(name, {1: 0.5, 7: 2.0, 13: 1.5})], "numpy") == []


@pytest.mark.parametrize("name", UNCAPTURABLE)
def test_what_cannot_be_replayed_is_said(name):
    assert len(hold([(name, {})], "numpy")) == 1
    assert len(hold([(name, {}), ("closure", {3: 0.5})], "numpy")) == 1
