"""Secrets are found by form, name and place; what is none stays."""

from __future__ import annotations

import base64
import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.redaction.redactor import MASK, Redactor, secret_values
from baton.redaction.secret_names import is_secret_name, is_weak_secret_name

S = "Xk3-hush.77q"


class PLAIN:
    """A new one each time: what one text reveals is known in the next one."""

    @staticmethod
    def text(text):
        return Redactor().text(text)

    @staticmethod
    def object(value):
        return Redactor().object(value)


PLACES = [
    "password={}",
    "PGPASSWORD='{}' psql",
    'DB_PASSWORD="{}"',
    "passwd: {}",
    '{{"user": "x", "password": "{}", "port": 1}}',
    r"{{\"token\":\"{}\",\"n\":1}}",
    "{{'api_key': '{}'}}",
    "client-secret => {}",
    "--password {}",
    "--api-token={} --verbose",
    "login --access-key {} now",
    "postgres://shop:{}@db:5432/shop",
    "amqps://{}@queue",
    "https://x:{}@host/path?a=b",
    "Authorization: Bearer {}",
    "authorization: {}",
    "> Proxy-Authorization: Basic {}",
    "Cookie: session={}; theme=dark",
    "set-cookie: id={}",
    "X-Api-Key: {}",
    "curl -u admin:{} https://host",
    "CREATE USER x IDENTIFIED BY '{}'",
    "ALTER ROLE x PASSWORD '{}'",
    "the password is {}",
    "https://bucket/x?X-Amz-Signature={}&y=1",
    "DefaultEndpointsProtocol=https;AccountKey={};x=y",
    "AWS_SECRET_ACCESS_KEY={}",
    "DATABASE_DSN={}",
    "slack https://hooks.slack.com/services/{}",
]


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_is_found_by_its_place(place):
    """Around it, enough stays to know what was there."""
    found = PLAIN.text(f"before\n{place.format(S)}\nafter")
    assert S not in found
    assert MASK in found
    assert found.startswith("before\n")
    assert found.endswith("\nafter")


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "glpat-abcdefghij1234567890",
        "xoxb-123456789012-abcdefABCDEF",
        "sk_live_abcdefgh12345678",
        "AGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "Bearer abcdef123456",
    ],
)
def test_a_secret_is_found_by_its_form(secret):
    """Wherever it stands."""
    assert secret.split()[-1] not in PLAIN.text(f"got {secret} from somewhere")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T09:00:00Z INFO GET /api/v1/pods/shop-7d9f8b6c5d-x2x4z 200 12ms",
        "image: registry/shop@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "uid: 6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "at com.example.AbstractAutowireCapableBeanFactory2Configuration.create(Factory.java:77)",
        "/usr/lib/python3.11/site-packages/airflow/providers/cncf/kubernetes/operators/pod.py",
        "secretName: baton-export",
        "automountServiceAccountToken: true",
        "https://github.com/apache/airflow/issues/1",
        "back-off 5m0s restarting failed container",
    ],
)
def test_what_is_no_secret_stays(text):
    """A log has to stay readable."""
    assert PLAIN.text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIEow\nIBAAKC",
        "MIIEow\nIBAAKC\n-----END PRIVATE KEY-----",
        r"key: \"-----BEGIN EC PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END EC PRIVATE KEY-----\"",
    ],
)
def test_a_private_key_is_found_even_where_the_log_was_cut(text):
    """With its begin, its end or both."""
    found = PLAIN.text(text)
    assert "MIIEow" not in found
    assert "IBAAKC" not in found


def test_lines_of_a_key_without_begin_and_end_are_found():
    """Of a key that is longer than what was kept."""
    line = base64.b64encode(bytes(range(48))).decode()
    assert line not in PLAIN.text(f"a\n{line}\n{line}\nb")


def test_e_mail_addresses_are_optional():
    """They are personal, but sometimes what one looks for."""
    assert PLAIN.text("to jan.novak@example.cz:") == "to [e-mail]:"
    assert Redactor(with_emails=False).text("to jan.novak@example.cz:") == "to jan.novak@example.cz:"


def test_objects_keep_their_form_and_lose_their_secrets():
    """Names of variables stay; what kubectl and the server keep for themselves goes."""
    found = PLAIN.object(
        {
            "metadata": {
                "name": "shop",
                "managedFields": [{"x": 1}],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": S, "note": "ok"},
            },
            "data": {"token": S, "colour": "green"},
            "spec": {
                "env": [
                    {"name": "DB_PASSWORD", "value": S},
                    {"name": "CALLBACK_URL", "value": f"https://{S}"},
                    {"name": "COLOUR", "value": "green"},
                    {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "shop", "key": "token"}}},
                ],
                "args": ["serve", "--password", S, "--port", "80", f"--token={S}"],
                "volumes": [{"secret": {"secretName": "shop"}}],
            },
        }
    )
    assert S not in str(found)
    assert found["metadata"] == {"name": "shop", "annotations": {"note": "ok"}}
    assert found["spec"]["env"][2] == {"name": "COLOUR", "value": "green"}
    assert found["spec"]["env"][3]["valueFrom"]["secretKeyRef"]["name"] == "shop"
    assert found["spec"]["args"][3:5] == ["--port", "80"]
    assert found["spec"]["volumes"] == [{"secret": {"secretName": "shop"}}]


