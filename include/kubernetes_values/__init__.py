"""What Kubernetes takes as a value: names, labels, amounts, times, words, and the fields of its objects.

>>> from kubernetes_values import LABEL_VALUE, amount
>>> LABEL_VALUE.fits("team_a"), LABEL_VALUE.fits("team a")
(True, False)
>>> amount("1.5Gi")
Decimal('1610612736.0')

Why a package of its own: the import of CronJobs refuses what a cluster would refuse, and the local Kubernetes is such a
cluster. Each words its findings for its own readers; what is right and wrong stands here, once. Standard library only.
"""

from .choices import CHOICES
from .fields import Field, Message, message, message_name
from .names import (
    CONFIG_KEY,
    LABEL,
    LABEL_VALUE,
    LARGEST_ANNOTATIONS_BYTES,
    MAX_CRONJOB_NAME_LENGTH,
    PORT_NAME,
    QUALIFIED,
    SUBDOMAIN,
    VARIABLE,
    Form,
    annotations_bytes,
)
from .quantities import QuantityError, amount, canonical
from .times import parse_time

__all__ = [
    "CHOICES",
    "CONFIG_KEY",
    "LABEL",
    "LABEL_VALUE",
    "LARGEST_ANNOTATIONS_BYTES",
    "MAX_CRONJOB_NAME_LENGTH",
    "PORT_NAME",
    "QUALIFIED",
    "SUBDOMAIN",
    "VARIABLE",
    "Field",
    "Form",
    "Message",
    "QuantityError",
    "amount",
    "annotations_bytes",
    "canonical",
    "message",
    "message_name",
    "parse_time",
]
