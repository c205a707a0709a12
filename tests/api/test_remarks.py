"""What is remarked on a process file that is applied: told by the API, and by the designer before it is published."""

from __future__ import annotations

from tests.api.house import House
from tests.approving import text
from tests.web.site import Site
from tests.web.site import text as words

SAID = 'there is no user group "Nobody" that could approve; make it, or change the process'


def test_the_answer_to_a_process_file_says_what_would_wait_for_nobody(home: House) -> None:
    answer = home.ask("PUT", "processes/p-1/definition", content=text(who={"group": "Nobody"}), who="editor").json()

    assert answer["remarks"] == [f'step 1.2 "Controllers agree": {SAID}']
    again = home.ask("POST", "processes", content=text(process="Other", who={"user": "mate"})).json()
    assert again["remarks"] == [] and again["name"] == "Other"
    # Of the process itself there is nothing to say: it is what SolveXia's clients know.
    assert "remarks" not in home.get("processes/p-1")


def test_the_designer_says_it_before_it_is_published(home: House) -> None:
    home.ask("PUT", "processes/p-1/draft", content=text(who={"group": "Nobody"}), who="editor")

    page = words(Site(house=home, who="editor").sign_in().get("/processes/p-1/edit/changes"))

    assert "1 remark on what you publish" in page and SAID in page
