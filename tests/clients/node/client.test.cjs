// The published JavaScript client, unchanged, with the server's address as its second argument.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const rockset = require('@rockset/client').default;
const { start } = require('./server.cjs');

let server;
let client;

before(async () => {
  server = await start();
  client = rockset(server.key, server.url);
});

after(async () => {
  if (server) assert.equal(await server.stop(), 0);
});

test('the organization can be read', async () => {
  const response = await client.orgs.getOrganization();
  assert.ok(response.data.id);
});

test('a collection is made, filled and queried with parameters', async () => {
  const made = await client.collections.createCollection('commons', { name: 'js', description: 'from JS' });
  assert.equal(made.data.name, 'js');
  assert.equal(made.data.description, 'from JS');

  const added = await client.documents.addDocuments('commons', 'js', {
    data: [
      { _id: '1', first_name: 'Brian', age: 14, address: { city: 'Oslo' } },
      { _id: '2', first_name: 'Justin', age: 78, address: { city: 'Pune' } },
      { _id: '3', first_name: 'Scott', age: 42.5 },
    ],
  });
  assert.deepEqual(added.data.map((status) => status.status), ['ADDED', 'ADDED', 'ADDED']);

  const response = await client.queries.query({
    sql: {
      query: 'SELECT first_name, p.address.city FROM commons.js p WHERE p.age > :age ORDER BY p.age',
      parameters: [{ name: 'age', type: 'int', value: '20' }],
    },
  });
  assert.deepEqual(response.results, [
    { first_name: 'Scott', city: null },
    { first_name: 'Justin', city: 'Pune' },
  ]);
  assert.deepEqual(response.column_fields.map((field) => field.name), ['first_name', 'city']);
  assert.deepEqual(response.collections, ['commons.js']);

  const all = await client.queries.query({ sql: { query: 'SELECT * FROM js ORDER BY _id LIMIT 1' } });
  assert.equal(all.results[0].address.city, 'Oslo');
  assert.ok(all.results[0]._event_time);
});

test('the error of a missing collection is the error model', async () => {
  await assert.rejects(client.collections.getCollection('commons', 'nothing'), (error) => {
    assert.equal(error.type, 'NOTFOUND');
    assert.equal(error.message_key, 'COLLECTION_DOES_NOT_EXIST');
    assert.equal(error.message, 'Collection "nothing" does not exist in workspace "commons"');
    assert.ok(error.trace_id);
    return true;
  });
});

test('the error of a query has a place in the text', async () => {
  await assert.rejects(client.queries.query({ sql: { query: 'SELECT\n  1 +' } }), (error) => {
    assert.equal(error.type, 'QUERY_ERROR');
    assert.equal(error.line, 2);
    assert.ok(error.column > 0);
    assert.ok(error.query_id);
    return true;
  });
});

test('a wrong key is refused', async () => {
  await assert.rejects(rockset('wrong', server.url).orgs.getOrganization(), (error) => {
    assert.equal(error.type, 'AUTHEXCEPTION');
    return true;
  });
});
