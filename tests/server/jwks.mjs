/*
 * Keys of providers that are fetched from a URL: by a process of its own, over TLS that is verified, and
 * kept, so that a provider that is down, or answers with anything else, changes nothing. A fetch is never
 * repeated within 30 s, so where one more is waited for a test takes that long.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createPlain } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Server, guest, newFolder, run, until } from '../support/cordon.mjs';
import { Signer } from '../support/signer.mjs';
import { metricSum } from './wire.mjs';

const ANY = ['EdDSA'];
const folder = newFolder();

/* A certificate that signs itself: `{ key, cert }`, and the path of the latter. */
function certificate(name, host) {
  const [keyFile, certFile] = ['key', 'pem'].map((end) => join(folder, `${name}.${end}`));
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', `/CN=${name}`, '-addext', `subjectAltName=${host}`, '-keyout', keyFile, '-out', certFile], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  return { key: readFileSync(keyFile), cert: readFileSync(certFile), path: certFile };
}

const good = certificate('good', 'IP:127.0.0.1,DNS:localhost');
const other = certificate('other', 'IP:127.0.0.1');
const misnamed = certificate('misnamed', 'DNS:elsewhere.example.org');

/* Somebody who publishes keys; `answer` may be replaced at any time. */
class Publisher {
  static async start(signer, tls = null, address = '127.0.0.1') {
    const publisher = new Publisher();
    publisher.asked = 0;
    publisher.answer = (request, response) => response.end(JSON.stringify(signer.keySet()));
    const listener = (request, response) => {
      publisher.asked++;
      publisher.answer(request, response);
    };
    publisher.server = tls === null ? createPlain(listener) : createSecure(tls, listener);
    publisher.server.on('tlsClientError', () => publisher.asked++);
    await new Promise((done) => publisher.server.listen(0, address, done));
    publisher.server.unref(); /* nor does a test that fails wait for it */
    publisher.url = `${tls === null ? 'http' : 'https'}://${address}:${publisher.server.address().port}/jwks.json`;
    return publisher;
  }
  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }
}

let files = 0;
function settings(given, file = join(folder, `config-${files++}.json`)) {
  writeFileSync(`${file}.new`, JSON.stringify(given));
  renameSync(`${file}.new`, file);
  return file;
}

const serve = (given, { data = newFolder(), env = {} } = {}) =>
  Server.start({ data, flags: ['--config', settings(given)], env });

/* Whom a function takes the token's user for; else the code of the refusal. */
async function who(server, token) {
  const { body } = await server.post('/api/query', { path: 'identity:get', args: {} }, { Authorization: `Bearer ${token}` });
  return body.code ?? body.value?.subject;
}

const isKnown = (server, signer, subject = 'ada') => until(async () => await who(server, signer.token(subject)) === subject, () => server.log);
const lines = (server, event) => server.log.split('\n').filter((line) => line.includes(`"event":"${event}"`)).map((line) => JSON.parse(line));
const said = async (server, event, count = 1) => {
  await until(() => lines(server, event).length >= count, () => server.log);
  return lines(server, event)[count - 1];
};

/* The processes of cordon-fetch below a server: the supervisor, and the worker. */
function processes({ child: { pid } }) {
  const below = (parent) => readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).flatMap((entry) => {
    try {
      const [, name, of] = readFileSync(`/proc/${entry}/stat`, 'utf8').match(/\((.*)\) \S (\d+)/);
      return name === 'cordon-fetch' && Number(of) === parent ? [Number(entry)] : [];
    } catch {
      return []; /* it has gone */
    }
  });
  const [supervisor] = below(pid);
  return { supervisor, worker: supervisor && below(supervisor)[0] };
}

