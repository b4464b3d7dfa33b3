/*
 * Convex's own client, unmodified, against a running server: both example apps, which have the same
 * functions, and a guest that gives its arguments back. What is true here is compatibility; our
 * reading of the protocol is not.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeFileSync } from 'node:fs';
import { Server, example, guest, newFolder } from '../support/cordon.mjs';
import { Signer } from '../support/signer.mjs';

const folder = execFileSync(fileURLToPath(new URL('install', import.meta.url)), { encoding: 'utf8' }).trim();
const packages = createRequire(join(folder, 'package.json'));
const { ConvexHttpClient } = packages('convex/browser');
const { ConvexError } = packages('convex/values');
const { anyApi } = packages('convex/server');

/* A client that keeps the log lines it is told. */
function connect(server) {
  const lines = [];
  const keep = (...words) => lines.push(words.join(' '));
  const logger = { logVerbose: keep, log: keep, warn: keep, error: keep };
  const client = new ConvexHttpClient(server.url, { logger });
  return { client, lines };
}

async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail('it must be rejected');
}

for (const name of ['messages_c', 'messages_rust']) {
  describe(name, () => {
    let server;
    let client;
    before(async () => {
      server = await Server.start();
      await server.deploy(example(name));
      ({ client } = connect(server));
    });

    test('a query of an empty table', async () => {
      assert.deepEqual(await client.query(anyApi.messages.list, {}), []);
    });

    test('a mutation, and what a query then sees, oldest first', async () => {
      const first = await client.mutation(anyApi.messages.send, { author: 'ada', body: 'hi' });
      const second = await client.mutation('messages:send', { author: 'bob', body: 'ä\u{1f600}\u0000' });
      assert.equal(typeof first, 'string');
      const messages = await client.query(anyApi.messages.list, {});
      assert.deepEqual(messages.map(({ _id, author, body }) => [_id, author, body]), [
        [first, 'ada', 'hi'],
        [second, 'bob', 'ä\u{1f600}\u0000'],
      ]);
      for (const { _creationTime } of messages) {
        assert.ok(Math.abs(_creationTime - Date.now()) < 60000);
      }
      assert.ok(messages[0]._creationTime <= messages[1]._creationTime);
    });

    test('many at once keep their order', async () => {
      const bodies = Array.from({ length: 20 }, (_, i) => `message ${i}`);
      await Promise.all(bodies.map((body) => client.mutation(anyApi.messages.send, { author: 'many', body })));
      const messages = await client.query(anyApi.messages.list, {});
      assert.deepEqual(messages.filter(({ author }) => author === 'many').map(({ body }) => body), bodies);
    });

    test('what one author wrote, through an index, the newest first', async () => {
      for (const body of ['one', 'two', 'three']) {
        await client.mutation(anyApi.messages.send, { author: 'by author', body });
      }
      const messages = await client.query(anyApi.messages.by_author, { author: 'by author' });
      assert.deepEqual(messages.map(({ body }) => body), ['three', 'two', 'one']);
      assert.deepEqual(await client.query(anyApi.messages.by_author, { author: 'by' }), []);
    });

    /* What usePaginatedQuery sends and reads. */
    const page = (paginationOpts) => client.query(anyApi.messages.page, { paginationOpts });

    test('pages hold every message once, the newest first, while others are sent', async () => {
      const bodies = Array.from({ length: 7 }, (_, i) => `page ${i}`);
      for (const body of bodies) await client.mutation(anyApi.messages.send, { author: 'paged', body });
      const found = [];
      for (let cursor = null, isDone = false; !isDone;) {
        const result = await page({ numItems: 3, cursor, id: 1 });
        assert.deepEqual(Object.keys(result).sort(), ['continueCursor', 'isDone', 'page', 'pageStatus', 'splitCursor']);
        assert.ok(result.page.length <= 3);
        assert.ok(result.isDone || result.page.length === 3);
        found.push(...result.page.filter(({ author }) => author === 'paged').map(({ body }) => body));
        await client.mutation(anyApi.messages.send, { author: 'paged', body: 'later' });
        ({ isDone, continueCursor: cursor } = result);
      }
      assert.deepEqual(found, bodies.reverse());
    });

    test('a page that is asked for again ends where it ended, whatever came since', async () => {
      const first = await page({ numItems: 2, cursor: null });
      const _id = await client.mutation(anyApi.messages.send, { author: 'new', body: '' });
      const again = await page({ numItems: 2, cursor: null, endCursor: first.continueCursor });
      assert.deepEqual(again.page.map((message) => message._id), [_id, ...first.page.map((message) => message._id)]);
      assert.equal(again.continueCursor, first.continueCursor);
    });

    test('what is no cursor, and what are no options, is said', async () => {
      const { continueCursor } = await page({ numItems: 1, cursor: null });
      assert.match((await rejection(page({ numItems: 1, cursor: `${continueCursor}x` }))).message, /Failed to parse cursor/);
      assert.match((await rejection(page({ numItems: 0, cursor: null }))).message, /at least 1 document/);
      assert.match((await rejection(page({ numItems: 1 }))).message, /missing the required field `cursor`/);
    });

    test('ConvexError carries its data, and nothing is written', async () => {
      const before = await client.query(anyApi.messages.list, {});
      const error = await rejection(client.mutation(anyApi.messages.fail, { author: 'eve', body: 'no' }));
      assert.ok(error instanceof ConvexError);
      assert.deepEqual(error.data, { code: 'refused' });
      assert.deepEqual(await client.query(anyApi.messages.list, {}), before);
    });

    const messagesOf = async (author) =>
      (await client.query(anyApi.messages.list, {})).filter((message) => message.author === author);

    test('a query calls a query', async () => {
      for (let i = 0; i < 3; i++) await client.mutation(anyApi.messages.send, { author: 'counted', body: `${i}` });
      assert.equal(await client.query(anyApi.calls.count, { author: 'counted' }), 3);
      assert.equal(await client.query(anyApi.calls.count, { author: 'nobody' }), 0);
    });

    test('a mutation calls two and handles the failure of one: what that one wrote is gone, and only that', async () => {
      const { sent, refused } = await client.mutation(anyApi.calls.send, { author: 'handled', body: 'x' });
      assert.equal(refused, 'refused');
      assert.deepEqual((await messagesOf('handled')).map(({ _id, body }) => [_id, body]), [[sent, 'x']]);
    });

    test('a failure that is not handled takes all, and its data comes to the client', async () => {
      const error = await rejection(client.mutation(anyApi.calls.fail, { author: 'not handled', body: 'x' }));
      assert.ok(error instanceof ConvexError);
      assert.deepEqual(error.data, { code: 'refused' });
      assert.deepEqual(await messagesOf('not handled'), []);
    });

    test('an action calls a mutation, a query and an action, each in its own run', async () => {
      for (const count of [1, 2]) {
        const { sent, count: counted, now } = await client.action(anyApi.calls.act, { author: 'acted', body: 'x' });
        assert.equal(counted, count);
        assert.equal((await messagesOf('acted')).at(-1)._id, sent);
        assert.ok(Math.abs(now - Date.now()) < 60000);
      }
    });

    test('calls nest as deep as the limit says', async () => {
      assert.equal(await client.query(anyApi.calls.depth, {}), 8);
    });

    test('a computation', async () => {
      assert.equal(await client.query(anyApi.math.fib, { n: 20 }), 6765);
    });

    test('an action sees the clock, and real randomness', async () => {
      const one = await client.action(anyApi.echo.now, {});
      const two = await client.action(anyApi.echo.now, {});
      assert.ok(Math.abs(one.now - Date.now()) < 60000);
      assert.notEqual(one.random, two.random);
    });

    test('counters under contention lose nothing', async () => {
      const clients = Array.from({ length: 4 }, () => connect(server).client);
      await Promise.all(clients.flatMap((each) =>
        Array.from({ length: 10 }, () => each.mutation(anyApi.counters.add, { name: name, by: 2 }, { skipQueue: true }))));
      assert.equal(await client.mutation(anyApi.counters.add, { name: name, by: 0 }), 80);
    });

    test('an unknown function', async () => {
      const error = await rejection(client.query('messages:nothing', {}));
      assert.match(error.message, /Could not find public function for 'messages:nothing'/);
    });

    test('a function of another kind', async () => {
      assert.match((await rejection(client.query('messages:send', { author: 'a', body: 'b' }))).message,
        /Trying to execute messages\.js:send as Query, but it is defined as Mutation\./);
      assert.match((await rejection(client.mutation('messages:list', {}))).message, /as Mutation, but it is defined as Query/);
      assert.match((await rejection(client.action('messages:list', {}))).message, /as Action, but it is defined as Query/);
    });

    test('arguments that do not fit', async () => {
      for (const [args, words] of [
        [{ author: 'a' }, /missing the required field `body`/],
        [{ author: 'a', body: 7 }, /ArgumentValidationError[^]*Path: \.body/],
        [{ author: 'a', body: 'b', more: 1 }, /extra field `more`/],
      ]) {
        assert.match((await rejection(client.mutation('messages:send', args))).message, words);
      }
    });
  });
}

