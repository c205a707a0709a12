"""Pages are made with Jinja2: all is escaped, a missing value is an error, and nothing is written into a script."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from procession.door.contract import HtmlReply, RedirectReply, Request
from procession.model.errors import ProcessionError

if TYPE_CHECKING:
    from jinja2 import Environment

TITLES = {
    401: "Sign in first",
    403: "You may not do this",
    404: "There is no such page, or you may not see it",
    429: "Too many at once",
    503: "Try again in a moment",
}

# What static/procession.js does at a key.
SHORTCUTS = (
    ("/", "Search"),
    ("g h", "Home"),
    ("g p", "Processes"),
    ("g r", "Runs"),
    ("g t", "Tables"),
    ("n", "New run"),
    ("j  k", "Next row, row before"),
    ("Enter", "Open the row"),
    ("x", "Select the row"),
    ("f", "Next failed step"),
    ("l", "Whole log of the open step"),
    ("r", "Restart"),
    ("Alt ↑  Alt ↓", "Move the step, in the designer"),
    ("Ctrl S", "Keep the text, in the designer"),
    ("Esc", "Close"),
    ("?", "These shortcuts"),
)


@cache
def environment() -> Environment:
    """With the first page: a server that only programs ask never loads it, which is 1.6 MB."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from procession.pages import assets, formats, statuses

    made = Environment(
        loader=PackageLoader("procession.pages"),
        autoescape=True,
        # A page that leaves out whom it speaks for would be agreed to blindly.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = assets.address
    made.globals["shortcuts"] = SHORTCUTS
    made.globals["run_tag"] = statuses.of_run
    made.globals["step_tag"] = statuses.of_step
    made.globals["duration"] = formats.duration
    made.filters["sentence"] = sentence
    made.filters["counted"] = counted
    return made


def rendered(name: str, /, **content: Any) -> str:
    """The template with this name. Raises jinja2.UndefinedError for a value that is missing."""
    return environment().get_template(f"{name}.html").render(**content)


def make_ready(*names: str) -> None:
    """Read and compile these templates, which takes up to tenths of a second, once."""
    for name in names:
        environment().get_template(f"{name}.html")


def card(
    name: str, /, *, status: int = 200, targets: tuple[str, ...] = (), cookies: tuple[str, ...] = (), **content: Any
) -> HtmlReply:
    """A page without a menu, such as the one to sign in; `targets`: where else its form may lead."""
    return HtmlReply(html=rendered(name, **content), status=status, form_targets=targets, cookies=cookies)


def sentence(text: str) -> str:
    """A message as people read it: with a capital, and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text[-1:] in '.!?' else '.'}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """ "1 row", "3 rows"; for counts below a thousand, which have no separator."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def error(request: Request | None, problem: ProcessionError, support_id: str) -> HtmlReply | RedirectReply:
    """What went wrong, for a person. Whoever only has to sign in is sent to do so, and comes back."""
    is_fragment = request is not None and "hx-request" in request.headers
    again = sign_in_address(request) if request is not None and problem.status == 401 else ""
    if again and request is not None and request.method == "GET" and not is_fragment:
        return RedirectReply(location=again)
    html = rendered(
        "fragment-error" if is_fragment else "error",
        title=TITLES.get(problem.status, "This did not work"),
        message=problem.message,
        support_id=support_id,
        status=problem.status,
        again=again,
    )
    return HtmlReply(html=html, status=problem.status)


def sign_in_address(request: Request) -> str:
    """Of the page to sign in, from which a browser comes back to what this request asked for."""
    here = request.path + (f"?{request.raw_query}" if request.raw_query else "")
    # What changes something is not done again by coming back to it.
    return "/sign-in" if request.method != "GET" or here == "/" else f"/sign-in?to={quote(here)}"
