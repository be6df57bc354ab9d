"""Every operation against PyTorch's own samples of it: value, vjp, jvp and hvp in float64."""

import op_db_compare as run
import pytest
from op_db_map import BINARY, REDUCE, UNARY
from op_db_map_move import MOVE
from op_db_map_nn import NN
from torch.testing._internal.common_methods_invocations import op_db

MAP = UNARY | BINARY | REDUCE | MOVE | NN
ENTRIES = {op.full_name: op for op in op_db}
seen = set()


@pytest.mark.parametrize("name", sorted(MAP))
def test_entry(name):
    seen.add(name)
    failures = []
    for number, sample in enumerate(run.samples(ENTRIES[name])):
        try:
            run.compare(ENTRIES[name], MAP[name], sample)
        except run.Skip as reason:
            run.skipped[name][str(reason)] += 1
            continue
        except run.ValueOnly as reason:
            run.partly[name][str(reason)] += 1
        except Exception as error:
            failures.append(
                f"sample {number} {sample.summary()}\n    {type(error).__name__}: {error}"
            )
            continue
        run.matched[name] += 1
    assert not failures, f"{len(failures)} samples disagree\n" + "\n".join(failures[:5])
    assert run.matched[name], f"every sample was skipped: {dict(run.skipped[name])}"


def test_totals():
    assert len(MAP) >= 180
    if seen == set(MAP):  # all of them were run, not a selection
        assert run.matched.total() >= 4000
