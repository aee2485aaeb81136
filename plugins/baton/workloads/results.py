"""Templates that pick a value from what an earlier stage returned."""


def result_of(task_id: str, *path: str) -> str:
    """Return a template for one value in the result of a task.

    Why a template and not `task.output[...]`: indexing an XComArg names another XCom, not a key of the result.

    >>> result_of("export", "manifests", "orders")
    "{{ ti.xcom_pull(task_ids='export')['manifests']['orders'] }}"
    """
    keys = "".join(f"[{key!r}]" for key in path)
    return f"{{{{ ti.xcom_pull(task_ids={task_id!r}){keys} }}}}"
