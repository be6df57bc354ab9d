"""Says in one line when the comparison with PyTorch and JAX cannot run, and leaves it out."""

from importlib.util import find_spec

MISSING = [name for name in ("torch", "expecttest", "jax") if find_spec(name) is None]
collect_ignore = ["reference"] if MISSING else []


def pytest_terminal_summary(terminalreporter):
    if MISSING:
        terminalreporter.write_line(
            f"tests/reference not run ({', '.join(MISSING)} missing): "
            'pip install -e ".[reference]" to compare with PyTorch and JAX'
        )
