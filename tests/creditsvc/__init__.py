"""The wiring: environment, logs, Celery's configuration, processes, containers, the demonstration."""
