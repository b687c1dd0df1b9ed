"""NumPy's archives: every type and order as the rows x and the targets y."""

import numpy as np

from foreign_cases import N, case, labels, plain, rng, written

def npz(save=np.savez_compressed, **arrays) -> bytes:
    return written(lambda file: save(file, **arrays))


def rows_of(x, y) -> list[tuple]:
    """As float32 sees them: numbers are rounded once."""
    flat = np.asarray(x).reshape(len(x), -1)
    flat = flat if flat.dtype == np.uint8 else flat.astype(np.float32)
    return [(*map(float, row), target) for row, target in zip(flat, y)]


names = [str(label) for label in labels]
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
