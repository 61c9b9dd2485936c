"""Mutants of the borders: what a sender may have the workers do beyond its own rights."""

from tests.mutants.mutant import Edit, Mutant

LINKS = "ledger/links.py"
LINKED = "tests/security/test_links.py::test_no_link_leads_to_anything_but_commands"

MUTANTS = (
    Mutant(
        name="event-under-a-name-of-its-own",
        breaks="whoever may send one kind of event passes it off as another by a header",
        promise="§2 Events",
        test="tests/tasks/test_inbound.py::test_what_an_event_was_sent_as_is_believed_from_nobody_else",
        edits=(
            Edit(
                "tasks/deliveries.py",
                "if routing_key := routing_key_of(message):",
                "if (routing_key := routing_key_of(message)) and sent_as is None:",
            ),
        ),
    ),
    Mutant(
        name="event-under-a-key-of-nobodys",
        breaks="whoever may send one kind of event passes it off as another by a key that is routed by a header alone",
        promise="§2 Events",
        test="tests/tasks/test_inbound.py::test_nobody_passes_one_event_off_as_another_by_a_key_that_none_of_ours_has",
        edits=(Edit("tasks/inbound.py", "    if routing_key and", "    if routing_key in EVENTS and"),),
    ),
    Mutant(
        name="untold-by-anybodys-word",
        breaks="a sender has its message told as posted that is not",
        promise="§1 links",
        test="tests/tasks/test_untold.py::test_it_is_believed_of_nobody_but_us",
        edits=(Edit("tasks/untold.py", ' if id_ == headers.get("id") else None', ""),),
    ),
    Mutant(
        name="links-to-anybody",
        breaks="a command is carried out, and told as failed because nobody is there for its link",
        promise="§1 links",
        test=LINKED,
        edits=(Edit(LINKS, "if task not in COMMAND_TASKS:", "if False:"),),
    ),
    Mutant(
        name="links-of-links",
        breaks="a link's own link has a worker run a task by way of Celery's map, past all that is checked",
        promise="§1 links",
        test=LINKED,
        edits=(Edit(LINKS, "    link: SomeLinks | None = None", "    link: Any = None"),),
    ),
    Mutant(
        name="links-to-our-own",
        breaks="a link has a worker start a task of the service's own",
        promise="§1 links",
        test=LINKED,
        edits=(Edit(LINKS, "            if name.startswith(OUR_OWN) and", "            if False and"),),
    ),
    Mutant(
        name="links-in-bytes",
        breaks="a link has a worker write to an exchange of the service's own, named by bytes",
        promise="§1 links",
        test=LINKED,
        edits=(Edit(LINKS, "isinstance(value, str | bytes)", "isinstance(value, str)"),),
    ),
    Mutant(
        name="options-of-links",
        breaks="a link says in whose name, or as what, it is sent: refused after the commit, or another task's",
        promise="§1 links",
        test="tests/security/test_links.py::"
        "test_of_a_links_options_no_more_counts_than_when_it_is_sent_and_what_hangs_on_it",
        edits=(
            Edit(
                LINKS,
                'own to say."""\n\n    model_config = ConfigDict(strict=True, extra="ignore")',
                'own to say."""\n\n    model_config = ConfigDict(strict=True, extra="allow")',
            ),
        ),
    ),
    Mutant(
        name="names-in-the-body",
        breaks="a producer has a worker start what it likes by a message of protocol 1, whose name no border sees",
        promise="§1 Tasks",
        test="tests/tasks/test_door.py::test_a_message_that_names_its_task_in_its_body_starts_none",
        edits=(Edit("tasks/door.py", 'elif not isinstance(message.headers.get("task"), str):', "elif False:"),),
    ),
    Mutant(
        name="tasks-of-celerys",
        breaks="a message straight to a queue has Celery's map start any task",
        promise="§1 Tasks",
        test="tests/tasks/test_door.py::test_of_celerys_own_tasks_none_that_starts_others_has_a_strategy",
        edits=(Edit("tasks/door.py", "            del self.strategies[name]\n", "            pass\n"),),
    ),
    Mutant(
        name="replays-over-the-border",
        breaks="what a producer may not have a worker start is started once staff send it again",
        promise="§1 Tasks",
        test="tests/tasks/test_door.py::test_what_is_for_the_producers_queues_starts_no_task_of_our_own",
        edits=(Edit("tasks/borders.py", '"exchange", "routing_key", QUEUE', '"exchange", QUEUE'),),
    ),
    Mutant(
        name="our-tasks-by-any-key",
        breaks="a worker of the ledger runs a notifier of a sender's making, which holds up the commands behind it",
        promise="§1 Tasks",
        test="tests/security/test_borders.py::"
        "test_no_message_starts_a_task_of_our_own_in_a_queue_of_the_producers_by_whatever_key",
        servers=True,
        edits=(Edit("tasks/borders.py", '"exchange", "routing_key", QUEUE', '"exchange", "routing_key"'),),
    ),
    Mutant(
        name="a-death-by-the-senders-word",
        breaks="an event that died is held to no key: sent again, it is applied as another one",
        promise="§1 the broker's own headers",
        test="tests/tasks/test_inbound.py::"
        "test_an_event_that_died_is_held_to_its_key_whatever_its_sender_notes_of_its_death",
        edits=(Edit("tasks/topology.py", "key if exchange == _dead() else exchange", "exchange"),),
    ),
    Mutant(
        name="links-without-end",
        breaks="a message with thousands of links holds up those behind it for as long as its sender likes",
        promise="§1 links",
        test="tests/security/test_links.py::test_of_links_and_what_hangs_on_them_there_are_no_more_than_so_many",
        edits=(Edit("ledger/links.py", "MAX_LINKS + 1)) > MAX_LINKS:", "MAX_LINKS + 1)) < 0:"),),
    ),
    Mutant(
        name="queues-by-the-senders-word",
        breaks="a sender says which queue its message goes back to when it is sent again",
        promise="§1 the broker's own headers",
        test="tests/tasks/test_any_message.py::test_no_sender_names_the_queue_that_a_message_goes_back_to",
        edits=(Edit("tasks/topology.py", "if not (exchange == _dead() or is_straight) or not", "if not"),),
    ),
    Mutant(
        name="a-header-that-ends-workers",
        breaks="one message with a header that can't be encoded ends each worker that takes it, one after the other",
        promise="§1 can't be carried out",
        test="tests/tasks/test_any_message.py::test_no_header_of_our_own_surprises_us_whatever_stands_there",
        edits=(Edit("tasks/producers.py", "except (BadSignature, ValueError):", "except BadSignature:"),),
    ),
    Mutant(
        name="a-key-that-ends-workers",
        breaks="a routing key that is no text ends each worker that takes its message, where py-amqp reads it",
        promise="§1 can't be carried out",
        test="tests/security/test_borders.py::test_a_routing_key_that_is_no_text_ends_no_worker",
        servers=True,
        edits=(Edit("tasks/consuming.py", "handle(readable(frame))", "handle(frame)"),),
    ),
    Mutant(
        name="a-code-that-is-a-bomb",
        breaks="178 bytes become 200 MB, by a content_encoding that is no code for text",
        promise="§1 can't be carried out",
        test="tests/tasks/test_bombs.py::test_no_body_is_decoded_by_a_code_that_is_none_for_text",
        edits=(Edit("tasks/encodings.py", "    if not is_for_text(encoding):", "    if False:"),),
    ),
    Mutant(
        name="one-row-for-ever",
        breaks="one message that can't be published at all keeps those beside it from being sent again, for ever",
        promise="§1 replays",
        test="tests/tasks/test_relay.py::test_a_row_that_can_not_be_published_at_all_holds_up_no_other",
        edits=(Edit("tasks/relay.py", "LookupError, ArithmeticError, RecursionError, struct", "LookupError, struct"),),
    ),
    Mutant(
        name="a-surprise-that-ends-workers",
        breaks="a message that can't even be read whole ends each worker that takes it, one after the other",
        promise="§1 can't be carried out",
        test="tests/tasks/test_door.py::test_a_message_that_cannot_even_be_read_whole_ends_no_worker",
        edits=(Edit("tasks/door.py", "            kept = bare(message)\n", "            raise\n"),),
    ),
    Mutant(
        name="events-by-their-senders-word",
        breaks="an event that expired is applied as another one once staff send it again",
        promise="§2 Events",
        test="tests/tasks/test_inbound.py::"
        "test_an_event_that_is_parked_unread_keeps_the_key_that_it_was_published_with",
        edits=(
            Edit(
                "tasks/deliveries.py",
                'published_as(message) if queue in event_queues() else headers.get("task")',
                'headers.get("task")',
            ),
        ),
    ),
    Mutant(
        name="queues-by-the-routing-key",
        breaks="a producer has what staff send again go to a queue of its choice, by a key that a header has routed",
        promise="§1 Tasks",
        test="tests/security/test_borders.py::"
        "test_a_producers_message_that_staff_send_again_starts_no_task_of_our_own_either",
        servers=True,
        edits=(Edit("tasks/consuming.py", "            message.delivery_info[QUEUE] = queue\n", ""),),
    ),
    Mutant(
        name="copies-by-our-rights",
        breaks="a producer has a copy of its message put into any queue, when it is sent again",
        promise="§1 Tasks",
        test="tests/security/test_borders.py::"
        "test_no_copy_of_a_producers_message_goes_where_the_producer_may_not_send_it",
        servers=True,
        edits=(Edit("tasks/outgoing.py", " if name not in ROUTED_BY}", "}"),),
    ),
    Mutant(
        name="headers-handed-on",
        breaks="a producer's header has a worker start a task of the service's own, as a link that nobody has read",
        promise="§1 links",
        test="tests/tasks/test_handing.py::test_celery_sees_no_header_that_it_would_take_for_something_of_its_own",
        edits=(
            Edit(
                "tasks/handing.py",
                "        **{name: value for name, kind",
                "        **headers, **{name: value for name, kind",
            ),
        ),
    ),
)
