"""The configuration: overrides, references, every mistake at once, secrets that stay secret."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from fluentsd import config, settings_file
from fluentsd.config import NoSettings, Settings, find, load
from fluentsd.validation import Problems

Write = Callable[..., Settings]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file and load it with just this environment."""

    def do(text: str, *, secrets: bool = True, **environ: str) -> Settings:
        (tmp_path / "fluentsd.toml").write_text(text, encoding="utf-8")
        return load(tmp_path / "fluentsd.toml", environ, secrets=secrets)

    return do


def mistakes(write: Write, text: str, **environ: str) -> list[str]:
    with pytest.raises(Problems) as caught:
        write(text, **environ)
    return caught.value.lines


def test_an_empty_file_is_a_whole_installation_beside_itself(write: Write, tmp_path: Path) -> None:
    settings = write("")
    assert settings.database_file == tmp_path / "fluentsd.db"
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path}/fluentsd.db"
    assert (settings.socket, settings.backups) == (tmp_path / "fluentsd.sock", tmp_path / "backups")
    assert (settings.grace, settings.log_format, settings.channels) == (20_000_000, "text", {})


def test_the_template_loads_with_three_sandbox_channels(write: Write) -> None:
    settings = write(config.TEMPLATE)
    assert {kind: channel.plugin for kind, channel in settings.channels.items()} == dict.fromkeys(
        ("phone", "sms", "email"), "sandbox"
    )
    assert all(not channel.options for channel in settings.channels.values())
    assert settings.channels["sms"].interval == 100_000


def test_what_the_template_comments_out_is_right_too(write: Write) -> None:
    text = config.TEMPLATE.replace('[channel.email]\nplugin = "sandbox"\ntimeout = "30 s"\n', "")
    text = text.replace('[channel.sms]\nplugin = "sandbox"\npace = "10/second"\n', "")
    lines = [line.removeprefix("# ") if _is_setting(line) else line for line in text.splitlines()]
    text = "\n".join(line for line in lines if not line.startswith('url = "postgresql'))
    settings = write(text, secrets=False)
    assert settings.channels["email"].options["host"] == "smtp.example.com"
    assert settings.notify is not None
    assert settings.folder.name == "plugins"


def _is_setting(line: str) -> bool:
    return line.startswith("# [") or line[2:].split("=")[0].strip().isidentifier()


def test_a_channels_own_keys_reach_the_plugin_unchanged_and_the_daemons_keys_do_not(write: Write) -> None:
    settings = write(
        '[channel.email]\nplugin = "email"\nconcurrency = 7\npace = "2/second"\ntimeout = "5 s"\n'
        'host = "h"\nport = 587\ntls = { verify = true }\nfrom = ["a", "b"]\n'
    )
    channel = settings.channels["email"]
    assert (channel.concurrency, channel.interval, channel.timeout) == (7, 500_000, 5_000_000)
    assert channel.options == {"host": "h", "port": 587, "tls": {"verify": True}, "from": ["a", "b"]}


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("postgresql://u@h/d", "postgresql+asyncpg://u@h/d"),
        ("postgres://u:p%40q@h:5433/d?sslmode=require", "postgresql+asyncpg://u:p%40q@h:5433/d?ssl=require"),
        ("postgresql+asyncpg://u@/d?host=/run/pg", "postgresql+asyncpg://u@/d?host=%2Frun%2Fpg"),
        ("sqlite:////var/lib/f.db", "sqlite+aiosqlite:////var/lib/f.db"),
    ],
)
def test_addresses_are_those_the_store_takes(write: Write, said: str, stored: str) -> None:
    assert write(f'[database]\nurl = "{said}"').database_url == stored


def test_a_file_with_strange_letters_in_its_name_is_the_file_the_store_opens(write: Write, tmp_path: Path) -> None:
    settings = write('[database]\npath = "a b%20?#é.db"')
    assert make_url(settings.database_url).database == str(tmp_path / "a b%20?#é.db") == str(settings.database_file)


