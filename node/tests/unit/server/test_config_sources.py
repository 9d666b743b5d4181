"""Claims about reading a configuration: where it comes from and how its mistakes are told."""

import re
from pathlib import Path

import pytest

from raftkeeper.server.config import Config, FourLetter, section_models
from raftkeeper.server.config_sources import ConfigError, load_config
from raftkeeper.server.four_letter_words import FOUR_LETTER_WORDS

TLS = {"--client-tls-certificate": "node.pem"}


def problems_of(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    """What is said about a file, without the folder in front."""
    file = tmp_path / "node.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_config(file, environment or {}, {})
    return [problem.removeprefix(f"{tmp_path}/") for problem in raised.value.problems]


def told(tmp_path: Path, text: str) -> tuple[str, ...]:
    """What is said about a file, which may be correct."""
    file = tmp_path / "node.toml"
    file.write_text(text)
    try:
        load_config(file, {}, {})
    except ConfigError as error:
        return error.problems
    return ()


def test_defaults_are_a_valid_configuration() -> None:
    """Nothing has to be said to start a node."""
    config = load_config(None, {}, {})
    assert config == Config()
    assert (config.client.port, config.session.min_timeout_ms) == (2181, 4000)


def test_flags_outrank_environment_outranks_file(tmp_path: Path) -> None:
    """The later source wins, key by key."""
    file = tmp_path / "node.toml"
    file.write_text("[client]\nport = 1\nframe_bytes_max = 5000\nlisten = '127.0.0.2'\n")
    config = load_config(
        file,
        {"RAFTKEEPER__CLIENT__PORT": "2", "RAFTKEEPER__CLIENT__FRAME_BYTES_MAX": "6000"},
        {"--client-port": "3"},
    )
    assert (config.client.port, config.client.frame_bytes_max) == (3, 6000)
    assert config.client.listen == "127.0.0.2"


def test_lists_are_words_outside_the_file() -> None:
    """`srvr,mntr` in a flag is the list of both."""
    config = load_config(None, {}, {"--four-letter-whitelist": "srvr,mntr"})
    assert config.four_letter.whitelist == ("srvr", "mntr")


def test_unknown_key_is_named_with_line_and_nearest(tmp_path: Path) -> None:
    """A slip of the hand costs one look."""
    assert problems_of(tmp_path, "# a comment\n[client]\nprot = 1\n") == [
        "node.toml:3: unknown key client.prot; did you mean client.port?"
    ]


def test_key_in_the_wrong_section_is_sent_to_the_right_one(tmp_path: Path) -> None:
    """The same name elsewhere is the likeliest wish."""
    assert problems_of(tmp_path, "[storage]\nretain = 3\n") == [
        "node.toml:2: unknown key storage.retain; did you mean snapshot.retain?"
    ]


def test_unknown_section_is_named(tmp_path: Path) -> None:
    """Sections have slips too."""
    assert problems_of(tmp_path, "\n[sesion]\na = 1\n") == [
        "node.toml:2: unknown section sesion; did you mean session?"
    ]


def test_wrong_value_is_told_with_line_and_range(tmp_path: Path) -> None:
    """The allowed range stands in the message."""
    (problem,) = problems_of(tmp_path, "[client]\nlisten = '::'\nport = 70000\n")
    assert problem.startswith("node.toml:3: client.port = 70000:")
    assert problem.endswith("(allowed: 1 to 65535)")


@pytest.mark.parametrize(
    ("section", "line", "said"),
    [
        ("client", 'port = "abc"', '= "abc": must be a whole number (allowed: 1 to 65535)'),
        ("client", "port = -1", "= -1: must be at least 1 (allowed: 1 to 65535)"),
        ("client", "port = 70000", "= 70000: must be at most 65535 (allowed: 1 to 65535)"),
        ("client", "port = 1.5", "= 1.5: must be a whole number (allowed: 1 to 65535)"),
        ("client", "port = true", "= true: must be a whole number (allowed: 1 to 65535)"),
        ("client", "port = []", "= []: must be a whole number (allowed: 1 to 65535)"),
        ("log", 'level = "loud"', '= "loud": must be one of debug, info, warning, error'),
        ("log", "level = 3", "= 3: must be one of debug, info, warning, error"),
        ("client", 'plain = "maybe"', '= "maybe": must be true or false'),
        ("client", "plain = []", "= []: must be true or false"),
        ("client", "listen = 5", "= 5: must be text in quotes"),
        ("auth", "super_subject = 1979-05-27", "= 1979-05-27: must be text in quotes"),
        (
            "session",
            'min_timeout_ms = "4s"',
            '= "4s": must be a whole number of milliseconds, without a unit (allowed: 100 to 86400000)',
        ),
        (
            "storage",
            'segment_bytes = "32MiB"',
            '= "32MiB": must be a whole number of bytes, without a unit (allowed: 1048576 to 4294967296)',
        ),
        (
            "storage",
            "segment_bytes = 5000001",
            "= 5000001: must be a multiple of 4096 (allowed: 1048576 to 4294967296)",
        ),
        ("storage", "data_dir = 5", "= 5: must be a path in quotes"),
        ("ensemble", "members = 5", '= 5: must be a list such as ["a", "b"]'),
        ("ensemble", 'preferred_zones = ["a", 2]', "= 2 at place 2: must be text in quotes"),
        ("peer", "tls_names = {a = 1}", '= {"a": 1}: must be a list such as ["a", "b"]'),
    ],
)
def test_wrong_value_is_told_in_plain_words(
    tmp_path: Path, section: str, line: str, said: str
) -> None:
    """Where it stands, what it is, and what it may be."""
    key = line.partition(" ")[0]
    assert problems_of(tmp_path, f"[{section}]\n{line}\n") == [
        f"node.toml:2: {section}.{key} {said}"
    ]


def test_no_wrong_value_of_any_key_is_told_in_words_of_a_library(tmp_path: Path) -> None:
    """Also of keys to come."""
    words = re.compile(r"Input|valid |<class|type=|datetime")
    values = ["'abc'", "-1", "1.5", "true", "[]", "[1]", "{a = 1}", "1979-05-27", "nan", "'4s'"]
    values += ["9" * 40, f"'{'z' * 999}'"]
    for section, model in section_models().items():
        for key in model.model_fields:
            for value in values:
                for problem in told(tmp_path, f"[{section}]\n{key} = {value}\n"):
                    said = problem.removeprefix(str(tmp_path))
                    assert words.search(said) is None, said


def test_secret_is_not_repeated(tmp_path: Path) -> None:
    """Logs are read by many, and a password may stand where its digest belongs."""
    (problem,) = problems_of(tmp_path, "[auth]\nsuper_digest = 'bob:hunter2'\n")
    assert problem.startswith("node.toml:2: auth.super_digest: must look like user:base64")
    assert "hunter2" not in problem


def test_long_value_is_shown_by_its_beginning(tmp_path: Path) -> None:
    """The rest of the line is what matters."""
    (problem,) = problems_of(tmp_path, f"[ensemble]\nzone = '{'z' * 500}'\n")
    assert "zzz…: must be at most " in problem
    assert len(problem) < 200


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Nobody has to start five times for five mistakes."""
    text = "[client]\nport = 0\nprot = 1\n[log]\nlevel = 'loud'\n"
    assert len(problems_of(tmp_path, text)) == 3


def test_relation_of_two_keys_is_checked(tmp_path: Path) -> None:
    """The shortest timeout is not above the longest."""
    (problem,) = problems_of(tmp_path, "[session]\nmin_timeout_ms = 50000\n")
    assert problem == "node.toml:2: [session] min_timeout_ms must not be above max_timeout_ms"


def test_relation_of_two_sections_is_checked(tmp_path: Path) -> None:
    """A segment of the log holds several of the longest entries."""
    (problem,) = problems_of(tmp_path, "[client]\nframe_bytes_max = 104857600\n")
    assert "storage.segment_bytes must be at least" in problem


def test_wrong_toml_is_told_with_its_line(tmp_path: Path) -> None:
    """And the parser's own words."""
    (problem,) = problems_of(tmp_path, "[client]\nport = 1\nport = 2\n")
    assert problem.startswith("node.toml:3: this is not TOML: Cannot overwrite a value")
    (problem,) = problems_of(tmp_path, "[client]\nlisten = [")
    assert problem.startswith("node.toml: this is not TOML: ")


def test_missing_file_is_one_sentence(tmp_path: Path) -> None:
    """No traceback for a wrong path."""
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "none.toml", {}, {})


