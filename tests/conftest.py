"""Leaves out what needs more than ``.[test]`` installs, and says so in one line each."""

import os
from importlib.util import find_spec

from hypothesis import settings

# No test asserts a time; and a change is judged on the same examples each time.
settings.register_profile("suite", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("suite")

OPTIONAL = {  # folder: (extra that brings the packages, packages, what it is for)
    "reference": ("reference", ("torch", "expecttest", "jax"), "compare with PyTorch and JAX"),
    "browser": ("browser", ("selenium",), "drive the page in Chromium"),
}
MISSING = {
    folder: missing
    for folder, (_, packages, _) in OPTIONAL.items()
    if (missing := [name for name in packages if find_spec(name) is None])
}
collect_ignore = list(MISSING)


def pytest_terminal_summary(terminalreporter):
    for folder, missing in MISSING.items():
        extra, _, purpose = OPTIONAL[folder]
        terminalreporter.write_line(
            f"tests/{folder} not run ({', '.join(missing)} missing): "
            f'pip install -e ".[{extra}]" to {purpose}'
        )
