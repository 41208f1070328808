"""The shapes of the reading side: what answers look like in the OpenAPI document, and what queries may ask."""

from __future__ import annotations

import re
from typing import Any, Final

import marshmallow as ma
from marshmallow import validate

from coachkit.packs.model import KINDS, NAME_LENGTH, PLACEHOLDER_TYPES, STAGES

DIGEST_PATTERN = r"^sha256:[0-9a-f]{64}$"
LIMIT_DEFAULT, LIMIT_MOST = 20, 100
PARAMETER_LENGTH = 200
FILL_MOST = 100
"""Values that a reader gives for a template at once."""


def _about(description: str, example: Any = None) -> dict[str, Any]:
    return {"description": description} if example is None else {"description": description, "example": example}


class ReferenceSchema(ma.Schema):
    """A resource that another points at."""

    kind = ma.fields.String(required=True, validate=validate.OneOf(KINDS))
    id = ma.fields.String(required=True)
    title = ma.fields.String(required=True)


class SummarySchema(ma.Schema):
    """What a list says of a resource."""

    kind = ma.fields.String(required=True, validate=validate.OneOf(KINDS))
    id = ma.fields.String(required=True, metadata=_about("The resource's id", "first-hour"))
    pack = ma.fields.String(required=True, metadata=_about("The pack it comes from", "core"))
    version = ma.fields.String(
        required=True,
        metadata=_about("The release of the pack in which this content first appeared as it is", "1.0.0"),
    )
    locale = ma.fields.String(required=True, metadata=_about("The locale it was resolved for (BCP 47)", "cy"))
    title = ma.fields.String(required=True)
    summary = ma.fields.String(required=True, allow_none=True)
    topics = ma.fields.List(ma.fields.String(), required=True)
    stages = ma.fields.List(ma.fields.String(validate=validate.OneOf(STAGES)), required=True)
    audience = ma.fields.List(ma.fields.String(), required=True)


class OriginSchema(ma.Schema):
    """Where the text of one field or section of a document comes from."""

    field = ma.fields.String(required=True, metadata=_about("A field's path, or sections/<id>", "sections/feel"))
    pack = ma.fields.String(required=True, metadata=_about("The pack it comes from, or lies over", "core"))
    version = ma.fields.String(
        required=True, metadata=_about("The release in which this content first appeared as it is", "1.0.0")
    )
    locale = ma.fields.String(required=True, metadata=_about("Where in the locale's chain it was found", "en-GB"))
    missing_in = ma.fields.List(
        ma.fields.String(),
        required=True,
        metadata=_about("The chain's locales before that one, which have none", ["cy"]),
    )
    origin = ma.fields.String(required=True, validate=validate.OneOf(("release", "overlay")))
    values = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(allow_none=True),
        required=True,
        metadata=_about(
            "What the organisation's placeholders in it were filled with; null where only the label stands there",
            {"careers_email": "careers@northbridge.example"},
        ),
    )


class DocumentSchema(SummarySchema):
    """What every document has; each kind adds its own fields."""

    fallback = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        required=True,
        metadata=_about("Field, or sections/<id>, → the locale it came from where that is not `locale`"),
    )
    related = ma.fields.List(ma.fields.Nested(ReferenceSchema), required=True)
    last_reviewed = ma.fields.String(required=True, metadata={"format": "date"})
    review_by = ma.fields.String(required=True, metadata={"format": "date"})
    explain = ma.fields.List(
        ma.fields.Nested(OriginSchema), metadata=_about("Where each text comes from; only with explain=true")
    )


class SectionSchema(ma.Schema):
    """A section of a module, filled with the organisation's values."""

    id = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    locale = ma.fields.String(required=True, metadata=_about("The locale this section is in"))
    html = ma.fields.String(required=True)
    markdown = ma.fields.String(required=True)


class SupportSchema(ma.Schema):
    """Somebody a reader can turn to. Without `verified_on` nobody has checked it: show it as unverified."""

    name = ma.fields.String(required=True)
    phone = ma.fields.String(required=True, allow_none=True)
    url = ma.fields.String(required=True, allow_none=True)
    hours = ma.fields.String(required=True, allow_none=True)
    verified_on = ma.fields.String(required=True, allow_none=True, metadata={"format": "date"})
    locale = ma.fields.String(required=True)


class ModuleSchema(DocumentSchema):
    """Advice, in sections."""

    sensitive = ma.fields.Boolean(required=True)
    jurisdiction = ma.fields.Raw(required=True, allow_none=True, metadata=_about("Where its law holds, null if none"))
    sections = ma.fields.List(ma.fields.Nested(SectionSchema), required=True)
    support = ma.fields.List(ma.fields.Nested(SupportSchema), required=True)


