/*
 * `cordon data`, `export` and `import`, through a server and over a folder: what goes out comes in
 * again to the byte, an export is of one moment, and a file with a mistake changes nothing.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Server, cordon, example, guest, newFolder, parseOne, run, runError, runValue } from '../support/cordon.mjs';
import { makeZip, readZip } from '../support/zip.mjs';

const folder = newFolder();
let files = 0;
const fresh = (name) => join(folder, `${files++}-${name}`);

/* Where documents are: the flags and the environment that name it. */
const ofFolder = (data = newFolder()) => ({ flags: ['--data', data], env: {}, data });
async function ofServer(...modules) {
  const server = await Server.start();
  if (modules.length > 0) await server.deploy(...modules);
  return { flags: ['--url', server.url], env: { CORDON_ADMIN_KEY: await server.key() }, server };
}

const at = (place, command, ...words) => run([command, ...place.flags, ...words], { env: place.env });

async function good(place, command, ...words) {
  const result = await at(place, command, ...words);
  assert.equal(result.code, 0, result.stderr);
  return result.stdout;
}

async function refused(pattern, place, command, ...words) {
  const { code, stdout, stderr } = await at(place, command, ...words);
  assert.equal(code, 2, stderr);
  assert.match(stderr, pattern);
  assert.equal(stdout, '');
}

/* The files of an export. */
async function exported(place) {
  const file = fresh('export.zip');
  await good(place, 'export', file);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  return readZip(readFileSync(file));
}

async function documents(place, table, ...words) {
  return parseOne(await good(place, 'data', '--format', 'json', ...words, table)).documents;
}

async function tables(place) {
  return parseOne(await good(place, 'data', '--format', 'json')).tables;
}

/* The text of an id: number of its table, 16 bytes and checksum, in base32. */
function idOf(table, internal) {
  const bytes = [];
  for (let left = table; ; left >>= 7) {
    bytes.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) break;
  }
  bytes.push(...internal);
  let [low, high] = [0, 0];
  for (const byte of bytes) {
    low = (low + byte) & 255;
    high = (high + low) & 255;
  }
  const bits = [...bytes, low, high].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits.match(/.{1,5}/g).map((five) => '0123456789abcdefghjkmnpqrstvwxyz'[parseInt(five.padEnd(5, '0'), 2)]).join('');
}

function write(name, content) {
  const file = fresh(name);
  writeFileSync(file, content);
  return file;
}

const lines = (documents) => documents.map((document) => `${JSON.stringify(document)}\n`).join('');
const jsonl = (documents) => write('documents.jsonl', typeof documents === 'string' ? documents : lines(documents));

/* One of each type, at its edges. */
const values = [
  { a: null },
  { a: { $integer: 'AAAAAAAAAIA=' } },
  { a: { $integer: '//////////8=' } },
  { a: 0.1 },
  { a: 1e21 },
  { a: 5e-324 },
  { a: { $float: 'AAAAAAAAAIA=' } },
  { a: { $float: 'AAAAAAAA+H8=' } },
  { a: { $float: 'AAAAAAAA8P8=' } },
  { a: true, b: false },
  { a: '' },
  { a: 'zwei\u0000\u001b[31m\u2028\n"\\ \u{1f600}' },
  { a: { $bytes: '' } },
  { a: { $bytes: 'AAH/' } },
  { a: [] },
  { a: [[1, 'x', null], { b: { $integer: 'AQAAAAAAAAA=' } }] },
  { a: {} },
  { a: { b: { c: { d: [{}] } } } },
  { 'a b': 1, A: 2, z_: 3 },
  {},
];

const kinds = [
  ['a server', ofServer],
  ['a folder', async () => ofFolder()],
];

