"""The Kubernetes API as a pod reaches it: its service account, or a kubeconfig where it is given one."""

import base64
import os
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml

from baton_workloads.errors import ConfigurationError, DataError, TransientError

if TYPE_CHECKING:
    import httpx

KUBECONFIG = "BATON_CLUSTER_KUBECONFIG"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TRIES = 8
MAX_PAUSE_SECONDS = 5.0
PAGE = 250
BUSY = {429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Resource:
    """A kind as the API serves it.

    :param path: of its group and version, ``/api/v1`` or ``/apis/{group}/{version}``.
    """

    path: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        """Give it as manifests write it."""
        return self.path.removeprefix("/apis/").removeprefix("/api/")


class KubernetesClient:
    """A namespace of a cluster.

    :raises TransientError: from every method: the server does not answer, or is too busy for too long.
    :raises ConfigurationError: from every method: it refuses these credentials.
    """

    def __init__(self, client: "httpx.Client", namespace: str) -> None:
        self._client, self.namespace = client, namespace

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any] | None:
        """Send a request, again while the server is busy; None where there is nothing, or nothing any more."""
        response = self._answer(method, path, body, query)
        if response.status_code in (404, 410) and not query.get("continue"):
            return None
        if response.is_error:
            raise self._error(method, path, response)
        content: dict[str, Any] = response.json()
        return content

    def _answer(self, method: str, path: str, body: Any, query: Any) -> "httpx.Response":
        import httpx

        said = ""
        for number in range(TRIES):
            if number:
                time.sleep(min(MAX_PAUSE_SECONDS, 0.1 * 2**number))
            try:
                response = self._client.request(method, path, json=body, params=query)
            except httpx.HTTPError as err:
                if refused := certificate_error(err):
                    raise ConfigurationError(
                        f"the certificate of {self._client.base_url} is refused: {refused}. Give the kubeconfig, or the"
                        " service account, the authority that signed it; no retry changes that"
                    ) from err
                said = type(err).__name__
                continue
            if response.status_code not in BUSY:
                return response
            said = f"HTTP {response.status_code}"
        raise TransientError(f"Kubernetes does not answer {method} {path}: {said}, {TRIES} times")

    def _error(self, method: str, path: str, response: "httpx.Response") -> Exception:
        if response.status_code in (401, 403):
            return ConfigurationError(
                f"Kubernetes refuses {method} {path} (HTTP {response.status_code}); give this pod's service account"
                " the right, see deploy/kubernetes/backup-access.yaml"
            )
        return DataError(f"Kubernetes refuses {method} {path}: HTTP {response.status_code} {_reason(response)}")

    def create(self, resource: Resource, body: dict[str, Any]) -> None:
        """Make an object; one of that name that is there already is left as it is: an answer may have been lost."""
        response = self._answer("POST", self.of(resource), body, {})
        if response.is_error and response.status_code != 409:
            raise self._error("POST", self.of(resource), response)

    def served(self, path: str) -> bool:
        """Say whether the cluster has a group and version."""
        return self.call("GET", path) is not None

    def of(self, resource: Resource, name: str = "") -> str:
        """Give the path of a kind's objects in the namespace, or of one of them."""
        base = f"{resource.path}/namespaces/{quote(self.namespace)}/{resource.plural}"
        return f"{base}/{quote(name)}" if name else base

    def resources(self) -> list[Resource]:
        """List the namespaced kinds that can be listed, each in its group's preferred version where that has it.

        Why the other versions: a group often has kinds that only its older or newer versions know.
        """
        found = self._resources(["/api/v1"])
        for group in (self.call("GET", "/apis") or {}).get("groups", []):
            versions = [group["preferredVersion"], *group["versions"]]
            found += self._resources([f"/apis/{version['groupVersion']}" for version in versions])
        return found

    def _resources(self, paths: list[str]) -> list[Resource]:
        """List the kinds of one group; the first of its versions that has one wins."""
        found: dict[str, Resource] = {}
        for path in dict.fromkeys(paths):
            for item in (self.call("GET", path) or {}).get("resources", []):
                if item["namespaced"] and "/" not in item["name"] and "list" in item.get("verbs", []):
                    found.setdefault(item["name"], Resource(path, item["name"], item["kind"]))
        return list(found.values())

    def objects(self, resource: Resource, **query: str) -> Iterator[dict[str, Any]]:
        """List a kind's objects of the namespace page by page.

        :raises TransientError: the list went out of date between two pages; begin anew.
        """
        token: str | None = ""
        while token is not None:
            page = self._page(resource, token, query)
            yield from page.get("items", [])
            token = page.get("metadata", {}).get("continue") or None

    def _page(self, resource: Resource, token: str, query: dict[str, str]) -> dict[str, Any]:
        more = {"continue": token} if token else {}
        response = self._answer("GET", self.of(resource), None, {"limit": PAGE, **query, **more})
        if response.status_code == 410:
            raise TransientError(f"the list of {resource.plural} went out of date while it was read; try again")
        if response.status_code == 404:
            return {}
        if response.is_error:
            raise self._error("GET", self.of(resource), response)
        content: dict[str, Any] = response.json()
        return content


