"""Secrets that are known by their form, by the program that gets them, or by the file that they stand in.

Every pattern starts at a literal or a bounded run, so that the time is linear in the text. `signs` are words in lower
case without which a pattern cannot match: looking for those first is ten times as fast.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where secrets stand.

    :param pattern: its group `before` stays, all after it is the secret.
    """

    pattern: re.Pattern[str]
    signs: tuple[str, ...]


FORMS = re.compile(
    r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}\b"
    r"|\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?"
    r"|\b(?:gh[pousr]_|github_pat_|gl(?:pat|rt|rtr|dt|ft|cbt|ptt|soat|imt|agent|oas|ffct)-|xox[a-z]-|xapp-|xwfp-"
    r"|sk_live_|sk_test_|rk_live_|sk-|npm_|pypi-|dop_v1_|hv[sbr]\.|shpat_|shpss_|shpca_|sq0[a-z]{3}-|GOCSPX-|NRAK-"
    r"|NRJS-|NRII-|NRRA-|hf_|ntn_|lin_api_|glsa_|pscale_[a-z]{2,8}_|dckr_pat_|figd_|ATATT3|rubygems_|atlasv1\.)"
    r"[A-Za-z0-9_=-]{8,}"
    r"|\bAIza[A-Za-z0-9_-]{30,}"
    r"|\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"
    r"|\bAGE-SECRET-KEY-1[A-Z0-9]{20,}"
    r"|\bdapi[0-9a-f]{32}(?:-\d{1,3})?\b"
    r"|\bkey-[0-9a-f]{32}\b"
    r"|\bs\.[A-Za-z0-9]{24}\b"
    r"|(?<![\w.~-])[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"
    r"|\b\d{8,10}:AA[A-Za-z0-9_-]{33}"
    r"|\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}"
    r"|\$(?:apr1|[156y]|argon2[a-z]{1,2}|scrypt|pbkdf2[a-z0-9-]{0,16})\$[^\s:\"']{8,256}"
    r"|\{S?SHA(?:256|512)?\}[A-Za-z0-9+/]{20,}={0,2}"
    r"|(?<=hooks\.slack\.com/)\S+"
)
FORM_SIGNS = (
    *("a3t", "akia", "asia", "agpa", "aida", "aroa", "aipa", "anpa", "anva", "abia", "acca", "eyj", "hooks.slack.com/"),
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "xapp-", "xwfp-", "sk_", "rk_", "sk-"),
    *(
        "npm_",
        "pypi-",
        "dop_v1_",
        "hvs.",
        "hvb.",
        "hvr.",
        "shp",
        "aiza",
        "sg.",
        "age-secret-key-1",
        "gl",
        "sq0",
        "gocspx-",
    ),
    *("nr", "hf_", "ntn_", "lin_api_", "pscale_", "dckr_pat_", "figd_", "atatt3", "rubygems_", "atlasv1.", "dapi"),
    *("key-", "s.", "q~", ":aa", "$2", "$apr1$", "$1$", "$5$", "$6$", "$y$", "$argon2", "$scrypt", "$pbkdf2", "sha}"),
    *("sha256}", "sha512}"),
)
_QUOTED = r"(?:\"[^\"\n]*\"?|'[^'\n]*'?|\S+)"
_RIGHT = r"(?:api|access|secret|licen[cs]e|auth|app|admin|account|client|service)"
PLACES = (
    # Short options of programs: -p is a port, a path or a password, as the program has it.
    Place(
        re.compile(
            rf"(?P<before>\b(?:mysql|mysqldump|mysqladmin|mysqlimport|mariadb|mariadb-dump|mycli|7za?|unrar|rar)\b"
            rf"[^\n|;&]{{0,256}}?[ \t]-p){_QUOTED}"
        ),
        ("mysql", "maria", "mycli", "7z", "rar"),
    ),
    Place(
        re.compile(
            r"(?P<before>\b(?:sshpass|docker|podman|nerdctl|helm|skopeo|oc|az|mongo|mongosh|mongodump|mongorestore"
            r"|mongoexport|rabbitmqadmin|cqlsh|vncviewer)\b[^\n|;&]{0,256}?[ \t]-p[ \t=]{1,4})"
            rf"(?!\d{{1,5}}[:/]|\d{{2,5}}\b){_QUOTED}"
        ),
        (" -p",),
    ),
    Place(re.compile(rf"(?P<before>\bsshpass[ \t]{{1,4}}-p){_QUOTED}"), ("sshpass",)),
    Place(re.compile(rf"(?P<before>\bredis-cli\b[^\n|;&]{{0,256}}?[ \t]-a[ \t]{{1,4}}){_QUOTED}"), ("redis-cli",)),
    Place(
        re.compile(rf"(?P<before>\bldap[a-z]{{2,10}}\b[^\n|;&]{{0,256}}?[ \t]-w[ \t]{{0,4}})(?!-){_QUOTED}"),
        ("ldap",),
    ),
    Place(
        re.compile(rf"(?P<before>\b(?:sqlcmd|bcp|zip|unzip|isql)\b[^\n|;&]{{0,256}}?[ \t]-P[ \t]{{0,4}}){_QUOTED}"),
        ("sqlcmd", "bcp", "zip", "isql"),
    ),
    Place(re.compile(r"(?P<before>(?:^|\s)-u[^\s:\-][^\s:]{0,255}:)\S{1,256}"), ("-u",)),
    Place(re.compile(rf"(?P<before>\bpass:){_QUOTED}"), ("pass:",)),
    Place(
        re.compile(rf"(?P<before>(?i:\blogin[ \t]{{1,8}}\S{{1,256}}[ \t]{{1,8}}password[ \t]{{1,8}})){_QUOTED}"),
        ("login",),
    ),
    Place(re.compile(r"(?P<before>^[ \t]{0,16}password[ \t]{1,8})\S{1,256}(?=[ \t]{0,16}$)"), ("password",)),
    # Lines of .pgpass: host:port:database:user:password.
    Place(re.compile(r"(?P<before>^[\w.*-]{1,255}:(?:\d{2,5}|\*):[^\s:]{1,128}:[^\s:]{1,128}:)[^\s:]{3,256}$"), (":",)),
    Place(
        re.compile(r"(?P<before>(?i:\b(?:\w{0,8}sess(?:ion)?_?id|connect\.sid|sid))=)[^\s;,&\"']{8,512}"),
        ("sess", "sid="),
    ),
    # Hexadecimal keys and UUIDs look like digests and names: only a telling word shortly before gives them away.
    Place(
        re.compile(
            r"(?P<before>(?i:\b(?:api|app|access|secret|integration|licen[cs]e|auth|signing)?"
            r"[-_ ]{0,2}(?:key|token|secret|password|credential)s?\b)[^\n]{0,24}?(?<![A-Za-z0-9:@/-]))"
            r"[0-9a-f]{32,128}\b(?!-)"
        ),
        ("key", "token", "secret", "password", "credential"),
    ),
    Place(
        re.compile(
            rf"(?P<before>(?i:\b{_RIGHT}[-_ ]{{1,2}}(?:key|token|secret|password)s?\b)[^\n\w]{{1,8}})"
            r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
        ),
        ("key", "token", "secret", "password"),
    ),
)
ELEMENT = re.compile(
    r"(?P<before><(?P<name>[A-Za-z_][\w.:-]{0,63})(?:[ \t][^<>\n]{0,256})?>)(?P<value>[^<>\n]{1,1024})(?=</)"
)
"""One of XML, whose name may tell."""
SECRET_KIND = re.compile(r"[\"']?kind[\"']?[ \t]{0,8}:[ \t]{0,8}[\"']?Secret\b")
"""What a text says that shows an object of Kubernetes whose whole data is secret."""
DATA_LINE = re.compile(r"^(?P<indent>[ \t]{0,64})(?:data|stringData):[ \t]{0,8}$")
DATA_ENTRY = re.compile(r"^(?P<before>[ \t]{1,128}[\"']?[\w.-]{1,253}[\"']?:[ \t]{0,8})(?P<value>\S.*)$")
DATA_OBJECT = re.compile(r"(?P<before>[\"'](?:data|stringData)[\"'][ \t]{0,8}:[ \t]{0,8}\{)[^{}]{1,100000}(?=\})")
