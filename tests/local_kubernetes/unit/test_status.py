"""Phases from containers, and the side-car's answers."""

import pytest

from local_kubernetes.kinds.pod import status_word
from local_kubernetes.runtime.root_filesystem import opened_directories
from local_kubernetes.runtime.sidecar import answer
from local_kubernetes.runtime.status import Container, phase, waiting
from local_kubernetes.runtime.volumes import variable

RUN = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
WAIT = waiting("ContainerCreating")
OK = {"terminated": {"exitCode": 0}}
BAD = {"terminated": {"exitCode": 1}}
BACK_OFF = waiting("CrashLoopBackOff")


def _containers(states, *, is_init=False):
    last = {"terminated": {"exitCode": 1}}
    return [
        Container({"name": f"c{at}"}, is_init, state, last if state is BACK_OFF else {})
        for at, state in enumerate(states)
    ]


@pytest.mark.parametrize(
    ("policy", "inits", "mains", "expected"),
    [
        ("Never", [], [WAIT], "Pending"),
        ("Never", [], [RUN], "Running"),
        ("Never", [], [OK], "Succeeded"),
        ("Never", [], [BAD], "Failed"),
        ("Never", [], [OK, RUN], "Running"),
        ("Never", [], [BAD, OK], "Failed"),
        ("Never", [], [OK, WAIT], "Pending"),
        ("OnFailure", [], [BACK_OFF], "Running"),
        ("OnFailure", [], [OK, OK], "Succeeded"),
        ("Always", [], [OK], "Running"),
        ("Never", [RUN], [WAIT], "Pending"),
        ("Never", [OK, WAIT], [WAIT], "Pending"),
        ("Never", [BAD], [WAIT], "Failed"),
        ("OnFailure", [BAD], [WAIT], "Pending"),
        ("Never", [OK], [RUN], "Running"),
    ],
)
def test_phases(policy, inits, mains, expected):
    """As the kubelet computes them."""
    assert phase(policy, _containers(inits, is_init=True), _containers(mains)) == expected


@pytest.mark.parametrize(
    ("sidecar", "main", "expected"),
    [
        (WAIT, WAIT, "Pending"),
        (RUN, WAIT, "Pending"),
        (RUN, RUN, "Running"),
        (BACK_OFF, RUN, "Running"),
        (RUN, OK, "Running"),
        (BAD, OK, "Succeeded"),
        (OK, BAD, "Failed"),
    ],
)
def test_phases_with_a_side_car(sidecar, main, expected):
    """It keeps the pod from its end while it runs, and does not decide how the pod ends."""
    [init] = _containers([sidecar], is_init=True)
    init.spec["restartPolicy"] = "Always"

    assert phase("Never", [init], _containers([main])) == expected


@pytest.mark.parametrize(
    ("pod", "word"),
    [
        ({"status": {"phase": "Pending"}}, "Pending"),
        ({"status": {"phase": "Failed", "reason": "DeadlineExceeded"}}, "DeadlineExceeded"),
        ({"status": {"phase": "Running", "containerStatuses": [{"state": BACK_OFF}]}}, "CrashLoopBackOff"),
        (
            {"status": {"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}},
            "ExitCode:3",
        ),
        ({"status": {"phase": "Pending", "initContainerStatuses": [{"state": RUN}]}}, "Init:0/1"),
        ({"metadata": {"deletionTimestamp": "x"}, "status": {"phase": "Running"}}, "Terminating"),
    ],
)
def test_the_word_in_kubectls_status_column(pod, word):
    """The reason that matters most."""
    assert status_word({"metadata": {}, **pod}) == word


def test_the_side_car_answers_airflows_commands(tmp_path):
    """The exact texts of cncf.kubernetes, and older ones; anything else is refused in words."""
    file = "/airflow/xcom/return.json"
    ask = f"if [ -s {file} ]; then cat {file}; else echo __airflow_xcom_result_empty__; fi"

    assert answer(["/bin/sh", "-c", ask], tmp_path).output == b"__airflow_xcom_result_empty__\n"
    assert answer(["cat", "/airflow/xcom/return.json"], tmp_path).code == 1
    (tmp_path / "return.json").write_text('{"a": 1}')
    assert answer(["/bin/sh", "-c", ask], tmp_path).output == b'{"a": 1}'
    assert answer(["/bin/sh", "-c", ask], None).output == b"__airflow_xcom_result_empty__\n"
    assert answer(["/bin/sh"], tmp_path).reads_stdin
    assert answer(["sh", "-c", "kill -2 $(pgrep -u $(id -u) -f 'sh')\n"], tmp_path).ends
    assert answer(["sh", "-c", "kill -s SIGINT 1"], tmp_path).ends
    assert answer(["rm", "-rf", "/"], tmp_path).code == 126


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/airflow/xcom", "LOCAL_KUBERNETES_MOUNT_AIRFLOW_XCOM"),
        ("/airflow/xcom/", "LOCAL_KUBERNETES_MOUNT_AIRFLOW_XCOM"),
        ("/etc/my-app.d", "LOCAL_KUBERNETES_MOUNT_ETC_MY_APP_D"),
    ],
)
def test_names_of_mount_variables(path, name):
    """What a workload looks for where there are no mounts."""
    assert variable(path) == name


def test_only_host_directories_that_get_a_mount_point_are_opened_up(tmp_path):
    """What exists is covered, what is below a volume is made in the volume, the rest is opened."""
    there = tmp_path / "there"
    there.mkdir()

    assert opened_directories(["/airflow-is-not-here/xcom"]) == frozenset()
    assert str(there) not in opened_directories([str(there)])
    opened = opened_directories([str(there / "new" / "deep")])
    assert {str(there), str(tmp_path)} <= opened
    assert opened_directories([str(there), str(there / "below")]) == frozenset()
