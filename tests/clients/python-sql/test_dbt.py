"""`dbt-rockset`: a small project of seeds, tables, a view, a query lambda and tests, built twice.

The adapter insists on TLS and on a host below the vendor's domain, hence an alias in the resolver.
"""

import os
import shutil
import tempfile
import unittest
import unittest.mock

from dbt.cli.main import dbtRunner
from support import KEY, ServerTest, vendor_alias

PROJECT = os.path.join(os.path.dirname(__file__), "project")
SHOP = "/v1/orgs/self/ws/shop"


class Project(ServerTest):
    https = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="outcrop-dbt-")
        cls.addClassCleanup(folder.cleanup)
        # dbt writes its logs and what it compiled beside the project.
        cls.folder = os.path.join(folder.name, "project")
        shutil.copytree(PROJECT, cls.folder)
        environment = {
            "OUTCROP_API_KEY": KEY,
            "SSL_CERT_FILE": cls.server.ca_file,
            "REQUESTS_CA_BUNDLE": cls.server.ca_file,
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }
        for patch in (unittest.mock.patch.dict(os.environ, environment), vendor_alias(cls.server.https_url)):
            cls.enterClassContext(patch)

    def dbt(self, *arguments):
        """Runs dbt; gives the status of every node by its name."""
        place = ["--project-dir", self.folder, "--profiles-dir", self.folder]
        outcome = dbtRunner().invoke([*arguments, *place, "--quiet"])
        self.assertIsNone(outcome.exception)
        return {result.node.name: str(result.status) for result in outcome.result}

    def build(self):
        statuses = self.dbt("build")
        models = {name for name in statuses if "_id" not in name}
        self.assertLessEqual(
            {"orders", "customers", "totals", "payments", "by_country", "big_customers", "amounts_are_positive"}, models
        )
        self.assertEqual(len(statuses), 14)
        self.assertLessEqual(set(statuses.values()), {"success", "pass"}, statuses)

    def lambda_rows(self, tag, parameters=()):
        path = f"{SHOP}/lambdas/big_customers/tags/{tag}"
        status, body = self.server.request("POST", path, {"parameters": list(parameters)})
        self.assertEqual(status, 200, body)
        return body["results"]

    def test_a_project_is_built_twice(self):
        self.build()
        totals = self.server.sql("SELECT customer, orders, amount, last_placed FROM shop.totals ORDER BY customer")
        self.assertEqual(
            totals,
            [
                {"customer": "ada", "orders": 2, "amount": 42.5, "last_placed": "2024-01-03"},
                {"customer": "alan", "orders": 1, "amount": 1.0, "last_placed": "2024-01-05"},
                {"customer": "grace", "orders": 1, "amount": 7.25, "last_placed": "2024-01-03"},
            ],
        )
        countries = "SELECT country, amount FROM shop.by_country ORDER BY country"
        self.assertEqual(
            self.server.sql(countries), [{"country": "GB", "amount": 43.5}, {"country": "US", "amount": 7.25}]
        )
        payments = "SELECT _id, amount, _event_time AS at FROM shop.payments ORDER BY _id"
        before = self.server.sql(payments)
        self.assertEqual([row["_id"] for row in before], ["o1", "o3", "o4"])
        self.assertEqual(self.lambda_rows("live"), [{"customer": "ada", "amount": 42.5}])

        self.server.add("orders", [{"_id": "o5", "customer": "grace", "amount": 20, "state": "paid"}], "shop")
        self.build()
        totals = self.server.sql("SELECT amount FROM shop.totals WHERE customer = 'grace'")
        self.assertEqual(totals, [{"amount": 27.25}])
        self.assertEqual(self.server.sql(countries)[1], {"country": "US", "amount": 27.25})
        # What was there has not been written again.
        after = self.server.sql(payments)
        self.assertEqual([row["_id"] for row in after], ["o1", "o3", "o4", "o5"])
        self.assertEqual(after[:3], before)
        # The table was dropped and made again below the query lambda and the view, which are still there.
        rows = [{"customer": "ada", "amount": 42.5}, {"customer": "grace", "amount": 27.25}]
        self.assertEqual(self.lambda_rows("live"), rows)
        least = {"name": "least", "type": "float", "value": "30"}
        self.assertEqual(self.lambda_rows("latest", [least]), rows[:1])
        status, body = self.server.request("GET", f"{SHOP}/lambdas/big_customers/versions")
        self.assertEqual((status, len(body["data"])), (200, 1))
        self.assertEqual(body["data"][0]["description"], "Created via DBT")
        status, body = self.server.request("GET", f"{SHOP}/views/by_country")
        self.assertEqual(body["data"]["description"], "Created via dbt")

        self.docs_are_generated()

    def docs_are_generated(self):
        """The catalogue of dbt's documentation has the columns with their types, and the numbers of rows."""
        outcome = dbtRunner().invoke(
            ["docs", "generate", "--project-dir", self.folder, "--profiles-dir", self.folder, "--quiet"]
        )
        self.assertIsNone(outcome.exception)
        totals = outcome.result.nodes["model.shop.totals"]
        types = {name: column.type for name, column in totals.columns.items()}
        self.assertEqual(
            types,
            {
                "_id": "string",
                "_event_time": "timestamp",
                "customer": "string",
                "orders": "int",
                "amount": "float",
                "last_placed": "string",
            },
        )
        self.assertEqual(totals.stats["row_count"].value, 3)


if __name__ == "__main__":
    unittest.main()
