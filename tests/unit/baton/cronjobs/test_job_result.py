"""A Job's result is what its working container left."""

from __future__ import annotations

import pytest

from baton.cronjobs.run.job_result import ResultError, read_result, with_result_file, working_container


def pod(message, *, phase="Succeeded", at="1", index=None, uid=None, container="c"):
    annotations = {} if index is None else {"batch.kubernetes.io/job-completion-index": str(index)}
    ended = {"terminated": {"exitCode": 0, "finishedAt": at, "message": message}}
    return {
        "metadata": {"name": "p", "uid": uid or f"{index}{at}", "annotations": annotations},
        "spec": {"containers": [{"name": "c"}, {"name": "side"}]},
        "status": {"phase": phase, "containerStatuses": [{"name": container, "state": ended}]},
    }


@pytest.mark.parametrize(
    ("message", "mode", "result"),
    [
        ('{"rows": 3}', "termination_message", {"rows": 3}),
        ("plain text\n", "termination_message", "plain text\n"),
        ("", "termination_message", None),
        ('[1, "č"]', "xcom_file", [1, "č"]),
        ("", "xcom_file", None),
    ],
)
def test_one_pods_result_is_a_value(message, mode, result):
    """JSON, or text where text is allowed."""
    assert read_result([pod("7", phase="Failed", at="9"), pod(message)], {}, mode) == result


DEEP = ["[" * levels + "]" * levels for levels in (102, 900, 2048)]


@pytest.mark.parametrize("message", [*DEEP, '{"a":' * 500 + "1" + "}" * 500])
def test_result_that_xcom_could_not_take_is_named_here(message):
    """Nested too deeply: a text stays a text, a file is refused; neither fails later on the way to XCom."""
    assert read_result([pod(message)], {}, "termination_message") == message
    with pytest.raises(ResultError, match="more than 100 levels"):
        read_result([pod(message)], {}, "xcom_file")


def test_result_of_many_levels_is_taken():
    """A hundred."""
    assert read_result([pod("[" * 100 + "]" * 100)], {}, "xcom_file") is not None


def test_a_file_must_be_json():
    """Half of one is what Kubernetes leaves of a large file."""
    with pytest.raises(ResultError, match="4096 bytes"):
        read_result([pod('{"a": ')], {}, "xcom_file")


def test_results_of_several_completions_come_in_the_order_of_their_indexes():
    """The latest one of each."""
    pods = [pod("2", index=10), pod("0", index=1), pod("1", index=1, at="2"), pod("9", index=2)]
    assert read_result(pods, {"completions": 3}, "termination_message") == [1, 9, 2]


def test_without_index_they_come_in_the_order_of_their_ends():
    """There is no other."""
    pods = [pod("2", at="3", uid="a"), pod("1", at="2", uid="b")]
    assert read_result(pods, {"completions": 2}, "termination_message") == [1, 2]


def test_pods_that_are_gone_are_said_so():
    """The result was asked for: nothing is not one."""
    with pytest.raises(ResultError, match="removed before"):
        read_result([], {}, "xcom_file")


def test_only_the_working_containers_path_is_changed():
    """kubectl's default container, else the first; the template is left as it was."""
    spec = {"template": {"spec": {"containers": [{"name": "a"}, {"name": "b"}]}}}
    changed = with_result_file(spec)
    assert changed["template"]["spec"]["containers"] == [
        {"name": "a", "terminationMessagePath": "/airflow/xcom/return.json"},
        {"name": "b"},
    ]
    assert "terminationMessagePath" not in spec["template"]["spec"]["containers"][0]
    annotations = {"kubectl.kubernetes.io/default-container": "b"}
    assert working_container({"metadata": {"annotations": annotations}, **spec["template"]}) == "b"
