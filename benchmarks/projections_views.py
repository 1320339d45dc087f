"""What a run did, as canonical text that does not depend on the layout of its files.

A projection is text of one fact per line: what it is about, and its data as JSON with sorted keys,
lines in sorted order. Names are this module's own. Identifiers of matches, digests, seeds of
debates and versions of formats are left out, as they may change where nothing else does;
identifiers of strategies stay. Nothing of the project is imported: each function with ``read`` in
its name knows one file, and is all that has to follow when the format of that file changes.

Numbers are rounded, since the last bits of a sum or a fit depend on the machine. Values of single
debates keep 12 significant digits, what is estimated from many keeps 6; Elo points at most 3
decimals. Rounding makes it unlikely that two machines differ, not impossible: a value may lie just
at the border between two rounded ones.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

SEATS = ("debater_0", "debater_1")


class Precision(NamedTuple):
    """How numbers are rounded: to so many significant digits, and at most so many decimals."""

    digits: int
    decimals: int


DEBATE = Precision(12, 12)
ESTIMATE = Precision(6, 6)
ELO = Precision(6, 3)

_RESULTS = (
    ("players", "players"),
    ("children", "children"),
    ("refused", "refused"),
    ("challenges", "challenges"),
    ("accepted", "accepted"),
    ("debates", "debates"),
    ("unusable", "unusable"),
    ("calls", "calls"),
    ("tokens", "tokens"),
    ("coverage", "coverage"),
    ("judge_accuracy", "accuracy"),
    ("position_bias", "bias"),
    ("verdict_methods", "methods"),
    ("missing_mass", "missing"),
    ("objective", "objective"),
    ("gain", "gain"),
    ("win_rate", "win_rate"),
    ("operators", "operators"),
    ("labels", "labels"),
    ("outside", "outside"),
    ("diversity", "diversity"),
    ("champions", "champions"),
)
"""Results of a generation in its file, and their names here."""

_ELO_RESULTS = (
    ("best_rating", "best"),
    ("mean_rating", "mean"),
    ("qd_score", "qd_score"),
    ("reported_progress", "reported"),
    ("corrected_progress", "corrected"),
    ("rating_effects", "effects"),
)


# --- numbers and lines ---------------------------------------------------------------------------


def canonical(value: Any, precision: Precision) -> Any:
    """Round every number of JSON-able data; whole ones become integers."""
    if isinstance(value, Mapping):
        return {key: canonical(item, precision) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item, precision) for item in value]
    if isinstance(value, float):
        rounded = round(float(f"{value:.{precision.digits}g}"), precision.decimals)
        return int(rounded) if rounded.is_integer() else rounded
    return value


def line(about: Iterable[object], data: Any, precision: Precision) -> str:
    """Return one fact: what it is about, and its data."""
    text = json.dumps(canonical(data, precision), sort_keys=True, ensure_ascii=False)
    return " ".join((*(str(part) for part in about), text))


def lines(facts: Iterable[str]) -> str:
    """Return facts in sorted order as text."""
    return "".join(fact + "\n" for fact in sorted(facts))


# --- files of a run ------------------------------------------------------------------------------


def is_committed(run: Path, generation: int) -> bool:
    """Whether a run has finished a generation."""
    return (run / "generations" / f"{generation:04d}.json").exists()


def read_matches(run: Path) -> dict[str, dict[str, Any]]:
    """Read every match by its id, under this module's names."""
    return {row["id"]: _match(row) for row in _read_lines(run / "matches.jsonl")}


def _match(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "generation": row["generation"],
        "purpose": row["phase"],
        "split": row["split"],
        "passage": row["passage"],
        "question": row["question"],
        "players": {seat: row["seats"][seat] for seat in SEATS},
        "correct": row["label"],
        "swapped": row["swap"],
        "kind": row["kind"],
        "why": row["message"],
        "credence": row["credence"],
        "orders": row["orders"],
        "bias": row["bias"],
        "right": row["right"],
        "words": row["words"],
        "quotes": row["quotes"],
        "clipped": row["clipped"],
        "tokens": row["tokens"],
        "calls": row["calls"],
        "method": row["verdict"].get("method"),
        "missing": row["verdict"].get("missing_mass"),
        "votes": row["verdict"].get("votes"),
    }


