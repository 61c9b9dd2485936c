"""What Django's own pages about an error leave out, where DEBUG shows them."""

import re

from django.views.debug import SafeExceptionReporterFilter


class Reporting(SafeExceptionReporterFilter):
    """Django leaves out keys and passwords by their names; a URL, of a broker or a webhook, may hold one too."""

    hidden_settings = re.compile(f"{SafeExceptionReporterFilter.hidden_settings.pattern}|URL|ENDPOINT", re.IGNORECASE)
