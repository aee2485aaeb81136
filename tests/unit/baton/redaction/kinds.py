"""Sixty kinds of secrets, each as it stands in logs and manifests; the generator of the measurement in the docs."""

from __future__ import annotations

import base64
import json
import random
import string
import uuid
from collections.abc import Callable

LETTERS, DIGITS, HEX = string.ascii_letters, string.digits, "0123456789abcdef"
WORD = LETTERS + DIGITS
UPPER = string.ascii_uppercase + DIGITS
Kind = Callable[[random.Random], tuple[str, str]]
"""Gives a secret and a text in which it stands."""


def some(chance: random.Random, characters: str, count: int) -> str:
    return "".join(chance.choice(characters) for _ in range(count))


def password(chance: random.Random) -> str:
    return some(chance, WORD + "-_.!", chance.randint(10, 24)) + chance.choice(DIGITS) + chance.choice(LETTERS)


def in_text(make: Callable[[random.Random], str], text: str = "found {} there") -> Kind:
    def kind(chance: random.Random) -> tuple[str, str]:
        secret = make(chance)
        return secret, text.replace("{}", secret)

    return kind


def form(prefix: str, characters: str, count: int, text: str = "found {} there") -> Kind:
    return in_text(lambda chance: prefix + some(chance, characters, count), text)


def placed(text: str) -> Kind:
    return in_text(password, text)


def jwt(chance: random.Random) -> str:
    parts = [json.dumps({"alg": "HS256"}), json.dumps({"sub": some(chance, WORD, 9)})]
    head = ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
    return f"{head}.{some(chance, WORD + '-_', 43)}"


def pem(chance: random.Random) -> tuple[str, str]:
    body = some(chance, WORD + "+/", 64)
    return body, f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n{some(chance, WORD, 64)}\n-----END RSA PRIVATE KEY-----"


def base64_auth(chance: random.Random) -> tuple[str, str]:
    secret = base64.b64encode(f"user:{password(chance)}".encode()).decode()
    return secret, f'{{"auths": {{"registry.example.org": {{"auth": "{secret}"}}}}}}'


def bcrypt(chance: random.Random) -> str:
    return f"$2{chance.choice('aby')}$10${some(chance, WORD + './', 53)}"


