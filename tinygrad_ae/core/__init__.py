"""The engine: tensors, the graph they record, and the pass that pulls gradients back through it.

Read ``graph`` first: a ``Node`` for each operation, and the state of the thread that records them.
``value`` is an array with a place in that graph, and all that the ``engine`` needs to know of a
tensor; ``tensor`` puts operators and methods on top, and ``record``, through which every operation
goes. Beside them stand ``inplace`` (what may be overwritten when), ``modes`` (the switches),
``numpy_protocol`` (``np.tanh(t)``), ``messages`` (what is said of an operation that fails) and
``precision`` (what is said where float32 becomes float64).
"""
