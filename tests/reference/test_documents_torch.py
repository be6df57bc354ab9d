"""The page that moves a model to PyTorch: its code runs, and its assertions hold."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "move-to-pytorch.md"


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S))
    assert "allclose" in source
    exec(compile(source, str(PAGE), "exec"), {"__name__": "__main__"})
