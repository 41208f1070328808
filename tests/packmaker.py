"""Writes a small, complete and valid pack, and lets a test change any one file of it.

`make_pack(tmp_path)` writes `tmp_path/example`, valid. Changes are named by path and are

- None: without that file: `make_pack(tmp_path, **{"modules/first-hour.md": None})`
- a function of its text: `make_pack(tmp_path, **{PACK: replacing("1.0.0", "1.1.0")})`
- text or bytes, for a file that is there or a new one: `make_pack(tmp_path, **{"modules/new.md": module("New")})`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

Change = str | bytes | Callable[[str], str] | None
"""What becomes of one file: this text, these bytes, what the function makes of its text, or no file."""

PACK = "pack.yaml"

FILES: Mapping[str, str] = {
    PACK: """\
id: example
version: 1.0.0
title: Example library
description: A small pack that has one of everything.
licence: CC-BY-4.0
authors:
  - {role: careers adviser, organisation: CoachKit}
default_locale: en-GB
locales: [en-GB, cy]
coachkit: ">=0.1,<1"
visibility: public
placeholders:
  careers_email:
    type: email
    label: {en-GB: Careers e-mail, cy: E-bost gyrfaoedd}
    example: careers@example.org
    required: true
support:
  listening:
    description: Somebody to talk to when it is too much
    contacts:
      en-GB:
        - name: Samaritans
          phone: "116 123"
          hours: 24 hours, every day
          url: https://www.samaritans.org
          verified_on: null
      cy:
        - {name: Y Samariaid, phone: 0808 164 0123, verified_on: 2026-01-05}
""",
    "modules/first-hour.md": """\
---
title: The first hour
summary: What to do in the first hour after a no.
topics: [first-response]
stages: [applied, screened, interviewed, final]
audience: [everyone]
related: [ask-for-feedback, checklist/before-you-reply]
covers:
  - {point: name-and-allow-feelings, section: feel}
sensitive: true
support: [listening]
jurisdiction: null
last_reviewed: 2026-11-01
review_by: 2027-11-01
---
## Feel it first {#feel}

It is **fine** to be disappointed. Nothing needs an answer today.

![A calm circle](images/breathe.svg)

:::tip Two minutes
Put the kettle on before you open the message again.
:::

## Then one small step {#step}

