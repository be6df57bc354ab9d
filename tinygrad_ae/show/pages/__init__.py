"""Pages of one file: a graph to explore, and documents of figures and tables."""
