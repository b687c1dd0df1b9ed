"""Tables by pandas and pyarrow: CSV and Parquet."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from foreign_cases import MISSING, N, case, labels, plain, rng, written

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
     csv(holes, "utf-8-sig", sep="\t", decimal=",", lineterminator="\r\n"), holed)
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
