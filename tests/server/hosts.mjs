/* A server's tenants from outside: requests by host name, what an operator does with them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { run } from '../support/cordon.mjs';

export const json = { 'content-type': 'application/json' };

/* An answer to a request for a host, or to an operator's by the socket. */
export function ask(options, body) {
  return new Promise((done, fail) => {
    const sent = request({ method: body === undefined ? 'GET' : 'POST', ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => (text += piece));
      response.on('end', () => done({ status: response.statusCode, headers: response.headers, text }));
    });
    sent.on('error', fail);
    sent.end(body === undefined || body instanceof Buffer ? body : JSON.stringify(body));
  });
}

const portOf = (server) => Number(new URL(server.url).port);

/* A call of a host's function: what the server answers, whatever it is. */
export const askFunction = (server, host, kind, path, args = {}) =>
  ask({ port: portOf(server), headers: { ...json, host }, path: `/api/${kind}` }, { path, args, format: 'json' });

/* The same where the server must have run it. */
export async function callFunction(server, host, kind, path, args = {}) {
  const { status, text } = await askFunction(server, host, kind, path, args);
  assert.equal(status, 200, text);
  return JSON.parse(text);
}

/* Makes a tenant with a host and a key, which is the answer. */
export async function makeTenant(server, name, ...flags) {
  const made = await run(['tenant', 'create', name, '--host', `${name}.test`, ...flags, '--data', server.data]);
  assert.equal(made.code, 0, made.stderr);
  const { code, stdout, stderr } = await run(['keygen', 'admin', '--tenant', name, '--data', server.data]);
  assert.equal(code, 0, stderr);
  return stdout.trim().split(/\s+/).at(-1);
}

/* Deploys a module to the tenant of a host; the answer, whatever it is. */
export function deployTo(server, host, module, key) {
  const headers = { host, authorization: `Convex ${key}`, 'content-type': 'application/wasm' };
  return ask({ port: portOf(server), method: 'POST', path: '/api/cordon/deploy', headers }, readFileSync(module));
}

/* Sets a variable of the tenant of a host; the answer, whatever it is. */
export function setVariable(server, host, key, changes = [{ name: 'NAME', value: 'value' }]) {
  const headers = { ...json, host, authorization: `Convex ${key}` };
  return ask({ port: portOf(server), path: '/api/update_environment_variables', headers }, { changes });
}

/* What `cordon tenant list` has of a tenant. */
export async function listed(server, name) {
  const { stdout } = await run(['tenant', 'list', '--format', 'json', '--data', server.data]);
  return JSON.parse(stdout).find((one) => one.name === name);
}

/* An operator's request. */
export const askOperator = (server, path, body) =>
  ask({ socketPath: join(server.data, 'operator.sock'), path, headers: json }, body);
