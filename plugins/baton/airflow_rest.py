"""Airflow's REST API from outside of the API server: for command lines, and for tasks, which may not read its database.

The one client of the plugin. The local side and what runs in pods have one each (`baton_local.airflow_api` waits for a
stack that starts, `baton_workloads.watch.airflow` doubts what answers), because none of them may import another.
"""

from __future__ import annotations

from typing import Any

from baton.exceptions import BatonError

_TIMEOUT_SECONDS = 30
_QUOTED_CHARACTERS = 300
_NO_CONTENT = 204


class AirflowError(BatonError):
    """Airflow cannot be reached, or refuses.

    :param status: the HTTP status of what it answered; 0 without an answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class AirflowRest:
    """Signed-in requests to one Airflow.

    :param url: address of the web UI.
    :param token: a JWT.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url, self._token = url.rstrip("/"), token
        self._made: Any = None

    @classmethod
    def signed_in(cls, url: str, user: str, password: str) -> AirflowRest:
        """A client with a token of its own.

        :raises AirflowError: it cannot be reached, or refuses the user.
        """
        client = cls(url, "")
        try:
            answer = client.call("POST", "/auth/token", json={"username": user, "password": password})
            client._client.headers["Authorization"] = f"Bearer {answer['access_token']}"
        except (KeyError, TypeError) as err:
            client.close()
            raise AirflowError(f"what answers at {url} is no Airflow") from err
        except AirflowError:
            client.close()
            raise
        return client

    @property
    def _client(self) -> Any:
        if self._made is None:
            import httpx

            headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
            try:
                self._made = httpx.Client(base_url=self.url, headers=headers, timeout=_TIMEOUT_SECONDS)
            except httpx.InvalidURL as err:
                raise AirflowError(f"{self.url!r} is no address of an Airflow: {err}") from err
        return self._made

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._made is not None:
            self._made.close()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """One request; returns the decoded body, None where the answer has none.

        :param path: with what stands before the API's version, as `/api/v2/dags`.
        :raises AirflowError: it cannot be reached, refuses, or answers something else than JSON.
        """
        import httpx

        try:
            response = self._client.request(method, path, **options)
        except (httpx.HTTPError, httpx.InvalidURL) as err:
            raise AirflowError(f"cannot reach Airflow at {self.url}: {err}") from err
        if not response.is_success:
            words = f"Airflow refused {method} {path} ({response.status_code}): {response.text[:_QUOTED_CHARACTERS]}"
            raise AirflowError(words, response.status_code)
        if response.status_code == _NO_CONTENT:
            return None
        try:
            return response.json()
        except ValueError as err:
            raise AirflowError(f"what answers {path} at {self.url} is no Airflow with Baton in it") from err
