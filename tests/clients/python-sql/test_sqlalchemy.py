"""`rockset-sqlalchemy`: statements, parameters and reflection."""

import datetime
import enum
import os
import unittest
import unittest.mock

import rockset_sqlalchemy
import sqlalchemy as sa
from rockset_sqlalchemy.sqlalchemy import types
from support import KEY, VENDOR_NAME, ServerTest, vendor_alias

PEOPLE = [
    {
        "_id": "ada",
        "name": {"first": "Ada", "last": "Lovelace"},
        "born": 1815,
        "height": 1.65,
        "alive": False,
        "tags": ["maths", "engines"],
        "field with space": "x",
    },
    {"_id": "grace", "name": {"first": "Grace", "last": "Hopper"}, "born": 1906, "height": 1.68, "alive": False},
    {"_id": "tim", "name": {"first": "Tim", "last": "Berners-Lee"}, "born": 1955, "height": None, "alive": True},
]


class Dialect(ServerTest):
    https = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.request("POST", "/v1/orgs/self/ws", {"name": "archive"})
        cls.server.create_collection("people", "archive")
        cls.server.create_collection("empty", "archive")
        cls.server.create_collection("plain")
        cls.server.add("people", PEOPLE, "archive")
        # The client checks the host's name, but not that of an enum's member.
        cls.host = enum.Enum("Host", {"OUTCROP": cls.server.url}, type=str).OUTCROP
        cls.engine = cls.engine_of(cls.host)

    @classmethod
    def engine_of(cls, host, key=KEY, instance=""):
        connect = {"api_server": host, "api_key": key}
        return sa.create_engine(f"rockset://:{key}@unused/{instance}", connect_args=connect)

    def rows(self, statement, **parameters):
        with self.engine.connect() as connection:
            return connection.execute(statement, parameters).fetchall()

    def test_workspaces_and_collections_are_schemas_and_tables(self):
        inspector = sa.inspect(self.engine)
        self.assertEqual(inspector.get_schema_names(), ["archive", "commons"])
        self.assertEqual(inspector.get_table_names(schema="archive"), ["empty", "people"])
        self.assertEqual(inspector.get_table_names(), ["empty", "people", "_events", "plain"])
        self.assertEqual(inspector.get_view_names(schema="archive"), [])
        self.assertTrue(inspector.has_table("people", schema="archive"))

    def test_a_table_is_reflected_with_the_types_of_its_documents(self):
        people = sa.Table("people", sa.MetaData(), autoload_with=self.engine, schema="archive")
        kinds = {column.name: type(column.type) for column in people.columns}
        self.assertLessEqual({"_id", "_event_time", "name", "born", "height", "alive"}, set(kinds))
        self.assertEqual(kinds["_id"], types.String)
        self.assertEqual(kinds["name"], types.Object)
        self.assertEqual(kinds["born"], types.Int)
        self.assertEqual(kinds["alive"], types.Bool)
        self.assertEqual([column.name for column in people.primary_key], ["_id"])
        self.assertFalse(people.columns["_id"].nullable)
        self.assertTrue(people.columns["born"].nullable)

        statement = sa.select(people.c.born, people.c.alive).where(people.c.born > 1900).order_by(people.c.born)
        self.assertEqual(self.rows(statement), [(1906, False), (1955, True)])
        statement = sa.select(people.c.alive, sa.func.count().label("n")).group_by(people.c.alive)
        self.assertEqual(sorted(self.rows(statement)), [(False, 2), (True, 1)])
        statement = sa.select(people.c._id).where(people.c._id.in_(["ada", "tim"])).order_by(people.c._id.desc())
        self.assertEqual(self.rows(statement), [("tim",), ("ada",)])
        statement = sa.select(people.c._id).order_by(people.c.born).limit(1).offset(1)
        self.assertEqual(self.rows(statement), [("grace",)])

    def test_fields_of_objects_are_taken_by_the_operators_of_json(self):
        people = sa.table(
            "people", sa.column("_id"), sa.column("name", sa.JSON), sa.column("tags", sa.JSON), schema="archive"
        )
        statement = sa.select(people.c.name["last"].label("last")).where(people.c._id == "ada")
        self.assertEqual(self.rows(statement), [("Lovelace",)])
        statement = sa.select(people.c.tags[1].label("tag")).order_by(people.c._id)
        self.assertEqual(self.rows(statement), [("maths",), (None,), (None,)])

    def test_columns_are_in_the_order_of_the_select_list(self):
        statement = sa.text('SELECT 2 AS b, 1 AS a, \'x\' AS "an odd name"')
        with self.engine.connect() as connection:
            result = connection.execute(statement)
            self.assertEqual(list(result.keys()), ["b", "a", "an odd name"])
            self.assertEqual(result.fetchall(), [(2, 1, "x")])

    def test_parameters_have_their_types(self):
        statement = sa.text("SELECT :i + 1 AS i, :f AS f, :s AS s, :b AS b, CAST(:d AS date) AS d")
        values = {"i": 41, "f": 1.5, "s": "it's", "b": True, "d": datetime.date(2020, 1, 2)}
        self.assertEqual(self.rows(statement, **values), [(42, 1.5, "it's", True, values["d"])])

    def test_an_error_of_the_query_is_an_error_of_the_driver(self):
        with self.assertRaises(sa.exc.ProgrammingError) as caught:
            self.rows(sa.text("SELECT FROM WHERE"))
        message, status, kind = caught.exception.orig.args
        self.assertEqual((message, status, kind), ("expected an expression, found `FROM`", 400, "QUERY_ERROR"))
        with self.assertRaises(sa.exc.ProgrammingError):
            self.rows(sa.text("SELECT * FROM archive.nothing"))
        with self.assertRaises(sa.exc.OperationalError):
            self.engine_of(self.host, key="wrong").connect()

    def test_a_virtual_instance_may_be_named(self):
        status, body = self.server.request("GET", "/v1/orgs/self/virtualinstances")
        self.assertEqual(status, 200)
        engine = self.engine_of(self.host, instance=body["data"][0]["id"])
        with engine.connect() as connection:
            self.assertEqual(connection.execute(sa.text("SELECT 1 AS one")).fetchall(), [(1,)])

    def test_an_address_needs_nothing_but_tls_and_an_alias(self):
        with (
            vendor_alias(self.server.https_url),
            unittest.mock.patch.dict(os.environ, {"SSL_CERT_FILE": self.server.ca_file}),
        ):
            engine = sa.create_engine(f"rockset://:{KEY}@{VENDOR_NAME}")
            self.assertEqual(sa.inspect(engine).get_schema_names(), ["archive", "commons"])

    def test_the_driver_alone_fetches_row_by_row(self):
        cursor = rockset_sqlalchemy.connect(self.host, KEY).cursor()
        cursor.execute("SELECT _id, born FROM archive.people WHERE born > :since ORDER BY born", {"since": 1900})
        self.assertEqual(cursor.rowcount, 2)
        self.assertEqual([column[0] for column in cursor.description], ["_id", "born"])
        self.assertEqual(cursor.fetchone(), ("grace", 1906))
        self.assertEqual(cursor.fetchmany(5), [("tim", 1955)])
        self.assertIsNone(cursor.fetchone())


if __name__ == "__main__":
    unittest.main()
