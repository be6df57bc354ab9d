"""The engine: tensors, the graph they record, and the pass that pulls gradients back through it."""
