"""A sign has one colour, wherever it is shown."""

from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.show import page
from tinygrad_ae.show.picture.thumbnails import _diverging
from tinygrad_ae.show.plots.canvas import signed_colours
from tinygrad_ae.util.colours import NEGATIVE, POSITIVE, SIGNS


@pytest.mark.parametrize(("value", "colour"), [(1, POSITIVE), (-1, NEGATIVE), (0, (255,) * 3)])
def test_pictures_and_plots_agree(value: float, colour: tuple[int, int, int]) -> None:
    picture = _diverging(np.full((1, 1, 1), value, float), 1.0)[0, 0, 0]
    plot = np.array(signed_colours()((value + 1) / 2)[:3]) * 255
    np.testing.assert_allclose(picture, colour, atol=1)
    np.testing.assert_allclose(plot, colour, atol=2)


def test_a_page_is_told_the_colours(tmp_path: Path) -> None:
    from tinygrad_ae import Tensor

    x = Tensor(np.ones((2, 2)), requires_grad=True)
    text = page((x * x).sum(), tmp_path / "p.html").read_text("utf-8")
    assert f'"positive":[{",".join(map(str, POSITIVE))}]' in text
    assert f'"negative":[{",".join(map(str, NEGATIVE))}]' in text
    assert SIGNS in text


def test_legends_say_what_the_colours_are() -> None:
    from tinygrad_ae import Tensor
    from tinygrad_ae.show import draw, plots

    x = Tensor(np.ones((2, 3, 4, 4)), requires_grad=True)
    picture = draw((x * x).sum(), gradients=True, values=True)
    assert SIGNS.capitalize() in picture.source
    assert SIGNS in plots.filters(np.eye(4), (2, 2)).get_supxlabel()
