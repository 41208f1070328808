"""The shapes of the managing side: what requests bring, and what answers look like in the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

import marshmallow as ma
from marshmallow import validate

from coachkit.api.changes import ChangeSchema
from coachkit.api.schemas import DIGEST_PATTERN, LIMIT_DEFAULT, LIMIT_MOST
from coachkit.editions.choices_schema import ResourceSchema
from coachkit.packs.model import NAME_LENGTH, NAME_PATTERN

NOTE_LENGTH: Final = 500
_NAME: Final = validate.And(
    validate.Length(max=NAME_LENGTH),
    validate.Regexp(rf"\A(?:{NAME_PATTERN})\Z", error="“{input}” is not a name of lower-case letters, digits, hyphens"),
)
_DIGEST: Final = validate.Regexp(DIGEST_PATTERN, error="“{input}” is not the digest of an edition")


def about(description: str, example: Any = None) -> dict[str, Any]:
    """What the OpenAPI document says of a field."""
    return {"description": description} if example is None else {"description": description, "example": example}


EDITION: Final = "sha256:4f2c1f0e6f1f0b9a7c55f4a9f7f6a1f0a3a1f4d2a9b8c7d6e5f4a3b2c1d0e9f8"
MOMENT: Final = "2026-12-01T09:00:00+00:00"


class PageQuery(ma.Schema):
    """Which part of a list is asked for."""

    limit = ma.fields.Integer(load_default=LIMIT_DEFAULT, validate=validate.Range(min=1, max=LIMIT_MOST))
    cursor = ma.fields.String(metadata=about("From the Link header of the page before"))


class FindingSchema(ma.Schema):
    """One thing that is wrong with a draft, or that should be known of it."""

    file = ma.fields.String(required=True, metadata=about("Where in the settings", "northbridge/values/booking_url"))
    code = ma.fields.String(required=True)
    severity = ma.fields.String(required=True, validate=validate.OneOf(("error", "warning")))
    message = ma.fields.String(required=True)
    hint = ma.fields.String(required=True, allow_none=True)


class ChannelSchema(ma.Schema):
    """A channel and where it points."""

    name = ma.fields.String(required=True, metadata=about("", "live"))
    public = ma.fields.Boolean(required=True, metadata=about("Whether readers see it"))
    edition = ma.fields.String(required=True, metadata=about("The edition's digest", EDITION))
    moved_at = ma.fields.String(required=True, metadata=about("When it was pointed there", MOMENT))


class ChannelsSchema(ma.Schema):
    """An organisation's channels, by name."""

    items = ma.fields.List(ma.fields.Nested(ChannelSchema), required=True)


class MoveChannelSchema(ma.Schema):
    """Where a channel is to point."""

    edition = ma.fields.String(required=True, validate=_DIGEST)
    public = ma.fields.Boolean(
        load_default=None, allow_none=True, metadata=about("Whether readers see it; null leaves that as it is")
    )
    note = ma.fields.String(load_default=None, allow_none=True, validate=validate.Length(min=1, max=NOTE_LENGTH))


class MoveSchema(ma.Schema):
    """One move of a channel."""

    moved_at = ma.fields.String(required=True)
    to = ma.fields.String(required=True)
    note = ma.fields.String(required=True, allow_none=True)


MoveSchema._declared_fields["from"] = ma.fields.String(  # noqa: SLF001 — `from` is no name in Python
    required=True, allow_none=True, metadata=about("The edition before; null for the first move")
)


class MovesSchema(ma.Schema):
    """A channel's moves, the newest first."""

    items = ma.fields.List(ma.fields.Nested(MoveSchema), required=True)


class EditionHeadSchema(ma.Schema):
    """An edition of the organisation's."""

    edition = ma.fields.String(required=True, metadata=about("Its digest", EDITION))
    created_at = ma.fields.String(required=True)
    published = ma.fields.Boolean(required=True, metadata=about("Whether a public channel has ever pointed at it"))
    channels = ma.fields.List(ma.fields.String(), required=True, metadata=about("Those that point at it now"))


