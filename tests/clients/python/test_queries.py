"""Pages, asynchronous queries and query lambdas with the current Python client."""

import time
import unittest

from rockset.exceptions import BadRequestException, NotFoundException
from rockset.models import AsyncQueryOptions, QueryLambdaSql, QueryParameter, QueryRequestSql
from rockset.query_paginator import QueryPaginator
from support import ServerTest
from test_rockset_client import client_of

NUMBERS = "SELECT x.n FROM UNNEST(SEQUENCE(1, 25) AS n) x ORDER BY n"
ENDLESS = (
    "SELECT COUNT(*) AS n FROM UNNEST(SEQUENCE(1, 100000) AS a) x"
    " CROSS JOIN UNNEST(SEQUENCE(1, 100000) AS b) y WHERE x.a * y.b % 7 = 3"
)


class Queries(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rs = client_of(cls.server.url)

    def test_the_paginator_gives_every_row_once(self):
        first = self.rs.Queries.query(sql=QueryRequestSql(query=NUMBERS), max_initial_results=10)
        self.assertEqual(first.results_total_doc_count, 25)
        pages = [[row["n"] for row in page] for page in QueryPaginator(self.rs, first)]
        self.assertEqual([len(page) for page in pages], [10, 10, 5])
        self.assertEqual(sum(pages, []), list(range(1, 26)))

    def test_an_asynchronous_query_is_waited_for_and_read(self):
        options = AsyncQueryOptions(client_timeout_ms=0)
        sent = self.rs.Queries.query(sql=QueryRequestSql(query=NUMBERS), async_options=options)
        while True:
            query = self.rs.Queries.get_query(query_id=sent.query_id).data
            if query.status not in ("QUEUED", "RUNNING"):
                break
            time.sleep(0.01)
        self.assertEqual(query.status, "COMPLETED")
        self.assertEqual(query.stats.result_set_document_count, 25)
        results = self.rs.Queries.get_query_results(query_id=sent.query_id, docs=25).results
        self.assertEqual([row["n"] for row in results], list(range(1, 26)))

    def test_a_query_is_listed_and_cancelled(self):
        options = AsyncQueryOptions(client_timeout_ms=0)
        sent = self.rs.Queries.query(sql=QueryRequestSql(query=ENDLESS), async_options=options)
        active = [query.query_id for query in self.rs.Queries.list_active_queries().data]
        self.assertEqual(active, [sent.query_id])
        self.assertEqual(self.rs.Queries.cancel_query(query_id=sent.query_id).data.status, "CANCELLED")
        self.assertEqual(self.rs.Queries.list_active_queries().data, [])

    def test_query_lambdas_have_versions_tags_and_parameters(self):
        lambdas = self.rs.QueryLambdas
        sql = QueryLambdaSql(
            query="SELECT :x + 1 AS v",
            default_parameters=[QueryParameter(name="x", type="int", value="1")],
        )
        first = lambdas.create_query_lambda(workspace="commons", name="add", sql=sql).data
        self.assertEqual(first.state, "ACTIVE")
        again = lambdas.update_query_lambda(
            workspace="commons", query_lambda="add", sql=QueryLambdaSql(query="SELECT :x + 2 AS v")
        ).data
        tag = lambdas.create_query_lambda_tag(
            workspace="commons", query_lambda="add", tag_name="live", version=first.version
        ).data
        self.assertEqual(tag.version.version, first.version)
        answer = lambdas.execute_query_lambda_by_tag(workspace="commons", query_lambda="add", tag="live")
        self.assertEqual(answer.results, [{"v": 2}])
        answer = lambdas.execute_query_lambda(
            workspace="commons",
            query_lambda="add",
            version=again.version,
            parameters=[QueryParameter(name="x", type="int", value="5")],
        )
        self.assertEqual(answer.results, [{"v": 7}])
        with self.assertRaises(BadRequestException):
            lambdas.create_query_lambda(workspace="commons", name="add", sql=sql)
        versions = lambdas.list_query_lambda_versions(workspace="commons", query_lambda="add").data
        self.assertEqual([version.version for version in versions], [first.version, again.version])
        names = [one.name for one in lambdas.list_all_query_lambdas().data]
        self.assertEqual(names, ["add"])
        lambdas.delete_query_lambda(workspace="commons", query_lambda="add")
        with self.assertRaises(NotFoundException):
            lambdas.get_query_lambda_version(workspace="commons", query_lambda="add", version=first.version)


if __name__ == "__main__":
    unittest.main()
