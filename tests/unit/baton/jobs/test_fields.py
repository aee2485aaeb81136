"""What Kubernetes would refuse is refused when the file is read."""

from pathlib import Path

import pytest
import yaml
from tests.unit.baton.jobs.conftest import cronjob

from baton.jobs.fields import check
from baton.jobs.fields_table import TABLE, extract
from baton.jobs.manifests_yaml import written

WHOLE_TABLE = Path(__file__).parents[4] / "include" / "baton_local" / "kubernetes" / "schema" / "fields.txt"
POD = "spec.jobTemplate.spec.template.spec"


def changed(path, value):
    """A manifest with one field changed; None removes it."""
    content = yaml.safe_load(cronjob())
    *parents, last = path.replace("POD", POD).split(".")
    place = content
    for part in parents:
        place = place[int(part)] if part.isdigit() else place.setdefault(part, {})
    if value is None:
        del place[last]
    else:
        place[last] = value
    return content


def test_table_is_the_local_kubernetes():
    """Else a new release of Kubernetes would have to be told twice."""
    assert TABLE.read_text().splitlines() == list(extract(WHOLE_TABLE))


def test_right_manifest_has_nothing_wrong():
    """Nor has one with fields of every shape."""
    assert check(yaml.safe_load(cronjob())) == []
    content = changed("POD.volumes", [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "p", "hostPath": None}])
    content["metadata"] |= {"labels": {"a": "b"}, "creationTimestamp": None}
    content["status"] = {}
    assert check(content) == []


@pytest.mark.parametrize(
    ("path", "value", "found", "why"),
    [
        ("spec.concurencyPolicy", "Forbid", None, "unknown field; did you mean concurrencyPolicy?"),
        ("POD.containers.0.comand", ["a"], "POD.containers[0].comand", "unknown field; did you mean command?"),
        ("POD.containers.0.env", [{"name": "A", "value": 1}], "POD.containers[0].env[0].value", "(put it in quotes)"),
        ("POD.containers.0.env", {"A": "1"}, "POD.containers[0].env", "must be a list, is a mapping"),
        ("POD.containers.0.args", "a b", "POD.containers[0].args", "must be a list, is 'a b'"),
        ("spec.suspend", "true", None, "must be true or false, is 'true'"),
        ("spec.jobTemplate.spec.backoffLimit", "3", None, "must be a whole number, is '3'"),
        ("POD.containers.0.resources", {"limits": {"cpu": "1 core"}}, "POD.containers[0].resources.limits.cpu", "2Gi"),
        ("apiVersion", "batch/v2alpha1", None, "must be batch/v1, is 'batch/v2alpha1'"),
        ("metadata.name", None, None, "is missing"),
        ("metadata.name", "Export", None, "'Export' is no name"),
        ("metadata.name", "a" * 53, None, "must be no more than 52 characters, has 53"),
        ("metadata.namespace", "a.b", None, "is no namespace"),
        ("spec.schedule", None, None, "is missing"),
        ("spec.schedule", "0 1 * *", None, "expected exactly 5 fields, found 4"),
        ("spec.schedule", "TZ=UTC 0 1 * * *", None, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
        ("spec.schedule", "0 1 * * 7", None, "end of range (7) above maximum (6): 7"),
        ("spec.timeZone", "Mars/Base", None, "unknown time zone Mars/Base"),
        ("spec.concurrencyPolicy", "forbid", None, "must be one of Allow, Forbid, Replace, is 'forbid'"),
        ("spec.startingDeadlineSeconds", -1, None, "must be 0 or more, is -1"),
        ("spec.jobTemplate.spec.selector", {}, None, "must not be set"),
        ("POD.restartPolicy", "Always", None, "must be OnFailure or Never, is 'Always'"),
        ("POD.restartPolicy", None, None, "is missing, which means Always"),
        ("POD.containers.0.image", None, "POD.containers[0].image", "is missing"),
        ("POD.containers", [], None, "is missing"),
        (
            "POD.initContainers",
            [{"name": "main", "image": "a"}],
            "POD.containers[0].name",
            "the name of two containers",
        ),
        ("spec.jobTemplate", {}, "spec.jobTemplate.spec", "is missing"),
        ("spec.jobTemplate", [], None, "must be a mapping, is a list"),
    ],
)
def test_wrong_field_is_named(path, value, found, why):
    """With what is wrong about it."""
    [(where, message), *_] = check(changed(path, value))
    assert written(where) == (found or path).replace("POD", POD)
    assert why in message