describe('round trip', () => {
  for (const [kind, make] of kinds) {
    test(`every type through ${kind}`, async () => {
      const from = await make();
      await good(from, 'import', '--table', 'values', jsonl(values));
      await good(from, 'import', '--table', 'other', jsonl([{ n: 1 }]));
      const first = await exported(from);
      assert.deepEqual(Object.keys(first), [
        '_tables/documents.jsonl',
        'values/documents.jsonl',
        'values/generated_schema.jsonl',
        'other/documents.jsonl',
        'other/generated_schema.jsonl',
      ]);
      for (const name of ['values', 'other']) assert.equal(first[`${name}/generated_schema.jsonl`], '"uniform"\n');
      assert.match(first['other/documents.jsonl'], /"n":1\.0\}\n$/);
      assert.equal(first['_tables/documents.jsonl'], '{"name":"values","id":10001}\n{"name":"other","id":10002}\n');
      const rows = first['values/documents.jsonl'].trimEnd().split('\n').map((line) => JSON.parse(line));
      assert.deepEqual(rows.map(({ _id, _creationTime, ...rest }) => rest), values);
      const times = rows.map((row) => row._creationTime);
      assert.deepEqual(times, [...times].sort((a, b) => a - b));
      assert.equal(new Set(times).size, times.length);

      for (const [, other] of kinds) {
        const to = await other();
        const zip = write('again.zip', makeZip(Object.entries(first)));
        await good(to, 'import', zip);
        assert.deepEqual(await exported(to), first);
        assert.match(await good(to, 'import', '--append', zip), /^values: 0 added, 20 there already\n/);
        assert.deepEqual(await exported(to), first);
      }
    });
  }

  test('the zip of export itself, and ids that functions know', async () => {
    const from = await ofServer(example('messages_rust'));
    const ids = [];
    for (const body of ['one', 'two', 'three']) {
      const { stdout } = await run(['call', ...from.flags, 'messages:send', JSON.stringify({ author: 'Ada', body })]);
      ids.push(JSON.parse(stdout));
    }
    const zip = fresh('messages.zip');
    await good(from, 'export', zip);
    const to = await ofServer();
    await good(to, 'import', zip);
    await to.server.deploy(example('messages_rust'));
    const { stdout } = await run(['call', ...to.flags, 'messages:list']);
    assert.deepEqual(JSON.parse(stdout).map((message) => message._id), ids);
    await run(['call', ...to.flags, 'messages:send', '{"author": "Ada", "body": "four"}']);
    const after = await documents(to, 'messages', '--order', 'asc');
    assert.deepEqual(after.map((message) => message.body), ['one', 'two', 'three', 'four']);
    assert.deepEqual(after.slice(0, 3), await documents(from, 'messages', '--order', 'asc'));
  });

  test('a table of many pages', async () => {
    for (const [, make] of kinds) {
      const place = await make();
      const many = Array.from({ length: 4321 }, (_, n) => ({ n, text: 'x'.repeat(n % 1500) }));
      assert.equal(await good(place, 'import', '--table', 'many', jsonl(many)), 'many: 4321 added\n');
      const file = (await exported(place))['many/documents.jsonl'];
      assert.deepEqual(file.trimEnd().split('\n').map((line) => JSON.parse(line).n), many.map(({ n }) => n));
      const newest = await documents(place, 'many', '--limit', '2500');
      assert.deepEqual(newest.map(({ n }) => n), many.map(({ n }) => n).reverse().slice(0, 2500));
      const oldest = await documents(place, 'many', '--limit', '1001', '--order', 'asc');
      assert.deepEqual(oldest.map(({ n }) => n), many.map(({ n }) => n).slice(0, 1001));
      assert.deepEqual(await tables(place), [
        { id: 10001, name: 'many', documents: 1000, bytes: (await tables(place))[0].bytes, more: true },
      ]);
    }
  });

  test('large documents, more bytes than a page has', async () => {
    const place = ofFolder();
    const large = Array.from({ length: 12 }, (_, n) => ({ n, text: '\u0001'.repeat(1000000) }));
    await good(place, 'import', '--table', 'large', jsonl(large));
    const file = (await exported(place))['large/documents.jsonl'];
    assert.deepEqual(file.trimEnd().split('\n').map((line) => JSON.parse(line).n), large.map(({ n }) => n));
  });

  test('more tables than a list has', async () => {
    const place = ofFolder();
    const names = Array.from({ length: 150 }, (_, n) => `table_${n}`);
    const listed = names.map((name, n) => ({ name, id: 10001 + n }));
    await good(place, 'import', write('tables.zip', makeZip([['_tables/documents.jsonl', lines(listed)]])));
    assert.deepEqual((await tables(place)).map(({ name, id }) => ({ name, id })), listed);
    const again = await exported(place);
    assert.equal(Object.keys(again).length, 301);
  });
});

describe('one moment', () => {
  /* `a` is written before `b`, far from each other in the table: of one moment a is b, or one more. */
  test('while functions write', async () => {
    const place = await ofServer(example('messages_rust'));
    const add = (name) => place.server.post('/api/mutation', { path: 'counters:add', args: { name, by: 1 } });
    await add('a');
    const filler = Array.from({ length: 9000 }, (_, n) => ({ name: `filler ${n} ${'x'.repeat(500)}`, value: 0 }));
    await good(place, 'import', '--append', '--table', 'counters', jsonl(filler));
    await add('b');
    let busy = true;
    let rounds = 1;
    const writing = (async () => {
      for (; busy; rounds++) {
        await add('a');
        await add('b');
      }
    })();
    for (let i = 0; i < 5; i++) {
      const before = rounds;
      const file = (await exported(place))['counters/documents.jsonl'];
      const counters = Object.fromEntries(file.trimEnd().split('\n').map((line) => JSON.parse(line)).map(({ name, value }) => [name, value]));
      assert.equal(Object.keys(counters).length, 9002);
      assert.ok(counters.a === counters.b || counters.a === counters.b + 1, `${counters.a} and ${counters.b}`);
      assert.ok(rounds > before, 'functions wrote meanwhile');
    }
    busy = false;
    await writing;
  });

  test('what was read and written stands in the audit log', async () => {
    const place = await ofServer();
    const { data } = place.server;
    await good(place, 'import', '--table', 't', jsonl([{ n: 1 }, { n: 2 }]));
    await good(place, 'import', '--replace', '--table', 't', jsonl([{ n: 3 }]));
    await documents(place, 't');
    await exported(place);
    await place.server.stop();
    const { code, stdout, stderr } = await run(['audit', 'export', '--data', data]);
    assert.equal(code, 0, stderr);
    const all = stdout.trimEnd().split('\n').map((line) => JSON.parse(line).body);
    assert.ok(all.some(({ kind }) => kind === 'tables_read'), 'which an import begins with');
    const bodies = all.filter(({ kind }) => !['checkpoint', 'settings', 'tables_read'].includes(kind) && !kind.startsWith('key'));
    for (const body of bodies) {
      assert.equal(body.by, 'admin key');
      assert.match(body.by_key, /^[0-9a-f]{16}$/);
      delete body.by;
      delete body.by_key;
    }
    assert.match(bodies.at(-1).snapshot, /^\d+$/);
    delete bodies.at(-1).snapshot;
    assert.deepEqual(bodies, [
      { kind: 'import', table: 't', documents: 2 },
      { kind: 'clear', table: 't', documents: 2 },
      { kind: 'import', table: 't', documents: 1 },
      { kind: 'documents_read', table: 't' },
      { kind: 'export' },
    ]);
  });

  test('eight are held, and are let go of', async () => {
    const place = await ofServer();
    await good(place, 'import', '--table', 't', jsonl([{ n: 1 }]));
    for (let i = 0; i < 10; i++) await exported(place);
  });
});

