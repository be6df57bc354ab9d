"""Pictures of a graph, from its nodes to SVG.

``draw`` is the door. ``grouping`` decides which modules are open and ``repetition`` what is drawn
once for several; ``flow`` measures the gradients; ``rows`` says what stands on each card of
``cards``, with ``thumbnails`` of values; ``compose`` puts the cards together; ``dot`` writes them
for Graphviz in the colours of ``themes``; ``render`` makes a file of it, with ``fonts`` and ``svg``
for what Graphviz leaves open. ``diff`` draws two graphs on top of each other.
"""
