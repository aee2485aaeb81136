"""Alerts in, runs out: what the receiver at `/alerts` does with a webhook."""

from typing import TYPE_CHECKING

from baton.lazy_names import lazy_names

if TYPE_CHECKING:
    from baton.alerts.conf import Alert as Alert
    from baton.alerts.conf import AlertConf as AlertConf
    from baton.alerts.conf import AlertConfError as AlertConfError
    from baton.alerts.conf import read_conf as read_conf

_MODULES = {
    "Alert": "conf",
    "AlertConf": "conf",
    "AlertConfError": "conf",
    "read_conf": "conf",
}
__all__ = sorted(_MODULES)

__getattr__ = lazy_names(__name__, _MODULES)