describe('routes', () => {
  test('what a request may not say', async () => {
    const { server } = await ofServer();
    await good({ flags: ['--url', server.url], env: { CORDON_ADMIN_KEY: await server.key() } }, 'import', '--table', 't', jsonl([{ n: 1 }, { n: 2 }]));
    const admin = { Authorization: `Convex ${await server.key()}` };
    const ask = async (method, path, headers = admin, body) => {
      const response = await fetch(`${server.url}/api/cordon/${path}`, { method, headers, body });
      assert.equal(response.headers.get('access-control-allow-origin'), null);
      return { status: response.status, body: await response.json() };
    };
    for (const [method, path] of [
      ['GET', 'tables'],
      ['GET', 'documents?table=t'],
      ['POST', 'snapshot'],
      ['POST', 'snapshot/release'],
      ['POST', 'import?table=t'],
      ['POST', 'clear?table=t'],
    ]) {
      for (const headers of [{}, { Authorization: 'Convex wrong' }]) {
        const { status, body } = await ask(method, path, headers);
        assert.equal(status, 401, path);
        assert.equal(body.code, 'BadAdminKey');
      }
      const { status } = await ask(method === 'GET' ? 'POST' : 'GET', path);
      assert.equal(status, 405);
    }
    for (const [path, status, words] of [
      ['documents', 404, /no table ""/],
      ['documents?table=u', 404, /no table "u"/],
      [`documents?table=${'x'.repeat(100)}`, 404, /no table/],
      ['documents?table=%', 400, /`table`/],
      [`documents?table=${'x'.repeat(5000)}`, 400, /`table`/],
      ['documents?table=t&order=up', 400, /asc/],
      ['documents?table=t&limit=-1', 400, /`limit`/],
      ['documents?table=t&limit=5000000000', 400, /`limit`/],
      ['documents?table=t&snapshot=1', 404, /not held/],
      ['documents?table=t&snapshot=99999999999999999999', 400, /`snapshot`/],
      ['documents?table=t&cursor=x', 400, /cursor/],
      ['tables?after=x', 400, /`after`/],
      ['tables?snapshot=7', 404, /not held/],
    ]) {
      const answer = await ask('GET', path);
      assert.equal(answer.status, status, `${path}: ${JSON.stringify(answer.body)}`);
      assert.match(answer.body.message, words);
    }
    for (const [path, words] of [
      ['import?table=t&mode=perhaps', /`mode`/],
      ['clear?table=t&cursor=abc', /cursor/],
      ['clear?table=t&cursor=zz', /cursor/],
      [`clear?table=t&cursor=${'00'.repeat(100)}`, /cursor/],
      ['import', /table name/i],
      ['import?table=_system', /system/],
      ['import?table=a%20b', /table name/i],
      ['import?table=v&number=5', /from 10001/],
      ['import?table=v&number=4000000000', /larger than/],
    ]) {
      const answer = await ask('POST', path, admin, '{}');
      assert.equal(answer.status, 400, `${path}: ${JSON.stringify(answer.body)}`);
      assert.match(answer.body.message, words);
    }
  });

  test('pages of a moment that is held, until it is let go of', async () => {
    const place = await ofServer();
    const { server } = place;
    const headers = { Authorization: `Convex ${await server.key()}` };
    const get = async (path) => {
      const response = await fetch(`${server.url}/api/cordon/${path}`, { headers });
      return { status: response.status, body: await response.json() };
    };
    await good(place, 'import', '--table', 't', jsonl([{ n: 1 }, { n: 2 }, { n: 3 }]));
    const held = await server.post('/api/cordon/snapshot', '', headers);
    assert.match(held.body.snapshot, /^\d+$/);
    await good(place, 'import', '--replace', '--table', 't', jsonl([{ n: 4 }]));
    const seen = [];
    let cursor = '';
    do {
      const { status, body } = await get(`documents?table=t&limit=1&snapshot=${held.body.snapshot}${cursor}`);
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.snapshot, held.body.snapshot);
      seen.push(...body.values.map(({ n }) => n));
      cursor = body.hasMore ? `&cursor=${body.cursor}` : '';
      if (seen.length === 1) { /* a cursor of this moment is none of a later one */
        assert.equal((await get(`documents?table=t${cursor}`)).status, 400);
      }
    } while (cursor !== '');
    assert.deepEqual(seen, [1, 2, 3]);
    assert.equal((await server.post(`/api/cordon/snapshot/release?snapshot=${held.body.snapshot}`, '', headers)).status, 200);
    const gone = await get(`documents?table=t&snapshot=${held.body.snapshot}`);
    assert.equal(gone.status, 404);
    assert.match(gone.body.message, /begin again/);
  });
});