class EditionsSchema(ma.Schema):
    """An organisation's editions, the newest first."""

    items = ma.fields.List(ma.fields.Nested(EditionHeadSchema), required=True)


class PublishSchema(ma.Schema):
    """How the draft is to be published."""

    channel = ma.fields.String(
        load_default="live",
        allow_none=True,
        validate=_NAME,
        metadata=about("The channel to point at the new edition; null for none"),
    )
    note = ma.fields.String(load_default=None, allow_none=True, validate=validate.Length(min=1, max=NOTE_LENGTH))
    dry_run = ma.fields.Boolean(load_default=False, metadata=about("Check everything and store nothing"))


class PublishedSchema(ma.Schema):
    """What publishing came to."""

    edition = ma.fields.String(required=True, metadata=about("The edition's digest", EDITION))
    new = ma.fields.Boolean(required=True, metadata=about("Whether the organisation had it not yet"))
    channel = ma.fields.Nested(ChannelSchema, required=True, allow_none=True)
    releases = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.String(), required=True, metadata=about("", {"core": "1.0.0"})
    )
    changes = ma.fields.List(
        ma.fields.Nested(ChangeSchema), required=True, metadata=about("What differs from where the channel pointed")
    )
    warnings = ma.fields.List(ma.fields.Nested(FindingSchema), required=True)


class SettingsSchema(ma.Schema):
    """An organisation's settings as they are now; readers see them once an edition is published."""

    revision = ma.fields.Integer(required=True)
    updated_at = ma.fields.String(required=True)
    settings = ma.fields.Dict(required=True, metadata=about("As the body of PUT"))


class ReleaseChangeSchema(ma.Schema):
    """A pack whose release differs."""

    pack = ma.fields.String(required=True)
    to = ma.fields.String(required=True, allow_none=True)


ReleaseChangeSchema._declared_fields["from"] = ma.fields.String(required=True, allow_none=True)  # noqa: SLF001


class DraftSchema(ma.Schema):
    """What an organisation's settings would come to."""

    ok = ma.fields.Boolean(required=True, metadata=about("Whether it can be published"))
    problems = ma.fields.List(ma.fields.Nested(FindingSchema), required=True)
    revision = ma.fields.Integer(required=True)
    updated_at = ma.fields.String(required=True)
    live = ma.fields.String(required=True, allow_none=True, metadata=about("The edition that readers see"))
    edition = ma.fields.String(required=True, allow_none=True, metadata=about("The one that publishing would give"))
    releases = ma.fields.List(ma.fields.Nested(ReleaseChangeSchema), required=True, allow_none=True)
    changes = ma.fields.List(ma.fields.Nested(ChangeSchema), required=True, allow_none=True)


class DiscardedSchema(ma.Schema):
    """What discarding a draft came to."""

    revision = ma.fields.Integer(required=True)
    changed = ma.fields.Boolean(required=True, metadata=about("Whether there was anything to discard"))
    pinned = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        required=True,
        metadata=about("Packs whose range nobody knows any more, and the version that stands for it now"),
    )


class PreviewSchema(ma.Schema):
    """For how long a draft is to be shown."""

    hours = ma.fields.Integer(load_default=48, metadata=about("1 to 720"))


class PreviewedSchema(ma.Schema):
    """Where a draft is shown."""

    address = ma.fields.String(required=True, metadata=about("Path-absolute; documents are below it"))
    edition = ma.fields.String(required=True, metadata=about("The edition's digest", EDITION))
    expires_at = ma.fields.String(required=True, metadata=about("", MOMENT))


class WantedKeySchema(ma.Schema):
    """A key as somebody wants it."""

    kind = ma.fields.String(
        required=True,
        validate=validate.OneOf(("pub", "sec")),
        metadata=about("`pub`: for pages, reads content and posts answers; `sec`: for servers", "sec"),
    )
    name = ma.fields.String(required=True, metadata=about("What it is for, to people", "The portal's server"))
    scopes = ma.fields.List(
        ma.fields.String(), load_default=list, metadata=about("What a secret key is for", ["content:read"])
    )
    origins = ma.fields.List(
        ma.fields.String(),
        load_default=list,
        metadata=about("The pages that may use a publishable key, as browsers tell; any, where there are none", []),
    )
    expires_at = ma.fields.AwareDateTime(load_default=None, allow_none=True, metadata=about("", MOMENT))


