"""The page of a run: whole, offline, and saying what the run knows."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.cli import main
from tinygrad_ae.run import Run, results
from tinygrad_ae.show.pages import document

VOID = {"meta", "link", "img", "br", "input", "source"}


class Checked(HTMLParser):
    """Complains of elements that are not closed, of identifiers used twice, of addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                assert value not in self.ids, value
                self.ids.add(str(value))
            if name in ("src", "href", "xlink:href"):
                assert str(value).startswith(("data:", "#")), value
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def checked(page: str) -> str:
    parser = Checked()
    parser.feed(page)
    assert parser.open == []
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    return page


@pytest.mark.parametrize("name", ["plain", "vae", "signals"])
def test_a_run_has_a_page_that_needs_nothing_else(runs: Path, name: str) -> None:
    page = checked((runs / name / "report.html").read_text("utf-8"))
    run = Run.open(runs / name)
    own, pca = results.measure(run, run.load_data())
    assert f"{own.mse:.5f}" in page
    assert f"{pca.mse:.5f}" in page
    for title in ("Loss", "Latent map", "Error by class", "Computation graph", "Cost of a step"):
        assert f"<h2>{title}</h2>" in page
    assert "<td>between operations" in page  # which operations are large, the machine decides
    assert '<source media="(prefers-color-scheme: dark)" srcset="data:image/svg' in page
    assert "--latent 4" in page


def test_the_page_can_be_written_again(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(runs / "plain"), "-o", str(tmp_path / "a.html")]) == 0
    checked((tmp_path / "a.html").read_text("utf-8"))
    assert main(["report", str(runs / "plain"), "-o", str(tmp_path / "a.txt")]) == 2
    assert "must end in .html" in capsys.readouterr().err


def test_text_is_text() -> None:
    page = document.Document("<a> & b")
    page.tile("<1>", "x&y")
    page.section("a<b", document.table([("<i>", "1 < 2")], ("n", "<v>")), about="5 > 4")
    text = checked(page.html())
    assert "<i>" not in text
    assert "&lt;a&gt; &amp; b" in text


def test_numbers_stand_right() -> None:
    text = document.table([("a", "1.5", "2"), ("b", "", "many")], ("name", "n", "how many"))
    assert '<th class="number">n</th>' in text
    assert '<td class="number">1.5</td>' in text
    assert "<th>how many</th>" in text
    assert "<td>2</td>" in text


def test_the_map_holds_the_samples() -> None:
    page = document.Document("t")
    x = np.random.default_rng(0).random((30, 12)).astype(np.float32)
    for k in (1, 2, 5):
        text = document.hover_map(page, x[:, :k], x, x, (12,), np.arange(30) % 3)
        assert '"features":12' in text
        assert text.count("data:image/png") == 2
    assert page.html().count("pointermove") == 1  # its program is there once
