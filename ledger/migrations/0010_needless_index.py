"""What was found by (account, is_open) is found by the order in which lots burn."""

from django.db import migrations

from ledger.online import RemoveIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('ledger', '0009_burning'),
    ]

    operations = [
        RemoveIndexOnline(
            model_name='lot',
            name='credit_lots_account',
        ),
    ]