def test_unknown_environment_variable_is_named(tmp_path: Path) -> None:
    """A typo in a deployment's environment does not pass in silence."""
    assert problems_of(tmp_path, "", {"RAFTKEEPER__CLIENT__PROT": "1"}) == [
        (
            "environment variable RAFTKEEPER__CLIENT__PROT is unknown; "
            "did you mean RAFTKEEPER__CLIENT__PORT?"
        )
    ]


def test_unknown_flag_is_named() -> None:
    """Flags are checked by the same schema."""
    with pytest.raises(ConfigError, match="--client-prt is unknown; did you mean --client-port"):
        load_config(None, {}, {"--client-prt": "1"})


@pytest.mark.parametrize("digest", ["super", "super:short=", ":AAAAAAAAAAAAAAAAAAAAAAAAAAA="])
def test_malformed_super_digest_is_refused(digest: str) -> None:
    """A password in clear in its place would lock the operator out and leak."""
    with pytest.raises(ConfigError, match="user:base64"):
        load_config(None, {}, {"--auth-super-digest": digest})


FOUNDERS = "1=a:2888,2=b:2888,3=c:2888"


def founders(**flags: str) -> Config:
    """The configuration of a founder's flags."""
    named = {f"--{name.replace('_', '-')}": value for name, value in flags.items()}
    return load_config(None, {}, {"--ensemble-members": FOUNDERS, **named})


