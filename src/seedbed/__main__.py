"""The command line: ``seedbed`` and ``python -m seedbed``."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from seedbed.cli.startup import imports_begin

    imports_begin()
    from seedbed.cli.main import main as run

    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: closed by the caller
        # A Latin-1 terminal shows a question mark where it lacks a letter, instead of ending the run.
        stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
