"""Prints what was compared with PyTorch's operator samples, and what was not."""

import sys
from collections import Counter
from importlib.util import find_spec

if any(find_spec(name) is None for name in ("torch", "expecttest", "jax")):
    collect_ignore_glob = ["test_*.py"]  # asked for by name; tests/conftest.py says why not


def pytest_terminal_summary(terminalreporter):
    run = sys.modules.get("op_db_compare")
    if run is None or not run.matched:
        return
    write = terminalreporter.write_line
    entries = sum(count > 0 for count in run.matched.values())
    write(f"PyTorch's op_db: {entries} entries mapped, {run.matched.total()} samples matched")
    for title, table in (("values only", run.partly), ("skipped", run.skipped)):
        reasons = sum(table.values(), Counter())
        write(f"  {title}: {reasons.total()}")
        for reason, count in reasons.most_common():
            write(f"    {count:5}  {reason}")
