"""Tokens of service accounts: signed by this server, bound to an account and, if wanted, to a pod.

Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/ and recorded tokens (v1.36).
The signature is HMAC with a key of this server's own: nobody else has to verify it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local_kubernetes import clock
from local_kubernetes.events import NODE
from local_kubernetes.names import new_uid
from local_kubernetes.private_files import write_private
from local_kubernetes.store import Key, Store

from .users import User, account_user

Object = dict[str, Any]
AUDIENCE = "https://kubernetes.default.svc.cluster.local"
_YEAR_SECONDS = 365 * 24 * 3600
_WARN_SECONDS = 3607  # a pod's token: a kubelet asks for it to be replaced after so long, and it lives for a year
_KEY_BYTES = 32


class Tokens:
    """Makes tokens and tells whose one is.

    :param path: the key's file, made if missing.
    """

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        if not path.exists():
            write_private(path, secrets.token_bytes(_KEY_BYTES))
        self._key = path.read_bytes()

    def issue(self, account: Object, audiences: Sequence[str], seconds: int, pod: Object | None = None) -> str:
        """A token of an account.

        :param pod: what it is bound to: it ends with it.
        """
        return self._signed(self._claims(account, audiences, seconds, pod))

    def for_pod(self, pod: Object, audience: str) -> str | None:
        """The token that a pod finds in its volume; None if its account is gone."""
        metadata, name = pod["metadata"], pod["spec"].get("serviceAccountName") or "default"
        account = self._find("serviceaccounts", metadata["namespace"], name)
        if account is None:
            return None
        claims = self._claims(account, [audience or AUDIENCE], _YEAR_SECONDS, pod)
        claims["kubernetes.io"]["warnafter"] = claims["iat"] + _WARN_SECONDS
        return self._signed(claims)

    def user(self, token: str, audience: str = AUDIENCE) -> User | None:
        """Whose token it is; None if it is none of ours, over, for others, or what it is bound to is gone."""
        claims = self._verified(token)
        if claims is None or not claims["nbf"] <= clock.unix() < claims["exp"] or audience not in claims["aud"]:
            return None
        bound = claims["kubernetes.io"]
        namespace, own = bound["namespace"], bound["serviceaccount"]
        for plural, what in (("serviceaccounts", own), ("pods", bound.get("pod"))):
            found = self._find(plural, namespace, what["name"]) if what else None
            if what and (found is None or found["metadata"]["uid"] != what["uid"]):
                return None
        return account_user(namespace, own["name"], own["uid"], claims["jti"])

    def _claims(self, account: Object, audiences: Sequence[str], seconds: int, pod: Object | None) -> Object:
        metadata, now = account["metadata"], int(clock.unix())
        bound: Object = {"namespace": metadata["namespace"]}
        if pod is not None:
            if pod["spec"].get("nodeName"):
                node = self._find("nodes", "", NODE)
                bound["node"] = {"name": NODE, "uid": node["metadata"]["uid"] if node else ""}
            bound["pod"] = {name: pod["metadata"][name] for name in ("name", "uid")}
        bound["serviceaccount"] = {name: metadata[name] for name in ("name", "uid")}
        return {
            "aud": list(audiences),
            "exp": now + seconds,
            "iat": now,
            "iss": AUDIENCE,
            "jti": new_uid(),
            "kubernetes.io": bound,
            "nbf": now,
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
        }

    def _find(self, plural: str, namespace: str, name: str) -> Object | None:
        stored = self._store.get(Key(plural, namespace, name))
        return stored.object if stored else None

    def _signed(self, claims: Object) -> str:
        header = {"alg": "HS256", "typ": "JWT"}
        content = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        return f"{content}.{self._signature(content)}"

    def _signature(self, content: str) -> str:
        return _encoded(hmac.digest(self._key, content.encode(), hashlib.sha256))

    def _verified(self, token: str) -> Object | None:
        content, _, signature = token.rpartition(".")
        if content.count(".") != 1 or not hmac.compare_digest(signature.encode(), self._signature(content).encode()):
            return None
        claims: Object = json.loads(base64.urlsafe_b64decode(content.partition(".")[2] + "=="))
        return claims


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
