"""Moving in: transactions of kind import, accounts that know how many of their rows were moved in, newest first.

SQLite has the tables rebuilt for it, which loses their triggers: all of them are installed again.
"""

from importlib import import_module

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

guards = import_module("ledger.migrations.0002_guards")

MOVED_IN_ONCE = guards.Guard(
    name="account_moved_in_once",
    table="credit_accounts",
    refuses="UPDATE",
    message="how many rows of an account were moved in never changes",
    condition="NEW.imported_rows <> OLD.imported_rows",
)


def install(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(MOVED_IN_ONCE.on_postgresql(), params=None)
        return
    restore(apps, schema_editor)
    schema_editor.execute(MOVED_IN_ONCE.on_sqlite(), params=None)


def restore(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Install on SQLite what the rebuilding of tables has lost, in either direction."""
    if schema_editor.connection.vendor == "postgresql":
        return
    for guard in guards.GUARDS:
        if guard.refuses != "TRUNCATE":
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {guard.name}", params=None)
            schema_editor.execute(guard.on_sqlite(), params=None)


def remove(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    on = " ON credit_accounts" if schema_editor.connection.vendor == "postgresql" else ""
    schema_editor.execute(f"DROP TRIGGER {MOVED_IN_ONCE.name}{on}", params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0002_guards'),
    ]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, restore),
        migrations.RemoveConstraint(
            model_name='transaction',
            name='transaction_kind_fits_operation',
        ),
        migrations.AddField(
            model_name='account',
            name='imported_rows',
            field=models.BigIntegerField(db_default=0, help_text='How many of its first rows were moved in from the predecessor, and told nothing.'),
        ),
        migrations.AlterField(
            model_name='transaction',
            name='kind',
            field=models.CharField(choices=[('trial', 'Trial'), ('purchase', 'Purchase'), ('grant', 'Grant'), ('adjust', 'Adjust'), ('consume', 'Consume'), ('hold', 'Hold'), ('capture', 'Capture'), ('release', 'Release'), ('reverse', 'Reverse'), ('expire', 'Expire'), ('import', 'Import')], max_length=16),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(fields=['account', 'id'], name='credit_holds_newest'),
        ),
        migrations.AddIndex(
            model_name='lot',
            index=models.Index(fields=['account', 'id'], name='credit_lots_newest'),
        ),
        migrations.AddConstraint(
            model_name='transaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['trial', 'purchase', 'grant', 'adjust', 'release', 'reverse', 'import']), ('operation', 'credit')), models.Q(('kind__in', ['consume', 'hold', 'capture', 'expire', 'adjust', 'reverse', 'import']), ('operation', 'debit')), _connector='OR'), name='transaction_kind_fits_operation'),
        ),
        migrations.RunPython(install, remove),
    ]
