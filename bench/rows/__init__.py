"""The rows of bench/RESULTS.md, one a file, each with a `row` in it; a new file is a new row."""

from importlib import import_module
from pkgutil import iter_modules

from bench.row import Row


def all_rows() -> list[Row]:
    """Every row of this package, in the order of its file names."""
    return [import_module(f"{__name__}.{found.name}").row for found in iter_modules(__path__)]