When you are ready, [ask for feedback](ask-for-feedback#when), or go back to [how you feel](#feel).

Write to {{careers_email}}, or [send us an e-mail]({{careers_email}}).
""",
    "modules/ask-for-feedback.md": """\
---
title: Ask for feedback
summary: How to ask so that you get an answer.
topics: [feedback]
stages: [interviewed, final]
related: [template/thank-you]
last_reviewed: 2026-11-01
review_by: 2027-11-01
---
## When to ask {#when}

Within a week, and once.

| When | How |
|---|---|
| Same day | By e-mail |
| Later | By telephone |

## What to ask {#what}

- What went well?
- What would have made the difference?
""",
    "templates/thank-you.md": """\
---
title: Thank you and a question
summary: A short message after an interview.
topics: [feedback]
stages: [interviewed, final]
related: [ask-for-feedback]
last_reviewed: 2026-11-01
review_by: 2027-11-01
placeholders:
  interviewer_name: {type: text, label: The interviewer's name, required: true, example: Ms Rees}
  interview_date: {type: date, label: The date of the interview, required: false}
subject: Thank you for meeting me on {{interview_date}}
---
Dear {{interviewer_name}},

Thank you for your time. What one thing would have made my application stronger?

My careers service can be reached at {{careers_email}}.
""",
    "checklists/before-you-reply.yaml": """\
title: Before you reply
summary: Four things to look at before you press send.
topics: [first-response]
stages: [applied, screened, interviewed, final]
last_reviewed: 2026-11-01
review_by: 2027-11-01
intro: Tick what is done.
items:
  - {id: wait, text: Wait until you are calm, reason: A reply can wait for a day}
  - {id: read, text: Read the message twice, reason: The first time we read what we fear}
  - {id: ask, text: Decide what you want to ask, reason: One question gets an answer, resource: ask-for-feedback#what}
""",
    "pathways/first-week.yaml": """\
title: The first week
summary: One small step at a time.
topics: [first-response]
stages: [applied, screened, interviewed, final]
last_reviewed: 2026-11-01
review_by: 2027-11-01
intro: You can stop whenever you like.
steps:
  - id: breathe
    day: 0
    title: Let it land
    text: Nothing needs an answer today.
    resource: module/first-hour
  - id: write
    day: 2
    title: Write a reply
    resource: template/thank-you
    branches:
      - {id: heard, text: I heard back, to: read-feedback}
      - {id: enough, text: I have done enough, to: end}
  - id: remind
    day: 5
    title: Ask once more
  - id: read-feedback
    day: 6
    title: Read the feedback
    resource: ask-for-feedback
    next: end
""",
    "questionnaires/after-the-interview.yaml": """\
title: After the interview
summary: Four minutes of looking back.
topics: [reflection]
stages: [interviewed, final]
last_reviewed: 2026-11-01
review_by: 2027-11-01
intro: Nothing you write leaves your device.
options:
  agree5: {type: likert, from: 1, to: 5, low: Not at all, high: Very much, allow_na: true}
sections:
  - id: preparation
    title: Getting ready
    items:
      - {id: researched, use: agree5, text: I knew what the organisation does}
      - {id: guessed, use: agree5, text: I had to guess what the role involved, reverse: true}
      - id: thrown
        type: choice
        text: What threw me
        options:
          - {id: question, text: A question}
          - {id: silence, text: The silence}
        show_if: researched <= 2
        optional: true
      - {id: notes, type: text, max: 500, text: Notes for myself, optional: true, private: true}
scores:
  preparation:
    items: [researched, guessed]
    method: mean
    weights: {guessed: 2}
    missing: {min_answered: 1, then: prorate}
    scale_to: [0, 100]
    round: {digits: 0, mode: half-up}
    bands: {default: [[0, start-here], [40, building], [70, strong]]}
checks:
  - {id: both, when: researched == 5 and guessed == 5, message: Look again}
recommend:
  - id: look-again
    when: band(preparation) == 'start-here'
    module: first-hour
    because: You had to guess
    weight: 2
""",
    "images/breathe.svg": """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="100" height="100" role="img">
  <title>A calm circle</title>
  <circle cx="50" cy="50" r="40" fill="#336699"/>
</svg>
""",
    "locales/cy/modules/first-hour.md": """\
---
title: Yr awr gyntaf
summary: Beth i'w wneud yn yr awr gyntaf ar ôl clywed na.
translation: {status: signed}
---
## Teimlwch yn gyntaf {#feel}

Mae'n **iawn** bod yn siomedig. Does dim angen ateb heddiw.

![Cylch tawel](images/breathe.svg)

## Yna un cam bach {#step}

Pan fyddwch yn barod, [gofynnwch am adborth](ask-for-feedback#when).

Ysgrifennwch at {{careers_email}}.
""",
    "locales/cy/modules/ask-for-feedback.md": """\
---
title: Gofyn am adborth
translation: {status: draft}
---
## Pryd i ofyn {#when}

O fewn wythnos, ac unwaith.
""",
    "locales/cy/templates/thank-you.md": """\
---
title: Diolch a chwestiwn
subject: Diolch am gwrdd â mi ar {{interview_date}}
placeholders:
  interviewer_name: {label: Enw'r cyfwelydd}
---
Annwyl {{interviewer_name}},

Diolch am eich amser. Gallwch gysylltu â'm gwasanaeth gyrfaoedd yn {{careers_email}}.
""",
    "locales/cy/checklists/before-you-reply.yaml": """\
translation: {status: draft}
title: Cyn i chi ateb
items:
  - {id: wait, text: Arhoswch nes eich bod yn dawel}
""",
    "locales/cy/pathways/first-week.yaml": """\
title: Yr wythnos gyntaf
steps:
  - id: write
    title: Ysgrifennwch ateb
    branches:
      - {id: heard, text: Rwyf wedi clywed yn ôl}
""",
    "locales/cy/questionnaires/after-the-interview.yaml": """\
title: Ar ôl y cyfweliad
options:
  agree5: {low: Dim o gwbl, high: Yn fawr iawn}
sections:
  - id: preparation
    title: Paratoi
    items:
      - {id: researched, text: Roeddwn yn gwybod beth mae'r sefydliad yn ei wneud}
""",
    "README.md": "# Example library\n",
    "LICENSE": "CC-BY-4.0\n",
}
"""Path → text of every file of the valid pack `example` 1.0.0."""


def make_pack(root: Path, **changes: Change) -> Path:
    """Write the pack with these changes (by path) into `root`/example and return that folder."""
    folder = root / "example"
    for path, data in pack_files(**changes).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def pack_files(**changes: Change) -> dict[str, bytes]:
    """Path → bytes of the pack with these changes, without writing anything."""
    files = {path: text.encode() for path, text in FILES.items()}
    for path, change in changes.items():
        if change is None:
            del files[path]
        elif callable(change):
            files[path] = change(FILES[path]).encode()
        else:
            files[path] = change.encode() if isinstance(change, str) else change
    return files


def replacing(old: str, new: str) -> Callable[[str], str]:
    """The change that replaces `old`, which must be there, by `new`, once."""

    def change(text: str) -> str:
        assert old in text, f"“{old}” is not in the file"
        return text.replace(old, new, 1)

    return change


def appending(more: str) -> Callable[[str], str]:
    """The change that adds `more` at the end."""
    return lambda text: text + more


def module(title: str, body: str = "## One {#one}\n\nText.\n", extra: str = "") -> str:
    """A module's file: this title, these Markdown sections, and more lines of front matter."""
    return f"""\
---
title: {title}
summary: What it is about.
topics: [first-response]
stages: [applied]
last_reviewed: 2026-11-01
review_by: 2027-11-01
{extra}---
{body}"""
