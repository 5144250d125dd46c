"""Measure detectors: `python -m training.detector.evaluate --shared FOLDER`.

For the bundled detector and the hub's: recall, box quality and what the hub's OCR reads from the boxes, on
labelled pictures; false detections on pictures without a plate; the share of a video's plates found frame by
frame; time on one thread. Every figure of the model card comes from the file that this writes.
"""

import argparse
import json
from pathlib import Path

from training.detector.measures import (
    THRESHOLD,
    WIDEN,
    Detector,
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
from training.detector.teacher import Teacher


def evaluate(args: argparse.Namespace) -> dict[str, object]:
    """All measurements, as one JSON object."""
    models = args.shared / "models"
    reader = Reader(models / "cct_xs_v2_global.onnx")
    sets = {name: labelled(args.shared / "data" / name) for name in ("us", "eu")}
    ours = Detector(args.model, square=False)
    detectors: dict[str, Detector] = {"hitonly rectangular 384": ours}
    if args.quick:
        return {
            name: {s: measure_set(d, items, reader) for s, items in sets.items()}
            for name, d in detectors.items()
        }
    square = Detector(args.model, square=True)
    hub = Detector(models / "yolo-v9-t-384-fp32-end2end.onnx", square=True)
    detectors |= {"hitonly square 384": square, "hub yolo-v9-t square 384": hub}
    teacher = Teacher(models / "yolo-v9-t-fp32-raw.onnx")
    everything = [item for items in sets.values() for item in items]
    empty = {
        "us and eu, plate painted over": list(painted_over(everything, hub)),
        "us and eu, part beside the plate": [
            image
            for image in beside(everything)
            if not (teacher.boxes(image[:, :, ::-1], 640)[1] > 0.25).any()
        ],
        "drawn scenes with signs": list(drawn_without(150)),
    }
    frames = video_reference(
        args.shared / "video" / "uk-motorway.mp4",
        args.shared / "video" / "labels.csv",
        teacher,
        reader,
    )
    results: dict[str, object] = {
        "threshold": THRESHOLD,
        "model_bytes": args.model.stat().st_size,
        "crop_widened_percent": 100 * WIDEN,
    }
    for name, detector in detectors.items():
        results[name] = {
            "sets": {s: measure_set(detector, items, reader) for s, items in sets.items()},
            "agreement_with_hub": {s: agreement(detector, hub, items) for s, items in sets.items()},
            "false_detections_per_picture": {
                s: {"pictures": len(pictures), "rate": false_rate(detector, pictures)}
                for s, pictures in empty.items()
            },
            "uk_motorway": measure_video(detector, frames),
            "rendered_road": measure_rendered(detector, 60),
        }
    results["processor_milliseconds_one_thread"] = {
        **{f"hitonly {h} x 384": milliseconds(ours, h, 384) for h in (224, 256, 288)},
        "hitonly 384 x 384": milliseconds(square, 384, 384),
        "hub 384 x 384": milliseconds(hub, 384, 384),
    }
    return results


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
    results = evaluate(args)
    text = json.dumps(results, indent=2) + "\n"
    if args.quick:
        print(text)
        return
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(text)


if __name__ == "__main__":
    main()
