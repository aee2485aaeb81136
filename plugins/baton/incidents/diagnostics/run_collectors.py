"""All collectors at once, each within its own time; what fails is named and keeps nothing else from the archive."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from baton.incidents.diagnostics.collector import (
    FAILED,
    LATE,
    SKIPPED,
    CollectionScope,
    Collector,
    Document,
    NothingToCollectError,
    Outcome,
    PartlyCollectedError,
)

log = logging.getLogger(__name__)

Take = Callable[[Document], bool]
"""Takes a document; False when there is no room for it."""


async def run_collectors(collectors: Sequence[Collector], scope: CollectionScope, take: Take) -> list[Outcome]:
    """Run all collectors at once; each document is handed on as it comes."""
    return list(await asyncio.gather(*(_run(collector, scope, take) for collector in collectors)))


async def _run(collector: Collector, scope: CollectionScope, take: Take) -> Outcome:
    outcome = Outcome(collector.name, collector.title)
    began = time.monotonic()
    try:
        async with asyncio.timeout(collector.seconds):
            await _take_all(collector.collect(scope), take, outcome)
    except NothingToCollectError as err:
        outcome.status, outcome.detail = SKIPPED, str(err)
    except PartlyCollectedError as err:
        outcome.status, outcome.detail = FAILED, str(err)
    except TimeoutError:
        outcome.status, outcome.detail = LATE, f"not done within {collector.seconds:g} s; what came until then is here"
    except Exception as err:  # one collector's error, whatever it is, must not cost the others' evidence
        log.warning("The collector %s failed: %s", collector.name, type(err).__name__)
        outcome.status, outcome.detail = FAILED, f"{type(err).__name__}: {str(err)[:300]}"
    outcome.seconds = time.monotonic() - began
    return outcome


async def _take_all(documents: AsyncGenerator[Document], take: Take, outcome: Outcome) -> None:
    left_out = 0
    async with aclosing(documents):
        async for document in documents:
            if take(document):
                outcome.paths.append(document.path)
            else:
                left_out += 1
    if left_out:
        raise PartlyCollectedError(f"{left_out} documents were left out: the archive is full")
