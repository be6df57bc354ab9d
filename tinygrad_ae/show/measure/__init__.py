"""What a graph or a model costs.

``cost`` counts a graph's operations and bytes, ``observe`` listens to a step while it runs and
``profile`` makes a table of its time and memory; ``summary`` lists a model's layers; ``quantities``
writes numbers with their units.
"""
