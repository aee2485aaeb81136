"""An alert as others may see it: in a run's conf, in the table of decisions, on the page.

Routes match and fill what the sender wrote; what is stored and handed on has no secrets any more, as far as they can be
told by name, place or form (`baton.redaction`). Addresses of people stay: alerts name their owners.
"""

from __future__ import annotations

from dataclasses import replace

from baton.alerts.conf import Alert, fitting
from baton.redaction.redactor import Redactor, secret_values


def without_secrets(alert: Alert) -> Alert:
    """The alert with `[redacted]` where a secret stood. What one label reveals is hidden in all others, too."""
    redactor = Redactor(secret_values(alert.labels, alert.annotations), with_emails=False)
    labels, annotations = redactor.object(alert.labels), redactor.object(alert.annotations)
    texts = ("generator_url", "silence_url", "group_key", "receiver")
    return fitting(
        replace(
            alert,
            labels=labels,
            annotations=annotations,
            **{name: redactor.text(text) for name in texts if (text := getattr(alert, name))},
        )
    )


def text_without_secrets(text: str) -> str:
    """A sentence about an alert, which may quote it."""
    return Redactor(with_emails=False).text(text)
