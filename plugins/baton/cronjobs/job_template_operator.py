"""Run a Kubernetes Job from the named template that an alert's route, or an order, asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from baton.alerts.conf import AlertConfError, read_conf
from baton.cronjobs.operator import JobOperator
from baton.cronjobs.templates.source import NamedSource

if TYPE_CHECKING:
    from airflow.sdk import Context


class JobTemplateOperator(JobOperator):
    """A JobOperator whose template is named by the run's conf: `target.template`, which only a route can set.

    The name is checked to be an RFC 1123 label before it becomes part of a path.

    :raises AirflowFailException: the conf names no template, or there is none of that name.
    """

    def __init__(self, **kwargs: Any) -> None:
        # Known when the run is: until then there is no template, and no file is looked for.
        super().__init__(source=NamedSource(""), **kwargs)

    def execute(self, context: Context) -> Any:
        """Read which template is meant, then run it as its base class does."""
        try:
            name = read_conf(context["dag_run"].conf).label_name("template")
        except AlertConfError as err:
            raise AirflowFailException(str(err)) from err
        self.source = NamedSource(name)
        return super().execute(context)
