"""``python -m tinygrad_ae`` is the command ``tinygrad-ae``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
