"""How people are notified."""

from typing import TYPE_CHECKING

from baton.lazy_names import lazy_names

if TYPE_CHECKING:
    from baton.notifications.failure import FailureNotifier as FailureNotifier
    from baton.notifications.question import QuestionNotifier as QuestionNotifier

_MODULES = {
    "FailureNotifier": "failure",
    "QuestionNotifier": "question",
}
__all__ = sorted(_MODULES)

__getattr__ = lazy_names(__name__, _MODULES)
