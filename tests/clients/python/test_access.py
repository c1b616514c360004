"""Users, API keys and roles with the current Python client."""

import unittest

from rockset.exceptions import BadRequestException, ForbiddenException, NotFoundException, UnauthorizedException
from rockset.models import Privilege
from support import ServerTest
from test_rockset_client import client_of


class Access(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rs = client_of(cls.server.url)

    def test_a_key_does_what_its_role_allows(self):
        self.rs.Workspaces.create(name="open")
        self.rs.Workspaces.create(name="closed")
        for workspace in ("open", "closed"):
            self.rs.Collections.create_s3_collection(name="c", workspace=workspace)
        privileges = [
            Privilege(action="QUERY_DATA_WS", resource_name="open"),
            Privilege(action="QUERY_VI", resource_name="*ALL*", cluster="*ALL*"),
        ]
        role = self.rs.CustomRoles.create(role_name="reader", description="reads", privileges=privileges).data
        self.assertEqual((role.role_name, role.owner_email), ("reader", "admin@localhost"))
        self.assertEqual(role.privileges[1].cluster, "*ALL*")
        key = self.rs.APIKeys.create(name="app", role="reader").data
        self.assertEqual((len(key.key), key.state, key.role), (64, "ACTIVE", "reader"))
        reader = client_of(self.server.url, key=key.key)
        self.assertEqual(reader.sql("SELECT COUNT(*) n FROM open.c").results, [{"n": 0}])
        with self.assertRaises(ForbiddenException):
            reader.sql("SELECT COUNT(*) n FROM closed.c")
        with self.assertRaises(ForbiddenException):
            reader.Documents.add_documents(collection="c", workspace="open", data=[{"a": 1}])
        self.rs.CustomRoles.update(
            role_name="reader", privileges=[*privileges, Privilege(action="WRITE_DATA_WS", resource_name="open")]
        )
        reader.Documents.add_documents(collection="c", workspace="open", data=[{"a": 1}])
        self.assertEqual([role.role_name for role in self.rs.CustomRoles.list().data], ["reader"])
        self.assertEqual(len(self.rs.CustomRoles.get(role_name="reader").data.privileges), 3)
        with self.assertRaises(BadRequestException):
            self.rs.CustomRoles.delete(role_name="reader")
        self.assertEqual(self.rs.APIKeys.get(user="self", name="app", reveal=True).data.key, key.key[:6])
        suspended = self.rs.APIKeys.update(user="self", name="app", state="SUSPENDED").data
        self.assertEqual(suspended.state, "SUSPENDED")
        with self.assertRaises(UnauthorizedException):
            reader.sql("SELECT 1")
        self.rs.APIKeys.delete(user="self", name="app")
        self.assertNotIn("app", [key.name for key in self.rs.APIKeys.list(user="self").data])
        self.rs.CustomRoles.delete(role_name="reader")

    def test_users_are_invited_changed_and_removed(self):
        made = self.rs.Users.create(email="Ann@Example.com", roles=["member"]).data
        self.assertEqual((made.email, made.state, made.roles), ("ann@example.com", "NEW", ["member"]))
        key = self.rs.APIKeys.create(name="hers", created_by="ann@example.com").data.key
        ann = client_of(self.server.url, key=key)
        self.assertEqual(ann.Users.get_current_user().email, "ann@example.com")
        with self.assertRaises(ForbiddenException):
            ann.Users.create(email="bob@example.com", roles=["read-only"])
        changed = self.rs.Users.update(user="ann@example.com", first_name="Ann", roles=["read-only"])
        self.assertEqual((changed.first_name, changed.state, changed.roles), ("Ann", "ACTIVE", ["read-only"]))
        with self.assertRaises(ForbiddenException):
            ann.Workspaces.create(name="hers")
        self.assertEqual(self.rs.Users.get(user="ann@example.com").first_name, "Ann")
        emails = [user.email for user in self.rs.Users.list().data]
        self.assertEqual(emails, ["admin@localhost", "ann@example.com"])
        self.assertEqual(self.rs.Users.delete(user="ann@example.com").data.email, "ann@example.com")
        with self.assertRaises(NotFoundException):
            self.rs.Users.get(user="ann@example.com")
        with self.assertRaises(UnauthorizedException):
            ann.Users.get_current_user()


if __name__ == "__main__":
    unittest.main()
