"""The settings of a `[source.<name>]` with `plugin = "salesforce"`; lists all mistakes at once, never repeats a
secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fluentsd.api import OptOutRule, Table, a_rate, read_opt_out_rules

#: Winter '27.
USUAL_VERSION = "68.0"
USUAL_INTERVAL, USUAL_SHARE, USUAL_OVERLAP = 1_000_000 // 10, 0.4, 300
KNOWN = (
    "login_url", "client_id", "client_secret", "username", "private_key", "private_key_file", "audience",
    "version", "queries", "fields", "opt_out", "external_id", "rate", "daily_share", "overlap",
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z]\w*")
_QUERY = re.compile(r"\s*SELECT\s+Id\s+FROM\s+(Lead|Contact)(?:\s+WHERE\s+(.+?))?\s*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Query:
    """A segment that the operator writes: the records of `object` for which `where` holds ("": all)."""

    object: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """One Salesforce org. With a `private_key` the JWT bearer flow signs in as `username`, else the client credentials
    flow as the app's run-as user. `interval` and `overlap` are microseconds."""

    login_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    username: str = ""
    private_key: str = field(default="", repr=False)
    audience: str = ""
    version: str = USUAL_VERSION
    queries: Mapping[str, Query] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    opt_outs: tuple[OptOutRule, ...] = ()
    external_id: str = ""
    interval: int = USUAL_INTERVAL
    daily_share: float = USUAL_SHARE
    overlap: int = USUAL_OVERLAP * 1_000_000


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Read the table; raises `ConfigProblem` naming every mistake."""
    table = Table(config, KNOWN)
    jwt = {"private_key", "private_key_file", "username"} & table.rest.keys()
    if jwt and ("username" not in jwt or len(jwt) != 2):
        table.mistakes.append("username and private_key_file (or private_key): write both for the JWT bearer flow")
    elif not jwt and "client_secret" not in table:
        table.mistakes.append(
            "client_secret: is missing; write it (client credentials flow), or username and private_key_file"
        )
    key_file = table.take("private_key_file", "", _key_file)
    login_url = table.must("login_url", "", _origin)
    settings = Settings(
        login_url=login_url,
        client_id=table.must("client_id", "", _text),
        client_secret=table.take("client_secret", "", _text),
        username=table.take("username", "", _text),
        private_key=table.take("private_key", key_file, _key),
        audience=table.take("audience", login_url, _origin),
        version=table.take("version", USUAL_VERSION, _version),
        queries=table.take("queries", {}, _queries),
        fields=table.take("fields", (), _fields),
        opt_outs=read_opt_out_rules(table),
        external_id=table.take("external_id", "", _custom_field),
        interval=table.take("rate", USUAL_INTERVAL, a_rate),
        daily_share=table.take("daily_share", USUAL_SHARE, _share),
        overlap=table.take("overlap", USUAL_OVERLAP, _seconds) * 1_000_000,
    )
    for rule in settings.opt_outs:
        if not _NAME.fullmatch(rule.field):
            table.mistakes.append(f"opt_out.{rule.channel}: {rule.field!r} {_NOT_A_FIELD}")
    table.finish("salesforce")
    return settings


_NOT_A_FIELD = 'is not the API name of a field; Setup, Object Manager shows it ("Do_Not_Text__c")'


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} given; it should be text in quotes")  # the value may be a secret
    if not value or value != value.strip() or not value.isprintable():
        raise ValueError("should be text without spaces around it, as Salesforce shows it")
    return value


def _key(value: Any) -> str:
    if not isinstance(value, str) or "PRIVATE KEY-----" not in value:
        raise ValueError("should be the private key in PEM form (-----BEGIN PRIVATE KEY----- …)")
    return value


def _key_file(value: Any) -> str:
    path = Path(_text(value)).expanduser()
    try:
        return _key(path.read_text("utf-8"))
    except OSError as why:
        raise ValueError(
            f"{str(path)!r} cannot be read ({why.strerror}); correct the path or its permissions"
        ) from None


def _origin(value: Any) -> str:
    parts = urlsplit(_text(value))
    if parts.scheme == "http" and is_loopback(str(parts.hostname)) and not parts.path.strip("/"):
        return str(value).rstrip("/")
    if parts.scheme != "https" or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError(f'{value!r} is not an origin; write your My Domain, like "https://acme.my.salesforce.com"')
    return str(value).rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, where plain http is allowed (for tests)."""
    return host in ("127.0.0.1", "localhost", "::1")


def _version(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\d\d\.0", value) or float(value) < 41:
        raise ValueError(f'{value!r} is not an API version that Salesforce keeps; write it like "{USUAL_VERSION}"')
    return value


def _queries(value: Any) -> Mapping[str, Query]:
    if not isinstance(value, Mapping):
        raise ValueError('should be a table { name = "SELECT Id FROM Lead WHERE …" }')
    found: dict[str, Query] = {}
    for name, text in value.items():
        match = _QUERY.fullmatch(text) if isinstance(text, str) else None
        if match is None or re.search(r"\b(ORDER\s+BY|LIMIT|GROUP\s+BY|OFFSET)\b", match[2] or "", re.IGNORECASE):
            raise ValueError(
                f'{name!r} should be "SELECT Id FROM Lead WHERE …" or the same of Contact, without ORDER BY and LIMIT'
            )
        found[str(name)] = Query(match[1].capitalize(), (match[2] or "").strip())
    return found


def _fields(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError('should be a list of fields, like ["LeadSource", "Region__c"]')
    if wrong := [one for one in value if not _NAME.fullmatch(one)]:
        raise ValueError(f"{wrong[0]!r} {_NOT_A_FIELD}")
    return tuple(dict.fromkeys(value))


def _custom_field(value: Any) -> str:
    if not re.fullmatch(r"[A-Za-z]\w*__c", _text(value)):
        raise ValueError(f'{value!r} is not a custom field of Task; write its API name, like "Fluentsd_Key__c"')
    return str(value)


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise ValueError(f"{value!r} should be a part of the org's daily requests, more than 0 and at most 1")
    return float(value)


def _seconds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 86_400:
        raise ValueError(f"{value!r} should be seconds, 0 to 86400")
    return value
