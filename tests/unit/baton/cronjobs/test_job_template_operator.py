"""JobTemplateOperator: the template's name comes from a run's conf."""

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from baton.alerts.conf import Alert, make_conf
from baton.cronjobs.job_template_operator import JobTemplateOperator

ALERT = Alert("jobs", "r", "firing", "f1", "2026-11-22T08:00:00+00:00")


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        (None, "no conf.alert"),
        (make_conf(ALERT, {}), "target.template is missing"),
        (make_conf(ALERT, {"template": "../../../etc/passwd"}), "not an RFC 1123 label"),
        (make_conf(ALERT, {"template": "a/b"}), "not an RFC 1123 label"),
        (make_conf(ALERT, {"template": "{{ 1 }}"}), "not an RFC 1123 label"),
    ],
)
def test_only_a_plain_name_becomes_part_of_a_path(conf: dict[str, Any] | None, message: str) -> None:
    """Anything else fails before a file is looked for, and is not tried again."""
    operator = JobTemplateOperator(task_id="run_job")
    with pytest.raises(AirflowFailException, match=message):
        operator.execute({"dag_run": SimpleNamespace(conf=conf)})  # type: ignore[typeddict-item]
