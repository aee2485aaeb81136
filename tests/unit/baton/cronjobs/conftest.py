"""Manifests to try things with."""

import pytest

CRONJOB = """\
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {name}{metadata}
spec:
  schedule: "{schedule}"{spec}
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - name: main
            image: {image}
"""


def cronjob(name="export", *, schedule="0 1 * * *", image="busybox", spec=(), metadata=()):
    """The text of a manifest; `spec` and `metadata` are more lines of theirs."""
    return CRONJOB.format(
        name=name,
        schedule=schedule,
        image=image,
        spec="".join(f"\n  {line}" for line in spec),
        metadata="".join(f"\n  {line}" for line in metadata),
    )


@pytest.fixture
def write(tmp_path):
    """Write documents into a file of a folder; returns the folder."""

    def write_file(name, *documents):
        (tmp_path / name).write_text("---\n".join(documents), encoding="utf-8")
        return tmp_path

    return write_file