describe('for people', () => {
  test('a table, with what could move the cursor escaped and long values cut', async () => {
    const place = ofFolder();
    const { stderr } = await at(place, 'data');
    assert.match(stderr, /no data in the folder/);
    await good(place, 'import', '--table', 't', jsonl([{ a: '\u001b[31m', b: 'x'.repeat(100) }, { b: 'é'.repeat(100), c: '\u202e' }]));
    const out = await good(place, 'data', 't');
    const rows = out.trimEnd().split('\n');
    assert.match(rows[0], /^_creationTime +_id +b +c +a$/);
    assert.match(rows[1], /"é{39}…  "\\u202e"/);
    assert.match(rows[2], /"x{39}… +"\\u001b\[31m"$/);
    assert.ok(!out.includes('\u001b') && !out.includes('\u202e'));
    assert.equal(await good(place, 'data'), 'TABLE  DOCUMENTS   SIZE\nt              2  559 B\n'.replace('559', (await tables(place))[0].bytes));
    assert.match((await at(place, 'data', '--limit', '1', 't')).stderr, /more documents; --limit/);
  });
});

describe('usage', () => {
  const nowhere = { flags: [], env: {} };
  const zip = write('empty.zip', makeZip([['_tables/documents.jsonl', '{"name":"t","id":10001}\n']]));
  for (const [words, pattern] of [
    [['data'], /need an admin key/],
    [['export', fresh('x.zip')], /need an admin key/],
    [['import', zip], /need an admin key/],
    [['data', '--url', 'http://127.0.0.1:9', '--data', folder], /choose one/],
    [['data', '--data', join(folder, 'nothing')], /no data in the folder/],
    [['data', '--limit', '0', 't'], /--limit takes a number/],
    [['data', '--order', 'up', 't'], /--order must be/],
    [['export'], /needs FILE/],
    [['export', '--data', folder, zip], /there already/],
    [['import', '--append', '--replace', zip], /choose one/],
    [['import', '--replace-all', '--table', 't', zip], /choose one/],
    [['import', '--data', folder, join(folder, 'nothing.zip')], /cannot open/],
    [['import', '--data', folder, jsonl([{}])], /name the\s+table with --table/],
    [['import', '--data', folder, '--table', '_t', jsonl([{}])], /no name of a table/],
    [['import', '--data', folder, '--table', 'other', zip], /no table 'other'/],
  ]) {
    test(words.filter((word) => !word.startsWith(folder)).join(' '), () => refused(pattern, nowhere, ...words));
  }

  test('a wrong key, a folder in use, no server', async () => {
    const place = await ofServer();
    await refused(/BadAdminKey/, { ...place, env: { CORDON_ADMIN_KEY: 'cordon|wrong' } }, 'data');
    const inUse = await run(['data', '--data', place.server.data]);
    assert.equal(inUse.code, 5);
    assert.match(inUse.stderr, /in use by process \d+.*\n.*--url/);
    await place.server.stop();
    const gone = await at(place, 'export', fresh('x.zip'));
    assert.equal(gone.code, 5);
    assert.match(gone.stderr, /no server answers/);
  });
});

describe('mistakes in a file change nothing', () => {
  const id = 'j97d2zj757p13ek6c4ezdx9mpd8jz34t'; /* of table 10002 */
  const batch = lines(Array.from({ length: 3000 }, (_, n) => ({ n })));
  for (const [name, text, pattern] of [
    ['no JSON', '{"n":1}\n{"n":\n', /"t", line 2: /],
    ['no object', '[]\n', /line 1: .*object/],
    ['a bad field name', '{"$n":1}\n', /line 1: /],
    ['a system field', '{"_n":1}\n', /line 1: .*_n/],
    ['an unknown $ object', '{"n":{"$x":1}}\n', /line 1: /],
    ['a special float in plain', '{"n":{"$float":"AAAAAAAA8D8="}}\n', /line 1: /],
    ['no id', '{"_id":"x"}\n', /line 1: .*`_id`/],
    ['an id of another table', `\n{"n":1}\n{"_id":"${id}"}\n`, /line 3: .*another table/],
    ['no time', '{"_creationTime":"now"}\n', /line 1: .*`_creationTime`/],
    ['a time before time', '{"_creationTime":-1}\n', /line 1: .*`_creationTime`/],
    ['too large a document', `{"n":"${'x'.repeat(1 << 20)}"}\n`, /line 1: .*too large/i],
    ['too deep a document', `{"n":${'['.repeat(20)}${']'.repeat(20)}}\n`, /line 1: .*nest/i],
    ['a mistake far below', `${batch}{"_n":1}\n`, /line 3001: /],
    ['a line without end', 'x'.repeat(9 << 20), /line 1: longer than/],
  ]) {
    test(name, async () => {
      const place = ofFolder();
      await good(place, 'import', '--table', 't', jsonl([{ kept: true }]));
      const before = await exported(place);
      for (const how of ['--append', '--replace']) {
        await refused(pattern, place, 'import', how, '--table', 't', jsonl(text));
      }
      assert.deepEqual(await exported(place), before);
    });
  }

  test('an id that is there otherwise, or twice', async () => {
    const place = ofFolder();
    await good(place, 'import', '--table', 't', jsonl([{ n: 1 }]));
    const [document] = await documents(place, 't');
    await refused(/line 1: there is another document/, place, 'import', '--append', '--table', 't', jsonl([{ ...document, n: 2 }]));
    await refused(/line 2: another document of the file has the `_id`/, place, 'import', '--append', '--table', 't', jsonl([document, document]));
    assert.deepEqual(await documents(place, 't'), [document]);
    assert.equal(await good(place, 'import', '--replace', '--table', 't', jsonl([{ ...document, n: 2 }])), 't: 1 added, 1 removed before\n');
    assert.deepEqual(await documents(place, 't'), [{ ...document, n: 2 }]);
    /* Before anything is removed. */
    await refused(/table "t", line 2: another document of the file has the `_id` "[0-9a-z]{32}", too/, place, 'import', '--replace', '--table', 't', jsonl([document, { ...document, n: 3 }]));
    assert.deepEqual(await documents(place, 't'), [{ ...document, n: 2 }]);
  });

  /* What the set of ids keeps free slots by. */
  test('the id of zeros alone, once and twice', async () => {
    const place = ofFolder();
    const line = { _id: idOf(10001, Buffer.alloc(16)), n: 1 };
    await refused(/line 3: another document of the file has the `_id` "[0-9a-z]{32}"/, place, 'import', '--table', 't', jsonl([line, { n: 2 }, line]));
    assert.equal(await good(place, 'import', '--table', 't', jsonl([line, { n: 2 }])), 't: 2 added\n');
  });

  test('an id that comes twice in a long file, batches apart', async () => {
    const place = ofFolder();
    await good(place, 'import', '--table', 't', jsonl(Array.from({ length: 5000 }, (_, n) => ({ n }))));
    const all = (await exported(place))['t/documents.jsonl'].trim().split('\n');
    const twice = write('twice.jsonl', [...all, all[1]].join('\n'));
    const before = await exported(place);
    for (const how of ['--append', '--replace']) {
      await refused(/line 5001: another document of the file has the `_id`/, place, 'import', how, '--table', 't', twice);
    }
    assert.deepEqual(await exported(place), before);
    assert.equal(await good(place, 'import', '--append', '--table', 't', write('once.jsonl', all.join('\n'))), 't: 0 added, 5000 there already\n');
  });

  test('a document that the schema does not allow', async () => {
    const place = await ofServer(example('messages_rust'));
    const bad = jsonl([{ author: 'Ada', body: 'hello' }, { author: 'Ada', body: 1 }]);
    await refused(/"messages", line 2: .*does not match the schema.*body/s, place, 'import', '--table', 'messages', bad);
    assert.deepEqual(await documents(place, 'messages'), []);
  });

  test('a table that has another number here', async () => {
    const place = ofFolder();
    await good(place, 'import', '--table', 'first', jsonl([{ n: 1 }]));
    const zip = (name, number) => write('numbers.zip', makeZip([['_tables/documents.jsonl', lines([{ name, id: number }])], [`${name}/documents.jsonl`, '']]));
    await refused(/"second" has the number 10001 .* table "first"/, place, 'import', zip('second', 10001));
    await refused(/"first" has the number 10001 here, and 10005/, place, 'import', '--append', zip('first', 10005));
    await good(place, 'import', zip('second', 10005));
    assert.deepEqual((await tables(place)).map(({ name, id }) => [name, id]), [['first', 10001], ['second', 10005]]);
  });
});

describe('how documents come in', () => {
  test('tables that have documents want a flag', async () => {
    const place = ofFolder();
    const one = jsonl([{ n: 1 }]);
    await good(place, 'import', '--table', 't', one);
    await good(place, 'import', '--table', 'u', one);
    await refused(/'t' has documents already/, place, 'import', '--table', 't', one);
    assert.equal(await good(place, 'import', '--append', '--table', 't', one), 't: 1 added\n');
    assert.equal(await good(place, 'import', '--replace', '--table', 't', one), 't: 1 added, 2 removed before\n');
    const zip = write('v.zip', makeZip([['README.md', 'hello'], ['v/documents.jsonl', '{"n":1}']]));
    assert.equal(await good(place, 'import', '--replace', zip), 'v: 1 added\n');
    assert.equal((await documents(place, 't')).length, 1);
    const { tables: done } = parseOne(await good(place, 'import', '--format', 'json', '--replace-all', zip));
    assert.deepEqual(done, [
      { name: 'v', inserted: 1, unchanged: 0, removed: 1 },
      { name: 't', inserted: 0, unchanged: 0, removed: 1 },
      { name: 'u', inserted: 0, unchanged: 0, removed: 1 },
    ]);
    assert.deepEqual((await tables(place)).map(({ name, documents: count }) => [name, count]), [['t', 0], ['u', 0], ['v', 1]]);
  });

  test('one table of a zip', async () => {
    const place = ofFolder();
    const zip = write('two.zip', makeZip([['a/documents.jsonl', '{"n":1}\n\n{"n":2}\r\n'], ['b/documents.jsonl', '{"n":3}\n']]));
    assert.equal(await good(place, 'import', '--table', 'a', zip), 'a: 2 added\n');
    assert.deepEqual((await tables(place)).map(({ name }) => name), ['a']);
  });

  test('what is in the zip and is none of documents is told', async () => {
    const place = ofFolder();
    const zip = write('more.zip', makeZip([['a/documents.jsonl', '{}'], ['_storage/documents.jsonl', '{}'], ['_tables/generated_schema.jsonl', '"x"'], ['../b/documents.jsonl', '{}']]));
    const { code, stderr } = await at(place, 'import', zip);
    assert.equal(code, 0, stderr);
    for (const name of ['_storage/documents.jsonl', '_tables/generated_schema.jsonl', '../b/documents.jsonl']) assert.ok(stderr.includes(name));
    assert.deepEqual((await tables(place)).map(({ name }) => name), ['a']);
  });

  test('functions find imported documents by their indexes', async () => {
    const place = await ofServer(example('messages_rust'));
    await good(place, 'import', '--table', 'messages', jsonl([{ author: 'Eve', body: '1' }, { author: 'Ada', body: '2' }]));
    const { stdout } = await run(['call', ...place.flags, 'messages:list']);
    assert.deepEqual(JSON.parse(stdout).map(({ body }) => body), ['1', '2']);
  });
});

/* Runs an import until the table has documents, and ends it as power does. */
async function interruptImport(place, file, table, end) {
  const child = spawn(cordon, ['import', ...place.flags, '--table', table, file], { env: { ...process.env, ...place.env }, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('close', resolve));
  for (let over = false; !over; ) {
    const found = await at(place, 'data', '--format', 'json', '--limit', '1', table);
    over = child.exitCode !== null || (found.code === 0 && parseOne(found.stdout).documents.length > 0);
  }
  await end(child);
  await ended;
}

describe('interrupted', () => {
  const many = Array.from({ length: 30000 }, (_, n) => ({ n }));

  async function source() {
    const from = ofFolder();
    await good(from, 'import', '--table', 'many', jsonl(many));
    const { 'many/documents.jsonl': whole } = await exported(from);
    return whole;
  }

  test('an import goes on with --append', async () => {
    const whole = await source();
    const file = jsonl(whole);
    const place = await ofServer();
    await interruptImport(place, file, 'many', (child) => child.kill('SIGKILL'));
    await good(place, 'import', '--append', '--table', 'many', file);
    assert.equal((await exported(place))['many/documents.jsonl'], whole);
  });

  test('a server that is killed meanwhile has whole batches', async () => {
    const whole = await source();
    const file = jsonl(whole);
    let place = await ofServer();
    const { data } = place.server;
    await interruptImport(place, file, 'many', () => place.server.kill());
    place = ofFolder(data);
    const part = (await exported(place))['many/documents.jsonl'];
    assert.ok(whole.startsWith(part));
    assert.equal(part.split('\n').length % 2000, part === whole ? 30001 % 2000 : 1);
    await good(place, 'import', '--append', '--table', 'many', file);
    assert.equal((await exported(place))['many/documents.jsonl'], whole);
  });

  test('an export leaves nothing', async () => {
    const place = ofFolder();
    await good(place, 'import', '--table', 'many', jsonl(Array.from({ length: 300 }, (_, n) => ({ n, text: `${Math.random()}`.repeat(10000) }))));
    const there = newFolder();
    const child = spawn(cordon, ['export', ...place.flags, join(there, 'x.zip')], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('close', (code) => resolve(code)));
    while (readdirSync(there).length === 0 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 1));
    child.kill('SIGINT');
    const code = await ended;
    assert.deepEqual(readdirSync(there), code === 0 ? ['x.zip'] : []);
  });

  test('a file that is there is not written over unless told', async () => {
    const place = ofFolder();
    await good(place, 'import', '--table', 't', jsonl([{ n: 1 }]));
    const file = write('kept.zip', 'kept');
    await refused(/there already/, place, 'export', file);
    assert.equal(readFileSync(file, 'utf8'), 'kept');
    await good(place, 'export', '--overwrite', file);
    assert.equal(Object.keys(readZip(readFileSync(file))).length, 3);
  });
});

/*
 * A zip as Convex's backend makes it: a README, the list of tables, for each its documents with
 * whole numbers for Int64 and a point in every Float64, and behind them the word that says so.
 */
describe('an export of Convex', () => {
  const id = idOf(10001, Array(16).fill(7));
  const system = `"_creationTime":1700000000000.123,"_id":"${id}"`;
  const convex = (documents, schema, more = []) =>
    write('convex.zip', makeZip([
      ['README.md', '# Welcome to your Convex snapshot export!\n'],
      ['_tables/documents.jsonl', '{"name":"things","id":10001}\n'],
      ['things/documents.jsonl', documents],
      ['things/generated_schema.jsonl', schema],
      ['_storage/documents.jsonl', ''],
      ...more,
    ]));
  const int = (number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(number);
    return { $integer: bytes.toString('base64') };
  };

  test('Int64, bytes and special floats are what they were', async () => {
    const cases = {
      int: ['5', int(5n)],
      negative: ['-7', int(-7n)],
      zero: ['0', int(0n)],
      least: ['-9223372036854775808', int(-(2n ** 63n))],
      most: ['9223372036854775807', int(2n ** 63n - 1n)],
      beyond: ['9223372036854775808', 9223372036854775808],
      far: ['-18446744073709551616', -18446744073709551616],
      float: ['5.0', 5],
      large: ['1e21', 1e21],
      small: ['1.5e-7', 1.5e-7],
      minus: ['-0.0', { $float: 'AAAAAAAAAIA=' }],
      minusWhole: ['-0', { $float: 'AAAAAAAAAIA=' }],
      nan: ['{"$float":"AAAAAAAA+H8="}', { $float: 'AAAAAAAA+H8=' }],
      infinite: ['{"$float":"AAAAAAAA8H8="}', { $float: 'AAAAAAAA8H8=' }],
      bytes: ['{"$bytes":"AAH/"}', { $bytes: 'AAH/' }],
      internal: ['{"$integer":"AQAAAAAAAAA="}', int(1n)],
      text: ['"12 and \\"-3\\" \\\\"', '12 and "-3" \\'],
      nested: ['[1,[2.0,{"7":3}],null,true]', [int(1n), [2, { 7: int(3n) }], null, true]],
    };
    const fields = Object.entries(cases).map(([name, [text]]) => `"${name}":${text}`).join(',');
    const zip = convex(`{${system},${fields}}\n`, '"uniform"\n');
    for (const [, make] of kinds) {
      const place = await make();
      assert.equal(await good(place, 'import', zip), 'things: 1 added\n');
      const [{ _id, _creationTime, ...rest }] = await documents(place, 'things');
      assert.deepEqual(rest, Object.fromEntries(Object.entries(cases).map(([name, [, value]]) => [name, value])));
      assert.deepEqual([_id, _creationTime], [id, 1700000000000.123]);

      const again = ofFolder(); /* and what we export of it comes in as the same */
      await good(again, 'import', write('again.zip', makeZip(Object.entries(await exported(place)))));
      assert.deepEqual(await documents(again, 'things'), await documents(place, 'things'));
      assert.equal(await good(place, 'import', '--append', zip), 'things: 0 added, 1 there already\n');
    }
  });

  test('without the word a whole number is a Float64, as in encoded JSON', async () => {
    const place = ofFolder();
    await good(place, 'import', write('plain.zip', makeZip([['t/documents.jsonl', '{"n":5}\n']])));
    assert.equal((await documents(place, 't'))[0].n, 5);
  });

  test('the word is of its table alone, wherever it stands in the zip', async () => {
    const place = ofFolder();
    const zip = write('mixed.zip', makeZip([['a/generated_schema.jsonl', '"uniform"'], ['b/documents.jsonl', '{"n":5}'], ['a/documents.jsonl', '{"n":5}']]));
    await good(place, 'import', zip);
    assert.deepEqual((await documents(place, 'a'))[0].n, int(5n));
    assert.deepEqual((await documents(place, 'b'))[0].n, 5);
  });

  for (const [name, schema, pattern] of [
    ['empty', '', /'things\/generated_schema\.jsonl' in the zip, line 1: .*as Convex writes it/],
    ['no JSON', 'uniform\n', /line 1: /],
    ['no string', '{"uniform":true}\n', /line 1: /],
    ['another word', '"uniformly"\n', /line 1: /],
    ['more behind the word', '"uniform"\n{}\n', /line 2: /],
    ['a shape with a word that is none', '"{\\"a\\": int65}"\n', /line 1: .*as Convex writes it/],
    ['a shape whose name does not end', '"{\\"a: int64}"\n', /line 1: .*as Convex writes it/],
    ['a line that is no override', '"{\\"a\\": string}"\n7\n', /line 2: .*as Convex writes it/],
  ]) {
    test(`malformed, ${name}`, async () => {
      const place = ofFolder();
      await refused(pattern, place, 'import', '--strings', convex(`{${system},"a":"5"}\n`, schema));
      assert.ok(!existsSync(join(place.data, 'data.mdb')) || (await tables(place)).length === 0);
    });
  }

  test('a line that is no JSON is told by its number', () => refused(/"things", line 2: /, ofFolder(), 'import', convex(`{${system},"a":5}\n{"a":01}\n`, '"uniform"\n')));

  /* Of before there was one way to write them: every value that JSON lacks is a string. */
  for (const [name, schema, line] of [
    ['an Int64', '"{\\"a\\": int64}"\n', 1],
    ['bytes', '"{\\"a\\": array<bytes>}"\n', 1],
    ['a float that may be infinite', '"{\\"a\\": -inf | normalfloat64}"\n', 1],
    ['anything', '"unknown"\n', 1],
    ['a document with a hint', `"{\\"a\\": string}"\n\n{"${id}":{"a":"int64"}}\n`, 3],
  ]) {
    test(`of before, with ${name}: refused, or strings by --strings`, async () => {
      const place = ofFolder();
      const zip = convex(`{${system},"a":"5"}\n`, schema);
      await refused(new RegExp(`things/generated_schema\\.jsonl' in the zip, line ${line}: .*--strings`, 's'), place, 'import', zip);
      await good(place, 'import', '--strings', zip);
      assert.equal((await documents(place, 'things'))[0].a, '5');
    });
  }

  test('of before, where strings are strings, it is taken', async () => {
    const place = ofFolder();
    const shape = `{"_creationTime": normalfloat64, "_id": "${id}", "a"?: field_name | null, "int64": id<10001> | -0, "r": record<string, array<boolean>>}`;
    await good(place, 'import', convex(`{${system},"a":"5","int64":7}\n`, `${JSON.stringify(shape)}\n`));
    const [{ a, int64 }] = await documents(place, 'things');
    assert.deepEqual([a, int64], ['5', 7]);
  });
});

describe('a hostile zip', () => {
  const whole = makeZip([['_tables/documents.jsonl', '{"name":"t","id":10001}\n'], ['t/documents.jsonl', lines(Array.from({ length: 500 }, (_, n) => ({ n, text: `${n * 7919}` })))]]);

  test('cut anywhere, or with a byte flipped, adds nothing or what it says', async () => {
    const place = ofFolder();
    await good(place, 'import', write('whole.zip', whole));
    const wanted = (await documents(place, 't', '--limit', '500', '--order', 'asc')).map(({ n, text }) => ({ n, text }));
    for (let i = 0; i < 24; i++) {
      const bytes = Buffer.from(whole);
      const where = Math.floor((bytes.length * i) / 24);
      if (i % 2 === 0) bytes[where] ^= 1 << i % 8;
      const to = ofFolder();
      const { code, stderr } = await at(to, 'import', write('hurt.zip', i % 2 === 0 ? bytes : bytes.subarray(0, where)));
      if (code === 0) {
        assert.deepEqual((await documents(to, 't', '--limit', '500', '--order', 'asc')).map(({ n, text }) => ({ n, text })), wanted);
      } else {
        assert.equal(code, 2, stderr);
        const left = existsSync(join(to.data, 'data.mdb')) ? await tables(to) : [];
        assert.ok(left.every((table) => table.documents === 0), stderr);
      }
    }
  });

  for (const [name, entries, pattern] of [
    ['two tables of one name', [['_tables/documents.jsonl', '{"name":"t","id":10001}\n{"name":"t","id":10002}\n']], /'t' twice/],
    ['two tables of one number', [['_tables/documents.jsonl', '{"name":"t","id":10001}\n{"name":"u","id":10001}\n']], /same number/],
    ['tables that are none', [['_tables/documents.jsonl', '{"name":"t"}\n']], /line 1: it is not as/],
    ['a table name that is none', [['_tables/documents.jsonl', '{"name":"a b","id":10001}\n']], /line 1: it is not as/],
    ['a file name that is none', [['a b/documents.jsonl', '{}\n']], /is of no table/],
    ['one file twice', [['t/documents.jsonl', '{}\n'], ['t/documents.jsonl', '{}\n']], /twice in the zip|damaged zip/],
    ['a schema twice', [['t/documents.jsonl', '{}\n'], ['t/generated_schema.jsonl', '"uniform"'], ['t/generated_schema.jsonl', '"uniform"']], /twice in the zip|damaged zip/],
    ['no tables', [['README.md', 'hello']], /has no tables/],
    ['numbers that would be too long', [['t/documents.jsonl', `{"n":[${'1,'.repeat(2 << 20)}1]}\n`], ['t/generated_schema.jsonl', '"uniform"']], /line 1: longer than \d+ bytes in encoded JSON/],
    ['a number that no table has', [['_tables/documents.jsonl', '{"name":"t","id":7}\n']], /7 is the number of no table/],
  ]) {
    test(name, () => refused(pattern, ofFolder(), 'import', write('bad.zip', makeZip(entries))));
  }

  test('a bomb is read as far as a line may be', async () => {
    const place = ofFolder();
    const zip = write('bomb.zip', makeZip([['t/documents.jsonl', Buffer.alloc(300 << 20, 'a')]]));
    assert.ok(statSync(zip).size < 1 << 20);
    await refused(/line 1: longer than/, place, 'import', zip);
  });

  test('garbage that begins like one', async () => {
    await refused(/damaged zip/, ofFolder(), 'import', write('garbage.zip', 'PK and nothing more'));
  });
});

test('each command of docs/data.md does what it says', async () => {
  const place = await ofServer(example('messages_rust'));
  const cwd = newFolder();
  const message = { author: 'Ada', body: 'hello' };
  await good(place, 'import', '--table', 'messages', jsonl([message, message]));
  await good(place, 'export', join(cwd, 'before.zip'));
  writeFileSync(join(cwd, 'more.jsonl'), lines([message]));
  const page = readFileSync(new URL('../../docs/data.md', import.meta.url), 'utf8');
  const commands = [...page.matchAll(/^```\n(.*?)^```/gms)].flatMap(([, block]) => block.trimEnd().split('\n'));
  assert.equal(commands.length, 9);
  for (const line of commands) {
    const [command, says] = line.split(/ {2,}/);
    const { code, stderr } = await run([...command.split(' ').slice(1), ...place.flags], { env: place.env, cwd });
    assert.equal(code, says?.startsWith('refused') ? 2 : 0, `${line}: ${stderr}`);
  }
  assert.equal((await documents(place, 'messages')).length, 3);
});

test('an export of a folder is of use to a copy of it', async () => {
  const place = ofFolder();
  await good(place, 'import', '--table', 't', jsonl([{ n: 1 }]));
  const copy = newFolder();
  copyFileSync(join(place.data, 'data.mdb'), join(copy, 'data.mdb'));
  assert.deepEqual(await exported(ofFolder(copy)), await exported(place));
});

/* In name spaces of its own, where a process may have them: a folder on a disk that gets read-only. */
test('on a disk that is read-only, the error names a way to read, which goes', async (context) => {
  const disk = newFolder();
  const script = (lines) => ['-rm', 'bash', '-c', ['set -e', `mount -t tmpfs none ${disk}`, ...lines].join('\n')];
  if (spawnSync('unshare', script([])).status !== 0) {
    context.skip('no name spaces here');
    return;
  }
  const elsewhere = newFolder();
  const { status, stdout, stderr } = spawnSync('unshare', script([
    `'${cordon}' import --data ${disk}/data --table t ${jsonl([{ n: 5 }])}`,
    `mount -o remount,ro ${disk}`,
    `for command in data "export $PWD/x.zip" "env list"; do`,
    `  code=0; '${cordon}' $command --data ${disk}/data 2>error || code=$?`,
    `  echo "$code: $(cat error)"`,
    'done',
    /* the commands as the error has them, but for their places */
    `grep -o '\`[^\`]*\`' error | tr -d '\`' | sed "s/FILE/backup/; s/COPY/copy/; s|^cordon|'${cordon}'|" >commands`,
    '. ./commands',
    `'${cordon}' data --data copy --format json t`,
  ]), { cwd: elsewhere, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const said = stdout.split('\n');
  for (const line of said.slice(1, 4)) {
    assert.match(line, /^5: .*the disk is read-only; make it writable .*`cordon backup --data \S+ FILE`, then `cordon restore --data COPY FILE`$/);
  }
  assert.equal(JSON.parse(said.at(-2)).documents[0].n, 5);
});

/* More than is counted in one transaction (run/tenant/tenant_quota.c), and another table behind it. */
test('all documents of a folder are counted for tenant_bytes, each once', async () => {
  const place = ofFolder();
  const large = Array.from({ length: 70 }, (_, n) => ({ n, text: 'x'.repeat(1000000) }));
  await good(place, 'import', '--table', 'large', jsonl(large));
  const counter = guest('documents');
  await runValue(counter, 'documents:insert', { n: 1 }, ['--data', place.data]);
  const used = async () => {
    const { limit } = await runError('TenantFull', 3, counter, 'documents:insert', { n: 1 }, ['--data', place.data, '--limit', 'tenant_bytes=1']);
    return limit.used;
  };
  const all = await used();
  assert.ok(all > 70 * 1000000 && all < 70 * 1000200, `${all} bytes: none left out, and none twice`);
  assert.ok(Math.abs((await used()) - all) < 10, 'nothing was written, but for digits of the time');
  await runValue(counter, 'documents:insert', { n: 1 }, ['--data', place.data, '--limit', `tenant_bytes=${all + 10}`]);
  assert.ok((await used()) > all + 10);
});
