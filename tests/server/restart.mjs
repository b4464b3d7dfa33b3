/*
 * What a server that was stopped and started again still knows: a position in a list that it gave
 * out goes on where it stood, and one that nobody gave out is none, before and after.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server, example, newFolder } from '../support/cordon.mjs';

const page = (server, cursor) =>
  server.post('/api/query', { path: 'messages:page', args: { paginationOpts: { numItems: 2, cursor } }, format: 'json' });

test('positions are those of before', async () => {
  const data = newFolder();
  let server = await Server.start({ data });
  await server.deploy(example('messages_rust'));
  for (const body of ['a', 'b', 'c', 'd', 'e']) {
    const sent = await server.post('/api/mutation', { path: 'messages:send', args: { author: 'x', body }, format: 'json' });
    assert.equal(sent.body.status, 'success', JSON.stringify(sent.body));
  }
  const bodies = ({ body }) => body.value.page.map((message) => message.body);
  const first = await page(server, null);
  assert.deepEqual(bodies(first), ['e', 'd']);
  const { continueCursor } = first.body.value;
  await server.stop();

  server = await Server.start({ data });
  assert.equal((await page(server, null)).body.value.continueCursor, continueCursor, 'the same place has the same bytes');
  assert.deepEqual(bodies(await page(server, continueCursor)), ['c', 'b']);
  const forged = continueCursor.slice(0, -4) + (continueCursor.at(-4) === 'a' ? 'b' : 'a') + continueCursor.slice(-3);
  assert.equal((await page(server, forged)).body.status, 'error');
  await server.stop();
});
