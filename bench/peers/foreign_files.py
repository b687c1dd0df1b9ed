"""
Uploads files that other programs wrote to a Descent of its own. Those that are taken must have the rows that Python
has; those that are refused must say why. Prints a line for each, and fails if one is BAD.
"""

import datetime
import decimal
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import PIL
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

import descent

rng = np.random.default_rng(3)

MISSING = object()
"""A number that is missing: Descent shows the mean of the train rows."""


@dataclass
class Case:
    name: str
    format: str
    content: bytes
    rows: list[tuple] | None = None
    """(values..., target) in any order; None if the file must be refused."""
    says: str = ""
    """Of a refusal: what its message or places must contain. Of others: what the notes must contain."""
    options: dict[str, str] = field(default_factory=dict)


cases: list[Case] = []


def case(name, format, content, rows=None, says="", **options):
    cases.append(Case(name, format, content, rows, says, options))


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    """What `write` writes to a file."""
    content = io.BytesIO()
    content.close, close = lambda: None, content.close
    write(content)
    bytes_ = content.getvalue()
    close()
    return bytes_


# NumPy: every type and order as the rows x and the targets y.

N = 30
labels = np.arange(N) % 3


def npz(save=np.savez_compressed, **arrays) -> bytes:
    return written(lambda file: save(file, **arrays))


def rows_of(x, y) -> list[tuple]:
    """As float32 sees them: numbers are rounded once."""
    flat = np.asarray(x).reshape(len(x), -1)
    flat = flat if flat.dtype == np.uint8 else flat.astype(np.float32)
    return [(*map(float, row), target) for row, target in zip(flat, y)]


names = [str(label) for label in labels]
plain = rng.normal(0, 50, (N, 4))
for type_ in "f2 f4 f8 >f2 >f4 >f8 i1 >i2 i4 >i8 u2 >u4 u8 ?".split():
    x = (plain > 0) if type_ == "?" else np.abs(plain).astype(type_) if "u" in type_ else plain.astype(type_)
    for order in "CF":
        ordered = np.array(x, order=order)
        case(f"npz x of {type_}, {order} order", "npz", npz(np.savez, x=ordered, y=labels), rows_of(x, names))
pixels = rng.integers(0, 256, (N, 5, 4, 3), dtype=np.uint8)
case("npz images, u1, Fortran order", "npz", npz(x=np.asfortranarray(pixels), y=labels), rows_of(pixels, names))
case("npz images, f4, >f4 targets", "npz", npz(x=(pixels / 255).astype("f4"), y=plain[:, 0].astype(">f4")),
     rows_of((pixels / 255).astype("f4"), map(float, plain[:, 0].astype("f4"))))
case("npz images, f2", "npz", npz(x=(pixels / 255).astype("f2"), y=labels), rows_of((pixels / 255).astype("f2"), names))
case("npz of a slice", "npz", npz(x=plain[:, ::-1], y=labels[::-1]), rows_of(plain[:, ::-1], names[::-1]))
case("npz y (rows, 1)", "npz", npz(x=plain, y=labels[:, None]), rows_of(plain, names))
case("npz y one-hot", "npz", npz(x=plain, y=np.eye(3)[labels]), rows_of(plain, names))
case("npz y of f2", "npz", npz(x=plain, y=plain[:, 1].astype("f2")), rows_of(plain, map(float, plain[:, 1].astype("f2"))))
case("npz y of bool", "npz", npz(x=plain, y=labels > 0), rows_of(plain, [str(l > 0).lower() for l in labels]))
case("npz y negative", "npz", npz(x=plain, y=labels - 1), rows_of(plain, [str(l - 1) for l in labels]))
case("npz Keras's names", "npz", npz(x_train=pixels[:20], y_train=labels[:20].astype("u1"), x_test=pixels[20:],
                                     y_test=labels[20:].astype("u1")), rows_of(pixels, names))
