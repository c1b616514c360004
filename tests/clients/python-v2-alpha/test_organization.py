"""The first generation of the Python client, pointed at the server by its configuration."""

import unittest

import rockset
from rockset.apis import Organizations
from rockset.exceptions import UnauthorizedException
from rockset.model.organization_response import OrganizationResponse
from support import KEY, ServerTest


def organizations(server, key):
    configuration = rockset.Configuration(host=server.url)
    configuration.api_key = key
    return Organizations(rockset.ApiClient(configuration))


class Organization(ServerTest):
    def test_the_organization_has_the_type_of_the_client(self):
        response = organizations(self.server, KEY).get()
        self.assertIsInstance(response, OrganizationResponse)
        self.assertTrue(response.data.id)

    def test_a_key_may_be_given_by_its_name(self):
        """Generated clients take a dictionary; this one writes it into the header as Python prints it."""
        response = organizations(self.server, {"apikey": KEY}).get()
        self.assertIsInstance(response, OrganizationResponse)

    def test_a_wrong_key_is_unauthorized(self):
        with self.assertRaises(UnauthorizedException) as caught:
            organizations(self.server, "wrong").get()
        self.assertEqual(caught.exception.status, 401)


if __name__ == "__main__":
    unittest.main()