def test_the_values_of_telling_variables_are_known_everywhere():
    """As they are, in base64, percent-encoded."""
    pod = {"containers": [{"env": [{"name": "DB_PASS_TOKEN", "value": "a b&c/d"}, {"name": "X", "value": "kept"}]}]}
    values = secret_values(pod)
    assert values == {"a b&c/d"}
    redactor = Redactor(values)
    for form in ("a b&c/d", base64.b64encode(b"a b&c/d").decode().rstrip("="), quote("a b&c/d", safe="")):
        assert redactor.text(f"<{form}> kept") == f"<{MASK}> kept"


@pytest.mark.parametrize(("name", "expected"), [("DB_PASSWORD", True), ("secretName", False), ("COLOUR", False)])
def test_names_tell(name, expected):
    """Fields that only refer to a secret are none."""
    assert is_secret_name(name) is expected


secrets = st.text(alphabet="abcXYZ0189_-.!%^*+~", min_size=8, max_size=30).map(lambda text: f"q{text}7")
noise = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r"), max_size=60)


@settings(max_examples=150, deadline=None)
@given(secret=secrets, place=st.sampled_from(PLACES), before=noise, after=noise)
def test_no_text_around_a_secret_lets_it_out(secret, place, before, after):
    """Whatever stands in the lines before and after."""
    text = f"{before}\n{place.format(secret)}\n{after}"
    if secret not in before and secret not in after:
        assert secret not in PLAIN.text(text)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200) | st.lists(st.sampled_from(PLACES), max_size=5).map(" ".join))
def test_redacting_twice_changes_nothing_more(text):
    """An object is redacted by its fields, and then as a text."""
    once = PLAIN.text(text)
    assert PLAIN.text(once) == once


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "aB3", "password", "://", "://a:", 'password="', "-----BEGIN A-----", "-----END A-----\n", "a@", "a."),
        *(
            "--a-",
            "password\\",
            'password=\\"',
            "x-",
            "eyJ",
            "key: ",
            "-u ",
            "a-pass",
            "pass=",
            'pass="',
            "--pass ",
            "name: ",
        ),
        *('"name":"', "name: a\n", "value: a\n", 'value:"', "name:pass,value:", "value:a,name:"),
    ],
)
def test_hostile_texts_take_no_more_than_linear_time(piece):
    """Four times as much takes no more than about four times as long."""
    seconds = []
    for size in (20_000, 80_000):
        text = piece * (size // len(piece))
        began = time.process_time()
        PLAIN.text(text)
        seconds.append(time.process_time() - began)
    assert seconds[1] < 10 * max(seconds[0], 0.01)


WAYS = [
    "{a}_{b}",
    "{a}-{b}",
    "{a}.{b}",
    "{a}{c}",
    "{A}_{B}",
    "{A}{B}",
    "{B}",
    "{b}",
    "MY_{A}_{B}",
    "my{C0}{c}",
    "{a}_{b}2",
]
"""How people write a name of two words."""
BEFORE = ["db", "user", "smtp", "redis", "shop"]
TELLING = [
    "pass",
    "pw",
    "pwd",
    "passwd",
    "password",
    "passphrase",
    "creds",
    "salt",
    "secret",
    "token",
    "credentials",
    "otp",
]
LAST = ["otp", "auth", "conn", "sig", "private", "bearer", "session", "pin", "dsn", "jwt", "cookie", "signature"]


def written(way, before, word):
    return way.format(a=before, b=word, c=word.capitalize(), A=before.upper(), B=word.upper(), C0=before.capitalize())


@pytest.mark.parametrize("name", [
    *("DB_PASS", "dbPass", "db-pass", "DBPASS", "PGPASSWORD", "PASS", "PW", "userPw", "ROOT_PW", "rootpw", "AWS_CREDS"),
    *("PASSWORD_SALT", "salt", "DJANGO_SALT", "SMTP_PASS_2", "DB_PASS_TOKEN", "Passphrase", "USER_PIN", "otp"),
    "apikey",
    *("API-Key", "x-api-key", "REDIS_AUTH", "_auth", "BEARER", "PHPSESSIONID", "SIG", "DATABASE_DSN", "DB_CONN"),
    *("AIRFLOW_CONN_SHOP", "SSH_KEY", "sshKey", "STRIPE_KEY", "encryptionKey", "spring.datasource.pass", "PRIVATE"),
    *("jwt",),
])  # fmt: skip
def test_a_name_tells(name):
    """Wherever the word stands in it, however its words are put together."""
    assert is_secret_name(name)


@pytest.mark.parametrize("name", [
    *("passed", "compass", "bypass", "passenger", "PASSENGERS", "passive", "passport", "PASS_RATE", "pass_count"),
    *("by_pass", "PASS_THROUGH", "keyboard", "key", "KEYCLOAK_HOST", "partition_key", "topologyKey", "primaryKey"),
    *("run_key", "publicKey", "monkey", "author", "AUTHORS", "AUTH_TYPE", "authority", "sessionAffinity", "conn_id"),
    *("connections", "spinner", "pinned", "SHIPPING", "design", "signal", "significant", "basalt", "assault", "laptop"),
    *("option", "privateer", "IS_PRIVATE_CLUSTER", "secretName", "COLOUR", "HTTP_PORT", "spwan", "powershell", "PATH"),
])  # fmt: skip
def test_a_name_does_not_tell(name):
    """Part of another word is no word."""
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "line",
    [
        *(
            "passed=3 failed=0",
            "passed: 12",
            "compass=north",
            "bypass=true",
            "passenger=Novak",
            "keyboard=cz",
            "key=17",
        ),
        *("pass_rate=0.98", "session: closed by the peer", "auth: failed for the user", "conn=1204 op=3", "spin=left"),
        *("connection: keep-alive", "author=Eva", 'level=info msg="3 passed"', "topologyKey: kubernetes.io/hostname"),
        *("run_key=2026-11-22", "DB_PASS= ", "db_pass=null", '{"name": "COLOUR", "value": "green"}', "--verbose yes"),
        "- name: PASS_RATE\n  value: high",
    ],
)
def test_names_that_do_not_tell_cost_nothing(line):
    """A log has to stay readable."""
    assert PLAIN.text(line) == line


