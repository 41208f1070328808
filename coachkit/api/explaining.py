"""The explanation of a document, which its JSON has on request: for an organisation's content team, beside the text.

It says nothing that is not public: packs, versions and locales are in every document, and values stand in its text.
"""

from __future__ import annotations

from typing import Any

from coachkit.api.reading import JSON, Reading
from coachkit.editions.edition import Edition
from coachkit.editions.explain import explain
from coachkit.errors import BadRequest, FieldError
from coachkit.packs.model import Kind

Origins = list[dict[str, Any]]


def origins(request: Reading, edition: Edition, kind: Kind, resource_id: str) -> Origins:
    """Where each text of a document comes from. Raises BadRequest where the document is not asked for as JSON.

    This follows from more than the document is made from (the locales that were passed over, say), so the answer's
    ETag must cover all of it.
    """
    if request.way.format.name != JSON:
        error = FieldError("invalid-value", "Explanations come as JSON only.", parameter="explain")
        raise BadRequest("The parameter explain goes with JSON.", (error,))
    return explain(edition, kind, resource_id, request.way.locale)
