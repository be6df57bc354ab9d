"""Pages that are one file each and need no network.

``page`` is a graph to step through: its ``content`` (cards, formulas, ``numbers``) is laid out by
``layout`` and put into a template. ``document`` is a report of figures, tables and text, with maps
to hover over.
"""
