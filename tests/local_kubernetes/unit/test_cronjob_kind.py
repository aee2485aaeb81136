"""The kind CronJob: defaults and refusals that the recorded exchanges do not show."""

import pytest

from local_kubernetes.kinds.cronjob import CRON_JOB


def cron_job(job=None, pod=None, name="c", **spec):
    """A CronJob as it is once its defaults are filled in."""
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}], **(pod or {})}}
    body = {"schedule": "0 1 * * *", "jobTemplate": {"spec": {"template": template, **(job or {})}}, **spec}
    return CRON_JOB.complete({"metadata": {"name": name}, "spec": body})


def test_a_template_gets_the_defaults_of_a_pod_but_not_those_of_its_admission():
    """Tolerations and a service account come with the pod; what the author wrote stays."""
    spec = cron_job(pod={"serviceAccountName": "robot"})["spec"]["jobTemplate"]["spec"]["template"]["spec"]

    assert spec["terminationGracePeriodSeconds"] == 30
    assert spec["containers"][0]["imagePullPolicy"] == "Always"
    assert spec["serviceAccountName"] == "robot"
    assert "tolerations" not in spec


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, []),
        ({"schedule": ""}, ["spec.schedule"]),
        ({"schedule": "x", "timeZone": "y"}, ["spec.schedule", "spec.timeZone"]),
        ({"failedJobsHistoryLimit": -1}, ["spec.failedJobsHistoryLimit"]),
        ({"job": {"backoffLimit": -1}}, ["spec.jobTemplate.spec.backoffLimit"]),
        ({"job": {"selector": {}}}, ["spec.jobTemplate.spec.selector"]),
        ({"pod": {"restartPolicy": "Always"}}, ["spec.jobTemplate.spec.template.spec.restartPolicy"]),
        (
            {"pod": {"containers": [{"name": "c"}]}},
            ["spec.jobTemplate.spec.template.spec.containers[0].image"],
        ),
        ({"job": {"completionMode": "Indexed"}}, ["spec.jobTemplate.spec.completions"]),
        (
            {"pod": {"containers": [{"name": "c", "image": "x", "imagePullPolicy": "always"}]}},
            ["spec.jobTemplate.spec.template.spec.containers[0].imagePullPolicy"],
        ),
        ({"pod": {"volumes": [{"name": "v", "emptyDir": None}]}}, []),
        ({"name": "n" * 53, "schedule": "x"}, ["spec.schedule", "metadata.name"]),
    ],
)
def test_each_wrong_field_is_named(changes, fields):
    """All at once, by their whole path."""
    assert [cause.field for cause in CRON_JOB.check(cron_job(**changes))] == fields
