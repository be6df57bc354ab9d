import pytest


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the slow part where it is not what is tested."""
    from tinygrad_ae.run import results

    monkeypatch.setattr(results, "_pictures", lambda run, data, qualities: [])
    monkeypatch.setattr(results, "_graph", lambda run, data: "metrics.csv")
