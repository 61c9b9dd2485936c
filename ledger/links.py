"""Links: what a message has Celery start behind it. They lead to commands alone, and no more of each counts than this.

Workers publish with rights that producers have not, and what follows a command that is carried out must not fail: so a
link is read before anything of its message is applied, and written anew.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_serializer
from pydantic import SerializerFunctionWrapHandler as Dump

from ledger.commands import COMMANDS, ConsumeMany
from ledger.fields import first_refused
from ledger.messages import moment_of

COMMAND_TASKS = frozenset({*COMMANDS, ConsumeMany.task})
COMMANDS_EXCHANGE = "credits.commands"  # the one that producers write to
OUR_OWN = "credits."  # tasks, queues and exchanges
FOR_PRODUCERS = frozenset({COMMANDS_EXCHANGE, "credits.grants", "credits.consume"})
LINKS = ("callbacks", "errbacks", "chain", "chord")
HANGING = ("link", "link_error", "chain", "chord")  # what they are called among a link's options
MAX_ID_BYTES = 255  # AMQP's short string
MAX_LINKS = 100  # of a message, those of its links among them: each is published while the next message waits
LONGEST_S = 10 * 366 * 86_400.0  # what a link may wait for


def _command(task: str) -> str:
    if task not in COMMAND_TASKS:
        raise ValueError(f"no link may lead to {task}")
    return task


def _iso(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"__type__", "__value__"}:  # as kombu writes a datetime
        value = value["__value__"]
    return moment_of(value).isoformat()


def _short(text: str) -> str:
    if len(text.encode(errors="surrogatepass")) > MAX_ID_BYTES:
        raise ValueError(f"an id has at most {MAX_ID_BYTES} bytes")
    return text


def _some(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Id = Annotated[str, AfterValidator(_short)]
Place = Annotated[int, Field(ge=0, lt=2**31)]
Seconds = Annotated[float, Field(gt=-LONGEST_S, lt=LONGEST_S)]
Moment = Annotated[Any, BeforeValidator(_iso)]
Links = list["Link"]
SomeLinks = Annotated[Links, BeforeValidator(_some)]


class Options(BaseModel):
    """When a link is sent, by which id, and what hangs on it. Where it goes is not its own to say."""

    model_config = ConfigDict(strict=True, extra="ignore")

    countdown: Seconds | None = None
    eta: Moment | None = None
    expires: Seconds | Moment | None = None
    task_id: Id | None = None
    root_id: Id | None = None
    parent_id: Id | None = None
    reply_to: Id | None = None
    group_id: Id | None = None
    group_index: Place | None = None
    ignore_result: bool | None = None
    link: SomeLinks | None = None
    link_error: SomeLinks | None = None
    chain: Links | None = None
    chord: "Link | None" = None

    @model_serializer(mode="wrap")
    def _without_none(self, dump: Dump) -> dict[str, Any]:
        """Celery takes an option that is there for one that counts."""
        return {name: value for name, value in dump(self).items() if value is not None}


class Link(BaseModel):  # type: ignore[no-redef]  # mypy's plugin takes the field kwargs for a parameter
    """A signature of Celery's. Immutable: else Celery would put the parent's result before its fields."""

    model_config = ConfigDict(strict=True, extra="ignore")

    task: Annotated[str, AfterValidator(_command)]
    args: Annotated[list[Any], BeforeValidator(lambda value: value or [])] = []
    kwargs: Annotated[dict[str, Any], BeforeValidator(lambda value: value or {})] = {}
    options: Annotated[Options, BeforeValidator(lambda value: value or {})] = Field(default_factory=Options)
    subtask_type: None = None
    immutable: Literal[True]


class Linked(BaseModel):
    """The links of a message."""

    model_config = ConfigDict(strict=True, extra="ignore")

    callbacks: Links | None = None
    errbacks: Links | None = None
    chain: Links | None = None
    chord: Link | None = None


def read_links(embed: Mapping[str, Any]) -> dict[str, Any]:
    """A message's links, each no more than what counts. Raises ValueError, which says why, where one is refused."""
    links = {name: link for name in LINKS if (link := embed.get(name))}  # of most messages there is none
    if not links:
        return links
    if sum(1 for _ in islice(_each(links), MAX_LINKS + 1)) > MAX_LINKS:
        raise ValueError(f"more than {MAX_LINKS} links")
    try:
        linked = Linked.model_validate(links)
    except ValidationError as error:
        field, why = first_refused(error)
        raise ValueError(f"{field}: {why}") from None
    for name in _our_own(links):
        raise ValueError(f"no link may name {name}")
    try:
        return {name: link for name, link in linked.model_dump().items() if link}
    except (RecursionError, ValueError):  # of what its arguments hold
        raise ValueError("a link is nested too deeply") from None


def _each(links: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every link, those that hang on others too; what is none among them is refused by its shape."""
    waiting: list[Any] = [links.get(name) for name in LINKS]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            yield value
            options = value.get("options")
            if isinstance(options, dict):
                waiting += [options.get(name) for name in HANGING]


def _our_own(links: Mapping[str, Any]) -> Iterator[str]:
    """Every text anywhere in links, arguments too, that names what is our own and is no command."""
    waiting: list[Any] = [*links.values()]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value
            waiting += value.values()
        elif isinstance(value, str | bytes):  # kombu's JSON has bytes, which AMQP takes for names as well
            name = value if isinstance(value, str) else value.decode(errors="replace")
            if name.startswith(OUR_OWN) and name not in COMMAND_TASKS and name not in FOR_PRODUCERS:
                yield name
