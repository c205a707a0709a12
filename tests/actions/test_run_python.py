"""run_python, as docs/scripts.md describes it."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from procession.actions.contract import OutputTarget
from procession.actions.kinds import run_python
from procession.actions.scripting import script_settings
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

OUTPUT = {"outputs": {"x": "${d.x}"}}


def run(folder, code, *, type="Number", name="", **given):
    settings = {"code": code, **OUTPUT, **given.pop("settings", {})}
    return play(run_python.ACTION, folder, settings, given, {"d.x": OutputTarget(type=type, file_name=name)})


def check(code):
    return script_settings.check(msgspec.convert({"code": code}, script_settings.RunPythonSettings))


def test_what_is_printed_goes_to_the_log_in_whole_lines(tmp_path):
    played = run(tmp_path, "import sys\nprint('a', 'b')\nprint('c', end='')\nprint('!', file=sys.stderr)")

    assert played.context.logged in {"a b\nc!\n", "a b\n!\nc\n"}


def test_a_warning_ends_the_step_as_warning(tmp_path):
    played = run(tmp_path, "message('read 3'); warn('one is empty')")

    assert played.outcome.status is StepStatus.WARNING
    assert played.outcome.message == "read 3; one is empty"


def test_progress_is_passed_on(tmp_path):
    played = run(tmp_path, "progress(0.4, 'half')")

    assert played.context.fractions == [0.4]


def test_an_exception_fails_the_step_with_its_text_and_line(tmp_path):
    played = run(tmp_path, "a = 1\n\ndef f():\n    raise ValueError('the month is empty')\n\nf()\n")

    assert played.outcome.status is StepStatus.FAILED
    assert played.outcome.message == "the month is empty (line 4)"
    assert 'File "<step>", line 6, in <module>\n    f()' in played.context.logged
    assert "run_python.py" not in played.context.logged


def test_an_exception_that_only_its_name_explains_keeps_its_name(tmp_path):
    played = run(tmp_path, "rows = {}\nrows['amount']")

    assert played.outcome.message == "KeyError: 'amount' (line 2)"


def test_nothing_of_a_failed_script_is_published(tmp_path):
    played = run(tmp_path, "outputs['x'] = 1\nassert False, 'no'")

    assert played.outputs == {}


@pytest.mark.parametrize(
    ("leave", "status", "message"),
    [
        ("exit()", StepStatus.SUCCESS, ""),
        ("exit(0)", StepStatus.SUCCESS, ""),
        ("exit(3)", StepStatus.FAILED, "the script ended with exit code 3"),
        ("raise SystemExit('no file today')", StepStatus.FAILED, "no file today"),
    ],
)
def test_leaving_early_is_success_unless_a_code_or_text_is_given(tmp_path, leave, status, message):
    played = run(tmp_path, f"import sys\nif sys: {leave.replace('exit(', 'sys.exit(')}")

    assert (played.outcome.status, played.outcome.message) == (status, message)


@pytest.mark.parametrize(
    ("code", "type", "expected"),
    [
        ("1 + 1", "Number", 2),
        ("4.0", "Number", 4),
        ("0.1", "Decimal", Decimal("0.1")),
        ("'12.50'", "Decimal", Decimal("12.50")),
        ("12", "String", "12"),
        ("True", "CheckBox", True),
        ("__import__('datetime').date(1993, 12, 1)", "Datepicker", "1993-12-01"),
        ("None", "Number", None),
    ],
)
def test_a_value_takes_the_type_of_its_property(tmp_path, code, type, expected):
    played = run(tmp_path, f"outputs['x'] = {code}", type=type)

    assert played.outputs == {"d.x": expected}


@pytest.mark.parametrize(
    ("code", "type"),
    [
        ("float('nan')", "Decimal"),
        ("float('inf')", "Number"),
        ("'NaN'", "Decimal"),
        ("1.5", "Number"),
        ("'1e999999'", "Number"),
        ("'1e999999'", "Decimal"),
        ("__import__('decimal').Decimal('1e-999999')", "String"),
        ("10**5000", "String"),
        ("'many'", "Number"),
        ("[1, 2]", "String"),
        ("object()", "Number"),
        ("1", "CheckBox"),
        ("True", "Number"),
        ("'text'", "File"),
    ],
)
def test_a_value_that_does_not_fit_fails_naming_the_output(tmp_path, code, type):
    played = run(tmp_path, f"outputs['x'] = {code}", type=type)

    assert played.outcome.status is StepStatus.FAILED
    assert played.outcome.message.startswith('the output "x"')


def test_an_output_that_does_not_exist_fails_with_those_that_do(tmp_path):
    played = run(tmp_path, "outputs['y'] = 1")

    assert played.outcome.message == 'there is no output "y" (outputs of this step: x) (line 1)'


def test_a_file_keeps_the_name_that_its_property_has(tmp_path):
    played = run(tmp_path, "outputs.file('x').write_text('hi')", type="File", name="List 0042.txt")

    assert played.names == {"d.x": "List 0042.txt"}
    assert played.outputs == {"d.x": b"hi"}


def test_a_path_may_be_assigned(tmp_path):
    code = "from pathlib import Path\np = outputs.file('x').parent / 'mine.txt'\np.write_text('1')\noutputs['x'] = p"
    played = run(tmp_path, code, type="File")

    assert played.names == {"d.x": "mine.txt"}


@pytest.mark.parametrize("path", ["/etc/passwd", "../inputs/d.in"])
def test_a_file_outside_of_the_folder_is_refused(tmp_path, path):
    code = f"from pathlib import Path\noutputs['x'] = Path('{path}')"
    played = run(tmp_path, code, type="File", **{"d.in": b"1"})

    assert "not in the step's folder" in played.outcome.message


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    played = run(tmp_path, "outputs.file('x').symlink_to('/etc/passwd')", type="File")

    assert "not in the step's folder" in played.outcome.message


def test_a_file_name_cannot_leave_the_folder(tmp_path):
    played = run(tmp_path, "outputs.file('x', '../../../evil.csv').write_text('')", type="File")

    assert played.names == {"d.x": "evil.csv"}
    assert (tmp_path / "work" / "outputs" / "x.csv").exists()


def test_inputs_are_values_and_constants(tmp_path):
    settings = {"inputs": {"a": "${d.a}", "b": 0.5, "c": "text", "d": "${d.none}"}}
    values = {"d.a": Decimal("1.20"), "d.none": None, "settings": settings}
    played = run(tmp_path, "outputs['x'] = repr(inputs)", type="String", **values)

    assert played.outputs["d.x"] == "{'a': Decimal('1.20'), 'b': Decimal('0.5'), 'c': 'text', 'd': None}"


def test_the_idempotency_key_is_there(tmp_path):
    played = run(tmp_path, "outputs['x'] = idempotency_key", type="String")

    assert played.outputs["d.x"] == "pr-1/as-1/1"


@pytest.mark.parametrize(
    ("code", "mistake"),
    [
        ("a = 1\nb = = 2", "code, line 2: invalid syntax"),
        ("if a:\n", "code, line 1: expected an indented block"),
        ("x = '\0'", "code"),
        ("-" * 100_000 + "1", "code"),
        ("a." * 100_000 + "a", "code"),
    ],
)
def test_a_script_that_python_cannot_read_is_told_when_it_is_applied(code, mistake):
    found = check(code)

    assert len(found) == 1
    assert found[0].startswith(mistake)


def test_a_reference_written_wrongly_is_told_when_it_is_applied():
    settings = msgspec.convert({"code": "", "inputs": {"a": "${files.the orders}"}}, script_settings.RunPythonSettings)

    assert script_settings.check(settings)[0].startswith('inputs.a: "${files.the orders}" is not a reference')


@pytest.mark.parametrize("key", ["orders", "Orders", "2026-Q4", "_", "x" * 64])
def test_every_key_that_a_process_file_may_give_can_be_referred_to(key):
    settings = msgspec.convert({"code": "", "inputs": {"a": f"${{{key}.{key}}}"}}, script_settings.RunPythonSettings)

    assert script_settings.check(settings) == ()
    assert list(run_python.ACTION.reads(settings)) == [f"{key}.{key}"]


def test_an_input_file_has_the_name_that_people_know_it_by(tmp_path):
    code = 'outputs[\'x\'] = f\'{inputs["a"].name} {inputs["a"].read_text()} {inputs["b"].read_text()}\''
    settings = {"inputs": {"a": "${d.a}", "b": "${d.b}"}}
    files = {"d.a": ("bank 11.xlsx", b"one"), "d.b": ("bank 11.xlsx", b"two")}

    played = run(tmp_path, code, type="String", settings=settings, **files)

    assert played.outputs == {"d.x": "bank 11.xlsx one two"}


def test_a_folder_is_no_output(tmp_path):
    played = run(tmp_path, "outputs.file('x', 'x.csv').mkdir()", type="File")

    assert played.outcome.message.endswith("this is a folder; pack it into one file, such as a ZIP")


@pytest.mark.parametrize(
    ("code", "is_told"),
    [
        (
            "0.1 + 0.2",
            True,
        ),  # Tim55667757/TKSBrokerAPI#129, mini-kep/parser-rosstat-kep#157: 4.8100000000000005 in a file
        ("4.8100000000000005", True),
        ("1 / 3", False),
        ("1234567.885", False),
        ("__import__('decimal').Decimal('12345678901234567.89')", False),  # apache/airflow#72064: it lost its cents
    ],
)
def test_an_output_with_the_trace_of_binary_arithmetic_is_told(tmp_path, code, is_told):
    played = run(tmp_path, f'outputs["x"] = {code}', type="Decimal")

    assert ("binary arithmetic left its trace" in played.outcome.message) == is_told
