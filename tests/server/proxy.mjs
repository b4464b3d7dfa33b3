/*
 * The server behind a proxy, as docs/operating.md sets one up: nginx with the very block that stands
 * there, changed in its ports and its certificate alone. TLS ends there, and what a proxy or a client
 * says in forwarded headers is believed by nobody.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Server, freePort, guest, newFolder } from '../support/cordon.mjs';

const NAME = 'functions.example.org';
const FORGED = {
  Forwarded: `for=203.0.113.7;host=${NAME};proto=https`,
  'X-Forwarded-For': '203.0.113.7',
  'X-Forwarded-Host': NAME,
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Server': NAME,
  'X-Real-IP': '203.0.113.7',
  'X-Original-URL': '/api/function',
  'X-Rewrite-URL': '/api/function',
};

/* The block of the guide, for these ports and this folder. */
function configuration(folder, port, to) {
  const [, block] = readFileSync('docs/operating.md', 'utf8').match(/^```nginx\n(server \{\n[\s\S]*?^\})$/m);
  const changes = [
    [/listen 443 ssl;/, `listen 127.0.0.1:${port} ssl;`],
    [/http:\/\/127\.0\.0\.1:3210;/, `http://127.0.0.1:${to};`],
    [/ssl_certificate \S+;/, `ssl_certificate ${folder}/certificate.pem;`],
    [/ssl_certificate_key \S+;/, `ssl_certificate_key ${folder}/key.pem;`],
  ];
  const changed = changes.reduce((text, [from, with_]) => {
    assert.match(text, from);
    return text.replace(from, with_);
  }, block);
  return `daemon off; master_process off; pid ${folder}/pid; error_log stderr warn;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
${changed}
}
`;
}

describe('behind a proxy', () => {
  const folder = newFolder();
  let server;
  let proxy;
  let port;
  let ca;

  before(async () => {
    const settings = join(folder, 'config.json');
    writeFileSync(settings, JSON.stringify({ host_names: [NAME] }));
    server = await Server.start({ flags: ['--config', settings, '--production'] });
    await server.deploy(guest('basic'), guest('effects'));
    port = await freePort();
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${NAME}`,
      '-addext', `subjectAltName=DNS:${NAME}`, '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem')],
    { stdio: 'ignore' });
    ca = readFileSync(join(folder, 'certificate.pem'));
    writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port, new URL(server.url).port));
    proxy = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: ['ignore', 'inherit', 'inherit'] });
    for (let tries = 0; tries < 200; tries++) {
      const answer = await ask('GET', '/version').catch(() => undefined);
      if (answer !== undefined) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail('nginx does not answer');
  });
  after(async () => {
    proxy?.kill('SIGTERM');
    await server?.stop();
  });

  /* By the proxy, over TLS, with its certificate checked. */
  const ask = (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port, servername: NAME, ca, method, path, headers: { Host: NAME, 'Content-Type': 'application/json', ...headers } },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part) => (text += part));
          response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
        });
      sent.on('error', reject);
      sent.end(body);
    });
  const call = (path, args = {}, headers = {}) => ask('POST', '/api/function', JSON.stringify({ path, args }), headers);
  const run = (kind, path, args = {}, headers = {}) => ask('POST', `/api/${kind}`, JSON.stringify({ path, args }), headers);

  test('a call over TLS', async () => {
    const { status, text } = await run('query', 'basic:echo', { a: 1 });
    assert.equal(status, 200, text);
    assert.deepEqual(JSON.parse(text).value, { a: 1 });
  });

  test('a body as large as arguments may be', async () => {
    const args = { text: 'x'.repeat(15 << 20) };
    const { status, text } = await run('query', 'basic:echo', args);
    assert.equal(status, 200, text.slice(0, 300));
    assert.equal(JSON.parse(text).value.text.length, 15 << 20);
  });

  test('a call that lasts', async () => {
    const { status, text } = await run('action', 'effects:sleep', { ms: 2500 });
    assert.equal(status, 200, text);
    assert.equal(JSON.parse(text).status, 'success');
  });

  test('an admin key is asked for here, too, and goes through', async () => {
    assert.equal((await call('basic:hidden')).status, 401);
    const { status, text } = await call('basic:hidden', {}, { Authorization: `Convex ${await server.key()}` });
    assert.equal(JSON.parse(text).status, 'success', `${status} ${text}`);
  });

  test('forwarded headers change nothing', async () => {
    const said = async (headers) => {
      const { status, text } = await run('query', 'basic:echo', { a: 1 }, headers);
      const { value, status: outcome } = JSON.parse(text);
      return [status, outcome, value];
    };
    assert.deepEqual(await said(FORGED), await said({}));
    assert.equal((await call('basic:hidden', {}, FORGED)).status, 401);
    /* Straight to the server: neither do they name a host that it answers for, */
    const wrong = await fetch(`${server.url}/version`, { headers: FORGED });
    assert.equal(wrong.status, 200); /* by a loopback address it is named */
    const { port: direct } = new URL(server.url);
    const misdirected = execFileSync('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', 'Host: evil.example',
      ...Object.entries(FORGED).flatMap(([name, value]) => ['-H', `${name}: ${value}`]), `http://127.0.0.1:${direct}/version`]);
    assert.equal(misdirected.toString(), '421');
    /* nor open the operator's listener, nor come into the log. */
    assert.equal((await ask('GET', '/metrics', undefined, FORGED)).status, 404);
    assert.equal((await ask('GET', '/audit', undefined, FORGED)).status, 404);
    assert.ok(!server.log.includes('203.0.113.7'), server.log);
  });

  test('a host that is not named is not answered for', async () => {
    const { status } = await ask('POST', '/api/query', '{"path":"basic:echo","args":{}}', { Host: 'evil.example' });
    assert.equal(status, 421);
  });
});
