"""Every method of `RocksetClient`, called at least once: what the client makes of the answers is what it asked for.

`EveryMethod` ends by comparing what was called with what the client has, so that none is left out unseen.
"""

import enum
import inspect
import time
import unittest

from rockset import RocksetClient
from rockset.exceptions import NotFoundException
from rockset.models import DeleteDocumentsRequestData, PatchDocument, PatchOperation
from support import KEY, ServerTest

# One of each type with its members; of those a client must give, and one that is a secret.
INTEGRATIONS = {
    "azure_blob_storage": {"connection_string": "BlobEndpoint=https://a.example/;SharedAccessSignature=secret"},
    "azure_event_hubs": {"connection_string": "Endpoint=sb://a.example/;SharedAccessKey=secret"},
    "dynamodb": {"aws_role": {"aws_role_arn": "arn:aws:iam::1:role/r"}, "s3_export_bucket_name": "exports"},
    "gcs": {"gcp_service_account": {"service_account_key_file_json": "{}"}},
    "kafka": {"kafka_topic_names": ["t"], "kafka_data_format": "JSON"},
    "kinesis": {"aws_access_key": {"aws_access_key_id": "id", "aws_secret_access_key": "secret"}},
    "mongodb": {"connection_uri": "mongodb://me:secret@a.example/db"},
    "s3": {"aws_access_key": {"aws_access_key_id": "id", "aws_secret_access_key": "secret"}},
    "snowflake": {
        "snowflake_url": "acme.snowflakecomputing.com",
        "username": "me",
        "password": "secret",
        "default_warehouse": "w",
        "aws_role": {"aws_role_arn": "arn:aws:iam::1:role/r"},
        "s3_export_path": "s3://exports/rockset",
    },
}

SOURCES = {
    "azure_blob_storage": {"container": "c", "prefix": "p"},
    "azure_event_hubs": {"hub_id": "h", "offset_reset_policy": "EARLIEST"},
    "dynamodb": {"table_name": "t", "aws_region": "us-west-2"},
    "gcs": {"bucket": "b", "prefix": "p"},
    "kafka": {"kafka_topic_name": "t", "offset_reset_policy": "EARLIEST"},
    "kinesis": {"stream_name": "s", "aws_region": "us-west-2"},
    "mongodb": {"database_name": "d", "collection_name": "c"},
    "s3": {"bucket": "b", "pattern": "*.json", "region": "us-west-2"},
    "snowflake": {"database": "d", "schema": "s", "table_name": "t", "warehouse": "w"},
}


class Recorder:
    """The client, noting what is called."""

    def __init__(self, client):
        self.client = client
        self.called = set()

    def __getattr__(self, name):
        api = getattr(self.client, name)
        if not type(api).__module__.startswith("rockset"):
            return api
        return Api(api, name, self.called)


class Api:
    def __init__(self, api, name, called):
        self.api, self.name, self.called = api, name, called

    def __getattr__(self, method):
        self.called.add(f"{self.name}.{method}")
        return getattr(self.api, method)


def methods(client):
    """`Api.method` of everything that the client can do."""
    for name, api in vars(client).items():
        if name[0].isupper():
            for method, _ in inspect.getmembers(api, inspect.ismethod):
                if not method.startswith("_"):
                    yield f"{name}.{method}"


