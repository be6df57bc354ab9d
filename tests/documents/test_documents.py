"""What the documents promise: their code runs, and what they name exists.

The README and the quick pages that teach by doing run here, block by block. The others train
networks, draw what they find, use other libraries: the build of the site executes all of them
(`python docs/build.py`).
"""

import re
from pathlib import Path

import pytest

from tinygrad_ae import manual_seed

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
AT_BUILD = {"use-codes-in-scikit-learn.md", "move-to-pytorch.md"}  # of other libraries
RUN_HERE = [
    ROOT / "README.md",
    *sorted(p for p in (DOCS / "how-to").glob("*.md") if p.name not in AT_BUILD),
    *sorted((DOCS / "explanation").glob("*.md")),
]


def blocks(page):
    text = page.read_text("utf-8")
    kind = "python" if page.name == "README.md" else r"\{code-cell\} ipython3"
    for match in re.finditer(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        code = match.group(1)
        if "from _shared import" not in code:  # what makes figures look right, in the built site
            options = re.match(r"(?:---\n(?:.*\n)*?---\n|:tags:.*\n)?", code)[0]
            line = text[: match.start(1)].count("\n") + options.count("\n")
            yield line, code.removeprefix(options)


@pytest.mark.parametrize("page", RUN_HERE, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_code_on_the_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if page.name == "README.md":  # its second block imports the first one, saved as a file
        monkeypatch.syspath_prepend(tmp_path)
        (tmp_path / "tiny.py").write_text(next(blocks(page))[1], "utf-8")
    manual_seed(0)
    names = {"__name__": "__main__"}
    for line, source in blocks(page):
        # Blank lines before the block make a traceback name the page's own line.
        exec(compile("\n" * line + source, str(page), "exec"), names)


def test_blocks_are_read_without_their_options_and_know_their_lines(tmp_path):
    (tmp_path / "page.md").write_text(
        "# Title\n\n```{code-cell} ipython3\nx = 1\n```\n\n"
        "```{code-cell} ipython3\n---\ntags: [hide-input]\n---\ny = 2\n```\n\n"
        "```{code-cell} ipython3\n:tags: [hide-input]\nz = 3\n```\n\n"
        "```{code-cell} ipython3\nfrom _shared import style\n```\n\n```sh\nls\n```\n"
    )
    found = list(blocks(tmp_path / "page.md"))
    assert found == [(3, "x = 1\n"), (10, "y = 2\n"), (15, "z = 3\n")]


def test_every_page_is_reached_from_the_front_page():
    listed = set()
    for index in (DOCS / "index.md", DOCS / "reference" / "index.md"):
        toctrees = re.findall(r"```\{toctree\}\n(.*?)```", index.read_text("utf-8"), re.DOTALL)
        lines = [
            line for tree in toctrees for line in tree.split("\n") if line[:1] not in ("", ":")
        ]
        listed |= {(index.parent / f"{line}.md").resolve() for line in lines}
    pages = set(DOCS.glob("*/*.md")) | set(DOCS.glob("*.md"))
    assert {p for p in pages if "_build" not in p.parts} - listed == {DOCS / "index.md"}


# ---- the table of concepts


def concepts():
    for line in (DOCS / "concepts.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 5 and "`" in cells[2]:
            yield pytest.param(*cells[2:], id=cells[0])


@pytest.mark.parametrize(("code", "page", "test"), list(concepts()))
def test_a_concept_is_where_the_table_says(code, page, test):
    text, file = re.fullmatch(r"`(.+)` in \[.*\]\(\.\./(.*)\)", code).groups()
    assert (ROOT / file).read_text("utf-8").count(text) == 1

    name, section = re.fullmatch(r"\[.*\]\((.*)#(.*)\)", page).groups()
    headings = re.findall(r"^#+ (.*)$", (DOCS / name).read_text("utf-8"), re.MULTILINE)
    slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert section in slugs

    name, path = re.fullmatch(r"\[(.*)\]\(\.\./(.*)\) ?\|?", test).groups()
    function = "test_" + name.replace(" ", "_")
    assert f"def {function}(" in (ROOT / path).read_text("utf-8")


def test_no_row_of_the_table_is_passed_over():
    rows = [r for r in (DOCS / "concepts.md").read_text("utf-8").splitlines() if "](../tests/" in r]
    assert len(rows) == len(list(concepts()))


def prose(page):
    return re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def test_every_file_that_a_page_links_to_exists():
    missing = [
        (page.name, target)
        for page in [ROOT / "README.md", *DOCS.glob("*.md"), *DOCS.glob("*/*.md")]
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", prose(page))
        if not (page.parent / target).exists()
    ]
    assert missing == []
