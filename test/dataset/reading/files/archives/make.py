"""Makes the files of this folder: see README.md. All numbers are fixed, so the same versions make the same contents."""
import gzip
import io
import json
import struct
import zipfile

import numpy as np
import png
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

rng = np.random.default_rng(42)
expected = {}

# Arrays of every type that is read, by NumPy itself.
arrays = {}
for kind in "bool u1 i1 u2 i2 u4 i4 u8 i8 f4 f8".split():
    if kind == "bool":
        values = np.array([[True, False, True], [False, False, True]])
    elif kind[0] == "f":
        values = np.array([[0.1, -1.5, 3e38], [1e-40, 0.0, 1 / 3]], dtype=kind)
    else:
        info = np.iinfo(kind)
        values = np.array([[info.min, info.max, 1], [2, 3, 100]], dtype=kind)
    arrays[f"{kind}_little"] = values.astype(values.dtype.newbyteorder("<"))
    arrays[f"{kind}_big"] = values.astype(values.dtype.newbyteorder(">"))
cube = np.arange(2 * 3 * 4 * 2).reshape(2, 3, 4, 2)
arrays["fortran_2"] = np.asfortranarray(cube[:, :, 0, 0].astype("f8"))
arrays["fortran_3"] = np.asfortranarray(cube[..., 0].astype("u1"))
arrays["fortran_4"] = np.asfortranarray(cube.astype(">i4"))
arrays["scalar"] = np.array(7)
arrays["empty"] = np.zeros((0, 3))
np.savez("types.npz", **arrays)
for name, values in arrays.items():
    expected[name] = {"shape": values.shape, "values": values.astype("f8").ravel().tolist()}

with zipfile.ZipFile("versions.npz", "w") as archive:
    for version in [(1, 0), (2, 0), (3, 0)]:
        content = io.BytesIO()
        np.lib.format.write_array(content, np.array([1.5, 2.5]), version=version)
        archive.writestr(f"v{version[0]}.npy", content.getvalue())

np.savez("refused.npz", objects=np.array([1, "a", None], dtype=object), texts=np.array(["a", "b"]),
         complex=np.array([1j]), half=np.array([1.5], "f2"), fields=np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]))

# Datasets.
pixels = rng.integers(0, 256, (30, 4, 5), dtype=np.uint8)
labels = np.arange(30) % 3
np.savez_compressed("keras.npz", x_train=pixels[:24], y_train=labels[:24].astype("u1"), x_test=pixels[24:], y_test=labels[24:].astype("u1"))
np.savez("one-hot.npz", x=np.asfortranarray(pixels.astype(">i8")), y=np.eye(3)[labels], names=np.array(["a", "b", "c"]))
table = rng.normal(3, 2, (40, 3))
np.savez("table.npz", x=table, y=table.sum(axis=1))
np.savez("colour.npz", x=rng.integers(0, 256, (10, 2, 2, 3), dtype=np.uint8), y=np.arange(10) % 2 == 0)
zipfile.ZIP_FILECOUNT_LIMIT = 0  # as if there were more than 65,535 files: ZIP64
np.savez_compressed("zip64.npz", x=pixels, y=labels)
zipfile.ZIP_FILECOUNT_LIMIT = (1 << 16) - 1
expected["pixels"] = pixels.ravel().tolist()
expected["table"] = table.ravel().tolist()

# IDX, as MNIST's files are described.
def idx(values):
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()

