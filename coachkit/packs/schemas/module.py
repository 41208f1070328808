"""The front matter of a module: advice in sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coachkit.packs.schemas.common import CoverShape, ResourceShape, covers
from coachkit.packs.schemas.fields import Flag, ListOf, Name, Plain, tell

_COUNTRY = r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?"


class Jurisdiction(ListOf):
    """One country code or a list of them (ISO 3166-1, or 3166-2 for a part of one); kept as it is written."""

    wanted = "a country code such as GB, or a list of them"

    def __init__(self, inner: Plain, description: str, **options: Any) -> None:
        super().__init__(inner, description, **options)
        tell(self, schema={"type": ["array", "string", "null"], "pattern": inner.metadata["pattern"]})

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        if isinstance(value, str):
            return [self.inner.deserialize(value)]
        return super()._deserialize(value, attr, data, **kwargs)


class ModuleCoverShape(CoverShape):
    """In a module, a point is covered by a section."""

    section = Name("The id of the section that covers it.", required=True)


class ModuleShape(ResourceShape):
    """The front matter of modules/<id>.md."""

    covers = covers(ModuleCoverShape)
    sensitive = Flag("Whether it touches on distress; then `support` names a slot.", load_default=False)
    support = ListOf(Name("A slot of pack.yaml."), "The support slots shown with it.", distinct=True, load_default=list)
    jurisdiction = Jurisdiction(
        Plain(
            "A country, or a part of one.",
            pattern=_COUNTRY,
            shape="write a code of ISO 3166 such as GB or GB-WLS",
            longest=6,
        ),
        "The countries whose rules it describes; null where it holds anywhere.",
        least=1,
        distinct=True,
        allow_none=True,
    )
