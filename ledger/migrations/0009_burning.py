"""An account's open lots can be read in the order in which they burn."""

from django.db import migrations, models

from ledger.online import AddIndexOnline


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
    ]
