"""What waits for a Job or pod is patient with its API server, which is away for minutes when it is upgraded."""

import pytest

from baton.kubernetes import api_streams
from baton.kubernetes.api_streams import PATIENCE_SECONDS, TOKEN_SECONDS, ConnectionRetries


class AnswerError(Exception):
    """An answer of the server, or none."""

    def __init__(self, status):
        super().__init__(f"status {status}")
        self.status = status


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves, and no pause."""
    now = [1000.0]
    monkeypatch.setattr(api_streams.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(api_streams, "PAUSE_SECONDS", 0)
    return now


@pytest.mark.parametrize("status", [None, 401, 408, 410, 429, 500, 503])
async def test_an_answer_that_may_change_is_waited_for(clock, status):
    """A token that ran out is another one soon, too; after half an hour it is an error all the same."""
    retries = ConnectionRetries()
    await retries.pause_or_raise(AnswerError(status))
    clock[0] += TOKEN_SECONDS if status == 401 else PATIENCE_SECONDS
    await retries.pause_or_raise(AnswerError(status))
    clock[0] += 1
    with pytest.raises(AnswerError):
        await retries.pause_or_raise(AnswerError(status))
    retries.contact()
    await retries.pause_or_raise(AnswerError(status))


@pytest.mark.parametrize("status", [400, 403, 404, 422])
async def test_an_answer_that_stays_is_an_error_at_once(clock, status):
    """Waiting would only hide it."""
    with pytest.raises(AnswerError):
        await ConnectionRetries().pause_or_raise(AnswerError(status))


def test_an_upgrade_of_a_control_plane_fits_into_the_patience():
    """A zonal one is away for some minutes."""
    assert PATIENCE_SECONDS >= 1200
