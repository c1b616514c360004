// A real server process for the tests: on a free port, in a temporary folder, stopped at the end.
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');

const BINARY = process.env.OUTCROP_BINARY || 'target/debug/outcrop';
const KEY = 'client-tests-key';

/** Starts a server; resolves to its address, its key and a function that stops it. */
async function start() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'outcrop-clients-'));
  const child = spawn(BINARY, ['serve', '--data', path.join(folder, 'data'), '--http', '127.0.0.1:0'], {
    env: { ...process.env, OUTCROP_API_KEY: KEY },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let url;
  for await (const line of readline.createInterface({ input: child.stdout })) {
    url = url || (line.match(/http:\/\/127\.0\.0\.1:\d+/) || [])[0];
    if (line.startsWith('Ready')) break;
  }
  if (!url) throw new Error(`the server did not start, it exited with ${await exited}`);
  child.stdout.resume();
  const stop = async () => {
    child.kill('SIGTERM');
    const code = await exited;
    fs.rmSync(folder, { recursive: true, force: true });
    return code;
  };
  return { url, key: KEY, stop };
}

module.exports = { start };
