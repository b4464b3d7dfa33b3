/*
 * Schemas over the command line and HTTP: what a check and a deploy say of them, what a call sees,
 * and that a server which is killed while a deploy changes one has the old functions or the new.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { Server, guest, newFolder, parseOne, run } from '../support/cordon.mjs';

const NOTES = 1500;
const ADAS = NOTES / 3;

async function call(server, kind, path, args) {
  const { body } = await server.post(`/api/${kind}`, { path, args, format: 'json' });
  return body;
}

/* Inserts what a host call is given, by a module without a schema. */
async function insert(server, value) {
  const { status, value: answer } = await call(server, 'mutation', 'relay:insert', { q: JSON.stringify({ table: 'notes', value }) });
  assert.equal(status, 'success');
  return answer._id;
}

async function fill(server) {
  let next = 0;
  const work = async () => {
    for (let n = next++; n < NOTES; n = next++) await insert(server, { author: ['Ada', 'Bob', 'Cy'][n % 3], text: `${n}` });
  };
  await Promise.all(Array.from({ length: 32 }, work));
}

const deploy = (server, ...modules) => server.key().then((key) => run(['deploy', '--url', server.url, ...modules], { env: { CORDON_ADMIN_KEY: key } }));

/* The Adas, a page at a time would end at 100. */
async function adas(server) {
  const { status, value, errorMessage } = await call(server, 'query', 'notes:by_author', {});
  assert.equal(status, 'success', errorMessage);
  return value.page ?? value;
}