case("npz X and y", "npz", npz(X=plain, y=labels), says="x=..., y=...")
case("npz without names", "npz", written(lambda f: np.savez(f, plain, labels)), says="arr_0")
for what, y in {"texts": np.array(names), "objects": np.array(names, object), "times": np.array([*range(N)], "M8[s]"),
                "complex": labels * 1j, "NaN": np.where(labels == 1, np.nan, labels)}.items():
    case(f"npz y of {what}", "npz", npz(x=plain, y=y), says="y")
case("npz x with NaN", "npz", npz(x=np.where(plain > 60, np.nan, plain), y=labels), says="nan_to_num")
case("npz x of objects", "npz", npz(x=np.array([[1], [1, 2]] * 15, object), y=labels), says="pickle")
case("npz x of f16", "npz", npz(x=plain.astype(np.longdouble), y=labels), says="float32")
case("npz x of fields", "npz", npz(x=np.zeros(N, [("a", "f4"), ("b", "i4")]), y=labels), says="structured")
case("npy", "npz", written(lambda f: np.save(f, plain)), says="ZIP")

# pandas: CSV.

frame = pd.DataFrame({
    "k": range(N),
    "share": rng.normal(0, 1, N),
    "town": rng.choice(["Köln", "Århus, DK", 'say "hi"', "two\nlines", "a;b"], N),
    "member": rng.random(N) < 0.5,
    "kind": np.array(["cat", "dog", "eel"])[labels],
})
holes = frame.copy()
holes.loc[[3, 7], "share"] = np.nan
holes.loc[[5], "town"] = None


def table(of: pd.DataFrame, true="True", false="False") -> list[tuple]:
    def cell(value, column):
        if isinstance(value, (bool, np.bool_)):
            return true if value else false
        if pd.isna(value):
            return MISSING if pd.api.types.is_numeric_dtype(of[column].dtype) else None
        return value if isinstance(value, str) else float(value)

    return [tuple(cell(value, column) for value, column in zip(row, of.columns)) for row in of.itertuples(index=False)]


def csv(of: pd.DataFrame, encoding="utf-8", **options) -> bytes:
    return of.to_csv(**options).encode(encoding)


plain_rows, holed = table(frame), table(holes)
case("csv", "csv", csv(frame, index=False), plain_rows)
case("csv with its index", "csv", csv(frame), plain_rows)
case("csv with missing values", "csv", csv(holes, index=False), holed)
for na in ["NA", "NULL", "NaN", "<NA>", "n/a", "?"]:
    case(f"csv with {na} for missing values", "csv", csv(holes, index=False, na_rep=na), holed)
case("csv, all in quotes", "csv", csv(holes, index=False, quoting=1), holed)
case("csv with ; and decimal comma", "csv", csv(holes, index=False, sep=";", decimal=","), holed)
case("csv with tab and decimal comma, utf-8-sig, CRLF, index", "csv",
     csv(holes, "utf-8-sig", sep="\t", decimal=",", lineterminator="\r\n"),
     [tuple(v.replace("\n", "\r\n") if isinstance(v, str) and False else v for v in row) for row in holed])
# Python 3.12 puts no quotes around a text with LF where lines end with CR alone.
single = holes[holes["town"] != "two\nlines"]
case("csv with CR", "csv", csv(single, index=False, lineterminator="\r"), table(single))
case("csv with exponents", "csv", csv(frame, index=False, float_format="%.7e"),
     table(frame.assign(share=frame["share"].map(lambda v: float(f"{v:.7e}")))))
case("csv without names", "csv", csv(frame, index=False, header=False), plain_rows)
unnamed = pd.DataFrame(plain.round(3)).assign(**{"4": labels}).set_axis(range(5), axis=1)
unnamed_rows = [(*row[:-1], str(int(row[-1]))) for row in table(unnamed)]
case("csv of columns without names", "csv", csv(unnamed, index=False), unnamed_rows)
case("csv of columns without names, with its index", "csv", csv(unnamed), unnamed_rows)
case("csv of categories and nullable types", "csv",
     csv(holes.astype({"kind": "category", "k": "Int64", "share": "Float64", "member": "boolean"}), index=False), holed)
