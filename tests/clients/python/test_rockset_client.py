"""`RocksetClient` of the current Python client: workspaces, collections, documents, SQL."""

import datetime
import enum
import unittest

from rockset import Configuration, RocksetClient
from rockset.exceptions import BadRequestException, NotFoundException, UnauthorizedException
from rockset.models import DeleteDocumentsRequestData, PatchDocument, PatchOperation, QueryRequestSql
from support import KEY, VENDOR_NAME, ServerTest, vendor_alias


def client_of(url, key=KEY, **configuration):
    """The client checks the host's name, but not that of an enum's member."""
    host = enum.Enum("Host", {"OUTCROP": url}, type=str).OUTCROP
    config = Configuration(host=url, api_key=key, **configuration)
    return RocksetClient(host=host, config=config)


class Basics(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        host = enum.Enum("Host", {"OUTCROP": cls.server.url}, type=str).OUTCROP
        cls.rs = RocksetClient(host=host, api_key=KEY)

    def test_workspaces_are_made_listed_and_deleted(self):
        made = self.rs.Workspaces.create(name="py", description="from python").data
        self.assertEqual((made.name, made.description), ("py", "from python"))
        names = [workspace.name for workspace in self.rs.Workspaces.list().data]
        self.assertIn("commons", names)
        self.assertIn("py", names)
        self.assertEqual(self.rs.Workspaces.get(workspace="py").data.name, "py")
        self.rs.Workspaces.delete(workspace="py")
        with self.assertRaises(NotFoundException):
            self.rs.Workspaces.get(workspace="py")

    def test_a_taken_name_is_a_bad_request(self):
        self.rs.Workspaces.create(name="taken")
        with self.assertRaises(BadRequestException) as caught:
            self.rs.Workspaces.create(name="taken")
        self.assertEqual(caught.exception.status, 400)
        self.assertIn("ALREADYEXISTS", caught.exception.body)

    def test_documents_are_added_replaced_patched_and_deleted(self):
        self.rs.Collections.create_s3_collection(name="people")
        self.assertEqual(self.rs.Collections.get(collection="people").data.status, "READY")
        documents = [
            {"_id": "ada", "name": {"first": "Ada", "last": "Lovelace"}, "born": 1815, "tags": ["maths"]},
            {"_id": "grace", "name": {"first": "Grace", "last": "Hopper"}, "born": 1906, "score": 9.5},
            {"name": {"first": "Anonymous"}},
        ]
        added = self.rs.Documents.add_documents(collection="people", data=documents)
        self.assertEqual([status.status for status in added.data], ["ADDED"] * 3)
        self.assertEqual(added.data[0]["_id"], "ada")
        self.assertTrue(added.data[2]["_id"])
        self.assertTrue(added.last_offset)

        # The next request sees the write.
        rows = self.rs.sql("SELECT p.name.last AS last FROM people p WHERE p.born > 1900").results
        self.assertEqual(rows, [{"last": "Hopper"}])

        again = self.rs.Documents.add_documents(
            collection="people", data=[{"_id": "ada", "name": {"first": "Augusta"}, "born": 1815}]
        )
        self.assertEqual(again.data[0].status, "REPLACED")

        patched = self.rs.Documents.patch_documents(
            collection="people",
            data=[
                PatchDocument(
                    id="grace",
                    patch=[
                        # The client's model wants an object as value; the service took any JSON.
                        PatchOperation(op="ADD", path="/rank", value="rear admiral", _check_type=False),
                        PatchOperation(op="INCREMENT", path="/born", value=1, _check_type=False),
                    ],
                )
            ],
        )
        self.assertEqual(patched.data[0].status, "PATCHED")
        rows = self.rs.sql("SELECT born, rank FROM people WHERE _id = 'grace'").results
        self.assertEqual(rows, [{"born": 1907, "rank": "rear admiral"}])

        deleted = self.rs.Documents.delete_documents(
            collection="people", data=[DeleteDocumentsRequestData(id="ada")]
        )
        self.assertEqual(deleted.data[0].status, "DELETED")
        rows = self.rs.sql("SELECT COUNT(*) AS n FROM people").results
        self.assertEqual(rows, [{"n": 2}])

        self.rs.Collections.delete(collection="people")

    def test_sql_takes_parameters_of_every_type_the_client_knows(self):
        response = self.rs.sql(
            "SELECT :i + 1 AS i, :f AS f, :b AS b, :s AS s, :d AS d, :t AS t",
            params={
                "i": 41,
                "f": 1.5,
                "b": True,
                "s": "it's",
                "d": datetime.date(2020, 1, 2),
                "t": datetime.datetime(2020, 1, 2, 3, 4, 5, 678900),
            },
        )
        row = response.results[0]
        self.assertEqual((row["i"], row["f"], row["b"], row["s"]), (42, 1.5, True, "it's"))
        self.assertEqual(row["d"], datetime.date(2020, 1, 2))
        self.assertEqual(row["t"], datetime.datetime(2020, 1, 2, 3, 4, 5, 678900))
        self.assertEqual([field.name for field in response.column_fields], ["i", "f", "b", "s", "d", "t"])

    def test_integers_keep_64_bits_and_floats_their_point(self):
        self.rs.Collections.create_s3_collection(name="numbers")
        values = [2**63 - 1, -(2**63), 2**53 + 1, 1.0, 0.1]
        documents = [{"_id": str(index), "v": value} for index, value in enumerate(values)]
        self.rs.Documents.add_documents(collection="numbers", data=documents)
        rows = self.rs.sql("SELECT v FROM numbers ORDER BY _id").results
        self.assertEqual([row["v"] for row in rows], values)
        self.assertEqual([type(row["v"]) for row in rows], [type(value) for value in values])

    def test_an_error_of_the_query_names_its_place(self):
        with self.assertRaises(BadRequestException) as caught:
            self.rs.sql("SELECT 1\nFROM WHERE")
        self.assertIn("QUERY_ERROR", caught.exception.body)
        self.assertIn('"line":2', caught.exception.body.replace(" ", ""))

    def test_validation_names_collections_and_parameters(self):
        self.rs.Collections.create_s3_collection(name="valid")
        response = self.rs.Queries.validate(
            sql=QueryRequestSql(query="SELECT a FROM commons.valid WHERE b = :b")
        )
        self.assertEqual(response.collections, ["commons.valid"])
        self.assertEqual(response.parameters, ["b"])

    def test_a_collection_that_is_not_there_is_not_found(self):
        with self.assertRaises(NotFoundException) as caught:
            self.rs.Collections.get(collection="nothing")
        self.assertIn("COLLECTION_DOES_NOT_EXIST", caught.exception.body)

    def test_a_wrong_key_is_unauthorized(self):
        with self.assertRaises(UnauthorizedException):
            client_of(self.server.url, key="wrong").Organizations.get()


class Tls(ServerTest):
    """The same client over TLS, with the authority that the server made trusted and nothing else."""

    https = True

    def test_the_generated_certificate_is_good_for_localhost(self):
        rs = client_of(self.server.https_url, ssl_ca_cert=self.server.ca_file)
        self.assertEqual(rs.sql("SELECT 1 AS one").results, [{"one": 1}])

    def test_a_client_that_insists_on_the_vendors_domain_reaches_it_by_an_alias(self):
        config = Configuration(
            host=f"https://{VENDOR_NAME}", api_key=KEY, ssl_ca_cert=self.server.ca_file
        )
        with vendor_alias(self.server.https_url):
            rs = RocksetClient(host=f"https://{VENDOR_NAME}", config=config)
            self.assertEqual(rs.sql("SELECT 1 AS one").results, [{"one": 1}])


if __name__ == "__main__":
    unittest.main()
