"""The command line: ``seedbed`` and ``python -m seedbed``."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from seedbed.cli import main as run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
