"""Measure how an OCR mistakes characters, on labelled plate crops, and write its file in `hotlist/kernels`.

    python -m benchmarks.matching.fit_confusion ../shared/data/us_crops ../shared/models

Expectation-maximisation: given the present kernel, each reading's probability is shared out among what the
OCR may have seen in each slot; the shares are the next kernel's counts. A confusion is counted both ways
(what looks like an O today looks like a 0 tomorrow), with a prior that favours `hotlist.plate.CONFUSABLE`,
because few hundred plates show few of the rare mistakes. Where labels write one of two characters for both
(`MIXED`), they cannot tell a mistake from a correct reading: such a confusion is not counted, and keeps the
prior's share. A reading that fits its label in no alignment (another text in the crop, a wrong label) is left out.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.fixtures.pictures import columns_of, crops, open_reader, read
from edge.flow import COLUMNS, SLOTS, Table
from edge.vision.models import manifest
from hotlist.matching.candidates import Candidates
from hotlist.matching.confusion import Kernel
from hotlist.matching.patterns import patterns_of
from hotlist.matching.traffic import LOOSEST, STRICTEST
from hotlist.plate import ALPHABET, CONFUSABLE, MIN_LENGTH, PAD, encode

Counts = npt.NDArray[np.float64]

COPIES = 16
COPY_WEIGHT = 1 / 8
ROUNDS = 6
PRIOR = 8.0
"""Readings of each character that the prior is worth; a twentieth of them are misreads."""
PRIOR_MISREAD = 0.05
PRIOR_CONFUSABLE = 0.6
MIXED = ("0", "O")
"""The labels write the digit for vanity plates' letter: reading either is no mistake that they could show."""
UNEXPLAINED = 2e-3
"""A slot whose label has less probability is not explained; with two of them the reading is left out."""
WORST = -18.0
"""Log probability below which no alignment explains a reading."""
KEPT = 3e-4
THRESHOLDS = np.arange(LOOSEST, STRICTEST + 0.1, 0.5)
SHIFT = 0.01
"""First guess of how often a reading has a character too many or too few, to align with."""


def prior() -> Counts:
    """Return the expected share of each misread, (36 x 36); rows sum to at most 1."""
    shares = np.full((PAD, PAD), (1 - PRIOR_CONFUSABLE) / (PAD - 1))
    for group in CONFUSABLE:
        places = [ALPHABET.index(character) for character in group]
        for place in places:
            shares[place, places] += PRIOR_CONFUSABLE / (len(group) - 1)
    np.fill_diagonal(shares, 0.0)
    return shares


def fit_confusion(tables: Table, labels: npt.NDArray[np.intp], weights: Counts) -> Counts:
    """Return P(character that stands there | character read), (36 x 36).

    Args:
        tables: (n x 10 x 37) readings.
        labels: (n x 10) columns of the labels, aligned.
        weights: (n,) what each reading counts.
    """
    pseudo = PRIOR * (PRIOR_MISREAD * prior() + (1 - PRIOR_MISREAD) * np.eye(PAD))
    kernel = pseudo / pseudo.sum(axis=1, keepdims=True)
    read_as = tables[:, :, :PAD].astype(np.float64)
    standing = labels < PAD
    there = np.where(standing, labels, 0)
    mixed = np.array([ALPHABET.index(character) for character in MIXED])
    unmeasured = PRIOR_MISREAD * prior()[tuple(mixed)]
    for _ in range(ROUNDS):
        shares = read_as * kernel.T[there]
        fit = shares.sum(axis=2)
        explained = ((fit < UNEXPLAINED) & standing).sum(axis=1) <= 1
        used = standing & (explained & (weights > 0))[:, None]
        shares *= (weights[:, None] * used / np.maximum(fit, 1e-30))[:, :, None]
        counts = np.zeros((PAD, PAD))
        np.add.at(counts.T, there[used], shares[used])
        counts[mixed, mixed] += counts[mixed, mixed[::-1]]
        counts[mixed, mixed[::-1]] = 0.0
        off = counts - np.diag(np.diag(counts))
        total = np.diag(np.diag(counts)) + (off + off.T) / 2 + pseudo
        kernel = total / total.sum(axis=1, keepdims=True)
        kernel[mixed, mixed[::-1]] = 0.0
        kernel[mixed] *= (1 - unmeasured) / kernel[mixed].sum(axis=1, keepdims=True)
        kernel[mixed, mixed[::-1]] = unmeasured
    fitted: Counts = kernel
    return fitted


def shift_of(logs: Table, columns: npt.NDArray[np.intp]) -> tuple[float, str, int]:
    """Return the log probability of a label at its best alignment, and the alignment's kind and slot."""
    here = np.arange(SLOTS)
    in_place = logs[here, columns]
    fits = [(float(in_place.sum()), "none", 0)]
    length = int((columns < PAD).sum())
    cost = float(np.log(SHIFT / SLOTS))
    if length < SLOTS:
        later = logs[here[1:], columns[:-1]]
        fits += [
            (float(in_place[:slot].sum() + later[slot:].sum()) + cost, "spurious", slot)
            for slot in range(length + 1)
        ]
    earlier = logs[here[:-1], columns[1:]]
    for place in range(length):
        score = float(in_place[:place].sum() + earlier[place:].sum() + logs[-1, PAD])
        fits.append((score + cost - float(np.log(PAD)), "missing", place))
    return max(fits)