class KeySchema(ma.Schema):
    """A key, without its token."""

    id = ma.fields.String(required=True)
    organisation = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    scopes = ma.fields.List(ma.fields.String(), required=True)
    origins = ma.fields.List(ma.fields.String(), required=True)
    expires_at = ma.fields.String(required=True, allow_none=True)
    created_at = ma.fields.String(required=True)
    revoked_at = ma.fields.String(required=True, allow_none=True)
    last_used_on = ma.fields.String(required=True, allow_none=True, metadata=about("A day", "2026-12-01"))


class MadeKeySchema(KeySchema):
    """A new key, with its token: this once."""

    token = ma.fields.String(required=True, metadata=about("Keep it; it is never shown again"))


class KeysSchema(ma.Schema):
    """An organisation's keys, by id."""

    items = ma.fields.List(ma.fields.Nested(KeySchema), required=True)


class WantedScheduleSchema(ma.Schema):
    """When the draft is to be published."""

    channel = ma.fields.String(load_default="live", metadata=about("The channel to move", "live"))
    local_time = ma.fields.String(
        required=True, metadata=about("A minute of the organisation's time zone", "2026-12-01T09:00")
    )
    note = ma.fields.String(load_default=None, allow_none=True)


class ScheduleSchema(ma.Schema):
    """A frozen edition and when a channel moves to it."""

    id = ma.fields.String(required=True)
    channel = ma.fields.String(required=True)
    edition = ma.fields.String(required=True, metadata=about("The frozen edition's digest", EDITION))
    local_time = ma.fields.String(required=True)
    timezone = ma.fields.String(required=True, metadata=about("The zone that the time is of", "Europe/London"))
    due_at = ma.fields.String(required=True, metadata=about("The moment that it means now, in UTC", MOMENT))
    note = ma.fields.String(required=True, allow_none=True)
    state = ma.fields.String(required=True, validate=validate.OneOf(("pending", "done", "cancelled", "failed")))
    reason = ma.fields.String(required=True, allow_none=True, metadata=about("Why it failed"))
    created_at = ma.fields.String(required=True)
    settled_at = ma.fields.String(required=True, allow_none=True)
    warnings = ma.fields.List(ma.fields.String(), required=True)
    releases = ma.fields.List(ma.fields.Nested(ReleaseChangeSchema), required=True, allow_none=True)
    changes = ma.fields.List(ma.fields.Nested(ChangeSchema), required=True, allow_none=True)
    second = ma.fields.String(
        allow_none=True,
        metadata=about("On planning: the second moment of a time that clocks pass twice; the first one is meant"),
    )


class SchedulesSchema(ma.Schema):
    """An organisation's schedules, by id."""

    items = ma.fields.List(ma.fields.Nested(ScheduleSchema), required=True)


class AuditQuery(PageQuery):
    """From which end."""

    order = ma.fields.String(load_default="oldest", validate=validate.OneOf(("oldest", "newest")))


class EntrySchema(ma.Schema):
    """One thing that was done."""

    number = ma.fields.Integer(required=True)
    at = ma.fields.String(required=True, metadata=about("", MOMENT))
    actor = ma.fields.String(required=True, metadata=about("Who did it", "key key_3n1FqTe0vJ2aXkPz"))
    action = ma.fields.String(required=True, metadata=about("What was done", "channel.move"))
    subject = ma.fields.String(required=True, metadata=about("To what", "live"))
    before = ma.fields.Raw(required=True, allow_none=True)
    after = ma.fields.Raw(required=True, allow_none=True)
    previous = ma.fields.String(required=True, allow_none=True, metadata=about("The hash of the entry before"))
    hash = ma.fields.String(required=True)