def test_every_mistake_is_listed_at_once_with_its_place(write: Write) -> None:
    lines = mistakes(
        write,
        """
        [databse]
        path = "x"
        [daemon]
        grace = "1 day"
        sokcet = "x"
        [log]
        level = "loud"
        [notify]
        url = "ftp://x"
        [channel.fax]
        plugin = "x"
        [channel.sms]
        concurrency = 0
        pace = "fast"
        timeout = 30
        """,
    )
    assert lines == [
        "daemon.grace: '1 day' counts days; write seconds, minutes or hours, like \"30 s\"",
        "daemon.sokcet: is not a known key; did you mean 'socket'?",
        "log.level: 'loud' is not one of 'debug', 'info', 'warning' or 'error'",
        'notify.url: is not a web address; write it like "https://example.com/hooks/fluentsd"',
        "channel.sms.plugin: is missing",
        "channel.sms.concurrency: 0: input should be greater than or equal to 1",
        'channel.sms.pace: \'fast\' is not a rate; write it like "20/hour", "3/day" or "2/second"',
        "channel.sms.timeout: 30 should be text in quotes",
        "channel.fax: is not a known key; known: phone, sms, email",
        "databse: is not a known key; did you mean 'database'?",
    ]


@pytest.mark.parametrize(
    ("table", "part"),
    [
        ('path = "a"\nurl = "sqlite:///b"', "has both path and url"),
        ('url = "mysql://x"', 'is not "postgresql://user@host/name"'),
        ('url = "sqlite:///:memory:"', "a SQLite database is a file"),
        ('url = "sqlite://"', "a SQLite database is a file"),
        ('path = ""', "is empty"),
    ],
)
def test_a_wrong_database_is_one_mistake(write: Write, table: str, part: str) -> None:
    [line] = mistakes(write, f"[database]\n{table}")
    assert part in line


