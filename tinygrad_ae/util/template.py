"""Pages that are one file: a template of their package, filled with its style, data and program."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any


def assemble(
    package: str, title: str, data: Any, scripts: Sequence[str], *, program: str = ""
) -> str:
    """Return a package's ``page.html`` with everything it needs inside.

    Args:
        package: where ``page.html``, ``page.css`` and the scripts lie.
        title: of the page.
        data: what the scripts read, as JSON, from the element ``data``.
        scripts: names of the package's JavaScript files, in order.
        program: JavaScript that comes before them.
    """
    folder = files(package)
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    parts = {
        "title": html.escape(title),
        "style": folder.joinpath("page.css").read_text("utf-8"),
        "data": text.replace("<", "\\u003c"),  # else "</script>" in a name would end it
        "script": "\n".join(
            [program, *(folder.joinpath(name).read_text("utf-8") for name in scripts)]
        ),
    }
    template = folder.joinpath("page.html").read_text("utf-8")
    page = re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark[1]], template)
    return page.encode("utf-8", "replace").decode("utf-8")  # names may hold what no file can
