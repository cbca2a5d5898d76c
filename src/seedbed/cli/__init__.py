"""The command line."""

from seedbed.cli.main import main

__all__ = ["main"]