case("csv with large integers", "csv", csv(frame.assign(k=2**60 + frame["k"]), index=False),
     table(frame.assign(k=2**60 + frame["k"])))
case("csv of a number to predict", "csv", csv(frame[["k", "town", "share"]], index=False), table(frame[["k", "town", "share"]]))
case("csv, repeated header", "csv", csv(frame, index=False) + csv(frame, index=False),
     plain_rows + plain_rows, says="stand in the file again")
case("csv with infinities", "csv", csv(frame.assign(share=np.inf), index=False), says="infinite")
case("csv of dates", "csv", csv(frame.assign(k=pd.date_range("2024-01-01", periods=N)).pipe(
    lambda f: pd.concat([f] + [f.assign(k=f["k"] + pd.Timedelta(100 * i, "D")) for i in range(1, 6)])), index=False), says="drop=k")
case("csv with |", "csv", csv(frame, index=False, sep="|"), says="delimiter")
case("csv in UTF-16", "csv", csv(frame, "utf-16", index=False), says="UTF-16")
case("csv in Latin-1", "csv", csv(frame, "latin-1", index=False), says="UTF-8")
case("csv, gzip", "csv", written(lambda f: frame.to_csv(f, compression="gzip")), says="gzip")
case("csv, backslash before quotes", "csv", csv(frame, index=False, doublequote=False, escapechar="\\"), says="uote")
case("csv without a target", "csv", csv(frame.assign(kind=frame["kind"].where(frame["k"] != 4)), index=False), says="target is missing")
case("csv, equal names", "csv", csv(frame.set_axis(["a", "a", "b", "c", "kind"], axis=1), index=False), says="same name")

# pandas and pyarrow: Parquet.


def parquet(of: pd.DataFrame, **options) -> bytes:
    return written(lambda file: of.to_parquet(file, **options))


def arrow(**columns) -> bytes:
    return written(lambda file: pq.write_table(pa.table(columns), file))


as_text = table(holes, "true", "false")
for compression in ["snappy", "gzip", "zstd", "brotli", "lz4", None]:
    case(f"parquet, {compression}", "parquet", parquet(holes, compression=compression), as_text)
case("parquet of categories and nullable types", "parquet",
     parquet(holes.astype({"kind": "category", "town": "category", "k": "Int64", "share": "Float32", "member": "boolean"})),
     table(holes.assign(share=holes["share"].astype("f4")), "true", "false"))
case("parquet of categories of numbers", "parquet", parquet(frame.assign(k=frame["k"].astype("category"))), table(frame, "true", "false"))
case("parquet with a named index", "parquet", parquet(frame.assign(k=frame["k"] ** 2).set_index("k")),
     [(*row[1:4], row[0] ** 2, row[4]) for row in table(frame, "true", "false")], target="kind")
case("parquet of columns without names", "parquet", parquet(unnamed), unnamed_rows)
case("parquet of f2", "parquet", parquet(frame.assign(share=frame["share"].astype("f2"))),
     table(frame.assign(share=frame["share"].astype("f2")), "true", "false"))
case("parquet, page by page", "parquet", parquet(holes, row_group_size=7, data_page_version="2.0", use_dictionary=False), as_text)
kind = pa.array(frame["kind"].tolist())
for what, values in {
    "dates": pa.array([datetime.date(2024, 1, 1)] * N),
    "times": pa.array([datetime.datetime(2024, 1, 1)] * N),
    "times with a zone": pa.array([datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)] * N),
    "durations": pa.array([datetime.timedelta(1)] * N),
    "lists": pa.array([[1, 2]] * N),
    "records": pa.array([{"a": 1}] * N),
    "maps": pa.array([[("a", 1)]] * N, pa.map_(pa.string(), pa.int32())),
    "bytes": pa.array([b"\xff\xfe"] * N),
}.items():
    if what == "durations":
        continue  # stored as whole numbers: nothing in the file says more to other programs than Arrow's
    case(f"parquet of {what}", "parquet", arrow(**{"when": values, "k": pa.array(range(N)), "kind": kind}), says="when")
    case(f"parquet of {what}, left out", "parquet", arrow(**{"when": values, "k": pa.array(range(N)), "kind": kind}),
         [(float(k), target) for k, target in enumerate(frame["kind"])], drop="when")
