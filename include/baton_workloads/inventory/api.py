"""The warehouse system's API: stock that has changed, in pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from baton_workloads.errors import ConfigurationError, DataError, TransientError

if TYPE_CHECKING:
    import httpx

PAGE = 200
TIMEOUT_SECONDS = 30.0


class Item(BaseModel):
    """One item as the warehouse system gives it."""

    model_config = ConfigDict(extra="ignore", strict=False)

    product_id: int = Field(gt=0)
    warehouse: str = Field(min_length=1, max_length=100)
    on_hand: int = Field(ge=0, lt=2**31)
    reserved: int = Field(ge=0, lt=2**31)
    counted_on: date | None = None
    reorder_point: int = Field(0, ge=0, lt=2**31)
    reorder_quantity: int = Field(0, ge=0, lt=2**31)
    version: int = Field(ge=0, lt=2**63)
    changed_at: AwareDatetime


@dataclass(frozen=True)
class Page:
    """One page. :param refused: items that are not as agreed, each in words, without its values."""

    items: list[Item]
    refused: list[str]
    next_cursor: str | None


class CursorGone(Exception):
    """The server does not know the cursor (any more)."""


class StockApi:
    """The API at one address."""

    def __init__(self, client: "httpx.Client") -> None:
        self._client = client

    def changes(self, since: datetime, cursor: str | None) -> Page:
        """Give one page of what changed at or after a moment.

        :raises CursorGone: begin again without it.
        :raises TransientError: no answer, too many requests, or an error of the server.
        :raises ConfigurationError: the token is refused or the address is wrong.
        :raises DataError: the answer is not what was agreed.
        """
        import httpx

        parameters: dict[str, str | int] = {"since": since.isoformat(), "limit": PAGE}
        if cursor:
            parameters["cursor"] = cursor
        try:
            response = self._client.get("/v1/stock-changes", params=parameters)
        except httpx.HTTPError as err:
            raise TransientError(f"the warehouse API does not answer ({type(err).__name__}); is it up?") from err
        _check(response.status_code)
        try:
            return _page(response.json())
        except (ValueError, KeyError, TypeError) as err:
            raise DataError("the warehouse API's answer is no page of items; has its version changed?") from err


@contextmanager
def stock_api(address: str, token: str) -> Iterator[StockApi]:
    """Open the API at an address."""
    import httpx

    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT_SECONDS) as client:
        yield StockApi(client)


def _check(status: int) -> None:
    if status == 410:
        raise CursorGone
    if status == 429 or status >= 500:
        raise TransientError(f"the warehouse API answers {status}; try again later")
    if status != 200:
        raise ConfigurationError(f"the warehouse API answers {status}; check BATON_INVENTORY_API_URL and its token")


def _page(body: Any) -> Page:
    items, refused = [], []
    for number, raw in enumerate(body["items"]):
        try:
            items.append(Item.model_validate(raw))
        except ValidationError as err:
            fields = ", ".join(sorted({str(error["loc"][0]) if error["loc"] else "item" for error in err.errors()}))
            refused.append(f"item {number} of a page: {fields}")
    return Page(items, refused, body["next_cursor"])
