"""What a graph or a model costs: time, memory, operations, parameters."""
