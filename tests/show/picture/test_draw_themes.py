"""Contrast of both themes, by the Web Content Accessibility Guidelines 2.1."""

import numpy as np
import pytest

from tinygrad_ae import Tensor
from tinygrad_ae.errors import UserError
from tinygrad_ae.show import draw
from tinygrad_ae.show.picture.cards import Change, Kind
from tinygrad_ae.show.picture.themes import THEMES, mix

LEVELS = np.linspace(0, 1, 11)


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(params=THEMES)
def theme(request):
    return THEMES[request.param]


def test_text_stands_out_from_what_is_behind_it(theme):
    cards = [fill for fill, _ in (*theme.cards.values(), *theme.changes.values())]
    strips = [mix(ends, t) for ends in (theme.gradient_cells, theme.heat) for t in LEVELS]
    for fill in (theme.background, *theme.frames, *cards, theme.alarm[0], *strips):
        assert contrast(theme.ink, fill) >= 4.5, fill  # criterion 1.4.3
    for fill in (theme.background, *theme.frames, *cards):
        assert contrast(theme.grey, fill) >= 4.5, fill


def test_lines_stand_out_from_what_is_beside_them(theme):
    grounds = (theme.background, *theme.frames)
    for fill, line in (*theme.cards.values(), *theme.changes.values()):
        assert min(contrast(line, c) for c in (fill, *grounds)) >= 3, line  # criterion 1.4.11
    arrows = [mix(theme.gradient_arrows, t) for t in LEVELS]
    for line in (*arrows, theme.alarm[1], theme.ink, theme.grey, theme.frame_line):
        assert min(contrast(line, c) for c in grounds) >= 3, line


def test_every_kind_of_card_has_colours(theme):
    assert set(theme.cards) == set(Kind)
    assert set(theme.changes) == set(Change)


def test_the_theme_is_what_is_drawn_in():
    y = Tensor([1.0], True, name="x") * 2
    for name, theme in THEMES.items():
        source = draw(y, theme=name).source
        assert f'bgcolor="{theme.background}"' in source
        assert theme.cards[Kind.RESULT][0] in source


def test_an_unknown_theme_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"'drak'.*light, dark.*Did you mean 'dark'"):
        draw(Tensor([1.0], True) * 2, theme="drak")
