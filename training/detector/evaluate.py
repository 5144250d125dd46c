"""Measure detectors: `python -m training.detector.evaluate --shared FOLDER`.

For the bundled detector and the hub's: recall, box quality and what the hub's OCR reads from the boxes, on
labelled pictures; false detections on pictures without a plate; the share of a video's plates found frame by
frame; time on one thread. Every figure of the model card comes from the file that this writes.
"""

import argparse
import hashlib
import json
from pathlib import Path

from training.detector.measures import (
    THRESHOLD,
    WIDEN,
    Detector,
    Labelled,
    Reader,
    agreement,
    beside,
    drawn_without,
    false_rate,
    labelled,
    measure_rendered,
    measure_set,
    measure_video,
    milliseconds,
    painted_over,
    video_reference,
)
from training.detector.plates import Picture
from training.detector.rendered import FIRST_TEST_SEED, rendered
from training.detector.teacher import Teacher

ROAD_FRAMES = 40
DRAWN_SCENES = 120


def without_plates(items: list[Labelled], hub: Detector, teacher: Teacher) -> dict[str, list[Picture]]:
    """Three sets of pictures that show no plate, as far as the hub's detector can tell."""
    parts = [image for image in beside(items) if not (teacher.boxes(image[:, :, ::-1], 640)[1] > 0.25).any()]
    return {
        "us and eu, plate painted over": list(painted_over(items, hub)),
        "us and eu, part beside the plate": parts,
        "drawn scenes with signs": list(drawn_without(DRAWN_SCENES)),
    }


def evaluate(model: Path, shared: Path) -> dict[str, object]:
    """All measurements, as one JSON object."""
    models = shared / "models"
    reader = Reader(models / "cct_xs_v2_global.onnx")
    teacher = Teacher(models / "yolo-v9-t-fp32-raw.onnx")
    sets = {name: labelled(shared / "data" / name) for name in ("us", "eu")}
    ours, square = Detector(model, square=False), Detector(model, square=True)
    wide = Detector(model, square=False, side=448)
    hub = Detector(models / "yolo-v9-t-384-fp32-end2end.onnx", square=True)
    empty = without_plates([item for items in sets.values() for item in items], hub, teacher)
    video = shared / "video"
    frames = video_reference(video / "uk-motorway.mp4", video / "labels.csv", teacher, reader)
    road = list(rendered(ROAD_FRAMES, FIRST_TEST_SEED, 1280))
    results: dict[str, object] = {
        "threshold": THRESHOLD,
        "model_bytes": model.stat().st_size,
        "model_sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "crop_widened_percent": 100 * WIDEN,
        "hitonly square 384": {"sets": {s: measure_set(square, items, reader) for s, items in sets.items()}},
    }
    for name, detector in (
        ("hitonly rectangular 384", ours),
        ("hitonly rectangular 448", wide),
        ("hub yolo-v9-t square 384", hub),
    ):
        results[name] = {
            "sets": {s: measure_set(detector, items, reader) for s, items in sets.items()},
            "agreement_with_hub": {s: agreement(detector, hub, items) for s, items in sets.items()},
            "false_detections_per_picture": {
                s: {"pictures": len(pictures), "rate": false_rate(detector, pictures)}
                for s, pictures in empty.items()
            },
            "uk_motorway": measure_video(detector, frames),
            "rendered_road": measure_rendered(detector, road),
        }
    results["processor_milliseconds_one_thread"] = {
        **{f"hitonly {h} x 384": milliseconds(ours, h, 384) for h in (224, 256, 288)},
        "hitonly 256 x 448": milliseconds(wide, 256, 448),
        "hitonly 384 x 384": milliseconds(square, 384, 384),
        "hub 384 x 384": milliseconds(hub, 384, 384),
    }
    return results


def quick(model: Path, shared: Path) -> dict[str, object]:
    """The labelled pictures alone."""
    reader = Reader(shared / "models" / "cct_xs_v2_global.onnx")
    detector = Detector(model, square=False)
    return {name: measure_set(detector, labelled(shared / "data" / name), reader) for name in ("us", "eu")}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=Path("edge/weights/hitonly-detector.onnx"))
    parser.add_argument("--shared", type=Path, required=True, help="folder with data/, models/ and video/")
    parser.add_argument("--output", type=Path, default=Path("docs/results/detector-eval.json"))
    parser.add_argument(
        "--quick", action="store_true", help="labelled pictures only, printed and not written"
    )
    args = parser.parse_args()
    if args.quick:
        print(json.dumps(quick(args.model, args.shared), indent=2))
        return
    text = json.dumps(evaluate(args.model, args.shared), indent=2) + "\n"
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(text)


if __name__ == "__main__":
    main()
