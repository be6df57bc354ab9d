"""Freed memory is used again, so that a step asks the kernel for none; and the switch for it."""

import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
import tinygrad_ae

def step():
    return [np.ones(1 << 18) for _ in range(8)]

for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(switch):
    environment = {**os.environ, "TINYGRAD_AE_MALLOC": switch}
    command = [sys.executable, "-c", FAULTS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do otherwise")
def test_steps_get_by_with_the_memory_they_have():
    assert faults("1") < 100 < 1000 < faults("0")
