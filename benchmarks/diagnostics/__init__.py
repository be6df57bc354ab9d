"""What the theory claims of autoencoders, looked at: one function each, and a command for it.

    python -m benchmarks.diagnostics identity
    python -m benchmarks.diagnostics all --data FOLDER_WITH_MNIST --samples 20000 --record

By default on the bundled digits. Each prints a table of what it found on the test split; with
``--record`` it is kept in benchmarks/diagnostics.json, and benchmarks/diagnostics.md is made anew.
"""