def fit(plates: list[str], tables: Table, weights: Counts) -> dict[str, object]:
    """Return the kernel's file but for `soft` and `provenance`.

    Args:
        plates: n labels.
        tables: (n x 10 x 37) readings.
        weights: (n,) what each reading counts.
    """
    labels = np.array([columns_of(plate) for plate in plates])
    blurred = 0.999 * tables + 0.001 / PAD
    shifts = [shift_of(np.log(table), columns) for table, columns in zip(blurred, labels, strict=True)]
    weights = weights * np.array([fit >= WORST for fit, _, _ in shifts])
    level = np.array([kind == "none" for _, kind, _ in shifts])
    confusion = fit_confusion(tables, labels, weights * level)
    pairs = {
        f"{ALPHABET[read]}>{ALPHABET[there]}": round(float(confusion[read, there]), 5)
        for read, there in zip(*np.nonzero(confusion >= KEPT), strict=True)
        if read != there
    }
    rest = confusion[(confusion < KEPT)].mean()
    return {
        "floor": float(f"{rest:.1e}"),
        "confusion": pairs,
        "spurious": _spurious(labels, shifts, weights),
        "missing": _missing(labels, shifts, weights),
    }


def _spurious(
    labels: npt.NDArray[np.intp], shifts: list[tuple[float, str, int]], weights: Counts
) -> dict[str, float]:
    counts = {"first": 0.5, "inner": 0.5, "last": 0.5}
    places = dict.fromkeys(counts, 100.0)
    for columns, (_, kind, slot), weight in zip(labels, shifts, weights, strict=True):
        length = int((columns < PAD).sum())
        for name, number in (("first", 1), ("inner", length - 2), ("last", 1)):
            places[name] += weight * number
        if kind == "spurious":
            counts["first" if slot == 0 else "last" if slot == length else "inner"] += weight
    return {name: float(f"{counts[name] / places[name]:.2e}") for name in counts}


def _missing(
    labels: npt.NDArray[np.intp], shifts: list[tuple[float, str, int]], weights: Counts
) -> dict[str, float]:
    """Return how often each character is dropped, times how likely it is to be the one that stood there."""
    dropped, stood = np.full(PAD, 0.1), np.full(PAD, 20.0)
    for columns, (_, kind, place), weight in zip(labels, shifts, weights, strict=True):
        np.add.at(stood, columns[columns < PAD], weight)
        if kind == "missing":
            dropped[columns[place]] += weight
    choices = np.where(np.arange(PAD) < 10, 10, 26)
    return {
        symbol: float(f"{rate:.2e}") for symbol, rate in zip(ALPHABET, dropped / stood / choices, strict=True)
    }


def soft_plates(plates: list[str], tables: Table, kernel: Kernel) -> list[float]:
    """Return, per threshold, how many plates of its own pattern a reading accepts beyond the sharp misreads.

    Counted are the candidates with the plate's letters and digits in the same places, without the plate
    itself and without those that even a reading without any doubt would accept.
    """
    candidates = Candidates(kernel)
    counts = np.zeros(len(THRESHOLDS))
    for plate, table in zip(plates, tables, strict=True):
        spread = _own_pattern(candidates, plate, table)
        sharp = _own_pattern(candidates, plate, np.eye(COLUMNS, dtype=np.float32)[columns_of(plate)])
        for other, score in spread.items():
            counts += (score >= THRESHOLDS) & (sharp.get(other, -np.inf) < THRESHOLDS)
    return [float(f"{count:.3g}") for count in counts / len(plates)]


def _own_pattern(candidates: Candidates, plate: str, table: Table) -> dict[int, float]:
    """Return the other plates of a plate's pattern among its candidates, with their log probability."""
    code = np.array([encode(plate)], np.uint64)
    found, scores = candidates.generate(table, float(THRESHOLDS[0]))
    alike = (patterns_of(found) == patterns_of(code)) & (found != code)
    best: dict[int, float] = {}
    for other, score in zip(found[alike].tolist(), scores[alike].tolist(), strict=True):
        best[other] = max(score, best.get(other, score))
    return best


def main() -> None:
    """Fit and write the kernel."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("crops", type=Path, help="folder with labels.csv (image, state, plate)")
    parser.add_argument("models", type=Path, help="folder with the OCR's files")
    parser.add_argument("--reader", default="cct-xs-v2-global", help="the OCR's name in the manifest")
    parser.add_argument("--out", type=Path, default=Path("hotlist/kernels"), help="folder to write to")
    options = parser.parse_args()
    tables = read(
        crops(options.crops),
        open_reader(options.models, options.reader),
        detector=None,
        margin=0.0,
        frames=COPIES,
    )
    usable = [place for place, plate in enumerate(tables.plates) if len(plate) >= MIN_LENGTH]
    plates = [tables.plates[place] for place in usable]
    single, copies = tables.single[usable], tables.frames[usable]
    content = fit(
        [*plates, *np.repeat(plates, COPIES).tolist()],
        np.concatenate([single, copies.reshape(-1, SLOTS, COLUMNS)]),
        np.concatenate([np.ones(len(plates)), np.full(len(plates) * COPIES, COPY_WEIGHT)]),
    )
    content["soft"] = {"threshold": [], "plates": []}
    content["provenance"] = {
        "reader": options.reader,
        "sha256": next(iter(manifest()[options.reader].files.values())),
        "crops": f"{len(plates)} plate crops of OpenALPR's end-to-end benchmark (seg_and_ocr, the even half)",
        "copies": f"{COPIES} degraded copies of each, each counted {COPY_WEIGHT:g}",
        "written_by": "benchmarks/matching/fit_confusion.py",
    }
    kernel = Kernel.from_json(json.dumps(content))
    content["soft"] = {"threshold": THRESHOLDS.tolist(), "plates": soft_plates(plates, single, kernel)}
    (options.out / f"{options.reader}.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