class EveryMethod(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The client checks the host's name, but not that of an enum's member.
        host = enum.Enum("Host", {"OUTCROP": cls.server.url}, type=str).OUTCROP
        cls.rs = Recorder(RocksetClient(host=host, api_key=KEY))

    def test_every_method(self):
        for group in (
            self.organization,
            self.workspaces,
            self.collections,
            self.documents,
            self.queries,
            self.aliases,
            self.views,
            self.query_lambdas,
            self.scheduled_lambdas,
            self.users,
            self.roles,
            self.api_keys,
            self.integrations_and_collections,
            self.sources,
            self.main_virtual_instance,
            self.virtual_instances,
        ):
            with self.subTest(group=group.__name__):
                group()
        self.assertEqual(set(methods(self.rs.client)) - self.rs.called, set())

    def gone(self, call, **arguments):
        with self.assertRaises(NotFoundException):
            call(**arguments)

    def reaches(self, state, call, **arguments):
        """Waits until what is asked for is in a state, as clients do."""
        deadline = time.monotonic() + 60
        while call(**arguments).data.state != state:
            self.assertLess(time.monotonic(), deadline, f"never {state}")
            time.sleep(0.01)

    def names(self, listed):
        return [item.name for item in listed.data]

    def organization(self):
        data = self.rs.Organizations.get().data
        self.assertTrue(data.id)
        self.assertEqual(data.clusters[0].cluster_type, "PUBLIC")

    def workspaces(self):
        api = self.rs.Workspaces
        self.assertEqual(api.create(name="every", description="method").data.name, "every")
        self.assertEqual(api.get(workspace="every").data.description, "method")
        self.assertEqual(self.names(api.list()), ["commons", "every"])
        api.create(name="passing")
        self.assertEqual(api.delete(workspace="passing").data.name, "passing")
        self.gone(api.get, workspace="passing")

    def collections(self):
        api = self.rs.Collections
        made = api.create_s3_collection(
            workspace="every",
            name="c",
            description="first",
            retention_secs=86400 * 365,
            storage_compression_type="ZSTD",
            clustering_key=[{"field_name": "kind", "type": "AUTO", "keys": []}],
        ).data
        self.assertEqual((made.name, made.workspace, made.description), ("c", "every", "first"))
        self.assertEqual(made.retention_secs, 86400 * 365)
        got = api.get(workspace="every", collection="c").data
        self.assertEqual((got.status, got.stats.doc_count, got.storage_compression_type), ("READY", 0, "ZSTD"))
        self.assertEqual(got.clustering_key[0].field_name, "kind")
        changed = api.update(
            workspace="every",
            collection="c",
            description="second",
            field_mapping_query={"sql": "SELECT *, kind || '!' AS loud FROM _input"},
        ).data
        self.assertEqual(changed.description, "second")
        self.assertIn("loud", changed.field_mapping_query.sql)
        self.assertEqual([(one.workspace, one.name) for one in api.list().data], [("commons", "_events"), ("every", "c")])
        listed = api.workspace_collections(workspace="every").data
        self.assertEqual([(one.name, one.stats.doc_count) for one in listed], [("c", 0)])
        api.create_s3_collection(name="passing")
        self.assertEqual(api.delete(collection="passing").data.name, "passing")
        self.gone(api.get, collection="passing")

    def documents(self):
        api = self.rs.Documents
        place = {"workspace": "every", "collection": "c"}
        documents = [{"_id": str(n), "kind": "even" if n % 2 == 0 else "odd", "n": n} for n in range(10)]
        added = api.add_documents(data=documents, **place)
        self.assertEqual([status.status for status in added.data], ["ADDED"] * 10)
        change = PatchOperation(op="ADD", path="/more", value={"a": 1})
        patched = api.patch_documents(data=[PatchDocument(id="3", patch=[change])], **place)
        self.assertEqual((patched.data[0]["_id"], patched.data[0].status), ("3", "PATCHED"))
        deleted = api.delete_documents(data=[DeleteDocumentsRequestData(id="9")], **place)
        self.assertEqual(deleted.data[0].status, "DELETED")
        offsets = self.rs.Collections.get_collection_offsets(name=[added.last_offset, deleted.last_offset], **place)
        self.assertTrue(offsets.data.passed)
        self.assertEqual(self.rs.Collections.get(**place).data.stats.doc_count, 9)

    def queries(self):
        api = self.rs.Queries
        sql = {"query": "SELECT n, loud FROM every.c WHERE n >= :n ORDER BY n"}
        sql["parameters"] = [{"name": "n", "type": "int", "value": "7"}]
        answer = api.query(sql=sql)
        self.assertEqual(answer.results, [{"n": 7, "loud": "odd!"}, {"n": 8, "loud": "even!"}])
        self.assertEqual(answer.collections, ["every.c"])
        checked = api.validate(sql=sql)
        self.assertEqual((checked.collections, checked.parameters), (["every.c"], ["n"]))

        sql["parameters"][0]["value"] = "0"
        answer = api.query(sql=sql, max_initial_results=2)
        self.assertEqual([row["n"] for row in answer.results], [0, 1])
        page = api.get_query_results(query_id=answer.query_id, cursor=answer.pagination.next_cursor, docs=3)
        self.assertEqual([row["n"] for row in page.results], [2, 3, 4])
        self.assertEqual(page.pagination.current_page_doc_count, 3)
        state = api.get_query(query_id=answer.query_id).data
        self.assertEqual((state.status, state.query_id), ("COMPLETED", answer.query_id))
        pages = [page for page in self.paginated(sql)]
        self.assertEqual([row["n"] for page in pages for row in page], list(range(9)))

        slow = {"query": "SELECT SUM(a.x * b.x) FROM UNNEST(SEQUENCE(1, 100000)) AS a(x), UNNEST(SEQUENCE(1, 100000)) AS b(x)"}
        answer = api.query(sql=slow, async_options={"client_timeout_ms": 0, "timeout_ms": 60000})
        self.assertIn(answer.status, ("QUEUED", "RUNNING"))
        active = [query.query_id for query in api.list_active_queries().data]
        self.assertIn(answer.query_id, active)
        self.assertEqual(api.cancel_query(query_id=answer.query_id).data.status, "CANCELLED")
        self.assertEqual(api.get_query(query_id=answer.query_id).data.status, "CANCELLED")

    def paginated(self, sql):
        """By the helper that the package has for it."""
        from rockset.query_paginator import QueryPaginator

        first = self.rs.client.Queries.query(sql=sql, max_initial_results=4)
        return QueryPaginator(self.rs.client, first)

    def aliases(self):
        api = self.rs.Aliases
        made = api.create(workspace="every", name="a", collections=["every.c"], description="another name").data
        self.assertEqual((made.name, made.description), ("a", "another name"))
        got = api.get(workspace="every", alias="a").data
        self.assertEqual((got.collections, got.state), (["every.c"], "CREATED"))
        self.rs.Collections.create_s3_collection(workspace="every", name="d")
        changed = api.update(workspace="every", alias="a", collections=["every.d"]).data
        self.assertEqual(changed.collections, ["every.d"])
        self.assertEqual(self.names(api.list()), ["a"])
        self.assertEqual(self.names(api.workspace_aliases(workspace="every")), ["a"])
        self.assertEqual(self.rs.Collections.get(workspace="every", collection="d").data.aliases[0].name, "a")
        self.assertEqual(api.delete(workspace="every", alias="a").data.name, "a")
        self.gone(api.get, workspace="every", alias="a")

    def views(self):
        api = self.rs.Views
        made = api.create(workspace="every", name="v", query="SELECT n FROM every.c", description="numbers").data
        self.assertEqual((made.name, made.entities), ("v", ["every.c"]))
        got = api.get(workspace="every", view="v").data
        self.assertEqual((got.state, got.query_sql, got.path), ("CREATED", "SELECT n FROM every.c", "every.v"))
        changed = api.update(workspace="every", view="v", query="SELECT n + 1 AS m FROM every.c").data
        self.assertEqual((changed.query_sql, changed.description), ("SELECT n + 1 AS m FROM every.c", "numbers"))
        self.assertEqual(self.rs.client.sql("SELECT MAX(m) AS m FROM every.v").results, [{"m": 9}])
        self.assertEqual(self.names(api.list()), ["v"])
        self.assertEqual(self.names(api.workspace_views(workspace="every")), ["v"])
        self.assertEqual(api.delete(workspace="every", view="v").data.name, "v")
        self.gone(api.get, workspace="every", view="v")

    def query_lambdas(self):
        api = self.rs.QueryLambdas
        path = {"workspace": "every", "query_lambda": "q"}
        sql = {"query": "SELECT COUNT(*) AS n FROM every.c WHERE n < :n"}
        sql["default_parameters"] = [{"name": "n", "type": "int", "value": "5"}]
        first = api.create_query_lambda(workspace="every", name="q", description="first", sql=sql).data
        self.assertEqual((first.name, first.state, first.collections), ("q", "ACTIVE", ["every.c"]))
        second = api.update_query_lambda(sql={"query": "SELECT 'second' AS v"}, is_public=True, **path).data
        self.assertNotEqual(first.version, second.version)
        listed = api.list_query_lambda_versions(**path).data
        self.assertEqual([one.version for one in listed], [first.version, second.version])
        self.assertEqual(api.get_query_lambda_version(version=first.version, **path).data.description, "first")
        lambdas = api.list_all_query_lambdas().data
        self.assertEqual([(one.name, one.version_count) for one in lambdas], [("q", 2)])
        self.assertEqual(self.names(api.list_query_lambdas_in_workspace(workspace="every")), ["q"])

        tag = api.create_query_lambda_tag(tag_name="live", version=first.version, **path).data
        self.assertEqual((tag.tag_name, tag.version.version), ("live", first.version))
        tags = [(tag.tag_name, tag.version.version) for tag in api.list_query_lambda_tags(**path).data]
        self.assertEqual(tags, [("latest", second.version), ("live", first.version)])
        got = api.get_query_lambda_tag_version(tag="live", **path).data
        self.assertEqual(got.version.version, first.version)

        answer = api.execute_query_lambda(version=first.version, **path)
        self.assertEqual(answer.results, [{"n": 5}])
        self.assertEqual(answer.query_lambda_path, f"every.q::{first.version}")
        given = {"parameters": [{"name": "n", "type": "int", "value": "2"}]}
        answer = api.execute_query_lambda_by_tag(tag="live", execute_query_lambda_request=given, **path)
        self.assertEqual(answer.results, [{"n": 2}])
        shared = self.rs.SharedLambdas.execute_public_query_lambda_with_params
        self.assertEqual(shared(public_access_id=second.public_access_id).results, [{"v": "second"}])

        self.assertEqual(api.delete_query_lambda_tag(tag="live", **path).data.tag_name, "live")
        removed = api.delete_query_lambda_version(version=second.version, **path).data
        self.assertEqual(removed.version, second.version)
        self.assertEqual(api.delete_query_lambda(**path).data.name, "q")
        self.gone(api.get_query_lambda_version, version=first.version, **path)

    def scheduled_lambdas(self):
        api = self.rs.ScheduledLambdas
        sql = {"query": "SELECT 1 AS one"}
        self.rs.QueryLambdas.create_query_lambda(workspace="every", name="tick", sql=sql)
        made = api.create(
            workspace="every",
            ql_name="tick",
            tag="latest",
            cron_string="0 0 1 1 *",
            apikey=KEY,
            total_times_to_execute=3,
            webhook_url="https://hooks.example/tick",
            webhook_payload='{"id": "{{QUERY_ID}}"}',
        ).data
        self.assertEqual((made.ql_name, made.tag, made.cron_string), ("tick", "latest", "0 0 1 1 *"))
        path = {"workspace": "every", "scheduled_lambda_id": made.rrn}
        got = api.get(**path).data
        self.assertEqual((got.total_times_to_execute, got.execution_count), (3, 0))
        self.assertEqual(got.webhook_payload, '{"id": "{{QUERY_ID}}"}')
        self.assertEqual(api.update(total_times_to_execute=5, **path).data.total_times_to_execute, 5)
        self.assertEqual([one.rrn for one in api.list_org_scheduled_lambdas().data], [made.rrn])
        self.assertEqual(api.delete(**path).data.rrn, made.rrn)
        self.gone(api.get, **path)

    def users(self):
        api = self.rs.Users
        self.assertIn("admin", api.get_current_user().roles)
        made = api.create(email="ada@example.com", first_name="Ada", last_name="L", roles=["read-only"]).data
        self.assertEqual((made.email, made.first_name, made.roles), ("ada@example.com", "Ada", ["read-only"]))
        self.assertEqual(api.get(user="ada@example.com").last_name, "L")
        changed = api.update(user="ada@example.com", first_name="Augusta", last_name="L", roles=["member"])
        self.assertEqual((changed.first_name, changed.roles), ("Augusta", ["member"]))
        self.assertIn("ada@example.com", [user.email for user in api.list().data])
        # One that is set the client cannot read: crates/server/tests/it/users.rs has them.
        self.assertEqual(api.update_unsubscribe_preferences(data=[]).data, [])
        self.assertEqual(api.list_unsubscribe_preferences().data, [])
        self.assertEqual(api.delete(user="ada@example.com").data.email, "ada@example.com")
        self.gone(api.get, user="ada@example.com")

    def roles(self):
        api = self.rs.CustomRoles
        privilege = {"action": "QUERY_DATA_WS", "resource_name": "every", "cluster": "*ALL*"}
        made = api.create(role_name="asker", description="asks", privileges=[privilege]).data
        self.assertEqual((made.role_name, made.description), ("asker", "asks"))
        got = api.get(role_name="asker").data
        self.assertEqual((got.privileges[0].action, got.privileges[0].resource_name), ("QUERY_DATA_WS", "every"))
        privilege["action"] = "LIST_RESOURCES_WS"
        changed = api.update(role_name="asker", privileges=[privilege]).data
        self.assertEqual([privilege.action for privilege in changed.privileges], ["LIST_RESOURCES_WS"])
        self.assertIn("asker", [role.role_name for role in api.list().data])
        self.assertEqual(api.delete(role_name="asker").data.role_name, "asker")
        self.gone(api.get, role_name="asker")

    def api_keys(self):
        api = self.rs.APIKeys
        made = api.create(name="second", role="read-only").data
        self.assertEqual((made.name, made.state, len(made.key)), ("second", "ACTIVE", 64))
        got = api.get(user="self", name="second").data
        self.assertNotEqual(got.key, made.key)
        changed = api.update(user="self", name="second", state="SUSPENDED").data
        self.assertEqual(changed.state, "SUSPENDED")
        self.assertIn("second", self.names(api.list(user="self")))
        self.assertEqual(api.delete(user="self", name="second").data.name, "second")
        self.gone(api.get, user="self", name="second")

    def integrations_and_collections(self):
        """Integrations of every type, and a collection with a source of each."""
        api = self.rs.Integrations
        for kind, members in INTEGRATIONS.items():
            with self.subTest(kind=kind):
                create = getattr(api, f"create_{kind}_integration")
                made = create(name=f"i-{kind}", description=kind, **{kind: members}).data
                self.assertEqual((made.name, made.description), (f"i-{kind}", kind))
                got = api.get(integration=f"i-{kind}").data
                self.assertIsNotNone(got[kind])
                self.assertNotIn("secret", str(got[kind]).replace("secret_access_key", ""))
                create = getattr(self.rs.Collections, f"create_{kind}_collection")
                # The client's model of a source is flat, and nested only when it is sent.
                source = {"integration_name": f"i-{kind}", **SOURCES[kind]}
                made = create(workspace="every", name=f"c-{kind}", sources=[source]).data
                for name, value in SOURCES[kind].items():
                    self.assertEqual(made.sources[0][kind][name], value)
        self.assertEqual(len(api.list().data), len(INTEGRATIONS))
        changed = api.update(integration="i-s3", description="changed").data
        self.assertEqual(changed.description, "changed")
        self.assertEqual([one.name for one in changed.collections], ["c-s3"])
        for kind in INTEGRATIONS:
            self.rs.Collections.delete(workspace="every", collection=f"c-{kind}")
        for kind in INTEGRATIONS:
            if kind != "s3":
                self.assertEqual(api.delete(integration=f"i-{kind}").data.name, f"i-{kind}")
        self.assertEqual(self.names(api.list()), ["i-s3"])

    def sources(self):
        api = self.rs.Sources
        self.rs.Collections.create_s3_collection(workspace="every", name="s")
        place = {"workspace": "every", "collection": "s"}
        for kind, members in SOURCES.items():
            with self.subTest(kind=kind):
                create = getattr(api, f"create_{kind}_source")
                integration = {"integration_name": "i-s3"} if kind == "s3" else {}
                made = create(format_params={"json": True}, **integration, **members, **place).data
                for name, value in members.items():
                    self.assertEqual(made[kind][name], value)
        listed = api.list(**place).data
        self.assertEqual(len(listed), len(SOURCES))
        source = next(source for source in listed if source.s3)
        path = {"source": source.id, **place}
        self.assertEqual(api.get(**path).data.integration_name, "i-s3")
        self.assertEqual(api.suspend(**path).data.status["state"], "SUSPENDED")
        self.assertNotEqual(api.resume(**path).data.status["state"], "SUSPENDED")
        changed = api.update(s3={"settings": {"s3_scan_frequency": "PT5M"}}, **path).data
        self.assertEqual(changed.s3.settings.s3_scan_frequency, "PT5M")
        self.assertEqual(api.delete(**path).data.id, source.id)
        self.assertEqual(len(api.list(**place).data), len(SOURCES) - 1)

    def main_virtual_instance(self):
        """The one that every server has."""
        api = self.rs.VirtualInstances
        main = api.list().data[0]
        self.assertEqual((main.name, main.state), ("main", "ACTIVE"))
        self.assertEqual(api.get(virtual_instance_id=main.id).data.rrn, main.rrn)
        answer = api.query_virtual_instance(virtual_instance_id=main.id, sql={"query": "SELECT 1 AS one"})
        self.assertEqual(answer.results, [{"one": 1}])
        asked = api.get_virtual_instance_queries(virtual_instance_id=main.id).data
        self.assertIn(answer.query_id, [query.query_id for query in asked])
        mounts = api.mount_collection(virtual_instance_id=main.id, collection_paths=["every.c"]).data
        self.assertEqual([mount.collection_path for mount in mounts], ["every.c"])
        mounts = api.list_collection_mounts(virtual_instance_id=main.id).data
        self.assertIn("every.c", [mount.collection_path for mount in mounts])
        path = {"virtual_instance_id": main.id, "collection_path": "every.c"}
        self.assertEqual(api.get_collection_mount(**path).data.state, "ACTIVE")
        self.assertTrue(api.get_mount_offsets(name=[], **path).data.passed)

        api = self.rs.DeploymentSettings
        settings = api.get_deployment_settings().data
        self.assertEqual(settings.default_query_vi, main.rrn)
        changed = api.update_deployment_settings(default_query_vi=main.id).data
        self.assertEqual(changed.default_query_vi, main.rrn)

    def virtual_instances(self):
        """Another one, with a collection that is mounted on it."""
        api = self.rs.VirtualInstances
        made = api.create(name="serving", description="for readers", type="SMALL", auto_suspend_seconds=900).data
        self.assertEqual((made.name, made.description, made.auto_suspend_seconds), ("serving", "for readers", 900))
        path = {"virtual_instance_id": made.id}
        self.reaches("ACTIVE", api.get, **path)
        api.mount_collection(collection_paths=["every.c"], **path)
        mount = {"collection_path": "every.c", **path}
        self.reaches("ACTIVE", api.get_collection_mount, **mount)
        answer = api.query_virtual_instance(sql={"query": "SELECT COUNT(*) AS n FROM every.c"}, **path)
        self.assertEqual(answer.results, [{"n": 9}])
        changed = api.update(description="for writers", new_size="MEDIUM", **path).data
        self.assertEqual((changed.description, changed.desired_size), ("for writers", "MEDIUM"))
        self.assertEqual(api.unmount_collection(**mount).data.collection_path, "every.c")
        self.assertEqual(api.list_collection_mounts(**path).data, [])
        self.reaches("ACTIVE", api.get, **path)
        api.suspend_virtual_instance(**path)
        self.reaches("SUSPENDED", api.get, **path)
        api.resume_virtual_instance(**path)
        self.reaches("ACTIVE", api.get, **path)
        self.assertEqual(api.delete(**path).data.name, "serving")
        self.gone(api.get, **path)


if __name__ == "__main__":
    unittest.main()
