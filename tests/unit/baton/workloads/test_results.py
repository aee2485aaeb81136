"""Templates that pick values from results."""

from jinja2 import Environment

from baton.workloads.results import result_of


class Ti:
    """A task instance whose upstream returned two manifests."""

    def xcom_pull(self, task_ids):
        return {"export": {"manifests": {"orders": "s3://raw/orders/manifest.json"}}}[task_ids]


def test_template_renders_to_one_value_of_the_upstream_result():
    """A path of keys leads to the value."""
    template = Environment(autoescape=False).from_string(result_of("export", "manifests", "orders"))  # noqa: S701
    assert template.render(ti=Ti()) == "s3://raw/orders/manifest.json"