class PersonalSchema(ma.Schema):
    """A value that a reader gives when filling a template; never stored."""

    name = ma.fields.String(required=True)
    type = ma.fields.String(required=True, validate=validate.OneOf(PLACEHOLDER_TYPES))
    label = ma.fields.String(required=True, allow_none=True)
    required = ma.fields.Boolean(required=True)
    example = ma.fields.String(required=True, allow_none=True)


class MessageBodySchema(ma.Schema):
    """The text of a message."""

    locale = ma.fields.String(required=True)
    html = ma.fields.String(required=True)
    markdown = ma.fields.String(required=True)


class TemplateSchema(DocumentSchema):
    """A message to fill in; what is not filled yet stands in square brackets."""

    placeholders = ma.fields.List(ma.fields.Nested(PersonalSchema), required=True)
    subject = ma.fields.String(required=True)
    body = ma.fields.Nested(MessageBodySchema, required=True)


class ItemSchema(ma.Schema):
    """One thing to tick off, and why it helps."""

    id = ma.fields.String(required=True)
    text = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    resource = ma.fields.Nested(ReferenceSchema, required=True, allow_none=True)


class ChecklistSchema(DocumentSchema):
    """Things to tick off."""

    intro = ma.fields.String(required=True, allow_none=True)
    items = ma.fields.List(ma.fields.Nested(ItemSchema), required=True)


class BranchSchema(ma.Schema):
    """A choice after a step, and the step it leads to (`end` for none)."""

    id = ma.fields.String(required=True)
    text = ma.fields.String(required=True)
    to = ma.fields.String(required=True)


class StepSchema(ma.Schema):
    """One step of a pathway, some days after its start."""

    id = ma.fields.String(required=True)
    day = ma.fields.Integer(required=True)
    title = ma.fields.String(required=True)
    text = ma.fields.String(required=True, allow_none=True)
    resource = ma.fields.Nested(ReferenceSchema, required=True, allow_none=True)
    branches = ma.fields.List(ma.fields.Nested(BranchSchema), required=True)
    next = ma.fields.String(required=True, allow_none=True)


class PathwaySchema(DocumentSchema):
    """Ordered steps with branches."""

    intro = ma.fields.String(required=True, allow_none=True)
    steps = ma.fields.List(ma.fields.Nested(StepSchema), required=True)


class QuestionnaireSchema(DocumentSchema):
    """A questionnaire as a client renders it; its parts are as in the authoring format."""

    intro = ma.fields.String(required=True, allow_none=True)
    options = ma.fields.Dict(required=True, allow_none=True)
    sections = ma.fields.List(ma.fields.Dict(), required=True)
    scores = ma.fields.Dict(required=True, allow_none=True)
    checks = ma.fields.List(ma.fields.Dict(), required=True, allow_none=True)
    recommend = ma.fields.List(ma.fields.Dict(), required=True, allow_none=True)


class FacetSchema(ma.Schema):
    """A value to filter by, and how many there would be."""

    value = ma.fields.String(required=True, metadata=_about("What to give as the filter", "feedback"))
    count = ma.fields.Integer(required=True, metadata=_about("How many meet it and all other filters", 7))


class FacetsSchema(ma.Schema):
    """The values of each filter, those that most resources have first."""

    topic = ma.fields.List(ma.fields.Nested(FacetSchema), required=True)
    stage = ma.fields.List(ma.fields.Nested(FacetSchema), required=True)
    audience = ma.fields.List(ma.fields.Nested(FacetSchema), required=True)
    pack = ma.fields.List(ma.fields.Nested(FacetSchema), required=True)


class ListSchema(ma.Schema):
    """A page of summaries; the header Link leads to the next one."""

    items = ma.fields.List(ma.fields.Nested(SummarySchema), required=True)
    facets = ma.fields.Nested(FacetsSchema, metadata=_about("Of the whole list; only with facets=true"))


