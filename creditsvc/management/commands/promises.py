"""`manage.py promises`: whether schemas and AsyncAPI document say what the models say; --write has them say it."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from creditsvc.environment import BASE_DIR
from creditsvc.promises.asyncapi import document
from creditsvc.promises.schemas import schemas

DOCS = BASE_DIR / "docs"


class Command(BaseCommand):
    """manage.py promises [--write]"""

    help = "Checks that docs/schemas and docs/asyncapi.json are current, and names what is not. Exits 1 then."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help="make them anew")
        parser.add_argument("--docs", type=Path, default=DOCS, help="the folder that they are in")

    def handle(self, *, write: bool, docs: Path, **options: Any) -> None:
        made = {docs / "asyncapi.json": document()}
        made |= {docs / "schemas" / name: schema for name, schema in schemas().items()}
        texts = {file: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for file, content in made.items()}
        superfluous = set((docs / "schemas").rglob("*.json")) - texts.keys()
        if write:
            _write(texts, superfluous)
            return
        stale = [file for file, text in texts.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
        if stale or superfluous:
            names = ", ".join(sorted(str(file.relative_to(docs)) for file in (*stale, *superfluous)))
            raise CommandError(f"not current: {names}. Run manage.py promises --write")


def _write(texts: dict[Path, str], superfluous: set[Path]) -> None:
    for file in superfluous:
        file.unlink()
    for file, text in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