def test_founder_is_found_by_its_address() -> None:
    """A pod knows its name and not its number."""
    config = founders(peer_address="b:2888")
    assert (config.listed_as, config.peer_address) == (2, "b:2888")


def test_founder_that_is_not_in_the_list_is_none_of_them() -> None:
    """It waits to be added, under its own address."""
    config = founders(peer_address="d:2888")
    assert (config.listed_as, config.peer_address) == (0, "d:2888")


def test_number_outranks_the_address() -> None:
    """The list may hold names that only the others use."""
    config = founders(ensemble_member="3", peer_address="b:2888")
    assert (config.listed_as, config.peer_address) == (3, "b:2888")
    assert founders(ensemble_member="3").peer_address == "c:2888"


def test_list_without_a_self_is_refused() -> None:
    """All would found, or nobody."""
    with pytest.raises(ConfigError, match=r"set peer\.address to its own address"):
        founders()


def test_address_that_stands_twice_is_refused() -> None:
    """Two members cannot be at one place."""
    with pytest.raises(ConfigError, match="an address stands twice"):
        load_config(None, {}, {"--ensemble-members": "1=a:1,2=a:1", "--peer-address": "a:1"})


def test_nine_may_found_and_ten_may_not() -> None:
    """More only make writes slower."""
    lists = [",".join(f"{n}=h{n}:1" for n in range(1, count + 1)) for count in (9, 10)]
    given = {"--peer-address": "h9:1"}
    assert load_config(None, {}, {"--ensemble-members": lists[0], **given}).listed_as == 9
    with pytest.raises(ConfigError, match="more than 9 voters"):
        load_config(None, {}, {"--ensemble-members": lists[1], **given})


def test_default_answers_no_command_that_acts_on_the_ensemble() -> None:
    """There is no password on the client port; and the help names every command all the same."""
    whitelist = FourLetter().whitelist
    assert {"lgif", "uptm", "mntr"} <= set(whitelist)
    assert {"csnp", "rqld", "ydld", "dump", "wchc", "wchp"}.isdisjoint(whitelist)
    description = FourLetter.model_fields["whitelist"].description or ""
    assert [word for word in FOUR_LETTER_WORDS if word not in description] == []


def test_two_parts_on_one_port_are_refused() -> None:
    """Whoever binds first would answer for the other; ports that are not opened do not count."""
    with pytest.raises(ConfigError, match=r"client.port and http.port are both 9000: each needs"):
        load_config(None, {}, {"--client-port": "9000", "--http-port": "9000"})
    load_config(None, {}, {"--client-port": "9000", "--peer-port": "9000"})
    with pytest.raises(ConfigError, match=r"client.port and peer.port are both 9000"):
        load_config(
            None, {}, {"--client-port": "9000", "--peer-port": "9000", "--peer-enabled": "true"}
        )


def test_open_addresses_are_those_that_will_be_open() -> None:
    """What the line says that announces a serving node."""
    config = load_config(None, {}, {"--client-plain": "false", "--client-tls-port": "2281"} | TLS)
    assert config.open_addresses == {"client_tls": "127.0.0.1:2281", "http": "127.0.0.1:8080"}
    assert load_config(None, {}, {"--http-enabled": "false"}).open_addresses == {
        "client": "127.0.0.1:2181"
    }


def test_a_configuration_of_zookeeper_is_recognised(tmp_path: Path) -> None:
    """It is the first thing that somebody tries who comes from there."""
    (problem,) = problems_of(tmp_path, "tickTime=2000\ndataDir=/var/lib/zookeeper\n")
    assert "a configuration of ZooKeeper" in problem
