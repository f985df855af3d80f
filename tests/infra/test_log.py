"""A log line holds what is allowed and nothing a patient could be known by."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from infra.log import open_log


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Any]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    open_log("api", tmp_path, to_stderr=False)
    yield lambda: [json.loads(line) for line in (tmp_path / "api.log").read_text().splitlines()]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_is_json_with_event_time_level_and_process(lines: Any) -> None:
    structlog.get_logger().info("batch_stored", batch=12, position=40)
    (line,) = lines()
    assert line.pop("at").endswith("Z")
    assert line == {"event": "batch_stored", "level": "info", "process": "api", "batch": 12, "position": 40}


def test_a_key_that_is_not_on_the_list_leaves_its_name_only(lines: Any) -> None:
    structlog.get_logger().warning("row_refused", patient_name="Nguyễn Văn A", view="inbox")
    (line,) = lines()
    assert line["dropped"] == ["patient_name"]
    assert "Nguyễn" not in json.dumps(line, ensure_ascii=False)


def test_an_exception_leaves_its_type_and_places_but_not_its_message(lines: Any) -> None:
    def refuse() -> None:
        raise ValueError("patient 0123456789 not found")

    try:
        refuse()
    except ValueError:
        structlog.get_logger().error("command_failed", exc_info=True)
    (line,) = lines()
    assert line["error_type"] == "ValueError"
    assert line["places"][-1].endswith("refuse")
    assert "0123456789" not in json.dumps(line)


def test_of_several_exceptions_the_first_one_is_named(lines: Any) -> None:
    several = BaseExceptionGroup("tasks", [BaseExceptionGroup("more", [ValueError("patient 0123456789")])])
    structlog.get_logger().error("process_failed", exc_info=several)
    (line,) = lines()
    assert line["error_type"] == "ValueError"


def test_a_library_that_sees_personal_data_leaves_the_place_only(lines: Any) -> None:
    logging.getLogger("strawberry.execution").error("query by %s failed", "Trần B")
    logging.getLogger("kafka.client").warning("node %s is away", "secret-host")
    strange, trusted = lines()
    assert "template" not in strange
    assert strange["logger"] == "strawberry.execution"
    assert trusted["template"] == "node %s is away"
    assert "secret-host" not in json.dumps(trusted)
