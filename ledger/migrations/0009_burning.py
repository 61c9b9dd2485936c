"""An account's open lots can be read in the order in which they burn; the index over all that are open is needless."""

from django.db import migrations, models

from ledger.online import AddIndexOnline, RemoveIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('ledger', '0008_producer'),
    ]

    operations = [
        AddIndexOnline(
            model_name='lot',
            index=models.Index(condition=models.Q(('is_open', True)), fields=['account', 'priority', 'expires_at', '-category', 'effective_at', 'sequence'], name='credit_lots_burning'),
        ),
        RemoveIndexOnline(
            model_name='lot',
            name='credit_lots_account',
        ),
    ]
