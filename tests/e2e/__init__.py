"""End to end: real workers, started as the Procfile says, over RabbitMQ, Redis and the embedded broker.

A producer knows names and JSON alone (docs/contract.md); what came of it is read in the tables of contract §6.
"""