def read_speeches(run: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Read what was said, by match id."""
    for path in sorted((run / "transcripts").glob("*.jsonl.gz")):
        for row in map(json.loads, gzip.decompress(path.read_bytes()).decode().splitlines()):
            speeches = [
                {"round": number, "seat": seat, "text": text}
                for number, seat, text in row["speeches"]
            ]
            yield row["match"], speeches


def read_strategies(run: Path) -> Iterator[dict[str, Any]]:
    """Read every strategy, under this module's names."""
    for row in _read_lines(run / "strategies.jsonl"):
        yield {
            "id": row["id"],
            "family": row["family"],
            "text": row["text"],
            "parents": row["parents"],
            "generation": row["generation"],
            "operator": row["operator"],
        }


def read_generations(run: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the results of every generation, under this module's names."""
    for path in sorted((run / "generations").glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        stats = data["stats"]
        yield (
            data["generation"],
            {
                "ratings": data["ratings"],
                "questions": data["questions"],
                "waiting": data["waiting"],
                "totals": data["totals"],
                "decisions": [_decision(row) for row in data["decisions"]],
                "results": {name: stats[key] for key, name in _RESULTS},
                "elo": {name: stats[key] for key, name in _ELO_RESULTS},
                "events": [_event(row) for row in data["events"]],
                "cells": [_cell(row) for row in data["archive"]["cells"]],
            },
        )


def _decision(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "challenger": row["challenger"],
        "elite": row["incumbent"],
        "decision": row["decision"],
        "better": canonical(row["better"], ESTIMATE),
        "difference": row["difference"],
        "deviation": row["deviation"],
        "waited": row["generations"],
    }


def _event(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "what": row["kind"],
        "strategy": row["strategy_id"],
        "cell": row["cell"],
        "from": row["origin"],
        "other": row["other"],
        "why": row["reason"],
        "outside": row["outside"],
    }


def _cell(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "cell": row["cell"],
        "name": row["name"],
        "elite": _entry(row["elite"]),
        "challengers": [_entry(entry) for entry in row["challengers"]],
    }


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["strategy_id"],
        "rating": canonical(row["fitness"], ELO),
        "behaviour": row["behaviour"],
    }


def read_archive(run: Path) -> dict[str, Any]:
    """Read the archive as it is at the end, under this module's names."""
    data = json.loads((run / "archive.json").read_text(encoding="utf-8"))
    table = data["heat_map"]
    return {
        "elites": [_elite(row) for row in data["elites"]],
        "table": {name: table[name] for name in ("axis", "rows", "columns", "values")},
    }


def _elite(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["strategy_id"],
        "family": row["family"],
        "cell": row["cell"],
        "rating": row["rating"],
        "deviation": row["deviation"],
        "debates": row["matches"],
        "generation": row["generation"],
        "operator": row["operator"],
        "lineage": row["lineage"],
    }


def read_report(run: Path) -> dict[str, Any] | None:
    """Read the report of an evaluation without its version; ``None``: there was none."""
    path = run / "evaluation" / "report.json"
    if not path.exists():
        return None
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    report.pop("version")
    return report


def read_evaluated(run: Path) -> Iterator[dict[str, Any]]:
    """Read every debate of an evaluation, under this module's names."""
    for path in sorted((run / "evaluation").glob("*.jsonl")):
        if path.name != "telemetry.jsonl":
            yield from map(_evaluated, _read_lines(path))


def _evaluated(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "purpose": row["phase"],
        "passage": row["passage"],
        "question": row["question"],
        "players": row["seats"],
        "correct": row["label"],
        "kind": row["kind"],
        "why": row["message"],
        "credence": row["credence"],
        "orders": row["orders"],
        "bias": row["bias"],
        "right": row["right"],
    }


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


# --- projections ---------------------------------------------------------------------------------


def matches(run: Path) -> str:
    """Players and outcome of every match."""
    return lines(
        line(_about(match), _without_heading(match), DEBATE) for match in read_matches(run).values()
    )


def transcripts(run: Path) -> str:
    """What was said in every match."""
    known = read_matches(run)
    return lines(
        line(
            _about(known[match_id]),
            {"swapped": known[match_id]["swapped"], "speeches": speeches},
            DEBATE,
        )
        for match_id, speeches in read_speeches(run)
    )


def _about(match: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what a debate is called in a projection."""
    generation = (f"{match['generation']:04d}",) if "generation" in match else ()
    players = (match["players"][seat] for seat in SEATS)
    return *generation, match["purpose"], match["question"], *players


def _without_heading(match: Mapping[str, Any]) -> dict[str, Any]:
    said = {"generation", "purpose", "question", "players"}
    return {name: value for name, value in match.items() if name not in said}


def strategies(run: Path) -> str:
    """Every strategy, in whatever order they were written."""
    return lines(line((row["id"],), row, DEBATE) for row in read_strategies(run))


def archive(run: Path) -> str:
    """What lived where in every generation, how it came there, and the archive at the end."""
    return lines(_archive_facts(run))


def _archive_facts(run: Path) -> Iterator[str]:
    for number, found in read_generations(run):
        for cell in found["cells"]:
            place = ",".join(f"{part:02d}" for part in cell["cell"])
            yield line((f"{number:04d}", "cell", place), cell, DEBATE)
        for order, event in enumerate(found["events"]):
            yield line((f"{number:04d}", "event", f"{order:04d}"), event, DEBATE)
    final = read_archive(run)
    for order, elite in enumerate(final["elites"]):
        yield line(("end", "elite", f"{order:04d}"), elite, ELO)
    yield line(("end", "table"), final["table"], ELO)


def ratings(run: Path) -> str:
    """Ratings, decisions and results of every generation."""
    return lines(_rating_facts(run))


def _rating_facts(run: Path) -> Iterator[str]:
    for generation, found in read_generations(run):
        number = f"{generation:04d}"
        for name in ("ratings", "questions"):
            for rated, rating in found[name].items():
                yield line((number, name, rated), rating, ELO)
        for decision in found["decisions"]:
            yield line((number, "decision", decision["challenger"]), decision, ELO)
        yield line((number, "results"), found["results"], ESTIMATE)
        yield line((number, "elo"), found["elo"], ELO)
        yield line((number, "waiting"), found["waiting"], ELO)
        yield line((number, "totals"), found["totals"], ELO)


def evaluation(run: Path) -> str:
    """Numbers of an evaluation's report, and its debates; empty where there was none."""
    report = read_report(run)
    if report is None:
        return ""
    numbers = (line(("report", path), value, ESTIMATE) for path, value in leaves(report))
    debates = (
        line(("debate", *_about(debate)), _without_heading(debate), DEBATE)
        for debate in read_evaluated(run)
    )
    return lines((*numbers, *debates))


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, int | float]]:
    """Return the numbers in JSON-able data, by the keys and places that lead to them."""
    if isinstance(data, Mapping):
        for key, item in data.items():
            yield from leaves(item, f"{path}/{key}")
    elif isinstance(data, list):
        for place, item in enumerate(data):
            yield from leaves(item, f"{path}/{place:04d}")
    elif isinstance(data, int | float) and not isinstance(data, bool):
        yield path, data


PROJECTIONS: Mapping[str, Callable[[Path], str]] = {
    "matches": matches,
    "transcripts": transcripts,
    "strategies": strategies,
    "archive": archive,
    "ratings": ratings,
    "evaluation": evaluation,
}


def project(run: Path) -> dict[str, str]:
    """Return all projections of a run by name; of an evaluation only where there was one."""
    found = {name: view(run) for name, view in PROJECTIONS.items()}
    return {name: text for name, text in found.items() if text or name != "evaluation"}
