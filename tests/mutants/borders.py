"""Mutants of the borders: what a sender may have the workers do beyond its own rights."""

from tests.mutants.mutant import Edit, Mutant

BORDERS = "tasks/borders.py"
LINKED = "tests/security/test_links.py::test_no_link_leads_to_anything_but_commands"

MUTANTS = (
    Mutant(
        name="event-under-a-name-of-its-own",
        breaks="whoever may send one kind of event passes it off as another by a header",
        promise="§2 Events",
        test="tests/tasks/test_inbound.py::test_what_an_event_was_sent_as_is_believed_from_nobody_else",
        edits=(Edit("tasks/inbound.py", "if is_straight and isinstance", "if isinstance"),),
    ),
    Mutant(
        name="links-to-anybody",
        breaks="a command is carried out, and told as failed because nobody is there for its link",
        promise="§1 links",
        test=LINKED,
        edits=(Edit(BORDERS, " or task not in COMMAND_TASKS", ""),),
    ),
    Mutant(
        name="links-of-links",
        breaks="a link's own link has a worker run a task by way of Celery's map, past all that is checked",
        promise="§1 links",
        test=LINKED,
        edits=(Edit(BORDERS, "            waiting += further if", "            further if"),),
    ),
    Mutant(
        name="links-to-our-own",
        breaks="a link has a worker start a task of the service's own",
        promise="§1 links",
        test=LINKED,
        edits=(Edit(BORDERS, "            if _is_internal(name):\n", "            if False:\n"),),
    ),
    Mutant(
        name="links-in-bytes",
        breaks="a link has a worker write to an exchange of the service's own, named by bytes",
        promise="§1 links",
        test=LINKED,
        edits=(Edit(BORDERS, "isinstance(value, str | bytes)", "isinstance(value, str)"),),
    ),
)
