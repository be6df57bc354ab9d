"""The chain rule of a graph, written out, from its nodes to text, LaTeX and MathML.

``explain`` is the door. ``sources`` finds what is one value though it stands in several nodes, and
``naming`` gives each its letter; ``chain`` goes back through the graph as backward does, and
``derive`` runs an operation's rule on letters. What comes out are trees of ``expression``, which
``simplify`` rewrites as a textbook would, by the rules of ``algebra``. ``typeset`` puts them into
LaTeX by the ``templates`` that operations bring along. ``latex`` reads that once into a tree, from
which ``binding`` tells where brackets stand, and ``text`` and ``mathml`` are printed; ``printers``
chooses among them, and ``explanation`` holds the lines. ``reading`` reads the printed text and
computes it again; ``backward`` runs the engine's own pass and listens, and ``precision`` tells
what is small from what is rounding.
"""