class AuditSchema(ma.Schema):
    """A page of an audit, and where it ends."""

    items = ma.fields.List(ma.fields.Nested(EntrySchema), required=True)
    length = ma.fields.Integer(required=True, metadata=about("How many entries there are"))
    head = ma.fields.String(required=True, allow_none=True, metadata=about("The last entry's hash"))


class ClaimSchema(ma.Schema):
    """A hostname that is claimed."""

    name = ma.fields.String(required=True, metadata=about("", "coaching.northbridge.example"))


class RecordSchema(ma.Schema):
    """A record of the DNS."""

    name = ma.fields.String(required=True, metadata=about("", "_coachkit.coaching.northbridge.example"))
    type = ma.fields.String(required=True, metadata=about("", "TXT"))
    value = ma.fields.String(required=True, metadata=about("", "coachkit-verification=Jm2…"))


class HostnameSchema(ma.Schema):
    """A claim of a hostname, with the record that proves it."""

    name = ma.fields.String(required=True)
    record = ma.fields.Nested(RecordSchema, required=True)
    verified = ma.fields.Boolean(required=True)
    created_at = ma.fields.String(required=True)
    verified_at = ma.fields.String(required=True, allow_none=True)
    looked_at = ma.fields.String(required=True, allow_none=True)
    finding = ma.fields.String(required=True, allow_none=True, metadata=about("What the last look came to", "found"))
    missing_since = ma.fields.String(required=True, allow_none=True)


class HostnamesSchema(ma.Schema):
    """An organisation's hostnames, by name."""

    items = ma.fields.List(ma.fields.Nested(HostnameSchema), required=True)


class PartSchema(ma.Schema):
    """A part of an overlay."""

    id = ma.fields.String(required=True, metadata=about("What it is for, in short; it stays while that does"))
    position = ma.fields.Integer(required=True, metadata=about("Where it stands in the overlay, from 0"))
    part = ma.fields.Dict(required=True, metadata=about("As the body of PUT, with the release that it is over"))


class PartsSchema(ma.Schema):
    """An overlay's parts, by id."""

    items = ma.fields.List(ma.fields.Nested(PartSchema), required=True)


class WordingSchema(ma.Schema):
    """A text as its author wrote it."""

    title = ma.fields.String(required=True, allow_none=True)
    text = ma.fields.String(required=True)


class MergeSchema(ma.Schema):
    """A part of the overlay over a text that has changed since."""

    id = ma.fields.String(required=True, metadata=about("The part's id"))
    position = ma.fields.Integer(required=True)
    operation = ma.fields.String(required=True)
    target = ma.fields.String(required=True, metadata=about("", "core:module/first-hour"))
    locale = ma.fields.String(required=True)
    field = ma.fields.String(required=True, allow_none=True)
    section = ma.fields.String(required=True, allow_none=True)
    over = ma.fields.String(required=True, metadata=about("The release that it was written over", "core@1.0.0"))
    now = ma.fields.String(required=True, metadata=about("The one that would be published", "core@1.1.0"))
    old = ma.fields.Nested(WordingSchema, required=True, allow_none=True)
    new = ma.fields.Nested(WordingSchema, required=True, allow_none=True)
    theirs = ma.fields.Nested(WordingSchema, required=True, allow_none=True)


class MergesSchema(ma.Schema):
    """What is to be decided before the draft can be published."""

    items = ma.fields.List(ma.fields.Nested(MergeSchema), required=True)


class DecisionSchema(ma.Schema):
    """Whose words stay."""

    decision = ma.fields.String(required=True, validate=validate.OneOf(("keep", "take")))
    seen = ma.fields.String(
        required=True,
        validate=validate.Length(min=1, max=200),
        metadata=about("The release that your words were compared with, as `now` of the merge; by now another: 412"),
    )


class OwnResourcesSchema(ma.Schema):
    """An organisation's own resources, by kind and id."""

    items = ma.fields.List(ma.fields.Nested(ResourceSchema), required=True)
