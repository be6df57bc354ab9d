"""A training step's time, beside the time of its matrix products alone and beside peers'.

    python -m benchmarks.speed [--quick] [--peers jax,torch,torch-compile,autograd,mygrad]
                               [--networks tiny,small] [--scaling] [--json FILE]

A step is forward, backward and Adam. On a CPU it can hardly take less than its matrix products,
so the *floor* is those alone: one call of ``matmul`` each, into a preallocated array, by the BLAS
that NumPy uses. A step's overhead is what it takes above that.

All contenders run in turn, in short blocks, in one process: what disturbs one disturbs all. Each
block's time is divided by the floor's in the same round; the figures are medians over rounds,
with the quartiles. With one thread CPU time counts, which other processes disturb less; with two,
wall time. Rounds in which other processes took the cores are dropped.

``--json FILE`` adds what was measured to a file (its keys: :mod:`benchmarks.speed.record`) and
makes a page of it; ``benchmarks/speed.json`` and ``speed.md`` are such a record.
"""
