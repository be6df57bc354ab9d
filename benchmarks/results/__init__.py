"""Results beside the literature's: one row a task, from fixed recipes, one command each.

    python -m benchmarks.results                                        what rows there are
    python -m benchmarks.results reconstruction --data FOLDER_WITH_MNIST
    python -m benchmarks.results all --quick                            a small version of all

Training uses MNIST's 60,000 training files and figures are of the 10,000 test files, one for each
seed. Where a recipe had something to choose, it was chosen by ``--validate``: the same row,
trained without a tenth of the training files and measured on that tenth. A row that is done is
written to ``benchmarks/results.json``, and ``benchmarks/results.md`` is made from it.
"""
