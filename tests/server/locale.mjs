/*
 * In a host whose locale is another one: what is written for machines has points and not commas, what
 * is compared without regard to case has the letters of ASCII, and messages are in one language. The
 * locale is Turkish, which has all three otherwise, also in one byte for each letter.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { get } from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Server, build, guest, newFolder, until } from '../support/cordon.mjs';
import { sanitized } from '../support/wall_clock.mjs';

const folder = newFolder();
const made = spawnSync('localedef', ['-i', 'tr_TR', '-f', 'ISO-8859-9', join(folder, 'tr_TR.ISO-8859-9')], { encoding: 'utf8' });
/* A sanitizer wants to be loaded first itself. */
const skip = sanitized ? 'a sanitizer is loaded first' : made.status !== 0 ? `no locale can be made: ${made.error ?? made.stderr}` : false;
const env = { LD_PRELOAD: join(build, 'tests/server/libset_locale.so'), LOCPATH: folder, LC_ALL: 'tr_TR.ISO-8859-9' };

describe('under a Turkish locale', { skip }, () => {
  test('there is one, which has a comma', () => {
    const { stdout } = spawnSync('sh', ['-c', 'locale decimal_point'], { encoding: 'utf8', env: { ...process.env, LOCPATH: folder, LC_ALL: env.LC_ALL } });
    assert.equal(stdout, ',\n');
  });

  test('health and the log are JSON, and messages have points', async () => {
    const server = await Server.start({ env });
    await server.deploy(guest('basic'));
    await server.post('/api/query', { path: 'basic:echo', args: {} });
    const health = () => new Promise((done) => {
      get({ socketPath: join(server.data, 'operator.sock'), path: '/readyz' }, (response) => {
        let text = '';
        response.on('data', (bytes) => (text += bytes)).on('end', () => done(text));
      });
    });
    await until(async () => JSON.parse(await health()).checks.some(({ tookMs }) => tookMs % 1 > 0));
    const metrics = await new Promise((done) => {
      get({ socketPath: join(server.data, 'operator.sock'), path: '/metrics' }, (response) => {
        let text = '';
        response.on('data', (bytes) => (text += bytes)).on('end', () => done(text));
      });
    });
    for (const line of metrics.split('\n').filter((text) => text !== '' && !text.startsWith('#'))) assert.match(line, / [-+.e0-9]+$/, line);
    await server.stop();
    for (const line of server.log.trim().split('\n')) JSON.parse(line);
  });

  /* Tests of what writes or compares, which tell what they expect to the letter. */
  for (const name of ['test_value', 'test_value_properties', 'test_json', 'test_log', 'test_auth', 'test_auth_files', 'test_refusal', 'test_metrics', 'test_limits', 'test_http_parse', 'test_config']) {
    test(`${name} holds`, () => {
      const found = execFileSync('find', [join(build, 'tests'), '-name', name, '-type', 'f'], { encoding: 'utf8' }).trim();
      assert.notEqual(found, '', `there is no ${name}`);
      const { status, stdout, stderr } = spawnSync(found, [], { encoding: 'utf8', env: { ...process.env, ...env } });
      assert.equal(status, 0, `${stdout}${stderr}`);
    });
  }
});