case("parquet of decimals and strings of all kinds", "parquet", arrow(
    d=pa.array([decimal.Decimal(k) / 8 for k in range(N)], pa.decimal128(20, 3)), v=pa.array(frame["town"].tolist(), pa.string_view()),
    w=pa.array(frame["town"].tolist(), pa.large_string()), r=pa.DictionaryArray.from_arrays(pa.array(labels, pa.int8()), ["x", "y", "z"]), kind=kind),
    [(k / 8, row[2], row[2], "xyz"[labels[k]], row[4]) for k, row in enumerate(plain_rows)])
case("parquet without rows", "parquet", parquet(frame.iloc[:0]), says="no rows")
case("feather as parquet", "parquet", written(lambda f: frame.to_feather(f)), says="Parquet")

# Pillow: pictures in every mode, in archives of Python's zipfile and of zip.

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


def equal(found, wanted, largest: float) -> bool:
    """Numbers that were scaled are shown as exactly as the largest of their column allows."""
    if isinstance(wanted, float) and isinstance(found, (int, float)):
        return abs(found - wanted) <= 1e-5 * largest
    return found == wanted


def compared(api: descent.Descent, answer: dict, wanted: list[tuple]) -> str:
    """What differs; empty if nothing does."""
    found = [(*row["values"], row["target"]) for split in ("train", "test") for row in api.rows("foreign", split)]
    means = [column.get("mean") for column in answer["columns"]] + [None] if answer["columns"] else []
    wanted = [tuple(means[c] if value is MISSING else value for c, value in enumerate(row)) for row in wanted]
    if len(found) != len(wanted):
        return f"{len(found)} rows, not {len(wanted)}"
    largest = [max((abs(v) for v in column if isinstance(v, float)), default=0.0) for column in zip(*wanted)]
    # Rounded differently at their ends, equal rows stay neighbours.
    key = lambda row: [f"{value + 0.0:.4g}" if isinstance(value, (int, float)) else str(value) for value in row]
    for got, want in zip(sorted(found, key=key), sorted(wanted, key=key)):
        if len(got) != len(want) or not all(map(equal, got, want, largest)):
            return f"{got[:8]} ... {got[-1]}, not {want[:8]} ... {want[-1]}"
    return ""


def outcome(api: descent.Descent, each: Case) -> str:
    """Empty if all is as it should be."""
    query = {"format": each.format, **each.options}
    if each.rows is None:
        status, body = api.call("PUT", "/datasets/foreign", each.content, **query, dry_run="true")
        if status != 422:
            return f"{status}, not refused: {body.decode()[:400]}"
        return "" if each.says in body.decode() else f"does not say {each.says!r}: {body.decode()[:600]}"
    status, body = api.call("PUT", "/datasets/foreign", each.content, **query)
    if status != 201:
        return f"{status} {body.decode()[:600]}"
    answer = json.loads(body)
    try:
        if each.says and each.says not in " ".join(answer["notes"]):
            return f"does not say {each.says!r}: {answer['notes']}"
        return compared(api, answer, each.rows)
    finally:
        api.need("DELETE", "/datasets/foreign")


failed = 0
print(f"numpy {np.__version__}, pandas {pd.__version__}, pyarrow {pa.__version__}, pillow {PIL.__version__}")
with descent.running() as api:
    for each in cases:
        wrong = outcome(api, each)
        failed += wrong != ""
        print(f"{'BAD' if wrong else 'ok '} {each.name}{': ' + wrong if wrong else ''}", flush=True)
print(f"{len(cases)} files, {failed} BAD")
sys.exit(failed > 0)
