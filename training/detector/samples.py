"""Training samples made on the fly: pictures cropped and tiled, drawn plates pasted in, all degraded."""

import json
import math
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from training.detector.plates import Picture
from training.detector.teacher import iou_matrix

MAX_BOXES = 12


@dataclass(slots=True)
class Canvas:
    """A training picture in the making."""

    pixels: Picture
    plates: list[NDArray[np.float32]] = field(default_factory=list)
    ignore: list[NDArray[np.float32]] = field(default_factory=list)


class Samples(IterableDataset[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]):
    """Endless (image 3 x H x W uint8, plates and ignore regions `MAX_BOXES` x 4; rows of -1 are none)."""

    def __init__(self, work: Path, height: int, width: int, seed: int) -> None:
        self.work, self.height, self.width, self.seed = work, height, width, seed

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        cv2.setNumThreads(1)
        info = torch.utils.data.get_worker_info()
        self.rng = random.Random(self.seed * 1000 + (info.id if info else 0))
        self.noise = np.random.default_rng(self.seed).normal(0, 1, 1 << 20).astype(np.float32)
        self.store = np.load(self.work / "pictures.npy", mmap_mode="r")
        self.entries = json.loads((self.work / "pictures.json").read_text())
        by_source = defaultdict(list)
        for index, entry in enumerate(self.entries):
            by_source[entry["source"]].append(index)
        self.sources = {name: by_source[name] for name in sorted(by_source)}
        self.drawn = []
        for name in ("plates", "decoys"):
            with np.load(self.work / f"{name}.npz") as bank:
                self.drawn.append([bank[key] for key in bank.files])
        while True:
            canvas = self.compose()
            yield self.tensors(canvas)

    def tensors(self, canvas: Canvas) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Fixed shapes; plates that are mostly outside or under 6 pixels wide become ignore regions."""
        plates: list[NDArray[np.float32]] = []
        ignore = list(canvas.ignore)
        limit = np.array([self.width, self.height] * 2, np.float32)
        for box in canvas.plates:
            inside = np.clip(box, 0, limit)
            share = np.prod(inside[2:] - inside[:2]) / max(np.prod(box[2:] - box[:2]), 1e-6)
            good = share > 0.75 and inside[2] - inside[0] >= 8 and inside[3] - inside[1] >= 3.5
            (plates if good else ignore).append(inside)
        out = []
        for boxes in (plates, ignore):
            rows = np.full((MAX_BOXES, 4), -1, np.float32)
            if boxes:
                rows[: len(boxes)] = np.stack(boxes[:MAX_BOXES])
            out.append(torch.from_numpy(rows))
        return torch.from_numpy(np.ascontiguousarray(canvas.pixels.transpose(2, 0, 1))), out[0], out[1]

    def compose(self) -> Canvas:
        """One picture, or two to four side by side; then lens, light and compression."""
        rng, height, width = self.rng, self.height, self.width
        background = rng.choice([(114, 114, 114), (0, 0, 0), tuple(rng.randint(0, 255) for _ in range(3))])
        canvas = Canvas(np.full((height, width, 3), background, np.uint8))
        tiles = [(0, 0, width, height)]
        if rng.random() < 0.3:
            cut_x = round(width * rng.uniform(0.3, 0.7))
            tiles = [(0, 0, cut_x, height), (cut_x, 0, width, height)]
            if rng.random() < 0.5:
                cut_y = round(height * rng.uniform(0.3, 0.7))
                tiles = [
                    part for x1, _, x2, _ in tiles for part in ((x1, 0, x2, cut_y), (x1, cut_y, x2, height))
                ]
        for tile in tiles:
            self.fill(canvas, tile)
        self.add_decoys(canvas)
        if rng.random() < 0.12:
            self.add_plates(canvas)
        self.degrade(canvas)
        return canvas

    def pick(self) -> int:
        """A picture's index: the two rich sources most often."""
        weights = {"3lgox": 0.4, "romania": 0.22, "rxg4e": 0.22, "drawn": 0.11, "rendered": 0.05}
        name = self.rng.choices(list(self.sources), [weights.get(source, 0.2) for source in self.sources])[0]
        return self.rng.choice(self.sources[name])

    def fill(self, canvas: Canvas, tile: tuple[int, int, int, int]) -> None:
        """Warp a picture into the tile so that one of its plates has a chosen width, at a random place."""
        rng = self.rng
        index = self.pick()
        entry = self.entries[index]
        rows, columns = entry["size"]
        source = np.asarray(self.store[index, :rows, :columns])
        plates = np.array(entry["plates"], np.float32).reshape(-1, 4)
        squashed = entry["source"] in ("3lgox", "rxg4e")
        aspect = (
            math.exp(rng.uniform(-0.1, 0.6))
            if squashed and rng.random() < 0.8
            else math.exp(rng.uniform(-0.15, 0.15))
        )
        if len(plates):
            focus = plates[rng.randrange(len(plates))]
        else:
            x, y = rng.uniform(0, columns), rng.uniform(0, rows)
            focus = np.array([x - 20, y - 8, x + 20, y + 8], np.float32)
        wanted = (
            math.exp(rng.uniform(math.log(14), math.log(110)))
            if rng.random() < 0.92
            else rng.uniform(100, 0.8 * self.width)
        )
        scale_x = min(wanted / max(focus[2] - focus[0], 4.0), 2.5)
        scale_x = max(scale_x, 0.12)
        scale_y = scale_x / aspect
        x1, y1, x2, y2 = tile
        centre = ((focus[0] + focus[2]) / 2 * scale_x, (focus[1] + focus[3]) / 2 * scale_y)
        roam_x, roam_y = rng.uniform(0.05, 0.95), rng.uniform(0.05, 0.95)
        if rng.random() < 0.12:  # a view beside the plate
            roam_x, roam_y = rng.uniform(-0.6, 1.6), rng.uniform(-0.6, 1.6)
        shift = np.array(
            [x1 + (x2 - x1) * roam_x - centre[0], y1 + (y2 - y1) * roam_y - centre[1]], np.float64
        )
        if rng.random() < 0.6:  # keep the picture over the tile where it is large enough
            for axis, (low, high, extent) in enumerate(
                [(x1, x2, columns * scale_x), (y1, y2, rows * scale_y)]
            ):
                if extent >= high - low:
                    shift[axis] = min(max(shift[axis], high - extent), low)
        angle = math.radians(rng.gauss(0, 3)) if rng.random() < 0.4 else 0.0
        over = np.array([*shift, shift[0] + columns * scale_x, shift[1] + rows * scale_y], np.float32)
        covered = np.prod(np.clip(np.minimum(over[2:], (x2, y2)) - np.maximum(over[:2], (x1, y1)), 0, None))
        if covered < 0.7 * (x2 - x1) * (y2 - y1) and rng.random() < 0.8:
            self.backdrop(canvas, tile)
            self.hide(canvas, over)
        self.warp(canvas, tile, source, entry, (scale_x, scale_y, *shift, angle))

    def backdrop(self, canvas: Canvas, tile: tuple[int, int, int, int]) -> None:
        """Cover the tile with a random part of another picture."""
        index = self.pick()
        entry = self.entries[index]
        rows, columns = entry["size"]
        x1, y1, x2, y2 = tile
        scale = max((x2 - x1) / columns, (y2 - y1) / rows) * self.rng.uniform(1.0, 1.6)
        shift_x = x1 - self.rng.random() * (columns * scale - x2 + x1)
        shift_y = y1 - self.rng.random() * (rows * scale - y2 + y1)
        self.warp(
            canvas,
            tile,
            np.asarray(self.store[index, :rows, :columns]),
            entry,
            (scale, scale, shift_x, shift_y, 0.0),
        )

    def hide(self, canvas: Canvas, over: NDArray[np.float32]) -> None:
        """Forget plates that the next picture covers; those that it touches are to be ignored."""
        kept = []
        for box in canvas.plates:
            inter = np.prod(np.clip(np.minimum(over[2:], box[2:]) - np.maximum(over[:2], box[:2]), 0, None))
            share = inter / max(np.prod(box[2:] - box[:2]), 1e-6)
            if share <= 0:
                kept.append(box)
            elif share < 0.95:
                canvas.ignore.append(box)
        canvas.plates = kept

    def warp(
        self,
        canvas: Canvas,
        tile: tuple[int, int, int, int],
        source: Picture,
        entry: dict[str, Any],
        placing: tuple[float, float, float, float, float],
    ) -> None:
        """Resize, rotate about the tile's centre, mirror half the time, and move the boxes along."""
        rng = self.rng
        scale_x, scale_y, shift_x, shift_y, angle = placing
        matrix = np.array([[scale_x, 0, shift_x], [0, scale_y, shift_y], [0, 0, 1]])
        if (
            scale_x < 0.8 and rng.random() < 0.6
        ):  # half of the cameras' reducers average, half of them skip pixels
            small = (max(round(source.shape[1] * scale_x), 8), max(round(source.shape[0] * scale_y), 8))
            fx, fy = small[0] / source.shape[1], small[1] / source.shape[0]
            source = cv2.resize(source, small, interpolation=cv2.INTER_AREA).astype(np.uint8)
            reduce = np.array([[fx, 0, 0.5 * fx - 0.5], [0, fy, 0.5 * fy - 0.5], [0, 0, 1]])
        else:
            reduce = np.eye(3)
        x1, y1, x2, y2 = tile
        cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
        turn = np.array(
            [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1.0]]
        )
        centre = np.array([[1, 0, cx], [0, 1, cy], [0, 0, 1.0]])
        if rng.random() < 0.5:
            turn = turn @ np.diag([-1.0, 1, 1])
        matrix = centre @ turn @ np.linalg.inv(centre) @ matrix
        to_tile = np.array([[1, 0, -x1], [0, 1, -y1], [0, 0, 1.0]]) @ matrix @ np.linalg.inv(reduce)
        view = canvas.pixels[y1:y2, x1:x2]
        # Boxes count pixel edges, the warp counts pixel centres.
        centred = to_tile.copy()
        centred[:2, 2] += to_tile[:2, :2] @ np.array([0.5, 0.5]) - 0.5
        if reduce[0, 0] != 1:
            centred = (
                np.array([[1, 0, -x1 - 0.5], [0, 1, -y1 - 0.5], [0, 0, 1.0]])
                @ matrix
                @ np.array(
                    [
                        [1 / reduce[0, 0], 0, 0.5 / reduce[0, 0]],
                        [0, 1 / reduce[1, 1], 0.5 / reduce[1, 1]],
                        [0, 0, 1.0],
                    ]
                )
            )
        fresh = view.copy()
        cv2.warpAffine(
            source, centred[:2], (x2 - x1, y2 - y1), fresh, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT
        )
        view[:] = fresh
        drawn = entry["source"] == "drawn"
        limit = np.array([x1, y1, x2, y2], np.float32)
        for kind, boxes in (("plate", entry["plates"]), ("ignore", entry["ignore"])):
            for box in boxes:
                self.carry(canvas, matrix=matrix, limit=limit, kind=kind, box=box, drawn=drawn)

    def carry(
        self,
        canvas: Canvas,
        *,
        matrix: NDArray[np.float64],
        limit: NDArray[np.float32],
        kind: str,
        box: list[float],
        drawn: bool,
    ) -> None:
        """Move one box into the canvas; paste a plate over it in drawn scenes, and now and then in others."""
        corners = np.array([(box[i], box[j], 1) for i, j in ((0, 1), (2, 1), (2, 3), (0, 3))]) @ matrix.T
        low, high = corners[:, :2].min(0), corners[:, :2].max(0)
        moved = np.array([*low, *high], np.float32)
        inside = np.clip(moved, limit[[0, 1, 0, 1]], limit[[2, 3, 2, 3]])
        area = max(float(np.prod(moved[2:] - moved[:2])), 1e-6)
        share = float(np.prod(np.clip(inside[2:] - inside[:2], 0, None))) / area
        if share <= 0:
            return
        if kind == "ignore" or share < 0.75:
            canvas.ignore.append(inside)
        elif drawn:
            if self.rng.random() < 0.92:
                self.paste(canvas, moved, cover=False)
        else:
            self.keep_or_replace(canvas, moved, inside)

    def keep_or_replace(
        self, canvas: Canvas, moved: NDArray[np.float32], inside: NDArray[np.float32]
    ) -> None:
        """Leave a real plate, draw another over it, or take it away: paint its place, or put a decoy there."""
        draw = self.rng.random()
        if draw < 0.4:
            self.paste(canvas, moved, cover=True)
        elif draw < 0.46:
            centre, size = (moved[:2] + moved[2:]) / 2, (moved[2:] - moved[:2]) * 0.96
            self.recess(canvas, centre.astype(np.float64), size.astype(np.float64))
        elif draw < 0.49:
            self.paste(canvas, moved, cover=True, bank=1)
        else:
            canvas.plates.append(inside)

    def paste(self, canvas: Canvas, box: NDArray[np.float32], *, cover: bool, bank: int = 0) -> None:
        """Draw a plate (bank 0) or decoy (bank 1) over `box`, in slight perspective and in its light."""
        rng = self.rng
        picture = rng.choice(self.drawn[bank])
        width, height = box[2] - box[0], box[3] - box[1]
        shape = picture.shape[1] / picture.shape[0] * math.exp(rng.uniform(-0.1, 0.1))
        if cover:
            width = max(width * 1.04, height * 1.04 * min(shape, 2.6))
        cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        height = max(width / shape, height * 1.04 if cover else 0)
        if bank == 0 and rng.random() < 0.3:
            self.recess(canvas, np.array([cx, cy]), np.array([width, height]))
        jitter = 0.05 if width > 24 else 0.02
        angle = rng.gauss(0, 0.04)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        quad = np.array(
            [(-width, -height), (width, -height), (width, height), (-width, height)]
        ) / 2 @ turn.T + (cx, cy)
        quad += np.array([[rng.uniform(-jitter, jitter) * height for _ in range(2)] for _ in range(4)])
        low = np.floor(quad.min(0)).astype(int) - 2
        high = np.ceil(quad.max(0)).astype(int) + 2
        low, high = np.maximum(low, 0), np.minimum(high, [self.width, self.height])
        if (high - low).min() < 3:
            return
        shrink = width / picture.shape[1]
        if shrink < 0.9:
            size = (max(round(width * 1.3), 4), max(round(height * 1.3), 3))
            picture = cv2.resize(
                picture, size, interpolation=cv2.INTER_AREA if rng.random() < 0.8 else cv2.INTER_LINEAR
            )
        view = canvas.pixels[low[1] : high[1], low[0] : high[0]]
        toned: NDArray[Any] = self.tone(picture, view, plate=bank == 0)
        corners = np.array([(0, 0), (toned.shape[1], 0), toned.shape[1::-1], (0, toned.shape[0])], np.float32)
        warp = cv2.getPerspectiveTransform(corners - np.float32(0.5), (quad - low - 0.5).astype(np.float32))
        size = (view.shape[1], view.shape[0])
        drawn: NDArray[Any] = cv2.warpPerspective(
            toned, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        mask = np.zeros((size[1] * 4, size[0] * 4), np.uint8)
        cv2.fillPoly(mask, [np.round((quad - low) * 4 - 0.5).astype(np.int32)], 255)
        alpha = cv2.resize(mask, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        if rng.random() < 0.5:
            sigma = rng.uniform(0.3, 0.9)
            drawn = cv2.GaussianBlur(drawn, (0, 0), sigma).astype(np.float32)
            alpha = cv2.GaussianBlur(alpha, (0, 0), sigma).astype(np.float32)
        opacity = alpha[..., None]
        view[:] = np.clip(view * (1 - opacity) + drawn * opacity, 0, 255).astype(np.uint8)
        new = np.array([*quad.min(0), *quad.max(0)], np.float32)
        if bank == 0:
            canvas.plates.append(new)

    def tone(self, picture: Picture, view: Picture, *, plate: bool) -> NDArray[np.float32]:
        """Light a drawing like the place it goes to, or by its own lamp; contrast and shadow vary."""
        rng = self.rng
        light = min(max(float(view.mean()) / 130, 0.4), 1.1) * rng.uniform(0.75, 1.25)
        if rng.random() < 0.35:
            light = rng.uniform(0.6, 1.1)
        toned = (picture.astype(np.float32) - 128) * rng.uniform(0.65, 1.05) + 128
        if rng.random() < 0.4:
            toned *= np.linspace(rng.uniform(0.6, 1), rng.uniform(0.6, 1), toned.shape[1])[None, :, None]
        toned = np.clip(toned * light, 0, 255)
        if plate and rng.random() < 0.15:  # a plate nearly of its car's colour
            share = rng.uniform(0.2, 0.5)
            toned = toned * (1 - share) + (view.mean((0, 1)) + rng.uniform(-20, 20)) * share
        return toned.astype(np.float32)

    def recess(self, canvas: Canvas, centre: NDArray[np.float64], size: NDArray[np.float64]) -> None:
        """Draw the panel or hollow that a plate sits in, whose edges are not the plate's."""
        rng = self.rng
        half = size / 2 * (rng.uniform(1.08, 1.9), rng.uniform(1.1, 1.8))
        middle = centre + size * (rng.uniform(-0.15, 0.15), rng.uniform(-0.15, 0.15))
        low, high = np.maximum(np.round(middle - half), 0).astype(int), np.round(middle + half).astype(int)
        view = canvas.pixels[low[1] : high[1], low[0] : high[0]]
        if view.size == 0:
            return
        tone = view.mean((0, 1)) * rng.uniform(0.35, 1.4) + rng.uniform(-10, 10)
        ramp = np.linspace(rng.uniform(0.6, 1.1), rng.uniform(0.6, 1.1), view.shape[0])[:, None, None]
        panel = np.clip(tone * ramp, 0, 255)
        view[:] = panel.astype(np.uint8)
        if rng.random() < 0.6:
            edge = [int(value) for value in np.clip(tone * rng.uniform(0.3, 1.8), 0, 255)]
            cv2.rectangle(canvas.pixels, low.tolist(), (high - 1).tolist(), edge, 1, cv2.LINE_AA)

    def free_box(self, canvas: Canvas, shape: float, low: float, high: float) -> NDArray[np.float32] | None:
        """A random box that touches no plate, or None after five tries."""
        for _ in range(5):
            width = math.exp(self.rng.uniform(math.log(low), math.log(high)))
            x, y = self.rng.uniform(-0.1, 0.9) * self.width, self.rng.uniform(0, 0.9) * self.height
            box = np.array([x, y, x + width, y + width / shape], np.float32)
            grown = box + np.array([-6, -6, 6, 6], np.float32)
            others = [*canvas.plates, *canvas.ignore]
            if not others or iou_matrix(grown[None], np.stack(others)).max() == 0:
                return box
        return None

    def add_decoys(self, canvas: Canvas) -> None:
        """Signs, stickers, shop letters, grilles: in two pictures of five."""
        if self.rng.random() < 0.4:
            for _ in range(self.rng.randint(1, 4)):
                box = self.free_box(canvas, 2.0, 14, 150)
                if box is not None:
                    self.paste(canvas, box, cover=False, bank=1)

    def add_plates(self, canvas: Canvas) -> None:
        """A drawn plate where nothing suggests one."""
        for _ in range(self.rng.randint(1, 2)):
            box = self.free_box(canvas, 2.5, 14, 90)
            if box is not None:
                self.paste(canvas, box, cover=False)

    def degrade(self, canvas: Canvas) -> None:
        """Exposure, colour, blur, noise and JPEG, each now and then."""
        rng = self.rng
        image = canvas.pixels
        if rng.random() < 0.7:
            gamma = math.exp(rng.gauss(0, 0.3))
            gain = rng.uniform(0.25, 0.6) if rng.random() < 0.15 else rng.uniform(0.75, 1.25)
            ramp = np.clip(255 * gain * (np.arange(256) / 255) ** gamma + rng.uniform(-15, 15), 0, 255)
            tint = [rng.uniform(0.85, 1.15) if rng.random() < 0.5 else 1.0 for _ in range(3)]
            table = np.clip(ramp[:, None] * np.array(tint)[None], 0, 255).astype(np.uint8)[None]
            image = cv2.LUT(image, table).astype(np.uint8)
        if rng.random() < 0.3:
            grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
            share = 1.0 if rng.random() < 0.4 else rng.uniform(-0.5, 0.9)
            image = cv2.addWeighted(image, 1 - share, grey, share, 0).astype(np.uint8)
        if rng.random() < 0.25:
            image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.3)).astype(np.uint8)
        elif rng.random() < 0.12:
            length = rng.randint(2, 6)
            kernel = np.zeros((length, length), np.float32)
            cv2.line(kernel, (0, rng.randrange(length)), (length - 1, rng.randrange(length)), 1.0)
            image = cv2.filter2D(image, -1, kernel / max(kernel.sum(), 1e-6)).astype(np.uint8)
        if rng.random() < 0.35:
            start = rng.randrange(len(self.noise) - image.size)
            grain = self.noise[start : start + image.size].reshape(image.shape) * np.float32(
                rng.uniform(2, 14)
            )
            image = np.clip(image + grain, 0, 255).astype(np.uint8)
        if rng.random() < 0.35:
            _, data = cv2.imencode(  # noqa: TID251 - a training picture, in memory
                ".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, rng.randint(25, 90)]
            )
            image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        canvas.pixels = image
