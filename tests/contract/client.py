"""One call to every route, by the client that openapi-python-client makes of openapi.yaml.

    client.py FOLDER DB_URL SCRIPT_URL TOKEN

FOLDER holds the package that was made. It fails when a route has no call here, or a call is not answered as it should.
"""

import builtins
import importlib
import io
import pkgutil
import sys
import threading
import time
import typing

folder, db_url, script_url, token = sys.argv[1:]
sys.path.insert(0, folder)

import comptoir_client as package  # noqa: E402
from comptoir_client import models  # noqa: E402
from comptoir_client.types import File, Unset  # noqa: E402

db = package.AuthenticatedClient(base_url=db_url, token=token, raise_on_unexpected_status=True)
script = package.Client(base_url=script_url, raise_on_unexpected_status=True, timeout=120.0)


def modules():
    """Every operation: its id, and the module with its functions."""
    api = importlib.import_module("comptoir_client.api")
    for found in pkgutil.walk_packages(api.__path__, "comptoir_client.api."):
        if not found.ispkg:
            module = importlib.import_module(found.name)
            # The generator asks for `isinstance(body, list[..])`, which Python does not answer.
            module.isinstance = lambda value, kind: builtins.isinstance(value, typing.get_origin(kind) or kind)
            yield found.name.rsplit(".", 1)[1], module


operations = dict(modules())
called = set()


def call(operation, client, *path, status=200, **arguments):
    """Calls `operation`; what it answers, as the client reads it."""
    answer = operations[operation].sync_detailed(*path, client=client, **arguments)
    assert answer.status_code == status, f"{operation}: {answer.status_code} {answer.content[:500]!r}"
    assert "Problem" not in type(answer.parsed).__name__, f"{operation}: {answer.parsed}"
    called.add(operation)
    return answer.parsed


def has_begun(operation, client):
    """Calls an operation whose answer has no end, and reads its head."""
    arguments = operations[operation]._get_kwargs()
    with client.get_httpx_client().stream(**arguments) as answer:
        assert answer.status_code == 200, f"{operation}: {answer.status_code}"
    called.add(operation)


def parameter_named_params(operation, client, parameters):
    """Calls an operation with a parameter `params`, for which the generator writes a variable over it."""
    module = operations[operation]
    asked = {**module._get_kwargs(**parameters), "params": parameters}
    answer = client.get_httpx_client().request(**asked)
    assert answer.status_code == 200, f"{operation}: {answer.status_code} {answer.text}"
    called.add(operation)
    return module._parse_response(client=client, response=answer)


def text(content, media_type):
    return File(payload=io.BytesIO(content.encode()), mime_type=media_type)


def of_both():
    for client in (db, script):
        assert call("get_healthz", client).status == "ok"
        assert call("get_readyz", client).status == "ok"
        assert "_http_requests" in call("get_metrics", client)


def statements():
    query = parameter_named_params("get_v1_query", db, {"sql": "SELECT ? AS one", "params": "[1]"})
    assert query.columns[0].name == "one" and query.rows == [[1]]
    body = models.QueryRequest(sql="SELECT COUNT(*) FROM stores WHERE id > ?", params=[0])
    assert call("post_v1_query", db, body=body).row_count == 1
    assert call("post_v1_explain", db, body=body)
    create = models.ExecuteRequest(sql="CREATE TABLE IF NOT EXISTS made (id INTEGER PRIMARY KEY, name TEXT)")
    call("post_v1_execute", db, body=create)
    insert = models.Statement(sql="INSERT INTO made (name) VALUES (?)", params=["a"])
    batch = call("post_v1_batch", db, body=models.BatchRequest(statements=[insert]))
    assert len(batch.results) == 1 and not batch.dry_run
    rows = text("id,name\n7,b\n8,c\n", "text/csv")
    assert call("post_v1_tables_table_rows", db, "made", body=rows).inserted == 2
    assert any(table.name == "made" for table in call("get_v1_tables", db).tables)
    assert [column.name for column in call("get_v1_tables_table", db, "made").columns] == ["id", "name"]
    assert call("get_v1_limits", db).max_body_bytes > 0
    assert call("get_v1_backup", db).payload.read(15) == b"SQLite format 3"


def stopping():
    """`DELETE /v1/queries/{id}` stops a statement that runs."""
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n"
    other = package.AuthenticatedClient(base_url=db_url, token=token, timeout=120.0).get_httpx_client()
    stopped = []
    run = lambda: stopped.append(other.post("/v1/query", json={"sql": endless}).status_code)  # noqa: E731
    running = threading.Thread(target=run)
    running.start()
    while True:
        found = [one.id for one in call("get_v1_queries", db).queries if one.sql == endless]
        if found:
            break
        assert running.is_alive()
        time.sleep(0.01)
    call("delete_v1_queries_id", db, found[0], status=204)
    running.join(60)
    assert stopped == [499], stopped


