"""Transactions say which of the broker's users sent their message, where RabbitMQ has validated it; it never changes.

SQLite has the table rebuilt for it, which loses its triggers: they are installed again.
"""

from importlib import import_module

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

guards = import_module("ledger.migrations.0002_guards")
moving_in = import_module("ledger.migrations.0003_moving_in")

KEPT = guards.Guard(
    name="transaction_keeps_its_producer",
    table="credit_transactions",
    refuses="UPDATE",
    message="a transaction never changes, but by redaction: a correction is a new transaction",
    condition=guards.changed("producer"),
)


def install(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    moving_in.restore(apps, schema_editor)
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    schema_editor.execute(KEPT.on_postgresql() if is_postgresql else KEPT.on_sqlite(), params=None)


def remove(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    on = " ON credit_transactions" if schema_editor.connection.vendor == "postgresql" else ""
    schema_editor.execute(f"DROP TRIGGER {KEPT.name}{on}", params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0007_parked_acts'),
    ]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, moving_in.restore),
        migrations.AddField(
            model_name='transaction',
            name='producer',
            field=models.CharField(blank=True, db_default='', help_text="The broker's user who sent it, as RabbitMQ has validated it.", max_length=255),
        ),
        migrations.RunPython(install, remove),
    ]
