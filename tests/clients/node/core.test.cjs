// The library of the published command line, working on a project folder: query lambdas go up and come back.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { auth, main } = require('@rockset/core');
const { start } = require('./server.cjs');

const SQL = 'SELECT :n + value AS n\nFROM numbers.list';
const CONFIG = {
  sql_path: '__sql/sums.sql',
  default_parameters: [{ name: 'n', type: 'int', value: '10' }],
  description: 'adds',
};

let server;
let folder;
const home = process.cwd();

/** A function that the library calls, and what it was called with. */
function hook() {
  const calls = [];
  return Object.assign((...call) => calls.push(call), { calls });
}

function write(name, text) {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

function read(name) {
  return fs.readFileSync(path.join(folder, name), 'utf8');
}

/** The library does not wait until what it downloads is written. */
async function written(name) {
  for (let turn = 0; turn < 500; turn += 1) {
    if (fs.existsSync(path.join(folder, name)) && read(name)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`${name} was not written`);
}

async function post(place, body) {
  const headers = { authorization: `ApiKey ${server.key}`, 'content-type': 'application/json' };
  const answer = await fetch(`${server.url}/v1/orgs/self/${place}`, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 200);
  return (await answer.json()).data;
}

/** A key that may list one workspace, and nothing else. */
async function keyFor(workspace) {
  const privileges = [{ action: 'LIST_RESOURCES_WS', resource_name: workspace }];
  await post('roles', { role_name: 'lister', privileges });
  return (await post('users/self/apikeys', { name: 'lister', role: 'lister' })).key;
}

before(async () => {
  server = await start();
  process.env.ROCKSET_APIKEY = server.key;
  process.env.ROCKSET_APISERVER = server.url;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'outcrop-core-'));
  process.chdir(folder);
  write('rockset.config.json', JSON.stringify({ source_root: 'src' }));
  write('src/numbers/sums.lambda.json', JSON.stringify(CONFIG));
  write('src/numbers/__sql/sums.sql', SQL);
});

after(async () => {
  process.chdir(home);
  if (folder) fs.rmSync(folder, { recursive: true, force: true });
  if (server) assert.equal(await server.stop(), 0);
});

test('the environment names the server', async () => {
  assert.deepEqual(await auth.getAuthProfile(), { api_key: server.key, api_server: server.url });
  const client = await main.createClient();
  assert.ok((await client.orgs.getOrganization()).data.id);
});

test('query lambdas are deployed with workspace and tag, and come back as they were', async () => {
  const names = await main.listEntityNames();
  assert.deepEqual(names, { lambdas: [['numbers.sums', 'lambda']], collections: [] });

  const hooks = { onCreateWorkspace: hook(), onDeployVersionSuccess: hook(), onDeployTagSuccess: hook(), onDeployError: hook() };
  await main.deployQueryLambdas(hooks, { createMissingWorkspace: true, tag: 'live' });
  assert.deepEqual(hooks.onDeployError.calls, []);
  assert.deepEqual(hooks.onCreateWorkspace.calls, [['numbers']]);
  const [[{ data: version }]] = hooks.onDeployVersionSuccess.calls;
  assert.equal(version.description, CONFIG.description);
  assert.deepEqual(version.sql, { query: SQL, default_parameters: CONFIG.default_parameters });
  assert.equal(hooks.onDeployTagSuccess.calls.length, 1);

  const client = await main.createClient();
  await client.collections.createCollection('numbers', { name: 'list' });
  await client.documents.addDocuments('numbers', 'list', { data: [{ _id: '1', value: 1 }] });
  const executed = await client.queryLambdas.executeQueryLambdaByTag('numbers', 'sums', 'live', {});
  assert.deepEqual(executed.results, [{ n: 11 }]);

  // Once more changes nothing.
  await main.deployQueryLambdas({}, {});
  const versions = await client.queryLambdas.listQueryLambdaVersions('numbers', 'sums');
  assert.deepEqual(versions.data.map((one) => one.version), [version.version]);

  for (const useLambdaTag of ['live', undefined]) {
    await main.deleteQueryLambdas({ all: true });
    const downloads = { onWriteLambda: hook() };
    await main.downloadQueryLambdas(downloads, { useLambdaTag });
    await written('src/numbers/__sql/sums.sql');
    await written('src/numbers/sums.lambda.json');
    assert.deepEqual(JSON.parse(read('src/numbers/sums.lambda.json')), CONFIG);
    assert.equal(read('src/numbers/__sql/sums.sql'), SQL);
  }
});

test('tags are listed over all query lambdas', async () => {
  const client = await main.createClient();
  const tags = await client.queryLambdas.listOrganizationTags();
  assert.deepEqual(tags.data.map((tag) => tag.tag_name), ['latest', 'live']);
  const live = await client.queryLambdas.listQueryLambdaTagVersions('live');
  assert.deepEqual(live.data.map((version) => `${version.workspace}.${version.name}`), ['numbers.sums']);
  const noOp = hook();
  await main.downloadQueryLambdas({ onNoOp: noOp }, { useLambdaTag: 'none' });
  assert.equal(noOp.calls.length, 1);
});

test('a query lambda of the folder is tried out before it is deployed', async () => {
  const hooks = { onBeforeExecute: hook(), onExecuteSuccess: hook(), onExecuteError: hook() };
  const parameters = [{ name: 'n', type: 'int', value: '100' }];
  await main.executeLocalQueryLambda(hooks, 'numbers.sums', parameters);
  assert.deepEqual(hooks.onExecuteError.calls, []);
  assert.deepEqual(hooks.onExecuteSuccess.calls[0][0].results, [{ n: 101 }]);

  write('src/numbers/__sql/sums.sql', 'SELECT FROM WHERE');
  await main.executeLocalQueryLambda(hooks, 'numbers.sums', []);
  assert.equal(hooks.onExecuteError.calls[0][0].type, 'QUERY_ERROR');
});

test('collections are written down', async () => {
  // The library refuses names that begin with an underscore, so `_events` must not be in its list.
  process.env.ROCKSET_APIKEY = await keyFor('numbers');
  await main.downloadCollections({});
  await written('src/numbers/list.collection.json');
  const collection = JSON.parse(read('src/numbers/list.collection.json'));
  assert.equal(collection.status, 'READY');
  assert.equal(collection.stats, undefined);
});
