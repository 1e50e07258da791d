"""The files around the package agree with it and with each other."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

import hwsnn

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CHECKOUT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
CITATION: dict[str, Any] = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text())
WORKFLOW: dict[Any, Any] = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "ci.yml").read_text())
MATRIX: dict[str, Any] = WORKFLOW["jobs"]["test"]["strategy"]["matrix"]
FORMS = sorted((CHECKOUT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
CONTRIBUTING = (CHECKOUT / "CONTRIBUTING.md").read_text()
MAKEFILE = (CHECKOUT / "Makefile").read_text()


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def test_the_citation() -> None:
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["version"] == hwsnn.__version__
    assert CITATION["authors"] == [{"name": "The hwsnn developers"}]
    assert CITATION["license"] == PROJECT["project"]["license"]
    assert CITATION["keywords"] == PROJECT["project"]["keywords"]
    assert CITATION.keys() >= {"message", "title"}


def test_the_changelog() -> None:
    """Newest first, every version but the first in the same groups."""
    _, *sections = re.split(r"^## ", (CHECKOUT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    versions = [section.splitlines()[0] for section in sections]
    assert versions[0] == hwsnn.__version__
    assert all(numbers(newer) > numbers(older) for newer, older in pairwise(versions))
    groups = ["Added", "Changed", "Removed"]
    for section in sections[:-1]:
        found = re.findall(r"^### (.*)", section, re.MULTILINE)
        assert found == [group for group in groups if group in found] != []


@pytest.mark.parametrize("page", [page for page in (CHECKOUT / "docs").rglob("*.md") if ".whl" in page.read_text()])
def test_wheels_that_pages_name(page: Path) -> None:
    names = set(re.findall(r"[\w./*-]+\.whl", page.read_text()))
    assert {name.rpartition("/")[2] for name in names} == {f"hwsnn-{hwsnn.__version__}-py3-none-any.whl"}


def test_versions_of_python() -> None:
    """CI tests those that the package index shows; types and style are checked for the oldest."""
    prefix = "Programming Language :: Python :: 3."
    shown = [f"3.{line[len(prefix) :]}" for line in PROJECT["project"]["classifiers"] if line.startswith(prefix)]
    assert MATRIX["python"] == shown == sorted(shown, key=numbers)
    assert PROJECT["project"]["requires-python"] == f">={shown[0]}"
    assert PROJECT["tool"]["mypy"]["python_version"] == shown[0]
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{shown[0].replace('.', '')}"
    frameworks, *ends = MATRIX["include"]
    assert frameworks["goal"] == "frameworks"
    assert ends == [
        {"python": shown[0], "dependencies": "oldest", "goal": "pytest"},
        {"python": shown[-1], "dependencies": "newest", "goal": "test"},
    ]


def test_ci_has_the_least_rights() -> None:
    """It reads the repository, uses no secret, and runs no action but those of the commits written down."""
    text = (CHECKOUT / ".github" / "workflows" / "ci.yml").read_text()
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "secrets" not in text
    assert "pull_request_target" not in text
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action) for action in used)
    assert all("permissions" not in job and "timeout-minutes" in job for job in WORKFLOW["jobs"].values())


def test_ci_runs_make_with_its_versions(tmp_path: Path) -> None:
    *_, last = WORKFLOW["jobs"]["test"]["steps"]
    assert last["run"] == "make ${{ matrix.goal }} CONSTRAINTS=versions.txt"
    assert MATRIX["goal"] == ["test"]
    ways = {step["if"] for step in WORKFLOW["jobs"]["test"]["steps"] if "if" in step}
    kinds = {*MATRIX["dependencies"], *(job["dependencies"] for job in MATRIX["include"])}
    assert ways == {f"matrix.dependencies == '{kind}'" for kind in kinds}
    (tmp_path / "versions.txt").touch()
    command = ["make", "-n", "-B", "-C", str(CHECKOUT), "test", f"CONSTRAINTS={tmp_path}/versions.txt"]
    planned = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert planned.count("pip install") == planned.count(f"-c {tmp_path}/versions.txt") == 4


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_issue_forms(form: Path) -> None:
    fields = yaml.safe_load(form.read_text())
    assert fields.keys() == {"name", "description", "labels", "body"}
    asked = [part for part in fields["body"] if part["type"] != "markdown"]
    assert {part["type"] for part in asked} <= {"input", "textarea"}
    names = [part["id"] for part in asked]
    assert len(names) == len(set(names)) > 1
    assert all(part["attributes"]["label"] for part in asked)


def test_bug_reports_have_what_it_takes() -> None:
    (form,) = [form for form in FORMS if form.stem == "bug"]
    body = yaml.safe_load(form.read_text())["body"]
    required = {part["id"] for part in body if part.get("validations", {}).get("required")}
    assert required >= {"version", "command", "output"}


def test_hooks_are_what_make_lint_runs() -> None:
    hooks = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    linted = re.findall(r"^\t\$\(VENV\)(/bin/(?:ruff|mypy).*)$", MAKEFILE, re.MULTILINE)
    assert [hook["entry"].replace(" --force-exclude", "") for hook in hooks] == [
        f".venv{line.removesuffix(' .')}" for line in linted
    ]


def named_paths() -> set[str]:
    """Paths that CONTRIBUTING names, in backquotes or as links."""
    quoted = re.findall(r"`([\w./-]+)`", CONTRIBUTING)
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", CONTRIBUTING)
    files = r".*\.(py|md|txt|toml|cff|yaml|yml)"
    return {name for name in quoted if "/" in name or re.fullmatch(files, name)} | set(linked)


def test_contributing_names_what_is_there() -> None:
    assert len(named_paths()) > 20
    assert [path for path in sorted(named_paths()) if not (CHECKOUT / path).exists()] == []


def test_contributing_names_goals_of_make() -> None:
    goals = set(re.findall(r"\bmake ([a-z]+)`", CONTRIBUTING))
    (there,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert {"test", "lint", "coverage"} <= goals <= set(there.split())
