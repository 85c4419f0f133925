"""Peers of the query engine, on the same columns in the same run.

usage: peers.py make DIR ROWS     writes DIR/events.parquet
       peers.py measure DIR       reads a question's name a line, asks DuckDB and polars, prints
                                  {"peer", "over", "name", "seconds", "cpu"} a line, and an empty line
       peers.py ndjson FILE       the file-transfer rule over NDJSON of whole events
"""
import json
import os
import sys
import time

os.environ.setdefault("POLARS_MAX_THREADS", str(os.cpu_count()))
import duckdb
import polars as pl

TOOLS = ["scp", "ftp", "sftp", "vsftpd", "sftp-server", "rsync"]
RULE = """SELECT count(*) AS cc, count(DISTINCT "agent.id") AS agents, "process.executable", "process.parent.executable", "process.command_line"
FROM {t} WHERE "host.os.type" = 'linux' AND "event.action" = 'exec' AND "process.name" IN ('scp','ftp','sftp','vsftpd','sftp-server','rsync')
GROUP BY 3, 4, 5 HAVING agents = 1 AND cc < 5 ORDER BY cc LIMIT 100"""


def rule(df):
    c = pl.col
    return (
        df.filter((c("host.os.type") == "linux") & (c("event.action") == "exec") & c("process.name").is_in(TOOLS))
        .group_by("process.executable", "process.parent.executable", "process.command_line")
        .agg(cc=pl.len(), agents=c("agent.id").n_unique())
        .filter((c("agents") == 1) & (c("cc") < 5)).sort("cc").head(100)
    )


SQL = {
    "file-transfer rule": RULE,
    "filter and group by keyword": """SELECT "process.name", count(*) FROM {t} WHERE "event.action" = 'exec' GROUP BY 1 ORDER BY 2 DESC LIMIT 10""",
    "LIKE": """SELECT count(*) FROM {t} WHERE "process.command_line" LIKE '%-9%x%'""",
    "LIKE, unique texts": """SELECT count(*) FROM {t} WHERE "event.id" LIKE '%77%9'""",
    "EVAL": """SELECT sum(length("process.name" || '-' || "user.name") + "process.pid" * 2) FROM {t}""",
    "top 100": """SELECT "@timestamp", "process.pid" FROM {t} ORDER BY "process.pid" DESC, "@timestamp" LIMIT 100""",
    "group by 100,000 keys": """SELECT "process.command_line", count(*) c, max("process.pid") FROM {t} GROUP BY 1 ORDER BY c DESC LIMIT 10""",
}
c = pl.col
FRAME = {
    "file-transfer rule": rule,
    "filter and group by keyword": lambda d: d.filter(c("event.action") == "exec").group_by("process.name").len().sort("len", descending=True).head(10),
    "LIKE": lambda d: d.filter(c("process.command_line").cast(pl.String).str.contains("-9.*x")).select(pl.len()),
    "LIKE, unique texts": lambda d: d.filter(c("event.id").cast(pl.String).str.contains("77.*9$")).select(pl.len()),
    "EVAL": lambda d: d.select(((c("process.name").cast(pl.String) + "-" + c("user.name").cast(pl.String)).str.len_chars() + c("process.pid") * 2).sum()),
    "top 100": lambda d: d.select("@timestamp", "process.pid").top_k(100, by=["process.pid", "@timestamp"], reverse=[False, True]),
    "group by 100,000 keys": lambda d: d.group_by("process.command_line").agg(pl.len(), c("process.pid").max()).sort("len", descending=True).head(10),
}


def tell(peer, over, name, run, times=5):
    took, used = [], []
    while len(took) < times or sum(took) < 1.5:  # as the engine is asked
        began, before = time.perf_counter(), time.process_time()
        run()
        took.append(time.perf_counter() - began)
        used.append(time.process_time() - before)
    print(json.dumps({"peer": peer, "over": over, "name": name, "seconds": min(took), "cpu": min(used)}), flush=True)


def make(path, rows):
    duckdb.sql(f"""COPY (SELECT
        TIMESTAMP '2026-03-04 00:00:00' + to_milliseconds(i * 8) AS "@timestamp",
        'linux' AS "host.os.type",
        CASE WHEN hash(i) % 10 < 8 THEN 'exec' ELSE 'fork' END AS "event.action",
        CASE WHEN hash(i, 1) % 100 < 3 THEN ['scp','ftp','sftp','vsftpd','sftp-server','rsync'][1 + (hash(i, 2) % 6)::INT] ELSE 'tool-' || (hash(i, 3) % 200) END AS "process.name",
        '/usr/bin/' || (hash(i, 4) % 300) AS "process.executable",
        '/usr/lib/' || (hash(i, 5) % 50) AS "process.parent.executable",
        'cmd -' || (hash(i, 6) % 100000) || ' --xfer ' || (hash(i, 6) % 100000) AS "process.command_line",
        'agent-' || (hash(i, 7) % 1000) AS "agent.id",
        'user-' || (hash(i, 8) % 40) AS "user.name",
        (hash(i, 9) % 4194304)::INT AS "process.pid",
        'id' || hash(i, 10) AS "event.id"
        FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet, COMPRESSION zstd)""")


def measure(path):
    db = duckdb.connect()
    db.execute(f"CREATE TABLE events AS SELECT * FROM '{path}'")
    plain = pl.read_parquet(path)
    texts = [n for n, t in plain.schema.items() if t == pl.String and n != "event.id"]
    coded = plain.with_columns(pl.col(texts).cast(pl.Categorical))
    for line in sys.stdin:
        name = line.strip()
        sql = SQL[name]
        tell("duckdb", "memory", name, lambda: db.execute(sql.format(t="events")).fetchall())
        tell("duckdb", "parquet", name, lambda: db.execute(sql.format(t=f"'{path}'")).fetchall())
        tell("polars", "memory", name, lambda: FRAME[name](plain.lazy()).collect())
        tell("polars, categorical", "memory", name, lambda: FRAME[name](coded.lazy()).collect())
        tell("polars", "parquet", name, lambda: FRAME[name](pl.scan_parquet(path)).collect())
        print(flush=True)


def ndjson(path):
    db = duckdb.connect()
    flat = """(SELECT host.os.type "host.os.type", event.action "event.action", process.name "process.name", agent.id "agent.id",
        process.executable "process.executable", process.parent.executable "process.parent.executable", process.command_line "process.command_line"
        FROM read_ndjson('{}'))""".format(path)
    sql = RULE.format(t=flat).replace("'scp','ftp','sftp','vsftpd','sftp-server','rsync'", "'tool0','tool50','tool100','tool150'")
    tell("duckdb", "ndjson", "file-transfer rule", lambda: db.execute(sql).fetchall(), 3)


if __name__ == "__main__":
    what, path = sys.argv[1], sys.argv[2]
    if what == "make":
        make(path + "/events.parquet", int(sys.argv[3]))
    elif what == "measure":
        measure(path + "/events.parquet")
    else:
        ndjson(path)
