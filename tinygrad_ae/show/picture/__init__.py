"""Pictures of a graph, from its nodes to SVG."""
