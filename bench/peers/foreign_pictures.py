"""Pictures by Pillow in every mode, in archives of Python's zipfile and of zip, and as Hugging Face has them."""

import io
import json
import pathlib
import subprocess
import tempfile
import zipfile
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from foreign_cases import case, rng, written

SIDE = 6


def png(image: Image.Image, **options) -> bytes:
    return written(lambda file: image.save(file, "PNG", **options))


def picture(mode: str) -> Image.Image:
    draw = lambda *channels, most=256, type_=np.uint8: rng.integers(0, most, (SIDE, SIDE, *channels)).astype(type_)
    match mode:
        case "1":
            return Image.fromarray(draw(most=2) > 0)
        case "I;16":
            return Image.fromarray(draw(most=65536, type_=np.uint16))
        case "L":
            return Image.fromarray(draw())
        case "P":
            return Image.fromarray(draw(3)).quantize(16)
        case _:
            return Image.fromarray(draw(len(mode)), mode)


def on_white(image: Image.Image) -> np.ndarray:
    if image.mode == "I;16":
        sixteen = np.floor(np.asarray(image) / 257 + 0.5)
        return np.repeat(sixteen[..., None], 3, axis=2)
    rgba = np.asarray(image.convert("RGBA")).astype(np.int64)
    alpha = rgba[..., 3:]
    return (2 * (rgba[..., :3] * alpha + 255 * (255 - alpha)) + 255) // 510


def shown(files: dict[str, bytes]) -> list[tuple]:
    """Rows of what Pillow sees in the files, by the last folder's name."""
    seen = {name: on_white(Image.open(io.BytesIO(content))) for name, content in files.items() if name.endswith(".png")}
    grey = all((rgb == rgb[..., :1]).all() for rgb in seen.values())
    return [(*map(float, (rgb[..., 0] if grey else rgb).ravel()), name.split("/")[-2]) for name, rgb in seen.items()]


def zipped(files: dict[str, bytes], method=zipfile.ZIP_DEFLATED, streamed=False) -> bytes:
    content = io.BytesIO()

    class Pipe(io.RawIOBase):
        """As standard output: sizes follow behind the data."""

        def writable(self):
            return True

        def write(self, part):
            return content.write(part)

    with zipfile.ZipFile(Pipe() if streamed else content, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def by_zip(files: dict[str, bytes], *options: str, piped=True) -> bytes:
    """By the program zip. (With -fz and a pipe it writes archives that nobody opens.)"""
    with tempfile.TemporaryDirectory() as folder:
        inner = pathlib.Path(folder, "files")
        for name, data in files.items():
            path = inner / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        to = "-" if piped else "../made.zip"
        command = ["zip", "-q", "-r", *options, to, "."]
        done = subprocess.run(command, cwd=inner, check=True, capture_output=True)
        return done.stdout if piped else pathlib.Path(folder, "made.zip").read_bytes()


def folders(file_of: Callable[[], bytes], split=False) -> dict[str, bytes]:
    part = lambda k: ("test/" if k % 5 == 0 else "train/") if split else ""
    return {f"{part(k)}{'Köln' if k % 2 else 'Bern'}/{k}.png": file_of() for k in range(20)}


modes = ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]
for mode in modes:
    files = folders(lambda: png(picture(mode)))
    case(f"pictures of mode {mode}", "images", zipped(files), shown(files))
files = folders(lambda: png(picture(modes[rng.integers(len(modes))])))
case("pictures of all modes", "images", zipped(files), shown(files))
for mode, transparent in {"L": 7, "RGB": (1, 2, 3), "P": 3, "P of bytes": bytes(range(0, 160, 10))}.items():
    def seen_through():
        image = picture(mode.split()[0])
        if image.mode != "P":
            image.putpixel((0, 0), transparent)
        return png(image, transparency=transparent)
    files = folders(seen_through)
    case(f"pictures of mode {mode} with a transparent colour", "images", zipped(files), shown(files), says="transparent")
files = folders(lambda: png(picture("RGB"), save_all=True, append_images=[picture("RGB")]))
case("animated pictures: the first", "images", zipped(files), shown(files))
files = folders(lambda: png(picture("P"), bits=4, optimize=True))
case("pictures of 4 bits", "images", zipped(files), shown(files))
files = folders(lambda: png(picture("L"), dpi=(300, 300), icc_profile=b"x" * 200))
case("pictures with a profile", "images", zipped(files), shown(files))
files = folders(lambda: png(picture("RGB")), split=True)
case("folders train and test", "images", zipped(files), shown(files))
case("archive, stored", "images", zipped(files, zipfile.ZIP_STORED), shown(files))
case("archive through a pipe", "images", zipped(files, streamed=True), shown(files))
case("archive by zip, through a pipe", "images", by_zip(files), shown(files))
case("archive by zip, stored, ZIP64", "images", by_zip(files, "-0", "-fz", piped=False), shown(files))
wrapped = {f"my set/{name}": content for name, content in files.items()}
case("archive with a folder around all", "images", by_zip(wrapped), shown(wrapped))
case("archive, bzip2", "images", zipped(files, zipfile.ZIP_BZIP2), says="bzip2")
case("archive, LZMA", "images", zipped(files, zipfile.ZIP_LZMA), says="LZMA")
case("archive by zip with a password", "images", by_zip(files, "-P", "x"), says="encrypted")
jpeg = {name: written(lambda file: picture("RGB").save(file, "JPEG")) for name in files}
case("JPEG named .png", "images", zipped(jpeg), says="JPEG")
case("JPEG", "images", zipped({name.replace("png", "jpg"): c for name, c in jpeg.items()}), says="JPEG")

# Hugging Face's layout.


def hugging(files: dict[str, bytes], labels=None, path=True, names=("Bern", "Köln")) -> bytes:
    image = [{"bytes": content, **({"path": name} if path else {})} for name, content in files.items()]
    what = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    struct = pa.struct([("bytes", pa.binary())] + [("path", pa.string())] * path)
    of = pa.table({"image": pa.array(image, struct), "label": labels or [names.index(name.split("/")[-2]) for name in files]})
    return written(lambda file: pq.write_table(
        of.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": what}})}), file))


files = folders(lambda: png(picture("RGB")))
case("Hugging Face", "parquet", hugging(files), shown(files))
case("Hugging Face without paths", "parquet", hugging(files, path=False), shown(files))
case("Hugging Face, label of texts", "parquet", hugging(files, [n.split("/")[-2] for n in files]), shown(files))
case("Hugging Face with JPEG", "parquet", hugging(jpeg), says="JPEG")
case("Hugging Face without bytes", "parquet", hugging({name: None for name in files}), says="bytes")
