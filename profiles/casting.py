"""Who is who in a profile: people picked by hand, with the wallets they sign in with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from seedbed.dataset import Dataset, TableName

Cast = Mapping[str, tuple[str, str]]
"""By label in seeds/users.yaml: who somebody is, and what the profile shows with them."""


def introduced(cast: Cast) -> Callable[[Dataset], list[tuple[str, str]]]:
    """Return what `Profile(cast=...)` takes: a function that adds the wallets, which depend on the seed."""

    def introduce(dataset: Dataset) -> list[tuple[str, str]]:
        users = dataset.tables[TableName("users")]
        wallets = users.column("wallet_address")
        found = {label: wallets[position] for position, label in users.named().items()}
        return [(f"{who} ({found[label]})", what) for label, (who, what) in cast.items()]

    return introduce