LOGGED = [
    *("{n}={s}", "export {n}='{s}'", '{n}="{s}"', "{n} = {s}", '{{"{n}": "{s}", "x": 1}}', "{{'{n}': '{s}'}}"),
    *('{{\\"{n}\\":\\"{s}\\"}}', '{{"name": "{n}", "value": "{s}"}}', '{{"name":"{n}","value":"{s}"}}', "{n} => {s}"),
    *('{{"value": "{s}", "name": "{n}"}}', "- name: {n}\n  value: {s}", "env:\n    - name: {n}\n      value: '{s}'"),
    *('msg="started with {n}={s}"', "https://host/?a=1&{n}={s}", "tool --{n} {s} --port 80", "tool --{n}={s}"),
    *("{{Name:{n} Value:{s}}}", "[{n}={s}]", "key: {n}, value: {s}"),
]
"""How logs show a variable."""


@settings(max_examples=500, deadline=None)
@given(
    way=st.sampled_from(WAYS),
    before=st.sampled_from(BEFORE),
    word=st.sampled_from([*TELLING, *LAST]),
    place=st.sampled_from(LOGGED),
    secret=secrets,
)
def test_what_telling_names_hold_is_found_wherever_they_are_written(way, before, word, place, secret):
    """In logs, in objects, in command lines; and what an object reveals is known everywhere."""
    # Two words in capitals, nothing between them: only where the second is part of no other word.
    name = written(WAYS[0] if way == "{A}{B}" and word in LAST else way, before, word)
    assert is_secret_name(name), name
    assert secret not in PLAIN.text(f"before\n{place.format(n=name, s=secret)}\nafter"), name
    if not is_weak_secret_name(name):
        for found in (
            {"spec": {"containers": [{"env": [{"name": name, "value": secret}]}]}},
            {"metadata": {"labels": {name: secret}}},
            {"metadata": {"annotations": {name: secret}}},
            {"args": ["serve", f"--{name}", secret]},
            {"args": ["serve", f"--{name}={secret}"]},
            {"command": ["sh", "-c", f"export {name}={secret}; run"]},
            {"httpGet": {"httpHeaders": [{"name": name, "value": secret}]}},
        ):
            assert secret not in str(PLAIN.object(found)), found
            assert secret not in Redactor(secret_values(found)).text(f"it said {secret} again"), found


def test_a_label_that_is_a_word_costs_no_other_text():
    """It is hidden where it stands."""
    found = {"labels": {"auth": "enabled"}}
    assert PLAIN.object(found) == {"labels": {"auth": MASK}}
    assert secret_values(found) == set()
