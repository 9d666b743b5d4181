"""Claims about the configuration that the serving process gets."""

from raftkeeper.server.config import Config, section_models
from raftkeeper.server.handover import parse_config


def test_every_setting_arrives_with_its_value_and_type() -> None:
    """The serving process reads the same attributes as the schema has."""
    config = Config.model_validate(
        {"storage": {"data_dir": "/d"}, "four_letter": {"whitelist": ["srvr"]}}
    )
    arrived = parse_config(config.model_dump_json().encode())
    for section, model in section_models().items():
        for key in model.model_fields:
            wanted = getattr(getattr(config, section), key)
            got = getattr(getattr(arrived, section), key)
            assert (got, type(got)) == (wanted, type(wanted)), f"{section}.{key}"
    assert arrived.record_bytes_max == config.record_bytes_max
