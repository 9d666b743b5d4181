"""ClickHouse as a client: replicated tables whose only connection is the keeper under test."""