describe('values', () => {
  let server;
  before(async () => {
    server = await Server.start();
    await server.deploy(guest('basic'), guest('logs'), guest('documents'));
  });

  const bytes = new Uint8Array([0, 1, 127, 128, 255]).buffer;
  const values = {
    null: null,
    true: true,
    false: false,
    zero: 0,
    'minus zero': -0,
    NaN: NaN,
    infinity: Infinity,
    'minus infinity': -Infinity,
    'a third': 1 / 3,
    'the least double': 5e-324,
    'the largest double': 1.7976931348623157e308,
    'a safe integer': 9007199254740991,
    'the least integer': -(2n ** 63n),
    'the largest integer': 2n ** 63n - 1n,
    'minus one': -1n,
    'no text': '',
    text: 'a"\\\u0000\u001f\u007f\u0085\u2028ä\u{1f600}',
    'no bytes': new ArrayBuffer(0),
    bytes,
    list: [1, 1n, 'x', null, [[]], {}],
    object: { a: { b: { c: [bytes, NaN] } }, z: 1, A: 2, '0': 3 },
    'a long text': 'long '.repeat(20000),
    'a long list': Array.from({ length: 8192 }, (_, i) => i),
  };
  for (const [kind, path] of [['query', 'basic:echo'], ['mutation', 'basic:echo_mutation'], ['action', 'basic:echo_action']]) {
    for (const [name, value] of Object.entries(values)) {
      test(`${name} through a ${kind} and back`, async () => {
        const { client } = connect(server);
        const answer = await client[kind](path, { value });
        assert.deepEqual(answer, { value });
        assert.ok(Object.is(answer.value, value) || typeof value === 'object' || value === answer.value);
      });
    }
  }

  test('an undefined field is left out', async () => {
    const { client } = connect(server);
    assert.deepEqual(await client.query('basic:echo', { a: undefined, b: 1 }), { b: 1 });
  });

  test('values that are none are refused', async () => {
    const { client } = connect(server);
    assert.match((await rejection(client.query('basic:echo', { value: Array(8193).fill(0) }))).message, /too long \(8193 > maximum length 8192\)/);
    let deep = 1;
    for (let i = 0; i < 64; i++) deep = [deep];
    assert.match((await rejection(client.query('basic:echo', { value: deep }))).message, /nested/);
  });

  test('log lines come to the client', async () => {
    const { client, lines } = connect(server);
    await client.query('logs:levels', {});
    const all = lines.join('\n');
    for (const part of ['x', 'one two', 'ä']) assert.ok(all.includes(part), all);
    const failed = connect(server);
    await rejection(failed.client.query('logs:then_trap', {}));
    assert.ok(failed.lines.join('\n').includes('x'));
  });

  test('ConvexError data of another shape', async () => {
    const { client } = connect(server);
    const error = await rejection(client.query('basic:fail', {}));
    assert.ok(error instanceof ConvexError);
    assert.deepEqual(error.data, { code: 7, why: ['x', null] });
    assert.ok(!((await rejection(client.query('basic:fail_plain', {}))) instanceof ConvexError));
  });

  test('a trap is an error with a request id', async () => {
    const { client } = connect(server);
    assert.match((await rejection(client.query('basic:unreachable', {}))).message, /Request ID: [0-9a-f]{16}[^]*Server Error/);
  });

  test('internal functions: for admins alone', async () => {
    const { client } = connect(server);
    assert.match((await rejection(client.query('basic:hidden', {}))).message, /Could not find public function/);
    client.setAdminAuth(await server.key());
    assert.deepEqual(await client.function('basic:hidden', undefined, { a: 1n }), { a: 1n });
  });

  test('a consistent query is not offered, and says so', async () => {
    const { client } = connect(server);
    assert.match((await rejection(client.consistentQuery('basic:echo', { a: 1 }))).message, /NotSupported/);
  });
});

