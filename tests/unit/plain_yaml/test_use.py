"""No reader of YAML goes around the limits."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[3]
READS = re.compile(r"yaml\.(?:safe_|full_|unsafe_)?(?:load|compose|load_all|compose_all)\(|\.get_single_node\(")
CHECKED = {"baton/cronjobs/manifests/yaml_documents.py", "baton/cronjobs/templates/source.py"}
"""They make objects with readers of their own, after `plain_yaml.check`."""


def test_who_reads_yaml_counts_it_first():
    """What runs in pods has PyYAML's reader in Python, which ends with an exception."""
    found = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for folder in (PROJECT / "plugins", PROJECT / "include")
        for path in folder.rglob("*.py")
        if not {"baton_workloads", "plain_yaml"} & set(path.relative_to(folder).parts)
    }
    readers = {name for name, text in found.items() if READS.search(text)}
    assert readers == CHECKED
    assert all("check(" in found[name] for name in readers)
