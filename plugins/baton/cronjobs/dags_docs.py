"""The documentation of the DAGs that are made of CronJobs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from baton.cronjobs.chains.chain import Chain, Link
from baton.cronjobs.manifests.cronjob import CronJob
from baton.doc_sections import HEADINGS
from baton.schedules.in_words import in_words

_POLICIES = {
    "Allow": "Runs may overlap.",
    "Forbid": "A run that would overlap waits; of several that were missed meanwhile the latest runs.",
    "Replace": "A run ends the one before it.",
}
_IF_IT_FAILS = """\
The last lines of the task's log are the pod's own; Kubernetes has tried again as often as `backoffLimit` says.
Clearing the task runs its Job again."""
_PARAMS = "None: the manifest is the truth."


def cronjob_doc(cronjob: CronJob, link: Link) -> str:
    """Describe a CronJob's own DAG."""
    what = f"Runs the CronJob `{cronjob.name}` of {_place(cronjob)} as Kubernetes would: {_images(cronjob)}."
    return _doc(what, f"Known to the image only → the asset `cronjob/{cronjob.key}`.", _when(cronjob, link))


def chain_doc(chain: Chain, cronjobs: Mapping[str, CronJob]) -> str:
    """Describe a chain in one DAG."""
    lines = [
        f"- `{key}` of {_place(cronjobs[key])}{_after(link)}: {_images(cronjobs[key])}"
        for key, link in chain.links.items()
    ]
    what = "\n".join(["Runs CronJobs one after the other, each as Kubernetes would:", "", *lines])
    assets = ", ".join(f"`cronjob/{key}`" for key in chain.links)
    root = chain.roots[0]
    return _doc(what, f"Known to the images only → the assets {assets}.", _when(cronjobs[root], Link(root)))


def _doc(*first: str) -> str:
    parts = zip(HEADINGS, (*first, _IF_IT_FAILS, _PARAMS), strict=True)
    return "\n\n".join(f"## {heading}\n{text}" for heading, text in parts) + "\n"


def _place(cronjob: CronJob) -> str:
    return f"`{Path(cronjob.manifest.file).name}`"


def _images(cronjob: CronJob) -> str:
    return ", ".join(f"`{image}`" for image in cronjob.images)


def _after(link: Link) -> str:
    each = f", once for each of {', '.join(link.for_each)}" if link.for_each else ""
    if not link.after:
        return each
    how = "has ended" if link.when == "always" else "has succeeded"
    return f", when {' and '.join(link.after)} {how}{each}"


def _when(cronjob: CronJob, link: Link) -> str:
    if link.after:
        return f"When {' and '.join(link.after)} has succeeded, instead of by the clock."
    if cronjob.is_suspended:
        return "By hand only: the manifest says suspend."
    deadline = cronjob.starting_deadline_seconds
    late = f" One that could not start within {deadline} s is left out." if deadline is not None else ""
    words = f"{in_words(cronjob.schedule)} ({cronjob.time_zone or 'UTC'}), as the manifest says."
    return f"{words} {_POLICIES[cronjob.concurrency_policy]}{late}"
