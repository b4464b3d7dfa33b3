/*
 * Requests that are refused while their client still sends: the answer arrives, and not a reset in
 * its place. What comes after it is read and thrown away, for a bounded time and so many bytes.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { Server, newFolder } from '../support/cordon.mjs';
import { Wire, metricBecomes, request } from './wire.mjs';

const MEBIBYTE = 1 << 20;
const KEPT_READING = 256 * MEBIBYTE; // what the server throws away before it gives up
const bytes = (count) => Buffer.alloc(count, 'x');
const head = (...lines) => Buffer.from(`POST /api/query HTTP/1.1\r\nHost: localhost\r\n${lines.join('\r\n')}\r\n\r\n`);

/* A server whose requests may take so long. */
const folder = newFolder();
async function start(settings) {
  const config = join(folder, `${Object.keys(settings).join('-')}.json`);
  writeFileSync(config, JSON.stringify(settings));
  return Server.start({ flags: ['--config', config] });
}

const refused = ({ status, headers, text }, wanted, code) => {
  assert.equal(status, wanted, text);
  assert.equal(headers.connection, 'close');
  assert.equal(JSON.parse(text).code, code);
};

describe('an answer to a client that is still sending', () => {
  let server;
  before(async () => {
    server = await Server.start();
  });
  for (const [what, sent, status, code] of [
    ['a body of 30 MiB', [head(`Content-Length: ${30 * MEBIBYTE}`), bytes(30 * MEBIBYTE)], 413, 'RequestTooLarge'],
    ['one in chunks', [head('Transfer-Encoding: chunked'),
      ...Array.from({ length: 30 }, () => [Buffer.from('100000\r\n'), bytes(MEBIBYTE), Buffer.from('\r\n')]).flat()], 413, 'RequestTooLarge'],
    ['nonsense of 30 MiB', [Buffer.from('nonsense\r\n\r\n'), bytes(30 * MEBIBYTE)], 400, 'BadRequest'],
    ['a header of 30 MiB', [head(`X: ${bytes(30 * MEBIBYTE)}`)], 431, 'RequestHeaderFieldsTooLarge'],
    ['a module of 30 MiB without a key', [request('POST', '/api/cordon/deploy', { body: bytes(30 * MEBIBYTE) })], 413, 'RequestTooLarge'],
  ]) {
    test(`${what}: ${status}`, async () => {
      const wire = await Wire.to(server).sendFirst(Buffer.concat(sent));
      refused(await wire.answer(), status, code);
      await wire.end();
      assert.equal(wire.error, undefined);
    });
  }
  test('what is pipelined behind a refused request, or a last one, is not answered', async () => {
    for (const first of [head('Content-Length: 99999999'), request('GET', '/version', { headers: { Connection: 'close' } })]) {
      const wire = await Wire.to(server).sendFirst(Buffer.concat([first, ...Array(50000).fill(request('GET', '/version'))]));
      assert.equal((await wire.answer()).headers.connection, 'close');
      await wire.end();
      assert.equal(wire.error, undefined);
    }
  });
  test('a page may read the refusal', async () => {
    const wire = Wire.to(server).send(head('Origin: http://app.example', 'Content-Length: 99999999'));
    assert.equal((await wire.answer()).headers['access-control-allow-origin'], '*');
    const admin = Wire.to(server).send(Buffer.from(
      'POST /api/cordon/deploy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n'));
    assert.equal((await admin.answer()).headers['access-control-allow-origin'], undefined);
    wire.close();
    admin.close();
  });
  test('nothing of them stays', () => metricBecomes(server, 'http_connections_info', 1)); // this very one
});

describe('a client that does not stop', () => {
  test('is let go after 256 MiB', async () => {
    const server = await Server.start();
    const wire = Wire.to(server, { stays: true }).send(head('Content-Length: 999999999999'));
    const piece = bytes(MEBIBYTE);
    let sent = 0;
    while (wire.error === undefined && sent < 2 * KEPT_READING) {
      await new Promise((resolve) => wire.socket.write(piece, resolve));
      sent += MEBIBYTE;
    }
    assert.ok(sent >= KEPT_READING, `${sent} bytes`);
    assert.ok(sent < KEPT_READING + 32 * MEBIBYTE, `${sent} bytes: more than sockets hold`);
    refused(await wire.answer(), 413, 'RequestTooLarge');
    await server.stop();
  });
  test('is let go after the time that a request may take', async () => {
    const server = await start({ request_timeout_ms: 1500 });
    const wire = Wire.to(server, { stays: true }).send(head('Content-Length: 999999999999'));
    refused(await wire.answer(), 413, 'RequestTooLarge');
    const began = Date.now();
    const dribble = setInterval(() => wire.socket.write('x'), 50);
    await metricBecomes(server, 'http_connections_info', 1);
    clearInterval(dribble);
    const took = Date.now() - began;
    assert.ok(took >= 1000 && took < 15000, `${took} ms`);
    await server.stop();
  });
  test('and is silent, is let go sooner', async () => {
    const server = await Server.start(); // 30 s for a request
    const wire = Wire.to(server, { stays: true }).send(head('Content-Length: 999999999999'));
    refused(await wire.answer(), 413, 'RequestTooLarge');
    const began = Date.now();
    await metricBecomes(server, 'http_connections_info', 1);
    const took = Date.now() - began;
    assert.ok(took >= 3000 && took < 20000, `${took} ms`);
    wire.close();
    await server.stop();
  });
});