class OrganisationSchema(ma.Schema):
    """Whose portal it is, how it looks, and which locales it has."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    locales = ma.fields.List(ma.fields.String(), required=True)
    default_locale = ma.fields.String(required=True)
    brand = ma.fields.Dict(required=True)
    edition = ma.fields.String(required=True, metadata={"pattern": DIGEST_PATTERN})


class PackSchema(ma.Schema):
    """A public pack and its current release."""

    pack = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    description = ma.fields.String(required=True)
    licence = ma.fields.String(required=True)
    current = ma.fields.String(required=True, allow_none=True)
    releases = ma.fields.List(ma.fields.String(), required=True)


class PacksSchema(ma.Schema):
    """The public packs, by id."""

    items = ma.fields.List(ma.fields.Nested(PackSchema), required=True)


class ReleaseSchema(ma.Schema):
    """One release of a pack."""

    pack = ma.fields.String(required=True)
    version = ma.fields.String(required=True)
    digest = ma.fields.String(required=True, metadata={"pattern": DIGEST_PATTERN})
    withdrawn = ma.fields.Boolean(required=True)


class FillSchema(ma.Schema):
    """A reader's own values for a template, by placeholder. They are used for this one answer and never stored."""

    values = ma.fields.Dict(
        keys=ma.fields.String(validate=validate.Length(max=NAME_LENGTH)),
        values=ma.fields.String(validate=validate.Length(max=2_000)),
        validate=validate.Length(max=FILL_MOST),
        load_default=dict,
        metadata=_about("Placeholder → value", {"interviewer_name": "Ms Rees"}),
    )


class FilledSchema(ma.Schema):
    """A message, filled in."""

    kind = ma.fields.String(required=True)
    id = ma.fields.String(required=True)
    pack = ma.fields.String(required=True)
    version = ma.fields.String(required=True)
    locale = ma.fields.String(required=True)
    subject = ma.fields.String(required=True)
    body = ma.fields.Nested(MessageBodySchema, required=True)


# --- queries ------------------------------------------------------------------------------------


class Count(ma.fields.Integer):
    """A whole number in plain digits: `+1`, `1_0` and other scripts' digits are none."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", str(value), re.ASCII):
            raise self.make_error("invalid")
        return int(value)


def _flag(description: str) -> ma.fields.Boolean:
    """`true` or `false`, and no other way to say it, so that there are no more answers to keep than two."""
    about = _about(description, example=True)
    return ma.fields.Boolean(truthy={"true"}, falsy={"false"}, load_default=False, metadata=about)


class LocaleQuery(ma.Schema):
    """Which locale."""

    locale = ma.fields.String(
        validate=validate.Length(max=35),
        metadata=_about("A locale that the edition serves; instead of Accept-Language", "cy"),
    )


class ChannelQuery(ma.Schema):
    """Which channel, where the address does not name an edition."""

    channel = ma.fields.String(
        validate=validate.Length(max=NAME_LENGTH),
        metadata=_about("A public channel of the organisation; `live` where none is named", "live"),
    )


class DocumentQuery(LocaleQuery):
    """How to read a document."""

    format = ma.fields.String(
        validate=validate.Length(max=NAME_LENGTH),
        metadata=_about("json, html, markdown, text or email; instead of Accept", "html"),
    )
    fields_ = ma.fields.String(
        data_key="fields",
        validate=validate.Length(min=1, max=PARAMETER_LENGTH),
        metadata=_about(
            "Only these fields of the JSON, separated by commas; others are left out, required or not", "title,sections"
        ),
    )
    explain = _flag("Whether the JSON says, in `explain`, where each field and section comes from")


class PageQuery(LocaleQuery):
    """How to read a page: of what, which part, and where to begin."""

    topic = ma.fields.List(ma.fields.String(validate=validate.Length(max=NAME_LENGTH)), metadata=_about("Any of these"))
    stage = ma.fields.List(ma.fields.String(validate=validate.OneOf(STAGES)), metadata=_about("Any of these"))
    audience = ma.fields.List(
        ma.fields.String(validate=validate.Length(max=NAME_LENGTH)), metadata=_about("Any of these")
    )
    pack = ma.fields.List(ma.fields.String(validate=validate.Length(max=NAME_LENGTH)), metadata=_about("Any of these"))
    fields_ = ma.fields.String(
        data_key="fields",
        validate=validate.Length(min=1, max=PARAMETER_LENGTH),
        metadata=_about(
            "Only these fields of each item, separated by commas; others are left out, required or not", "id,title"
        ),
    )
    limit = Count(
        load_default=LIMIT_DEFAULT,
        validate=validate.Range(1, LIMIT_MOST),
        metadata=_about("How many at most", LIMIT_DEFAULT),
    )
    cursor = ma.fields.String(
        validate=validate.Length(max=PARAMETER_LENGTH), metadata=_about("From the Link header of the page before")
    )


NEXT_PAGE: Final[dict[str, Any]] = {
    "Link": {
        "description": "The next page, path-absolute; absent on the last one",
        "schema": {"type": "string", "example": '</v1/orgs/northbridge/modules?cursor=N5ZIwjpxH01j>; rel="next"'},
    }
}
"""What the reference says of the headers of a page."""


class ListQuery(PageQuery):
    """How to read a list."""

    facets = _flag("Whether `facets` says how many resources each value of each filter would leave")