describe('kill -9', () => {
  test('after an answer the document is there', async () => {
    let server = await Server.start();
    await server.deploy(example('messages_c'));
    const sent = [];
    for (let round = 0; round < 5; round++) {
      const { client } = connect(server);
      for (let i = 0; i < 5; i++) {
        sent.push(await client.mutation('messages:send', { author: `round ${round}`, body: `${i}` }));
      }
      await server.kill();
      server = await Server.start({ data: server.data });
      const messages = await connect(server).client.query('messages:list', {});
      assert.deepEqual(messages.map(({ _id }) => _id), sent);
    }
    await server.stop();
  });

  test('in the midst of writing, nothing that was answered is lost and nothing is half there', async () => {
    const server = await Server.start();
    await server.deploy(guest('documents'));
    const answered = new Set();
    const writers = Array.from({ length: 8 }, async () => {
      for (;;) {
        const { body } = await server.post('/api/mutation', { path: 'documents:insert', args: { n: 3 } });
        answered.add(body.value._id);
      }
    });
    const ended = Promise.allSettled(writers); /* they end with the server, in an error */
    await new Promise((resolve) => setTimeout(resolve, 500));
    await server.kill();
    await ended;
    const again = await Server.start({ data: server.data });
    for (const id of answered) {
      const { body } = await again.post('/api/query', { path: 'documents:get', args: { id } });
      assert.equal(body.value?._id, id);
    }
    /* Each mutation wrote three documents: a count that is no multiple of three is half of one. */
    let count = 0;
    for (let low = 0, high = 31999; low <= high;) {
      const middle = (low + high) >> 1;
      const { body } = await again.post('/api/query', { path: 'documents:read', args: { n: middle + 1 } });
      if (body.value.done === false) low = middle + 1;
      else high = middle - 1;
      count = low;
    }
    assert.ok(count >= answered.size * 3);
    assert.equal(count % 3, 0, `${count}`);
    await again.stop();
  });
});