def certificate_error(err: BaseException | None) -> str | None:
    """Say why a certificate was refused, if that is behind an error."""
    while err is not None:
        if isinstance(err, ssl.SSLCertVerificationError):
            return err.verify_message
        err = err.__cause__ or err.__context__
    return None


def trusting(authority: str) -> ssl.SSLContext:
    """Make a context that trusts a cluster's own authority, as kubectl does.

    Python 3.13 also wants what RFC 5280 wants of certificates (an authority key identifier, key usages). The
    authorities that clusters make for themselves, EKS's among them, often leave that out; whom a chain ends at, host
    names and dates are checked all the same.
    """
    context = ssl.create_default_context(cadata=authority)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _reason(response: "httpx.Response") -> str:
    try:
        return str(response.json().get("reason", ""))
    except ValueError:
        return ""


@contextmanager
def connect() -> Iterator[KubernetesClient]:
    """Connect to the cluster and namespace that this pod belongs to.

    :raises ConfigurationError: there is neither a kubeconfig nor a service account.
    """
    import httpx

    text = os.environ.get(KUBECONFIG, "").strip()
    address, token, authority, namespace = _from_kubeconfig(text) if text else _from_account()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    context = trusting(authority)
    with httpx.Client(base_url=address, headers=headers, verify=context, timeout=30) as client:
        yield KubernetesClient(client, os.environ.get("BATON_NAMESPACE") or namespace)


def _from_kubeconfig(text: str) -> tuple[str, str, str, str]:
    try:
        config = yaml.safe_load(text)
        contexts = {item["name"]: item["context"] for item in config["contexts"]}
        chosen = contexts[config.get("current-context") or next(iter(contexts))]
        cluster = {item["name"]: item["cluster"] for item in config["clusters"]}[chosen["cluster"]]
        user = {item["name"]: item["user"] for item in config["users"]}[chosen["user"]]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return cluster["server"], user["token"], authority, chosen.get("namespace", "baton")
    except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError, RecursionError, StopIteration) as err:
        raise ConfigurationError(
            f"{KUBECONFIG} is no kubeconfig with a token and certificate-authority-data ({type(err).__name__})"
        ) from err


def _from_account() -> tuple[str, str, str, str]:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    try:
        token, authority = (ACCOUNT / "token").read_text(), (ACCOUNT / "ca.crt").read_text()
        namespace = (ACCOUNT / "namespace").read_text().strip()
    except OSError as err:
        raise ConfigurationError(
            f"this pod has no service account token, and {KUBECONFIG} is not set: it cannot reach its cluster"
        ) from err
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}", token.strip(), authority, namespace
