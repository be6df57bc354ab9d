"""The command line: a thin face over the package. What the user got wrong is said in a message."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from ..errors import UserError, require
from ..util.text import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    0: done; 2: something that was given cannot be used, and a message on stderr says what;
    130: stopped by Ctrl-C.

    Args:
        arguments: the words after ``tinygrad-ae``; ``sys.argv``'s by default.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what it cannot print is replaced
            stream.reconfigure(errors="replace")
    usual, warnings.formatwarning = warnings.formatwarning, _sentence
    try:
        click = require("click", extra="all", purpose="The command line")
        require("rich", extra="all", purpose="The command line")
        from .app import app

        try:
            app.main(arguments, prog_name="tinygrad-ae", standalone_mode=False)
        except click.ClickException as error:
            error.show()
            return int(error.exit_code)
        except click.Abort:
            print("Stopped.", file=sys.stderr)
            return 130
    except KeyboardInterrupt:  # before a command could say how to carry on
        print("Stopped.", file=sys.stderr)
        return 130
    except MemoryError as error:
        print(
            f"Error: there is not enough memory ({error}). Give fewer or smaller samples, a "
            "smaller model, or a smaller --batch-size.",
            file=sys.stderr,
        )
        return 2
    except (UserError, OSError) as error:  # OSError: a full disk, a folder without permission
        where = getattr(error, "__notes__", [])  # the module, the line of forward code
        print(printable("\n  ".join([f"Error: {error}", *where])), file=sys.stderr)
        return 2
    finally:
        warnings.formatwarning = usual
    return 0


def _sentence(message: Warning | str, *_: Any, **__: Any) -> str:
    """Return what a warning says, without the line of our code that gave it."""
    return f"Warning: {printable(str(message))}\n"
