"""The chain rule of a graph, written out, from its nodes to text, LaTeX and MathML."""