describe('schemas', () => {
  const filled = newFolder(); /* with many notes */
  let server;
  before(async () => {
    server = await Server.start();
  });

  test('a check lists tables and indexes', async () => {
    const { code, stdout } = await run(['check', guest('schema')]);
    assert.equal(code, 0);
    assert.match(stdout, /^ {2}table notes {2}documents of a type, by_author \(author\), staged by_text \(text\)$/m);
    const json = parseOne((await run(['check', '--format', 'json', guest('schema')])).stdout);
    assert.deepEqual(json.module.schema.tables[0].indexes, [{ indexDescriptor: 'by_author', fields: ['author'] }]);
    assert.deepEqual(json.module.schema.tables[0].stagedDbIndexes, [{ indexDescriptor: 'by_text', fields: ['text'] }]);
    const bare = parseOne((await run(['check', '--format', 'json', guest('basic')])).stdout);
    assert.equal(bare.module.schema, null);
  });

  test('a run without a server has the schema of its module', async () => {
    const good = await run(['run', guest('schema'), 'notes:by_author']);
    assert.equal(good.code, 0, good.stderr);
    const bad = await run(['run', guest('schema'), 'notes:add', '{"author":1}']);
    assert.match(bad.stdout + bad.stderr, /SchemaEnforcementError/);
  });

  test('a deploy over documents, what is written after it, and a deploy that they refuse', async () => {
    await server.deploy(guest('relay'));
    await insert(server, { author: 'Ada' });
    await insert(server, { author: 'Bob', text: 'x' });
    const { stdout } = await server.deploy(guest('schema'), guest('relay'));
    assert.match(stdout, /^table notes {2}documents of a type, by_author \(author\), staged by_text \(text\)$/m);
    assert.match(stdout, /^checked 2 documents, worked on 3 rows of indexes$/m);
    assert.equal((await adas(server)).length, 1);

    const added = await call(server, 'mutation', 'notes:add', { author: 'Ada', text: 'second' });
    assert.equal(added.status, 'success');
    assert.equal((await adas(server)).length, 2);
    const refused = await call(server, 'mutation', 'notes:add', { author: 1 });
    assert.equal(refused.value.code, 'SchemaEnforcementError');
    assert.equal(
      refused.value.message,
      'Failed to insert or update a document in table "notes" because it does not match the schema: ' +
        'Value does not match validator.\nPath: .author\nValue: 1.0\nValidator: v.string()');

    await server.deploy(guest('relay'));
    assert.equal((await call(server, 'query', 'notes:by_author', {})).status, 'error');
    const id = await insert(server, { author: 5 });
    const again = await deploy(server, guest('schema'), guest('relay'));
    assert.equal(again.code, 4);
    assert.match(again.stderr, new RegExp(`^cordon: ModuleRefused: Schema validation failed\\. Document with ID "${id}" in table "notes" does not match the schema: Value does not match validator\\.`));
    assert.match(again.stderr, /Path: \.author/);
    assert.match(again.stderr, /Validator: v\.string\(\)/);
    assert.equal((await call(server, 'query', 'notes:by_author', {})).status, 'error');
    await insert(server, { author: 6 });
  });

  test('a schema is there again after a restart', async () => {
    const data = newFolder();
    let own = await Server.start({ data });
    await own.deploy(guest('schema'));
    await own.stop();
    own = await Server.start({ data });
    assert.equal((await call(own, 'mutation', 'notes:add', { author: 'Ada' })).status, 'success');
    assert.equal((await call(own, 'mutation', 'notes:add', {})).value.code, 'SchemaEnforcementError');
    assert.equal((await adas(own)).length, 1);
    await own.stop();
  });

  test('a server that is killed while it deploys', { timeout: 300000 }, async () => {
    const data = filled;
    let own = await Server.start({ data });
    await own.deploy(guest('relay'));
    await fill(own);
    let cut = 0;
    for (const after of [10, 20, 30, 40, 60, 80, 120, 160]) {
      const url = own.url;
      const deployed = run(['deploy', '--url', url, guest('schema'), guest('relay')], { env: { CORDON_ADMIN_KEY: await own.key() } });
      await new Promise((resolve) => setTimeout(resolve, after));
      await own.kill();
      const { code } = await deployed;
      own = await Server.start({ data });
      const seen = await call(own, 'query', 'notes:by_author', {});
      cut += seen.status === 'error';
      if (code === 0) assert.equal(seen.status, 'success');
      if (seen.status === 'success') assert.equal(seen.value.page.length, 100);
      assert.equal((await call(own, 'query', 'relay:all', { q: '{"query":{"source":{"type":"FullTableScan","tableName":"notes","order":"asc"},"operators":[{"limit":2}]}}' })).status, 'success');
      await own.deploy(guest('schema'), guest('relay'));
      const q = JSON.stringify({ query: { source: { type: 'IndexRange', indexName: 'notes.by_author', order: 'asc', range: [{ type: 'Eq', fieldPath: 'author', value: 'Ada' }] }, operators: [] } });
      const all = await call(own, 'query', 'relay:all', { q });
      assert.equal(all.value.filter(({ done }) => !done).length, ADAS);
      await own.deploy(guest('relay')); /* which drops it */
    }
    assert.ok(cut > 0, 'no deploy was cut off; wait for less');
    await own.stop();
  });

  test('mutations go on while a deploy fills an index, and are in it', async () => {
    const own = await Server.start({ data: filled });
    const rows = async (query) => {
      const { status, value } = await call(own, 'query', 'relay:all', { q: JSON.stringify({ query }) });
      assert.equal(status, 'success');
      return value.filter(({ done }) => !done).map(({ value }) => value);
    };
    const table = { type: 'FullTableScan', tableName: 'notes', order: 'asc' };
    const ids = (await rows({ source: table, operators: [] })).map(({ _id }) => _id);
    let over = false;
    const deployed = own.deploy(guest('schema'), guest('relay')).finally(() => (over = true));
    let next = 0;
    const write = async () => {
      let during = 0;
      while (!over) {
        const id = ids[next++ % ids.length]; /* the oldest first, as they are filled */
        const { status, value } = await call(own, 'mutation', 'relay:patch', { q: JSON.stringify({ id, value: { author: 'Eve' } }) });
        assert.equal(status, 'success');
        assert.equal(value.author, 'Eve', JSON.stringify(value));
        during += !over;
      }
      return during;
    };
    const during = await Promise.all(Array.from({ length: 4 }, write));
    await deployed;
    assert.ok(during.reduce((a, b) => a + b) > 0, 'none was answered before the deploy was over');
    const eves = (list) => list.filter(({ author }) => author === 'Eve').map(({ _id }) => _id).sort();
    const range = [{ type: 'Eq', fieldPath: 'author', value: 'Eve' }];
    const found = await rows({ source: { type: 'IndexRange', indexName: 'notes.by_author', order: 'asc', range }, operators: [] });
    assert.deepEqual(eves(found), eves(await rows({ source: table, operators: [] })));
    assert.equal(found.length, Math.min(next, ids.length));
    await own.stop();
  });
});
