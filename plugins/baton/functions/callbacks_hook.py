"""Where callbacks of functions arrive: addresses that gateways post to, read from one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

from baton.exceptions import PermanentError
from baton.functions.callback_tokens import PATH, TOKEN_HEADER, Callback, Signer
from baton.functions.hook import address_of

if TYPE_CHECKING:
    from airflow.sdk import Connection

CALLBACKS_CONNECTION = "function_callbacks"
_SHORTEST_KEY = 16


class CallbackHook(BaseHook):
    """Make callback addresses.

    The connection `function_callbacks` (type `http`) holds the address of Airflow's API server as gateways and the
    triggerer reach it, and the key that signs as its password. To change the key, put the old one into the extra field
    `previous_key` until the calls that were made with it have ended.
    """

    def address(self, callback: Callback) -> str:
        """Return the signed address of a callback. It is a credential: it belongs into no log.

        :raises PermanentError: the connection is missing, has no address or no key.
        """
        connection = self.get_connection(CALLBACKS_CONNECTION)
        return f"{address_of(connection)}{PATH}/{signer_of(connection).sign(callback)}"

    def question(self, callback: Callback) -> tuple[str, dict[str, str]]:
        """Return address and headers of the question whether an answer has come.

        :raises PermanentError: as `address`.
        """
        connection = self.get_connection(CALLBACKS_CONNECTION)
        return f"{address_of(connection)}{PATH}", {TOKEN_HEADER: signer_of(connection).sign(callback)}


def signer_of(connection: Connection) -> Signer:
    """Make the signer from the connection's keys.

    :raises PermanentError: there is none, or one that could be guessed.
    """
    keys = [connection.password or "", str(connection.extra_dejson.get("previous_key") or "")]
    keys = [key for key in keys if key]
    if not connection.password or any(len(key) < _SHORTEST_KEY for key in keys):
        raise PermanentError(
            f"connection {connection.conn_id}: its password signs callbacks; give it {_SHORTEST_KEY} characters or more"
        )
    return Signer(keys)