parts = {
    "train-images-idx3-ubyte": pixels[:24], "train-labels-idx1-ubyte": labels[:24].astype("u1"),
    "t10k-images-idx3-ubyte": pixels[24:], "t10k-labels-idx1-ubyte": labels[24:].astype("u1"),
}
with zipfile.ZipFile("idx.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for name, values in parts.items():
        archive.writestr(name, idx(values))
with zipfile.ZipFile("idx-gz.zip", "w") as archive:
    for name, values in parts.items():
        archive.writestr(f"set/{name}.gz", gzip.compress(idx(values), mtime=0))

# Pictures: the same one in every form of PNG.
def saved(image, **options):
    content = io.BytesIO()
    image.save(content, "PNG", **options)
    return content.getvalue()

size = (7, 5)
rgb = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
alpha = rng.integers(0, 256, (5, 7), dtype=np.uint8)
grey = rgb[..., 0]
wide = rng.integers(0, 65536, (5, 7), dtype=np.uint16)
forms = {
    "grey": saved(Image.fromarray(grey)),
    "grey-alpha": saved(Image.fromarray(np.dstack([grey, alpha]), "LA")),
    "rgb": saved(Image.fromarray(rgb)),
    "rgba": saved(Image.fromarray(np.dstack([rgb, alpha]), "RGBA")),
    "palette": saved(Image.fromarray(rgb).quantize(16)),
    "grey-16": saved(Image.fromarray(wide)),
    "bits": saved(Image.fromarray(grey > 127)),
}
for name, image in {"interlaced-grey": grey, "interlaced-rgb": rgb.reshape(5, 21)}.items():
    content = io.BytesIO()
    png.Writer(*size, greyscale=image is grey, interlace=True).write(content, image)
    forms[name] = content.getvalue()
with zipfile.ZipFile("forms.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for name, content in forms.items():
        archive.writestr(f"{name}.png", content)
expected["forms"] = {
    name: np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")).ravel().tolist()
    for name, content in forms.items() if name != "grey-16"
}
sixteen = np.floor(wide / 257 + 0.5).astype(int)
expected["forms"]["grey-16"] = np.dstack([sixteen, sixteen, sixteen, np.full((5, 7), 255)]).ravel().tolist()

# Folders, as macOS and Windows leave them.
def folders(name, split, image_of):
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as archive:
        for junk in ["__MACOSX/pets/cat/._0.png", "pets/.DS_Store", "pets/cat/Thumbs.db", "pets/README.txt"]:
            archive.writestr(junk, b"junk")
        for k in range(20):
            part = split[k % 5 == 0] if split else ""
            archive.writestr(f"pets/{part}{['dog', 'cat'][k % 2]}/{k}.png", saved(Image.fromarray(image_of(k))))

small = rng.integers(0, 256, (20, 6, 8, 3), dtype=np.uint8)
folders("folders.zip", ("Train/", "test/"), lambda k: small[k, ..., 0])
folders("folders-mixed.zip", None, lambda k: small[k] if k == 13 else small[k, ..., 0])
expected["small"] = small.ravel().tolist()

# Hugging Face's layout (datasets' Image and ClassLabel features), in the forms that pyarrow writes.
features = {"info": {"features": {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
images = pa.array([{"bytes": saved(Image.fromarray(small[k])), "path": f"{k}.png"} for k in range(20)],
                  pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
hugging = pa.table({"image": images, "label": pa.array([k % 2 for k in range(20)], pa.int64())})
hugging = hugging.replace_schema_metadata({"huggingface": json.dumps(features)})
pq.write_table(hugging, "images-snappy.parquet", row_group_size=8)
pq.write_table(hugging, "images-zstd-v2.parquet", compression="zstd", data_page_version="2.0", use_dictionary=False)
pq.write_table(hugging, "images-gzip.parquet", compression="gzip")
pq.write_table(hugging, "images-brotli.parquet", compression="brotli")
pq.write_table(hugging, "images-lz4.parquet", compression="lz4")
texts = pa.table({"image": images, "animal": pa.array([["dog", "cat"][k % 2] for k in range(20)])})
pq.write_table(texts, "images-texts.parquet", compression="none")
pq.write_table(pa.table({"a": [1, 2], "b": [1.5, 2.5]}), "table.parquet")

with open("expected.json", "w") as file:
    json.dump(expected, file, separators=(",", ":"))
