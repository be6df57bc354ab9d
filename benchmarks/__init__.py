"""Speed and results, measured; each module's first lines say how."""
