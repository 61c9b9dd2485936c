"""pytest's plugin in a trial: leaves one line of JSON for each phase of a test, with the error that it raised."""

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

FILE = "MUTANTS_VERDICTS"  # the environment variable that names the file


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note what became of one phase of a test."""
    report = yield
    raised = call.excinfo.typename if call.excinfo is not None else ""
    verdict = {"test": item.nodeid, "phase": report.when, "outcome": report.outcome, "raised": raised}
    with Path(os.environ[FILE]).open("a") as file:
        file.write(f"{json.dumps(verdict)}\n")
    return report