def hrana():
    call("get_v2", db, status=204)
    call("get_v3", db, status=204)
    requests = {"requests": [{"type": "execute", "stmt": {"sql": "SELECT 1"}}, {"type": "close"}]}
    for version in ("v2", "v3"):
        answer = call(f"post_{version}_pipeline", db, body=models.HranaPipeline.from_dict(requests))
        assert [one["type"] for one in answer["results"]] == ["ok", "ok"], answer
    batch = {"batch": {"steps": [{"stmt": {"sql": "SELECT 1"}}]}}
    call("post_v3_cursor", db, body=models.HranaCursor.from_dict(batch))


def jobs():
    csv = text("id,city\n900,Metz\n,Brest\n", "text/csv")
    table = models.ImportTable.STORES
    call("post_imports_preview", script, body=text("id,city\n1,Metz\n", "text/csv"), table=table)
    done = call("post_jobs_import", script, body=csv, table=table, prefer="wait=60")
    assert (done.state.value, done.counters.rejected) == ("succeeded_with_rejects", 1), done
    assert call("get_jobs", script, page_size=10).jobs
    assert call("get_jobs_id", script, done.id).id == done.id
    assert call("get_jobs_id_summary", script, done.id).job == done.id
    reject = call("get_jobs_id_rejects", script, done.id).rejects[0]
    call("get_jobs_id_events", script, done.id)
    has_begun("get_events", script)
    corrected = models.CorrectedRecord(source=reject.source, record=reject.record, raw="901,Brest")
    replayed = call("post_jobs_id_rejects_replay", script, done.id, body=[corrected], prefer="wait=60")
    assert replayed.counters.inserted == 1, replayed
    made = call("post_jobs_import", script, body=text("id,city\n902,Lille\n", "text/csv"), table=table, prefer="wait=60")
    undone = call("post_jobs_id_undo", script, made.id, body=None, prefer="wait=60")
    assert (undone.kind.value, undone.state.value) == ("undo", "succeeded"), undone
    # Something that takes its time, so that its end can be asked for.
    slow = models.ForecastRequest.from_dict({"model": "auto", "windows": 52})
    begun = call("post_jobs_forecast", script, body=slow, status=202)
    call("post_jobs_id_cancel", script, begun.id, body=models.CancelRequest(by="the tests"), status=202)


def figures():
    assert call("get_analysis", script).analyses
    answer = call("get_analysis_name", script, "total", save=True)
    assert answer.rows[0]["total_revenue"] > 0, answer
    assert call("get_analysis_results", script).results
    job = call("post_jobs_analysis", script, body=models.AnalysisRequest(analyses=["region"]), prefer="wait=60")
    assert job.state.value == "succeeded", job
    # As if db-service had failed it for too long.
    given_up = "UPDATE jobs SET state = 'interrupted', given_up_at = finished_at, finished_at = NULL WHERE id = ?"
    call("post_v1_execute", db, body=models.ExecuteRequest(sql=given_up, params=[job.id]))
    call("post_jobs_id_resume", script, job.id, status=202)
    asked = models.ForecastRequest.from_dict({"model": "seasonal_naive", "windows": 0})
    made = call("post_jobs_forecast", script, body=asked, prefer="wait=60")
    run = made.result["id"]
    assert call("get_forecasts", script).forecasts
    assert call("get_forecasts_latest", script).id == run
    assert len(call("get_forecasts_id", script, run).points) == 7
    call("get_forecasts_id_accuracy", script, run)
    assert call("get_forecasts_compare", script, models="naive", windows=1, horizon=2).horizon == 2


def schedules():
    definition = models.ScheduleDefinition.from_dict({"cron": "0 6 * * *", "job": "analysis", "request": {}})
    assert call("put_schedules_name", script, "nightly", body=definition, status=201).name == "nightly"
    assert call("get_schedules_name", script, "nightly").cron == "0 6 * * *"
    assert [one.name for one in call("get_schedules", script).schedules] == ["nightly"]
    assert call("post_schedules_name_run", script, "nightly", prefer="wait=60").state.value == "succeeded"
    call("delete_schedules_name", script, "nightly", status=204)


for part in (of_both, statements, stopping, hrana, jobs, figures, schedules):
    part()
left = sorted(set(operations) - called)
assert not left, f"no call to {left}"
print(f"{len(called)} operations were called")
