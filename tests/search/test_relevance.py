"""What readers of the first-party pack would ask, and the resource that a person would hand them.

Judged by reading: each question's answer was chosen from the pack's texts, not from what the search said.
"""

from pathlib import Path

import pytest
import yaml
from appmaker import house_in

import coachkit.cli

TOP = {
    "en-GB": {
        "feedback": ["module/ask-for-feedback", "template/feedback-request"],
        "how do I ask for feedback": ["module/ask-for-feedback"],
        "feedback email": ["template/feedback-request", "module/ask-for-feedback"],
        "what does no mean": ["module/what-a-no-means"],
        "what a no means": ["module/what-a-no-means"],
        "first week": ["pathway/first-week"],
        "checklist before i reply": ["checklist/before-you-reply"],
        "replying to a rejection": ["checklist/before-you-reply", "template/thank-you-after-rejection"],
        "thank you note": ["template/thank-you-after-rejection"],
        "STAR method": ["module/review-the-interview"],
        "review my interview": ["module/review-the-interview"],
        "interveiw reveiw": ["module/review-the-interview"],
        "nerves": ["questionnaire/after-the-interview", "module/review-the-interview"],
        "questions about my interview": ["questionnaire/after-the-interview"],
        "skills gap": ["module/close-one-gap"],
        "practise a skill": ["module/close-one-gap"],
        "money worries": ["module/keep-going-kindly"],
        "taking a break from applying": ["module/keep-going-kindly"],
        "international student": ["module/keep-going-kindly"],
        "questionnaire": ["questionnaire/after-the-interview"],
        "confidance": ["module/first-hour"],
        "self criticism": ["module/first-hour"],
        "someone to talk to": ["module/first-hour", "module/keep-going-kindly"],
        "samaritans": ["module/first-hour", "module/keep-going-kindly"],
        "odds of getting hired": ["module/what-a-no-means"],
        "recru": ["module/first-hour"],
    },
    "cy": {
        "adborth": ["module/ask-for-feedback"],
        "hadborth": ["module/ask-for-feedback"],
        "sut i ofyn am adborth": ["module/ask-for-feedback"],
        "cyfweliad": ["module/ask-for-feedback"],
        "chyfweliad": ["module/ask-for-feedback"],
        "awr gyntaf": ["module/first-hour"],
        "wythnos gyntaf": ["pathway/first-week"],
        "teimladau": ["module/first-hour"],
        "hyder": ["module/first-hour"],
        "cyn ateb": ["checklist/before-you-reply"],
        "ysgrifennu at y cyflogwr": ["checklist/before-you-reply", "module/ask-for-feedback", "module/first-hour"],
        "gwrthodiad": ["module/first-hour", "module/ask-for-feedback"],
        "distawrwydd": ["module/first-hour"],
        "cyfwelaid": ["module/ask-for-feedback"],
        "rhestr wirio": ["checklist/before-you-reply"],
        "interview review": ["module/review-the-interview"],
    },
}


@pytest.fixture(scope="module")
def client(make_database, tmp_path_factory):
    """The university of the demonstration, with the first-party pack."""
    folder: Path = tmp_path_factory.mktemp("relevance")
    settings = Path(coachkit.cli.__file__).parent / "demo_organisations" / "northbridge.yaml"
    with make_database("sqlite", folder) as database, house_in(folder, database) as house:
        house.publish_core()
        house.organisation("northbridge", yaml.safe_load(settings.read_text(encoding="utf-8")))
        house.edition("northbridge")
        yield house.client()


@pytest.mark.parametrize(
    ("locale", "question", "wanted"),
    [(locale, question, wanted) for locale, judged in TOP.items() for question, wanted in judged.items()],
)
def test_first_answer(client, locale, question, wanted):
    """The first answer is one that a person would have given."""
    answer = client.get("/v1/orgs/northbridge/search", query_string={"q": question, "locale": locale, "limit": 3})
    items = [f"{item['kind']}/{item['id']}" for item in answer.json["items"]]
    assert items
    assert items[0] in wanted
