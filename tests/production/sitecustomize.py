"""On PYTHONPATH, hides what production has not: developers' packages that libraries import where they are installed.

With them a process of the service is not quite what is deployed, and takes a seventh longer to start.
"""

import sys

# What celery.utils.debug, kombu.serialization and structlog look for.
for name in ("psutil", "yaml", "greenlet", "rich"):
    sys.modules[name] = None  # type: ignore[assignment]  # for the import system: there is no such module