/* Both examples of users' own notes, as signed-in clients use them. */
for (const name of ['notes_c', 'notes_rust']) {
  describe(name, () => {
    const signer = new Signer();
    let server;
    const signedIn = (subject, claims = {}) => {
      const { client } = connect(server);
      client.setAuth(signer.token(subject, { algorithm: 'RS256', claims }));
      return client;
    };
    before(async () => {
      const folder = newFolder();
      signer.writeKeySet(join(folder, 'jwks.json'));
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ auth_providers: [signer.provider(join(folder, 'jwks.json'))] }));
      server = await Server.start({ flags: ['--config', join(folder, 'config.json')] });
      await server.deploy(example(name));
    });

    test('a client that has signed in has its own notes, and nobody sees them else', async () => {
      const [ada, bob] = [signedIn('ada', { name: 'Ada', email_verified: true }), signedIn('bob')];
      const { client: nobody } = connect(server);
      await ada.mutation(anyApi.notes.add, { text: 'one' });
      assert.equal(await ada.action(anyApi.notes.add_and_count, { text: 'two' }), 2);
      assert.equal(await bob.action(anyApi.notes.add_and_count, { text: 'of bob' }), 1);
      assert.deepEqual(await ada.query(anyApi.notes.mine, {}), ['one', 'two']);
      assert.deepEqual(await bob.query(anyApi.notes.mine, {}), ['of bob']);
      assert.deepEqual(await ada.query(anyApi.notes.me, {}), {
        tokenIdentifier: `${signer.issuer}|ada`, issuer: signer.issuer, subject: 'ada', name: 'Ada', emailVerified: true,
      });
      assert.equal(await nobody.query(anyApi.notes.me, {}), null);
      for (const call of [() => nobody.query(anyApi.notes.mine, {}), () => nobody.mutation(anyApi.notes.add, { text: 'x' })]) {
        const error = await rejection(call());
        assert.ok(error instanceof ConvexError);
        assert.equal(error.data, 'not signed in');
      }
      ada.clearAuth();
      assert.equal(await ada.query(anyApi.notes.me, {}), null);
    });

    test('a token that is not accepted is an error', async () => {
      const { client } = connect(server);
      client.setAuth(new Signer().token('ada', { algorithm: 'RS256' }));
      assert.match((await rejection(client.query(anyApi.notes.me, {}))).message, /"code":"Unauthenticated"/);
      client.setAuth('x');
      assert.match((await rejection(client.query(anyApi.notes.me, {}))).message, /"code":"InvalidAuthHeader"/);
      client.setAuth(new Signer('https://else').token('ada'));
      assert.match((await rejection(client.query(anyApi.notes.me, {}))).message, /"code":"NoAuthProvider"/);
    });

    test('an admin acts as a user', async () => {
      const { client } = connect(server);
      client.setAdminAuth(await server.key(), { issuer: signer.issuer, subject: 'bob', givenName: 'B\u00f6b' });
      assert.deepEqual(await client.query(anyApi.notes.mine, {}), ['of bob']);
      assert.equal((await client.query(anyApi.notes.me, {})).givenName, 'B\u00f6b');
    });
  });
}