def test_postgresql_without_its_driver_says_what_to_install(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    [line] = mistakes(write, '[database]\nurl = "postgresql://u@h/d"')
    assert "pip install 'fluentsd[postgresql]'" in line


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"[log\n", "not TOML"), (b'[log]\nlevel = "\xff"', "not UTF-8"), (b"a = 1\na = 2", "not TOML")],
)
def test_a_file_that_cannot_be_read_is_one_mistake(tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "fluentsd.toml"
    path.write_bytes(content)
    with pytest.raises(Problems, match=part):
        load(path, {})


def test_a_folder_in_the_files_place_is_one_mistake(tmp_path: Path) -> None:
    with pytest.raises(Problems, match="cannot be read: Is a directory"):
        load(tmp_path, {})


def test_the_environment_lies_over_the_file_and_keeps_the_kind_of_value(write: Write) -> None:
    settings = write(
        '[channel.email]\nplugin = "email"\nport = 587\nsecure = true\npassword = "1"\nhosts = ["a"]\n',
        FLUENTSD_CHANNEL__EMAIL__PORT="2525",
        FLUENTSD_CHANNEL__EMAIL__SECURE="false",
        FLUENTSD_CHANNEL__EMAIL__PASSWORD="0042",
        FLUENTSD_CHANNEL__EMAIL__HOSTS='["b", "c"]',
        FLUENTSD_CHANNEL__EMAIL__USERNAME="12",
        FLUENTSD_CHANNEL__EMAIL__CONCURRENCY="3",
        FLUENTSD_LOG__LEVEL="debug",
        FLUENTSD_CONFIG="elsewhere",
        FLUENTSD_SPECS="a folder",
    )
    assert settings.channels["email"].options == {
        "port": 2525, "secure": False, "password": "0042", "hosts": ["b", "c"], "username": "12",
    }  # fmt: skip
    assert settings.channels["email"].concurrency == 3
    assert settings.log_level == "debug"


def test_a_mistake_in_the_environment_names_the_variable_and_not_the_value(write: Write) -> None:
    lines = mistakes(
        write,
        '[channel.sms]\nplugin = "x"\nport = 1\n',
        FLUENTSD_LOG__LEVEL="hunter2",
        FLUENTSD_CHANNEL__SMS__PORT="hunter2",
        FLUENTSD_CHANNEL__SMS__PLUGIN__X="hunter2",
        FLUENTSD_CHANEL__SMS__X="hunter2",
    )
    assert lines == [
        "FLUENTSD_CHANNEL__SMS__PLUGIN__X sets channel.sms.plugin.x, but plugin is not a table",
        "channel.sms.port (from FLUENTSD_CHANNEL__SMS__PORT): should have the same type as in the file",
        "log.level (from FLUENTSD_LOG__LEVEL): the value given is not one of 'debug', 'info', 'warning' or 'error'",
        "chanel: is not a known key; did you mean 'channel'?",
    ]


def test_references_are_followed_wherever_they_stand(write: Write, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from a file\n")
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "smtp").write_text("from systemd")
    settings = write(
        '[channel.email]\nplugin = "email"\na = "env:A"\nb = "file:token"\nc = { d = ["credential:smtp"] }\n',
        A="from env",
        CREDENTIALS_DIRECTORY=str(tmp_path / "credentials"),
        FLUENTSD_CHANNEL__EMAIL__E="env:A",
    )
    assert settings.channels["email"].options == {
        "a": "from env", "b": "from a file", "c": {"d": ["from systemd"]}, "e": "from env",
    }  # fmt: skip


def test_references_that_lead_nowhere_are_all_listed(write: Write, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    lines = mistakes(
        write,
        '[channel.sms]\nplugin = "x"\na = "env:NOPE"\nb = "file:nope"\nc = ["credential:x"]\nd = "file:big"\n'
        'e = "file:binary"\n[log]\nlevel = "loud"\n',
    )
    assert lines == [
        "channel.sms.a: env:NOPE cannot be read: the environment variable NOPE is not set",
        "channel.sms.b: file:nope cannot be read: No such file or directory",
        "channel.sms.c[1]: credential:x cannot be read: there is no $CREDENTIALS_DIRECTORY; systemd sets it for a "
        "unit with LoadCredential=",
        "channel.sms.d: file:big cannot be read: it is longer than 65536 bytes",
        "channel.sms.e: file:binary cannot be read: it is not UTF-8 text",
        "log.level: 'loud' is not one of 'debug', 'info', 'warning' or 'error'",
    ]


def test_a_credential_cannot_climb_out_of_its_folder(write: Write, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    (tmp_path / "credentials").mkdir()
    [line] = mistakes(
        write,
        '[notify]\nurl = "https://x"\nsecret = "credential:../outside"',
        CREDENTIALS_DIRECTORY=str(tmp_path / "credentials"),
    )
    assert "the name of a credential must not contain a path" in line


def test_a_command_that_needs_no_secrets_does_not_follow_them(write: Write) -> None:
    settings = write('[channel.sms]\nplugin = "x"\nkey = "credential:x"\nl = ["env:NOPE"]\nn = 1\n', secrets=False)
    assert settings.channels["sms"].options == {"l": [None], "n": 1}


def test_what_is_shown_has_no_secret_in_it(write: Write) -> None:
    settings = write(
        """
        [database]
        url = "postgresql://u:CANARY@h/d"
        [notify]
        url = "https://hooks.example.com/CANARY/x"
        secret = "CANARY"
        [channel.email]
        plugin = "email"
        host = "smtp.example.com"
        username = "env:USERNAME"
        login = { api_key = "CANARY", auth_scheme = "CANARY", plain = "seen" }
        proxy = "http://u:CANARY@proxy:1"
        words = ["env:USERNAME", "seen"]
        """,
        USERNAME="CANARY",
        FLUENTSD_CHANNEL__EMAIL__SID="CANARY",
        FLUENTSD_LOG__LEVEL="error",
    )
    shown = settings.shown()
    assert "CANARY" not in json.dumps(shown)
    assert "CANARY" not in repr(settings)
    assert shown["database"] == {"url": "postgresql://u:****@h/d"}
    assert shown["notify"] == {
        "url": "https://hooks.example.com/****",
        "secret": "****",
        "topics": ["campaign.*", "number.*"],
    }
    assert shown["log"] == {"format": "text", "level": "error"}
    assert shown["channel"]["email"] == {
        "plugin": "email",
        "concurrency": 50,
        "timeout": "30 s",
        "host": "smtp.example.com",
        "username": "**** (env:USERNAME)",
        "login": {"api_key": "****", "auth_scheme": "****", "plain": "seen"},
        "proxy": "http://u:****@proxy:1",
        "words": ["**** (env:USERNAME)", "seen"],
        "sid": "**** (FLUENTSD_CHANNEL__EMAIL__SID)",
    }


def test_a_secret_of_the_wrong_kind_is_not_repeated_in_the_mistake(write: Write) -> None:
    lines = mistakes(write, '[notify]\nurl = "https://x"\nsecret = 4711')
    assert lines == ["notify.secret: the value given should be text in quotes"]


def test_the_file_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, named, asked, system = (tmp_path / name for name in ("fluentsd.toml", "named", "asked", "system"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_file, "SYSTEM", system)
    with pytest.raises(NoSettings, match="fluentsd init"):
        find(None, {})
    for path in (system, here, named, asked):
        path.touch()
    assert find(asked, {"FLUENTSD_CONFIG": str(named)}) == asked
    assert find(None, {"FLUENTSD_CONFIG": str(named)}) == named
    assert find(None, {}) == Path("fluentsd.toml")
    here.unlink()
    assert find(None, {}) == system


@pytest.mark.parametrize(("explicit", "says"), [("nope.toml", "--config"), (None, "FLUENTSD_CONFIG")])
def test_a_named_file_that_is_not_there_is_not_replaced_by_another(explicit: str | None, says: str) -> None:
    with pytest.raises(NoSettings, match=says):
        find(explicit, {"FLUENTSD_CONFIG": "nope.toml"})


@pytest.mark.slow
def test_reading_the_configuration_imports_nothing_heavy() -> None:
    code = "import sys, fluentsd.config as c; print(*({'httpx', 'liquid', 'sqlalchemy', 'trio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_sources_and_agent_providers_have_names_and_keys_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "fluentsd.toml"
    file.write_text(
        '[source.hubspot-eu]\nplugin = "hubspot"\ntoken = "env:TOKEN"\n[source.hubspot-us]\nplugin = "hubspot"\n'
        '[agents.scripted]\nplugin = "sandbox"\nconcurrency = 3\ntimeout = "5 s"\n[daemon]\ncall_grace = "2 min"\n'
    )
    settings = load(file, {"TOKEN": "s3cret"})
    assert [(one.name, one.plugin, one.options) for one in settings.sources.values()] == [
        ("hubspot-eu", "hubspot", {"token": "s3cret"}),
        ("hubspot-us", "hubspot", {}),
    ]
    agents = settings.agent_providers["scripted"]
    assert (agents.plugin, agents.concurrency, agents.timeout, agents.options) == ("sandbox", 3, 5_000_000, {})
    assert settings.call_grace == 120_000_000
    assert "s3cret" not in str(settings.shown())


def test_a_name_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "fluentsd.toml"
    file.write_text('[source."Hub Spot"]\nplugin = "hubspot"\n[agents.x]\n')
    with pytest.raises(Problems) as why:
        load(file, {})
    text = str(why.value)
    assert "'Hub Spot' is not a name; write small letters, digits and hyphens" in text
    assert "agents.x.plugin: is missing" in text


def test_notify_names_topics_that_exist(write: Write) -> None:
    found = write('[notify]\nurl = "https://x"\ntopics = ["attempt.recorded", "hold.*"]').notify
    assert found is not None
    assert found.topics == ("attempt.recorded", "hold.*")
    (line,) = mistakes(write, '[notify]\nurl = "https://x"\ntopics = ["campaign.begun"]')
    assert "'campaign.begun' is not a topic; known are campaign.scheduled, " in line


def test_roles_name_users_and_groups(tmp_path: Path) -> None:
    file = tmp_path / "fluentsd.toml"
    file.write_text('[daemon]\nsocket_group = "sales"\n[roles]\nadmin = ["dana", "@wheel"]\nviewer = ["@staff"]\n')
    settings = load(file, {})
    assert settings.socket_group == "sales"
    assert settings.roles == {"admin": ("dana", "@wheel"), "manager": (), "operator": (), "viewer": ("@staff",)}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('[roles]\nadmin = ["two words"]', "'two words' is not a user or a group of this machine"),
        ('[roles]\nadmim = ["dana"]', "admin"),
        ('[daemon]\nsocket_group = "@sales"', "'@sales' is not a group of this machine; write it like \"sales\""),
    ],
)
def test_a_mistake_in_the_roles_is_explained(tmp_path: Path, text: str, mistake: str) -> None:
    file = tmp_path / "fluentsd.toml"
    file.write_text(text)
    with pytest.raises(Problems) as caught:
        load(file, {})
    assert mistake in str(caught.value)