KINDS: dict[str, Kind] = {
    "AWS access key": form("AKIA", UPPER, 16),
    "AWS secret key": form("", WORD + "/+", 40, "aws_secret_access_key = {}"),
    "JWT": in_text(jwt),
    "PEM private key": pem,
    "GitHub token": form("ghp_", WORD, 36),
    "GitHub fine-grained token": form("github_pat_", WORD + "_", 82),
    "GitLab token": form("glpat-", WORD + "-_", 20),
    "GitLab runner token": form("glrt-", WORD + "-_", 20),
    "GitLab deploy token": form("gldt-", WORD + "-_", 20),
    "Slack bot token": form("xoxb-", DIGITS + LETTERS, 40),
    "Slack webhook": form("T0", UPPER, 40, "https://hooks.slack.com/services/{}"),
    "Stripe key": form("sk_live_", WORD, 24),
    "Google API key": form("AIza", WORD + "-_", 35),
    "Google OAuth secret": form("GOCSPX-", WORD + "-_", 28),
    "Vault token": form("hvs.", WORD + "-_", 90),
    "Vault token, old form": form("s.", WORD, 24),
    "npm token": form("npm_", WORD, 36),
    "PyPI token": form("pypi-", WORD + "-_", 80),
    "Databricks token": form("dapi", HEX, 32),
    "Mailgun key": form("key-", HEX, 32),
    "Hugging Face token": form("hf_", LETTERS, 34),
    "New Relic key": form("NRAK-", UPPER, 27),
    "Square token": form("sq0atp-", WORD + "-_", 22),
    "SendGrid key": in_text(lambda chance: f"SG.{some(chance, WORD + '-_', 22)}.{some(chance, WORD + '-_', 43)}"),
    "DigitalOcean token": form("dop_v1_", HEX, 64),
    "Shopify token": form("shpat_", HEX, 32),
    "OpenAI key": form("sk-proj-", WORD + "-_", 48),
    "Anthropic key": form("sk-ant-api03-", WORD + "-_", 95),
    "Telegram bot token": in_text(lambda chance: f"{some(chance, DIGITS, 10)}:AA{some(chance, WORD + '-_', 33)}"),
    "age key": form("AGE-SECRET-KEY-1", UPPER, 58),
    "Azure storage key": form("", WORD + "+/", 86, "AccountKey={}==;EndpointSuffix=core.windows.net"),
    "Azure client secret": in_text(
        lambda chance: f"{some(chance, WORD, 3)}8Q~{some(chance, WORD + '-_.~', 34)}", "secret for the app {} made"
    ),
    "Azure SAS signature": form("", WORD, 43, "https://x.blob.core.windows.net/c?sv=2022-11-02&sig={}%3D&se=2026"),
    "bcrypt hash": in_text(bcrypt),
    "htpasswd line": in_text(lambda chance: f"$apr1${some(chance, WORD, 8)}${some(chance, WORD + './', 22)}", "ann:{}"),
    "crypt hash": in_text(
        lambda chance: f"$6${some(chance, WORD, 12)}${some(chance, WORD + './', 86)}", "root:{}:19:0:9"
    ),
    "password in a variable": placed("DB_PASSWORD={}"),
    "pass in a variable": placed("export SHOP_DB_PASS='{}'"),
    "salt in a variable": placed("PSEUDONYM_SALT={}"),
    "password in JSON": placed('{"user": "x", "password": "{}"}'),
    "name and value in JSON": placed('{"name":"DB_PASSWORD","value":"{}"}'),
    "name and value in YAML": placed("- name: DB_PASSWORD\n  value: {}\n"),
    "value before name": placed('{"value": "{}", "name": "API_TOKEN"}'),
    "stringData of a Secret": placed("apiVersion: v1\nkind: Secret\nstringData:\n  smtp: {}\n  other: x\n"),
    "data of a Secret": in_text(
        lambda chance: base64.b64encode(password(chance).encode()).decode(), "kind: Secret\ndata:\n  smtp: {}\n"
    ),
    "password in a URL": placed("postgres://shop:{}@db:5432/shop"),
    "Bearer": placed("Authorization: Bearer {}"),
    "API key header": placed("X-Api-Key: {}"),
    "probe's header": placed("httpHeaders:\n- name: X-Api-Key\n  value: {}\n"),
    "cookie": placed("Cookie: PHPSESSID={}; theme=dark"),
    "session id alone": placed("resumed PHPSESSID={}"),
    "curl -u": placed("curl -s -uadmin:{} https://host"),
    "mysql -p": placed("mysql -h db -p{} shop"),
    "sshpass -p": placed("sshpass -p {} ssh host"),
    "redis-cli -a": placed("redis-cli -h cache -a {} ping"),
    "pgpass line": placed("db.example.org:5432:shop:reader:{}"),
    "netrc line": placed("machine api.example.org login ann password {}"),
    "password in XML": placed("<password>{}</password>"),
    "password in a sentence": placed("ALTER ROLE shop PASSWORD '{}'"),
    "kubeconfig token": form("", WORD, 40, "users:\n- name: a\n  user:\n    token: {}\n"),
    "docker auth": base64_auth,
    "hex key of 32": form("", HEX, 32, "the key {} of Datadog"),
    "hex key of 40": form("", HEX, 40, "started with {}"),
    "hex token of 64": form("", HEX, 64, "token for senders: {}"),
    "UUID as a key": in_text(lambda chance: str(uuid.UUID(int=chance.getrandbits(128))), "api key {}"),
    "password alone on a line": placed("{}"),
}
