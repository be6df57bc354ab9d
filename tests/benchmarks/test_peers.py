"""Every other framework's step runs."""

import pytest

from benchmarks.speed.networks import Network
from benchmarks.speed.peers import contender

DENSE = Network("dense", "dense", (12, 8, 3, 8, 12), 4)


@pytest.mark.parametrize("peer", ["torch", "jax", "autograd", "mygrad"])
def test_a_step_runs(peer):
    contender(peer, DENSE, threads=1)()
