"""One look at Airflow: what waits goes out; what is new goes into the outbox, then out of it to the people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from baton_workloads.watch import health, runs, state
from baton_workloads.watch.airflow import AirflowApi, RefusedUserError, UnreachableError
from baton_workloads.watch.channels import Channel
from baton_workloads.watch.delivery import Delivery
from baton_workloads.watch.notice import Notice


@dataclass(frozen=True)
class Thresholds:
    """How long something has to last before people hear of it.

    :param trouble: of what is wrong with Airflow.
    :param late: of a run that is due.
    """

    trouble: timedelta = timedelta(minutes=2)
    late: timedelta = timedelta(minutes=10)


class Watch:
    """Looks, and notifies.

    :param api: None where its settings are missing; then `settings` says so.
    :param uri: where the memory is, ``file:///…`` or ``s3://…``.
    :param usual: channels for every notice.
    :param escalation: channels for urgent ones besides.
    :param settings: what is wrong with the watch's own settings and can still be reported: key → one line.
    """

    def __init__(
        self, api: AirflowApi | None, uri: str, usual: Sequence[Channel], escalation: Sequence[Channel],
        thresholds: Thresholds, settings: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._api, self._uri, self._thresholds = api, uri, thresholds
        self._usual, self._escalation = list(usual), list(escalation)
        self._settings = health.settings(settings or {})

    def poll(self, now: datetime) -> int:
        """Look once and deliver; returns how many notices could not be delivered to everyone yet.

        :raises DamagedError: the memory is damaged; people are notified once.
        :raises ConfigurationError: Airflow refuses the user, after that was noted and all else was reported.
        """
        try:
            known = state.load(self._uri, now)
        except state.DamagedError as err:
            beside = f"{self._uri}.damaged"
            self._poll(state.load(beside, now), beside, None, {f"memory {err.fingerprint}": str(err)}, now)
            raise
        found = dict(self._settings)
        left = self._poll(known, self._uri, self._api, found, now)
        if health.REFUSED in found:
            raise RefusedUserError(found[health.REFUSED])
        return left

    def _poll(
        self, known: state.WatchState, uri: str, api: AirflowApi | None, found: dict[str, str], now: datetime
    ) -> int:
        """Deliver, look, deliver. What is wrong is added to `found`."""

        def save() -> None:
            state.save(uri, known)

        def tell(notice: Notice) -> None:
            wanted = [*self._usual, *(self._escalation if notice.urgent else [])]
            known.post(notice, [recipient for channel in wanted for recipient in channel.recipients], now)
            save()

        delivery = Delivery([*self._usual, *self._escalation], known, save, now)
        if known.outbox:
            delivery.run()  # first: Airflow may hang
        if api is not None:
            found.update(self._found(api, known, tell, now))
        health.compare(known, found, self._thresholds.trouble, tell, now, api.url if api else "")
        save()
        delivery.run()
        return len(known.outbox)

    def _found(self, api: AirflowApi, known: state.WatchState, tell: runs.Tell, now: datetime) -> dict[str, str]:
        try:
            if not known.started:
                runs.start_at(api, known, now)
            runs.poll_runs(api, known, tell, now)
            return health.troubles(api, self._thresholds.late, now)
        except UnreachableError as err:
            return health.unreachable(str(err))
        except RefusedUserError as err:
            return health.refused(str(err))
