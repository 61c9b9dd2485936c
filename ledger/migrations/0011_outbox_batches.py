"""Outbox rows are leased and marked by their batch; each row that there is becomes a batch of its own."""

import django.db.models.deletion
from django.db import migrations, models

import ledger.identifiers

FILL = [
    "INSERT INTO credit_outbox_batches (id, destination, size, publish_after, published_at, attempts, last_error) "
    "SELECT id, destination, 1, publish_after, published_at, attempts, last_error FROM credit_outbox",
    "UPDATE credit_outbox SET batch_id = id",
]
FILL_BACK = [
    "UPDATE credit_outbox SET publish_after = batch.publish_after, published_at = batch.published_at, "
    "attempts = batch.attempts, last_error = batch.last_error "
    "FROM credit_outbox_batches AS batch WHERE batch.id = credit_outbox.batch_id",
]


def batch(**options: bool) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='rows', to='ledger.outboxbatch', **options
    )


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0010_needless_index'),
    ]

    operations = [
        migrations.CreateModel(
            name='OutboxBatch',
            fields=[
                ('id', models.UUIDField(default=ledger.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('destination', models.CharField(choices=[('event', 'Event'), ('task', 'Task'), ('message', 'Message')], max_length=8)),
                ('size', models.IntegerField(help_text='How many rows are to be confirmed.')),
                ('publish_after', models.DateTimeField(help_text='When the sweep may take it: the worker that wrote it goes first.')),
                ('published_at', models.DateTimeField(null=True)),
                ('attempts', models.IntegerField(db_default=0)),
                ('last_error', models.TextField(blank=True, db_default='')),
            ],
            options={
                'verbose_name_plural': 'outbox batches',
                'db_table': 'credit_outbox_batches',
            },
        ),
        migrations.AddField(model_name='outboxrow', name='batch', field=batch(null=True)),
        # Null: on the way back the column is there before it is filled.
        migrations.AlterField(model_name='outboxrow', name='publish_after', field=models.DateTimeField(null=True)),
        migrations.RunSQL(FILL, FILL_BACK),
        migrations.AlterField(model_name='outboxrow', name='batch', field=batch()),
        migrations.RemoveIndex(model_name='outboxrow', name='credit_outbox_unpublished'),
        migrations.AddIndex(
            model_name='outboxbatch',
            index=models.Index(condition=models.Q(('published_at', None)), fields=['publish_after'], name='credit_outbox_unpublished'),
        ),
        migrations.RemoveField(model_name='outboxrow', name='attempts'),
        migrations.RemoveField(model_name='outboxrow', name='last_error'),
        migrations.RemoveField(model_name='outboxrow', name='publish_after'),
        migrations.RemoveField(model_name='outboxrow', name='published_at'),
    ]
