"""What a membership may say of a member: the bounds, for its configuration and the admin API alike.

What is in the membership is in every snapshot, for as long as the member is. Nothing is imported
here: the schema of the configuration must not come with it (see `handover`).
"""

from typing import Final

PRIORITY_MAX: Final = 1_000
"""Only the order counts; more steps than anybody has members."""

ZONE_CHARACTERS_MAX: Final = 255
"""Kubernetes' labels have 63, clouds' own names fewer."""