describe('keys of a URL', { concurrency: 3 }, () => {
  test('are fetched over TLS, rotated at once for a key that is unknown, and kept', async () => {
    const signer = new Signer('https://auth.example.org', 'app', ANY);
    const publisher = await Publisher.start(signer, good);
    const data = newFolder();
    const given = { auth_providers: [signer.provider(publisher.url)] };
    const server = await serve(given, { data, env: { SSL_CERT_FILE: good.path } });
    await server.deploy(guest('identity'));
    await isKnown(server, signer);
    assert.deepEqual((await said(server, 'auth_keys_fetched')).url, publisher.url);
    const [kept, ...more] = readdirSync(join(data, 'jwks.d'));
    assert.deepEqual(more, []);
    assert.deepEqual(JSON.parse(readFileSync(join(data, 'jwks.d', kept), 'utf8')), signer.keySet());
    assert.equal(statSync(join(data, 'jwks.d', kept)).mode & 0o777, 0o600);
    assert.equal(statSync(join(data, 'jwks.d')).mode & 0o777, 0o700);

    /* Tokens of today do not make it ask, nor do those that are wrong in another way. */
    assert.equal(publisher.asked, 1);
    assert.equal(await who(server, signer.token('ada', { claims: { exp: 1 } })), 'Unauthenticated');

    /* Another key with another name: the first token asks for it, however many follow. */
    const next = new Signer('https://auth.example.org', 'app', ANY);
    const renamed = { keys: next.keySet().keys.map((key) => ({ ...key, kid: 'next' })) };
    publisher.answer = (request, response) => response.end(JSON.stringify(renamed));
    const token = next.token('eve', { header: { kid: 'next' } });
    assert.equal(await who(server, token), 'Unauthenticated');
    await until(async () => await who(server, token) === 'eve', () => server.log);
    assert.equal(publisher.asked, 2);
    assert.equal(await who(server, signer.token('ada')), 'Unauthenticated', 'a key that is gone');

    /* The provider is down: what there is stays good, also after a restart. */
    await publisher.stop();
    await server.stop();
    const again = await serve(given, { data, env: { SSL_CERT_FILE: good.path } });
    assert.equal(await who(again, token), 'eve');
    const { level, url, message } = await said(again, 'auth_keys_unfetched');
    assert.deepEqual([level, url], ['warn', publisher.url]);
    assert.match(message, /Couldn't connect to server; see whether this machine reaches it/);
    assert.equal(await who(again, token), 'eve');
    assert.ok(await metricSum(again, 'auth_key_fetches_total') >= 1);
    await again.stop();
  });

  test('that are no key set change nothing, and the log says why', async () => {
    const signer = new Signer('https://auth.example.org', 'app', ANY);
    const publisher = await Publisher.start(signer);
    const keySet = publisher.answer;
    const server = await serve({ auth_providers: [signer.provider(publisher.url)], jwks_refresh_ms: 1000 });
    await server.deploy(guest('identity'));
    await isKnown(server, signer);
    const redirected = await Publisher.start(new Signer('https://auth.example.org', 'app', ANY));
    const bad = [
      [(request, response) => response.end('<html>'), /no key set that can be used: unexpected character/],
      [(request, response) => response.end('{"keys": []}'), /no key set that can be used: (?!unexpected)/],
      [(request, response) => response.writeHead(500).end('{}'), /status 500; see whether the URL is that of the provider's `jwks_uri`/],
      [(request, response) => response.writeHead(302, { Location: redirected.url }).end(), /it redirects \(status 302\), which is not followed/],
      [(request, response) => response.writeHead(302, { Location: 'file:///etc/passwd' }).end(), /it redirects \(status 302\)/],
      [(request, response) => response.end(`{"keys": []}${' '.repeat(300 << 10)}`), /more than 262144 bytes/],
      [(request, response) => { /* without telling how much comes */
        const more = () => response.write(' '.repeat(64 << 10), more);
        response.on('error', () => {});
        more();
      }, /more than 262144 bytes/],
      [(request, response) => response.destroy(), /see whether this machine reaches it/],
    ];
    for (const [answer, words] of bad) {
      const before = server.log.length;
      publisher.answer = answer;
      await until(() => words.test(server.log.slice(before)), () => `${words}: ${server.log.slice(before)}`);
      assert.equal(await who(server, signer.token('ada')), 'ada');
    }
    assert.equal(redirected.asked, 0);
    publisher.answer = () => {}; /* never */
    const before = server.log.length;
    await until(() => /timed out|Timeout/.test(server.log.slice(before)), () => server.log.slice(before));
    publisher.answer = keySet;
    assert.equal(await who(server, signer.token('ada')), 'ada');
    const fetched = lines(server, 'auth_keys_fetched').length;
    assert.equal(fetched, 1, 'the same keys are no news');
    await Promise.all([server.stop(), publisher.stop(), redirected.stop()]);
  });

  test('are asked of nobody whose certificate is not trusted, or not that host\'s', async () => {
    const signer = new Signer('https://auth.example.org', 'app', ANY);
    const cases = [[good, undefined], [other, good.path], [misnamed, misnamed.path]];
    for (const [tls, trusted] of cases) {
      const publisher = await Publisher.start(signer, tls);
      const server = await serve({ auth_providers: [signer.provider(publisher.url)] }, { env: trusted ? { SSL_CERT_FILE: trusted } : {} });
      await server.deploy(guest('identity'));
      const { message } = await said(server, 'auth_keys_unfetched');
      assert.match(message, /its certificate must be valid for that host and signed by who this machine trusts/);
      assert.equal(await who(server, signer.token('ada')), 'Unauthenticated');
      assert.deepEqual(readdirSync(join(server.data, 'jwks.d')), []);
      await Promise.all([server.stop(), publisher.stop()]);
    }
  });

  test('come from a host by its name, which the confined process looks up', async (t) => {
    const signer = new Signer('https://auth.example.org', 'app', ANY);
    const nowhere = await serve({ auth_providers: [signer.provider('https://nowhere.invalid/jwks.json')] });
    assert.match((await said(nowhere, 'auth_keys_unfetched')).message, /Could not resolve host: nowhere.invalid; see whether this machine can look that name up/);
    await nowhere.stop();
    const name = hostname();
    const { address } = await lookup(name).catch(() => ({}));
    if (address === undefined) return t.skip('this machine does not know its own name');
    const tls = certificate('named', `DNS:${name}`);
    const publisher = await Publisher.start(signer, tls, address);
    const server = await serve({ auth_providers: [signer.provider(publisher.url.replace(address, name))] }, { env: { SSL_CERT_FILE: tls.path } });
    await server.deploy(guest('identity'));
    await isKnown(server, signer);
    await Promise.all([server.stop(), publisher.stop()]);
  });

  test('must come by https, but from this machine itself', async () => {
    const provider = (jwks) => ({ auth_providers: [{ domain: 'https://auth.example.org', applicationID: 'app', jwks }] });
    const refused = [
      ['http://auth.example.org/jwks.json', /write https:\/\//],
      ['http://127.0.0.1.example.org/jwks.json', /write https:\/\//],
      ['http://localhost.example.org/', /write https:\/\//],
      ['HTTP://10.0.0.1/', /write https:\/\//],
      ['http://127.1/', /write https:\/\//],
      ['http://127.0.0.1@example.org/', /names a host, and no user or password/],
      ['https://user:secret@example.org/', /names a host, and no user or password/],
      ['https:///jwks.json', /names a host/],
      ['https://example.org/a b', /no blanks/],
      ['https://example.org/#keys', /no `#`/],
      [`https://example.org/${'a'.repeat(1024)}`, /at most 1024 bytes/],
    ];
    for (const [url, words] of refused) {
      const { code, stderr } = await run(['serve', '--listen', '127.0.0.1:0', '--data', newFolder(), '--config', settings(provider(url))]);
      assert.equal(code, 2, url);
      assert.match(stderr, words, url);
    }
    const { code, stderr } = await run(['serve', '--listen', '127.0.0.1:0', '--data', newFolder(), '--config', settings({ jwks_refresh_ms: 10 })]);
    assert.equal(code, 2);
    assert.match(stderr, /"jwks_refresh_ms" must be a whole number of milliseconds from 1000 to 86400000/);
  });
});

describe('what fetches them', { concurrency: 3 }, () => {
  test('is there for a URL alone, is confined, and goes with the server', async () => {
    const signer = new Signer('https://auth.example.org', 'app', ANY);
    const publisher = await Publisher.start(signer);
    const file = join(folder, 'keys.jwks');
    signer.writeKeySet(file);
    const without = await serve({ auth_providers: [signer.provider(file)] });
    assert.deepEqual(processes(without), { supervisor: undefined, worker: undefined });
    await without.stop();

    const server = await serve({ auth_providers: [signer.provider(publisher.url)] });
    const { supervisor, worker } = processes(server);
    const status = readFileSync(`/proc/${worker}/status`, 'utf8');
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^Seccomp:\t2$/m);
    const { level, landlockVersion, missing } = await said(server, 'key_fetcher_confined');
    assert.equal(level, missing === undefined ? 'info' : 'warn');
    assert.equal(landlockVersion >= 6, missing === undefined, missing);
    assert.doesNotMatch(readFileSync(`/proc/${server.child.pid}/maps`, 'utf8'), /libcurl/);
    await server.kill();
    const isGone = (pid) => {
      try {
        return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      } catch {
        return true;
      }
    };
    await until(() => isGone(supervisor) && isGone(worker));
    await publisher.stop();
  });

  test('is started again when it dies or is stopped, and fetches what it fetched', async () => {
    const signer = new Signer('https://auth.example.org', 'app', ANY);
    const publisher = await Publisher.start(signer);
    const server = await serve({ auth_providers: [signer.provider(publisher.url)] });
    await server.deploy(guest('identity'));
    await isKnown(server, signer);
    let count = 0;
    for (const signal of ['SIGKILL', 'SIGSTOP']) {
      const { worker } = processes(server);
      process.kill(worker, signal);
      const { level, message } = await said(server, 'key_fetcher_replaced', ++count);
      assert.equal(level, 'warn');
      assert.match(message, signal === 'SIGKILL' ? /signal 9/ : /signal 19/);
      await until(() => publisher.asked === count + 1, () => `asked ${publisher.asked} times`);
    }
    process.kill(processes(server).supervisor, 'SIGKILL');
    assert.match((await said(server, 'key_fetcher_lost')).message, /The keys that there are stay good.*restart/);
    assert.equal(await who(server, signer.token('ada')), 'ada');
    await Promise.all([server.stop(), publisher.stop()]);
  });

  test('follows SIGHUP, and is missing where no URL was there at the start', async () => {
    const [first, second] = ['one', 'two'].map((name) => new Signer(`https://${name}.example.org`, 'app', ANY));
    const [one, two] = await Promise.all([first, second].map((signer) => Publisher.start(signer)));
    const server = await serve({ auth_providers: [first.provider(one.url)] });
    const file = server.child.spawnargs.at(-1);
    await server.deploy(guest('identity'));
    await isKnown(server, first);
    settings({ auth_providers: [second.provider(two.url)], jwks_refresh_ms: 1000 }, file);
    server.child.kill('SIGHUP');
    await isKnown(server, second);
    assert.equal(await who(server, first.token('ada')), 'NoAuthProvider');
    await until(() => two.asked >= 3);
    assert.equal(one.asked, 1);
    await server.stop();

    const without = await serve({});
    settings({ auth_providers: [second.provider(two.url)] }, without.child.spawnargs.at(-1));
    without.child.kill('SIGHUP');
    assert.match((await said(without, 'settings_refused')).message, /is the first URL of keys.*restart it/);
    await Promise.all([without.stop(), one.stop(), two.stop()]);
  });

  test('is missed by name where it is not installed', async () => {
    const { code, stderr } = await run(
      ['serve', '--listen', '127.0.0.1:0', '--data', newFolder(), '--config', settings({ auth_providers: [new Signer().provider('https://auth.example.org/')] })],
      { env: { CORDON_KEY_FETCHER: '/nonexistent/cordon-fetch' } });
    assert.notEqual(code, 0);
    assert.match(stderr, /\/nonexistent\/cordon-fetch, could not be started.*install cordon-fetch beside cordon/);
  });

  test('keeps a provider without any keys out, as one whose file is gone', async () => {
    const signer = new Signer('https://auth.example.org', 'app', ANY);
    const publisher = await Publisher.start(signer);
    const keySet = publisher.answer;
    publisher.answer = (request, response) => response.writeHead(503).end();
    const server = await serve({ auth_providers: [signer.provider(publisher.url)] });
    await server.deploy(guest('identity'));
    await said(server, 'auth_keys_unfetched');
    assert.equal(await who(server, signer.token('ada')), 'Unauthenticated');
    publisher.answer = keySet; /* is asked again soon, not after all of `jwks_refresh_ms` */
    await isKnown(server, signer);
    rmSync(join(server.data, 'jwks.d'), { recursive: true });
    await until(async () => await who(server, signer.token('ada')) === 'Unauthenticated');
    await Promise.all([server.stop(), publisher.stop()]);
  });
});
