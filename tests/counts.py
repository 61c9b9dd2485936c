"""python -m tests.counts FILE…: one line a round of tests, from the JUnit files that pytest wrote."""

import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree


def line(file: Path) -> str:
    """`postgresql: 812 passed, 0 failed, 3 skipped in 301 s`, the round named after its file."""
    suite = ElementTree.parse(file).getroot().find("testsuite")
    if suite is None:
        raise ValueError(f"{file} holds no test suite")
    total, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    seconds = float(suite.attrib["time"])
    return f"{file.stem}: {total - failed - skipped} passed, {failed} failed, {skipped} skipped in {seconds:.0f} s"


def main(files: Sequence[str]) -> None:
    for file in files:
        sys.stdout.write(f"{line(Path(file))}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
