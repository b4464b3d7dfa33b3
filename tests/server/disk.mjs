/*
 * A server whose disk is full: who writes is told so, who reads is answered, and what was
 * acknowledged is there afterwards. Files may not grow beyond a size here; that is EFBIG to the
 * store, as ENOSPC is, and SIGXFSZ to a process that does not ignore it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server, guest } from '../support/cordon.mjs';

const BLOCKS = 8192; /* of 512 bytes */
const SIZE = 400000;

const call = (server, kind, path, args) => server.post(`/api/${kind}`, { path, args });

/* The number of documents there are, by reading on until the end. */
async function count(server) {
  for (let n = 1; ; n++) {
    const { status, body } = await call(server, 'query', 'documents:read', { n });
    assert.equal(status, 200);
    if (body.value.done) return n - 1;
  }
}

test('a disk without room', { timeout: 120000 }, async () => {
  const server = await Server.start({ before: `ulimit -f ${BLOCKS}` });
  await server.deploy(guest('documents'));
  let written = 0;
  let answer;
  for (;;) {
    answer = await call(server, 'mutation', 'documents:insert_large', { n: SIZE });
    if (answer.status !== 200) break;
    assert.equal(answer.body.status, 'success', JSON.stringify(answer.body));
    written++;
    assert.ok(written * SIZE < BLOCKS * 512 * 4, 'the limit holds nothing up');
  }
  assert.ok(written > 0);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get('retry-after'), '30');
  assert.deepEqual(answer.body, {
    code: 'DiskFull',
    message: "The server's disk is full. Nothing was written; free some space and try again.",
  });
  assert.match(server.log, /"level":"error".*"code":"DiskFull"/);
  assert.equal(await count(server), written);
  await server.kill();

  const roomy = await Server.start({ data: server.data });
  assert.equal(await count(roomy), written);
  assert.equal((await call(roomy, 'mutation', 'documents:insert_large', { n: SIZE })).status, 200);
  assert.equal(await count(roomy), written + 1);
  await roomy.stop();
});
