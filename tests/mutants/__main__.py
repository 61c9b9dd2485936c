"""python -m tests.mutants [NAME …]: breaks copies of the code and says which named test notices; 1 if one does not.

Starts private servers where the chosen mutants' tests need them and no TEST_* variables name any.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from creditsvc.environment import BASE_DIR
from tests.mutants import MUTANTS
from tests.mutants.hunt import Found, Result, hunt
from tests.mutants.mutant import Mutant
from tests.servers.__main__ import DATABASE, say
from tests.servers.__main__ import main as with_servers

NAME = max(len(mutant.name) for mutant in MUTANTS)
BREAKS = max(len(mutant.breaks) for mutant in MUTANTS)
PROMISE = max(len(mutant.promise) for mutant in MUTANTS)


def chosen(names: Sequence[str]) -> list[Mutant]:
    """The mutants of these names, all where none is given. Raises KeyError for a name that no mutant has."""
    if not names:
        return list(MUTANTS)
    by_name = {mutant.name: mutant for mutant in MUTANTS}
    return [by_name[name] for name in names]


def tell(found: Found) -> None:
    """One row of the table, and why where the mutant is not caught."""
    say(row(found))
    if found.result is not Result.CAUGHT:
        say("\n".join(f"    {line}" for line in found.detail.splitlines()))


def row(found: Found) -> str:
    mutant = found.mutant
    by = f"{mutant.test}  {found.raised}" if found.raised else f"{found.result.value}: {mutant.test}"
    return f"{mutant.name:{NAME}}  {mutant.breaks:{BREAKS}}  {mutant.promise:{PROMISE}}  {found.seconds:5.1f}  {by}"


def main(names: Sequence[str]) -> int:
    try:
        mutants = chosen(names)
    except KeyError as unknown:
        sys.stderr.write(
            f"tests.mutants: there is no mutant {unknown}; there are {', '.join(m.name for m in MUTANTS)}\n"
        )
        return 2
    if any(mutant.servers for mutant in mutants) and not os.environ.get(DATABASE):
        return with_servers(["run", "--", sys.executable, "-m", "tests.mutants", *names])
    started = time.monotonic()
    say(f"{'mutant':{NAME}}  {'what it breaks':{BREAKS}}  {'promise':{PROMISE}}  {'s':>5}  caught by")
    with tempfile.TemporaryDirectory(prefix="credits-mutants-") as folder:
        found = hunt(mutants, tree=BASE_DIR, folder=Path(folder), tell=tell)
    counts = Counter(each.result for each in found)
    say(
        f"{', '.join(f'{number} {result.value}' for result, number in counts.items())} of {len(mutants)} mutants "
        f"in {time.monotonic() - started:.0f} s"
    )
    return 0 if counts[Result.CAUGHT] == len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
