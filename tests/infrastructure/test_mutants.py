"""Mutants fit the code, and the hunt for them fails where it must (`make mutants` carries the hunt itself out)."""

import ast
from functools import cache
from pathlib import Path

import pytest

from creditsvc.environment import BASE_DIR
from tests.mutants import MUTANTS
from tests.mutants.hunt import Found, Result, hunt
from tests.mutants.mutant import Edit, Mutant, Stale, mutated


@cache
def names_in(file: str) -> set[str]:
    """The functions and methods of a file, as node ids without it."""
    found = set()
    for node in ast.parse((BASE_DIR / file).read_text()).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
    return found


def test_every_mutant_fits_the_code() -> None:
    assert {mutant.name: why for mutant in MUTANTS if (why := what_is_stale_about(mutant))} == {}


def what_is_stale_about(mutant: Mutant) -> str:
    """Why a mutant does not fit the code, or changes nothing of it; empty where all is well."""
    try:
        texts = mutated(mutant, BASE_DIR)
    except Stale as stale:
        return str(stale)
    unchanged = [file for file, text in texts.items() if text == (BASE_DIR / file).read_text()]
    return "" if texts and not unchanged else f"changes nothing of {unchanged}"


def test_the_test_that_each_mutant_names_is_there() -> None:
    named = {mutant.test.partition("[")[0] for mutant in MUTANTS}

    assert {test for test in named if test.partition("::")[2] not in names_in(test.partition("::")[0])} == set()


def test_no_two_mutants_have_one_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


# The hunt, in a project of three lines


def mutant(**fields: object) -> Mutant:
    """The mutant that adds wrongly, and is noticed."""
    defaults = {
        "name": "adds-wrongly",
        "breaks": "sums",
        "promise": "sums are right",
        "test": "test_sums.py::test_a_sum",
        "edits": (Edit("sums.py", "a + b", "a - b"),),
    }
    return Mutant(**{**defaults, **fields})  # type: ignore[arg-type]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A function, a test that notices when it is wrong, one that does not, one that fails anyway, one that breaks."""
    tree = tmp_path / "project"
    tree.mkdir()
    (tree / "sums.py").write_text("def add(a, b):\n    return a + b\n")
    (tree / "test_sums.py").write_text(
        "import pytest\n"
        "import sums\n"
        "def test_a_sum(): assert sums.add(2, 1) == 3\n"
        "def test_any_sum(): assert isinstance(sums.add(2, 1), int)\n"
        "def test_a_wrong_sum(): assert sums.add(2, 1) == 4\n"
        "@pytest.fixture\n"
        "def three(): assert sums.add(2, 1) == 3\n"
        "def test_with_three(three): pass\n"
    )
    verdicts = tree / "tests" / "mutants"  # the copy brings the plugin that notes verdicts
    verdicts.mkdir(parents=True)
    (tree / "tests" / "__init__.py").touch()
    (verdicts / "__init__.py").touch()
    (verdicts / "verdicts.py").write_text((BASE_DIR / "tests/mutants/verdicts.py").read_text())
    return tree


def hunted(project: Path, *mutants: Mutant) -> dict[str, Result]:
    """Each mutant's result, by its name."""
    told: list[Found] = []
    found = hunt(mutants, tree=project, folder=project.parent, tell=told.append)
    assert sorted(each.mutant.name for each in found) == sorted(each.mutant.name for each in told)
    return {each.mutant.name: each.result for each in found}


@pytest.mark.slow
def test_the_hunt_tells_what_is_noticed_from_what_is_not_and_leaves_the_tree_alone(project: Path) -> None:
    before = {path.name: path.read_text() for path in project.glob("*.py")}

    results = hunted(
        project,
        mutant(),
        mutant(name="survivor", test="test_sums.py::test_any_sum"),
        mutant(name="stale", edits=(Edit("sums.py", "a * b", "a - b"),)),
        mutant(name="wrong anyway", test="test_sums.py::test_a_wrong_sum"),
        mutant(name="never reaches its test", test="test_sums.py::test_with_three"),
        mutant(name="names what is not there", edits=(Edit("sums.py", "a + b", "a + c"),)),
    )

    assert results == {
        "adds-wrongly": Result.CAUGHT,
        "survivor": Result.SURVIVED,
        "stale": Result.STALE,
        "wrong anyway": Result.NOT_TRIED,
        "never reaches its test": Result.NO_VERDICT,
        "names what is not there": Result.NO_VERDICT,
    }
    for tree in (project, project.parent / "servers", project.parent / "none"):
        assert {path.name: path.read_text() for path in tree.glob("*.py")} == before


@pytest.mark.slow
def test_a_mutant_whose_test_is_not_there_is_not_tried_and_spoils_no_other(project: Path) -> None:
    results = hunted(project, mutant(), mutant(name="no such test", test="test_sums.py::test_nothing"))

    assert results == {"adds-wrongly": Result.CAUGHT, "no such test": Result.NOT_TRIED}


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (Edit("sums.py", "nowhere", ""), "0 times"),
        (Edit("sums.py", "a", "b"), "times, not once"),
        (Edit("gone.py", "a", "b"), "no gone.py any more"),
        (Edit("sums.py", "return", "return return"), "no Python any more"),
    ],
)
def test_a_mutant_that_does_not_fit_says_where(project: Path, edit: Edit, why: str) -> None:
    with pytest.raises(Stale, match=why):
        mutated(mutant(edits=(edit,)), project)
