"""Every Python block of the README and the docs runs, top to bottom, page by page."""

import re
from pathlib import Path

import pytest

from tinygrad_ae import manual_seed

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def blocks(page):
    text = page.read_text("utf-8")
    for match in re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield text[: match.start(1)].count("\n"), match.group(1)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_code_on_the_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    manual_seed(0)
    names = {"__name__": "__main__"}
    for line, source in blocks(page):
        # Blank lines before the block make a traceback name the page's own line.
        exec(compile("\n" * line + source, str(page), "exec"), names)


def test_the_pages_do_have_code():
    assert sum(len(list(blocks(page))) for page in PAGES) > 10
