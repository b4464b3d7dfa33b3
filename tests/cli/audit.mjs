/*
 * `cordon audit`: the log of a server that runs and of a folder that none uses, checked and shown;
 * and what was changed, cut or made anew is found.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Server, guest, newFolder, parseOne, run } from '../support/cordon.mjs';

/* A copy with one item in another's place; Array's own with() is not in Node 18. */
const replaced = (items, at, item) => items.map((old, index) => (index === at ? item : old));
const audit = (...words) => run(['audit', ...words]);

/* A log as who can write all of it makes it: from some line on, each is what its hash says and names the one before. */
const rechained = (lines, from) => {
  const made = lines.slice(0, from);
  for (const line of lines.slice(from)) {
    const [, sequence, ts, body] = line.match(/^\{"sequence":(\d+),"ts":"(\d+)".*?"body":(.*)\}$/);
    const previous = made.length > 0 ? JSON.parse(made.at(-1)).hash : '0'.repeat(64);
    const numbers = Buffer.alloc(16);
    numbers.writeBigUInt64BE(BigInt(sequence), 0);
    numbers.writeBigUInt64BE(BigInt(ts), 8);
    const hash = createHash('sha256').update(numbers).update(Buffer.from(previous, 'hex')).update(body).digest('hex');
    made.push(`{"sequence":${sequence},"ts":"${ts}","previous":"${previous}","hash":"${hash}","body":${body}}`);
  }
  return made;
};

/* What the operator's listener answers. */
const operator = (socketPath, path) =>
  new Promise((done, fail) => {
    get({ socketPath, path }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => (body += text));
      response.on('end', () => done({ status: response.statusCode, body }));
    }).on('error', fail);
  });

describe('pruning', () => {
  const folder = newFolder();
  const data = join(folder, 'data');
  const config = join(folder, 'config.json');
  const checkpoints = join(folder, 'checkpoints');
  const before = join(folder, 'before');
  const after = join(folder, 'after');
  const json = async (...words) => {
    const result = await audit(...words, '--format', 'json');
    return { code: result.code, ...parseOne(result.stdout) };
  };

  test('leaves a log that is checked, says who has done it, and hides nothing', async () => {
    writeFileSync(config, JSON.stringify({ audit_interval_ms: 100, audit_checkpoint_file: checkpoints }));
    const server = await Server.start({ data, flags: ['--config', config] });
    await server.deploy(guest('documents'));
    const add = () => server.post('/api/mutation', { path: 'documents:insert', args: { n: 1 } });
    const signed = async () => (await json('verify', '--data', data)).signed_to;
    for (let round = 0; round < 4; round++) {
      const already = await signed();
      for (let i = 0; i < 5; i++) assert.equal((await add()).body.status, 'success');
      while ((await signed()) < already + 5) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const old = readFileSync(checkpoints, 'utf8');
    writeFileSync(before, (await audit('export', '--data', data)).stdout);

    const nothing = await audit('prune', '--data', data, '--before', '2001-01-01');
    assert.equal(nothing.code, 0, nothing.stderr);
    assert.match(nothing.stdout, /^Nothing was pruned/);
    const { code, pruned, first } = await json('prune', '--data', data, '--before', '20');
    assert.equal(code, 0);
    assert.ok(pruned > 5 && first === pruned + 1 && first <= 20, `${pruned} ${first}`);

    const report = await json('verify', '--data', data, '--checkpoint', checkpoints);
    assert.equal(report.code, 0, JSON.stringify(report));
    assert.equal(report.first, first);
    assert.equal(report.pruned_before, first);
    assert.match(report.pruned_by, /^uid \d+ at the operator's listener$/);
    assert.ok(report.kept > 0 && report.kept_pruned > 0);
    const told = await audit('verify', '--data', data, '--checkpoint', checkpoints);
    assert.match(told.stdout, new RegExp(`Records before ${first} were pruned, as record \\d+ says, at \\S+Z, by uid`));
    assert.doesNotMatch(told.stdout, /still in it/);
    const shown = await audit('show', '--data', data);
    assert.match(shown.stderr, new RegExp(`^The log begins with record ${first}: those before were pruned`));
    assert.ok(shown.stdout.startsWith(`${first} `));

    /* What was exported before goes before what is left: one log again. */
    writeFileSync(after, (await audit('export', '--data', data)).stdout);
    const head = readFileSync(before, 'utf8').split('\n').slice(0, first - 1).join('\n') + '\n';
    writeFileSync(before, head + readFileSync(after, 'utf8'));
    const whole = await json('verify', '--file', before, '--checkpoint', checkpoints);
    assert.equal(whole.code, 0, JSON.stringify(whole));
    assert.equal(whole.kept_pruned, 0);
    const both = await audit('verify', '--file', before, '--checkpoint', checkpoints);
    assert.match(both.stdout, new RegExp(`Records before ${first} were pruned, [^\\n]*\\nThose from record 1 on are still in it\\.\\n`));

    /* Cut further than the prune says, or with old checkpoints alone, it is told. */
    const lines = readFileSync(after, 'utf8').split('\n');
    writeFileSync(after, lines.slice(1).join('\n'));
    const cut = await audit('verify', '--file', after);
    assert.equal(cut.code, 1);
    assert.match(cut.stderr, /record 1: it is missing: more records were taken out than the last prune says/);
    writeFileSync(checkpoints, old.split('\n')[0] + '\n');
    const early = await audit('verify', '--data', data, '--checkpoint', checkpoints);
    assert.equal(early.code, 1);
    assert.match(early.stderr, /it was pruned: nothing that was kept speaks of what is left[^]*Records before \d+ were pruned, as record \d+ says, at \S+Z, by uid \d+/);

    await server.stop();
    const off = await audit('prune', '--data', data, '--before', '30');
    assert.equal(off.code, 2);
    assert.match(off.stderr, /no server runs on/);
    const verified = await run(['verify', '--data', data]);
    assert.equal(verified.code, 0, verified.stderr);
    const again = await Server.start({ data, flags: ['--config', config] });
    assert.equal((await again.post('/api/mutation', { path: 'documents:insert', args: { n: 1 } })).body.status, 'success');
    await again.stop();
    assert.equal((await json('verify', '--data', data)).code, 0);
  });

  test('is asked for in words that can be understood', async () => {
    for (const words of [['prune'], ['prune', '--before', 'yesterday'], ['prune', '--before', '2026-13-01'], ['prune', '--before', '2026-02-30'], ['prune', '--before', '']]) {
      const { code, stderr } = await audit(...words);
      assert.equal(code, 2, words.join(' '));
      assert.match(stderr, /--before DATE|neither a day such as/);
    }
  });
});

describe('the audit log of a server', () => {
  const folder = newFolder();
  const data = join(folder, 'data');
  const checkpoints = join(folder, 'checkpoints');
  const exported = join(folder, 'exported');
  const config = join(folder, 'config.json');
  let server;
  let key;

  const start = async () => {
    server = await Server.start({ data, flags: ['--config', config] });
  };
  const withKey = (...words) => run([...words.slice(0, 1), '--url', server.url, ...words.slice(1)], { env: { CORDON_ADMIN_KEY: key } });

  before(async () => {
    writeFileSync(config, JSON.stringify({ audit_interval_ms: 100, audit_checkpoint_file: checkpoints }));
    await start();
    key = await server.key();
    await server.deploy(guest('documents'), guest('effects'));
  });
  after(() => server?.stop());

  test('is whole while the server runs, and names what was done', async () => {
    assert.equal((await withKey('deploy', guest('refused_bad_kind'))).code, 4);
    const { code, stdout } = await audit('verify', '--data', data);
    assert.equal(code, 0);
    assert.match(stdout, /^The audit log is whole: \d+ records/);
    const shown = await audit('show', '--data', data);
    assert.equal(shown.code, 0);
    assert.match(shown.stdout, /^1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ settings effective=\{.*$/m);
    assert.match(shown.stdout, /^\d \S+ keys count=0 keys=\[\]$/m); /* a checkpoint may be before it */
    assert.match(shown.stdout, /^\d+ \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ deploy deploy=\{/m);
    assert.match(shown.stdout, / deploy_refused message=.*modules=\["[0-9a-f]{64}"\]/);
  });

  test('names runs that may not do what they tried, counted', async () => {
    for (let i = 0; i < 3; i++) assert.equal((await withKey('call', 'effects:sleep_query')).code, 1);
    await server.stop();
    const { stdout } = await audit('show', '--data', data, '--kind', 'capability_denied', '--format', 'json');
    const { body } = parseOne(stdout);
    assert.equal(body.path, 'effects:sleep_query');
    assert.equal(body.count, 3);
    assert.match(body.message, /sleep/);
    const shown = (...words) => audit('show', '--data', data, ...words);
    assert.match((await shown('--path', 'effects:sleep_query')).stdout, /^\d+ \S+ capability_denied path=effects:sleep_query [^\n]*\n$/);
    assert.equal((await shown('--path', 'effects:sleep_query', '--kind', 'mutation')).stdout, '');
    await start();
  });

  test('is signed again after each start, and checkpoints that were kept are in it', async () => {
    /* Else nothing new is there to sign. */
    const set = await run(['env', 'set', '--url', server.url, 'NEW=since the start'], { env: { CORDON_ADMIN_KEY: key } });
    assert.equal(set.code, 0, set.stderr);
    await server.stop();
    const { code, stdout } = await audit('verify', '--data', data, '--checkpoint', checkpoints, '--format', 'json');
    const report = parseOne(stdout);
    assert.equal(code, 0, stdout);
    assert.equal(report.status, 'success');
    assert.ok(report.checkpoints >= 2, stdout);
    assert.equal(report.kept, readFileSync(checkpoints, 'utf8').trim().split('\n').length);
    assert.equal(report.signed_to, report.last - 1);
    const text = await audit('verify', '--data', data, '--key', report.key);
    assert.equal(text.code, 0, text.stderr);
    const wrong = await audit('verify', '--data', data, '--key', '0'.repeat(64));
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /the key of the first checkpoint is not the one that was to be/);
    await start();
  });

  test('exported, it is checked elsewhere; changed there, it is found', async () => {
    await server.stop();
    const { code, stdout } = await audit('export', '--data', data);
    assert.equal(code, 0);
    writeFileSync(exported, stdout);
    assert.equal((await audit('verify', '--file', exported)).code, 0);
    const lines = stdout.trimEnd().split('\n');
    const check = async (changed, sequence, words, ...flags) => {
      writeFileSync(exported, changed.join('\n') + '\n');
      const { code: found, stdout: json } = await audit('verify', '--file', exported, '--format', 'json', ...flags);
      assert.equal(found, 1, json);
      assert.equal(parseOne(json).fault.sequence, sequence);
      assert.match(parseOne(json).fault.message, words);
    };
    await check(replaced(lines, 1, lines[1].replace(/"kind":"(.)/, '"kind":"x')), 2, /it was changed/);
    await check(lines.filter((_, at) => at !== 1), 2, /missing/);
    await check([lines[0], lines[2], lines[1], ...lines.slice(3)], 2, /missing/);
    await check([lines[0], lines[0], ...lines.slice(1)], 2, /twice/);
    await check(replaced(lines, 2, lines[2].slice(0, 40)), 3, /no audit record/);
    await check(replaced(lines, 1, lines[1].replace(/[0-9a-f]{64}/, (hash) => hash.toUpperCase())), 2, /no audit record/);
    await check(replaced(lines, 1, lines[1] + ' '.repeat(9 << 20)), 2, /no audit record/);
    await check([lines[0], ' '.repeat(20 << 20)], 2, /no audit record/);
    writeFileSync(exported, stdout.trimEnd());
    assert.equal((await audit('verify', '--file', exported)).code, 0, 'the last line is one without its newline');
    writeFileSync(exported, lines.slice(0, 2).join('\n') + '\n');
    assert.equal((await audit('verify', '--file', exported)).code, 0, 'alone it can not tell');
    const cut = await audit('verify', '--file', exported, '--checkpoint', checkpoints);
    assert.equal(cut.code, 1);
    assert.match(cut.stderr, /that checkpoint is not there: the log was cut/);

    /* Who makes the hashes anew is found by the next checkpoint: what that would sign is not called good. */
    assert.deepEqual(rechained(lines, 0), lines);
    const records = lines.map((line) => JSON.parse(line));
    const at = records.findLastIndex(({ body }) => body.kind === 'mutation' || body.kind === 'env');
    const { sequence } = records.find(({ body }) => body.kind === 'checkpoint' && body.covers > at);
    const { covers } = records.findLast(({ body }) => body.kind === 'checkpoint' && body.covers <= at).body;
    await check(rechained(replaced(lines, at, lines[at].replace('"kind":"', '"kind":"x')), at), sequence, /records before it were changed/);
    const told = await audit('verify', '--file', exported);
    assert.match(told.stderr, new RegExp(`Up to record ${covers} its own checkpoints sign it; what comes behind may be changed`));
    const kept = await audit('verify', '--file', exported, '--checkpoint', checkpoints);
    assert.match(kept.stderr, new RegExp(`Up to record ${covers} it is as checkpoints that were kept say`));
    await check(rechained(replaced(lines, 0, lines[0].replace('"kind":"', '"kind":"x')), 0), records.find(({ body }) => body.kind === 'checkpoint').sequence, /records before it were changed/);
    assert.match((await audit('verify', '--file', exported)).stderr, /No checkpoint of it signs any record: all of it may be changed/);
    await start();
  });

  test('begins with new keys where there is no secret, as after a restore, and says so', async () => {
    await server.stop();
    rmSync(join(data, 'audit.d'), { recursive: true });
    for (let round = 0; round < 2; round++) {
      await start();
      await withKey('deploy', guest('documents'), guest('effects'));
      await server.stop();
    }
    const { code, stdout } = await audit('verify', '--data', data, '--checkpoint', checkpoints, '--format', 'json');
    assert.equal(code, 0, stdout);
    assert.equal(parseOne(stdout).keys_anew, 1);
    const { key: first } = parseOne(stdout);
    const trusted = await audit('verify', '--data', data, '--key', first);
    assert.equal(trusted.code, 1);
    assert.match(trusted.stderr, /keys begin anew here/);
    await start();
  });

  test('the operator\'s listener gives it from any record on, the public one never', async () => {
    const sequences = async (from) => {
      const { status, body } = await operator(join(data, 'operator.sock'), `/audit?from=${from}`);
      assert.equal(status, 200, body);
      return body.split('\n').slice(0, -1).map((line) => JSON.parse(line).sequence);
    };
    const all = await sequences(1);
    assert.deepEqual(all.slice(0, 3), [1, 2, 3]);
    assert.deepEqual((await sequences(3)).slice(0, all.length - 2), all.slice(2));
    assert.deepEqual(await sequences(all.length + 1000), []);
    assert.equal((await operator(join(data, 'operator.sock'), '/audit?from=x')).status, 400);
    const response = await fetch(`${server.url}/audit`);
    assert.equal(response.status, 404);
  });
});

describe('show', () => {
  const file = join(newFolder(), 'log');
  const day = (hour) => `${BigInt(Date.UTC(2026, 0, 31, hour)) * 1000000n}`;
  const bodies = [
    { kind: 'mutation', path: 'a:b', request_id: 'r1', user: 'https://id.example.com|ada' },
    { kind: 'mutation', path: 'a:c', request_id: 'r2', user: 'https://id.example.com|auth0|bob', by: 'admin key', by_key: '0123456789abcdef' },
    { kind: 'key_revoked', key: '0123456789abcdef', of: 'admin' },
    { kind: 'checkpoint', key: '0123456789abcdef'.repeat(4) },
    { kind: 'deploy', by: 'admin key', by_key: 'fedcba9876543210' },
  ];
  writeFileSync(file, bodies.map((body, at) =>
    `{"sequence":${at + 1},"ts":"${day(2 * at)}","previous":"${'0'.repeat(64)}","hash":"${'0'.repeat(64)}","body":${JSON.stringify(body)}}\n`).join(''));
  const cases = [
    [['--user', 'https://id.example.com|ada'], [1]],
    [['--user', 'ada'], [1]],
    [['--user', 'bob'], [2]],
    [['--user', 'auth0|bob'], [2]],
    [['--user', 'ob'], []],
    [['--request', 'r2'], [2]],
    [['--request', 'r'], []],
    [['--key', '0123456789abcdef'], [2, 3]],
    [['--key', '0123456789abcdef', '--kind', 'mutation'], [2]],
    [['--since', '2026-01-31T04:00:00Z'], [3, 4, 5]],
    [['--until', '2026-01-31T04:00:00Z'], [1, 2]],
    [['--since', '2026-01-31T02:00:00Z', '--until', '2026-01-31T06:00:00Z'], [2, 3]],
    [['--since', '2026-01-31'], [1, 2, 3, 4, 5]],
    [['--until', '2026-01-31'], []],
    [['--since', '2026-02-01'], []],
    [['--since', '2026-01-31T00:00:01Z', '--until', '2028-02-29'], [2, 3, 4, 5]],
  ];
  for (const [words, wanted] of cases) {
    test(`${words.join(' ')} has ${wanted.join(', ') || 'none'}`, async () => {
      const text = await audit('show', '--file', file, ...words);
      assert.equal(text.code, 0, text.stderr);
      assert.deepEqual(text.stdout.split('\n').filter(Boolean).map((line) => Number(line.split(' ')[0])), wanted);
      const json = await audit('show', '--file', file, '--format', 'json', ...words);
      assert.deepEqual(json.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line).sequence), wanted);
    });
  }

  test('takes no member of a record for another', async () => {
    const named = join(newFolder(), 'named');
    const user = 'https://i|eve by="operator key" by_key=0';
    writeFileSync(named, ['|ada', user].map((one) =>
      `{"sequence":1,"ts":"${day(0)}","previous":"${'0'.repeat(64)}","hash":"${'0'.repeat(64)}","body":${JSON.stringify({ kind: 'mutation', user: one, by: 'admin key' })}}\n`).join(''));
    const { stdout } = await audit('show', '--file', named);
    assert.deepEqual(stdout.split('\n').filter(Boolean).map((line) => line.replace(/^.*mutation /, '')), [
      'user=|ada by=admin key', `user=${JSON.stringify(user)} by=admin key`,
    ]);
  });

  test('says which can not be read, whatever is asked for', async () => {
    const damaged = join(newFolder(), 'damaged');
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(damaged, replaced(replaced(lines, 1, '{"sequence":2,"damaged":true}'), 3, '{"sequence":4,"damaged":true}').join('\n'));
    for (const [words, wanted] of [[[], [1, 3, 5]], [['--kind', 'deploy'], [5]], [['--since', '2026-02-01'], []]]) {
      const { code, stdout, stderr } = await audit('show', '--file', damaged, ...words);
      assert.equal(code, 1);
      assert.match(stderr, /2 of the records can't be read, the first of them record 2: what is shown may lack them/);
      assert.deepEqual(stdout.split('\n').filter(Boolean).map((line) => Number(line.split(' ')[0])), wanted);
    }
    const json = await audit('show', '--file', damaged, '--format', 'json', '--kind', 'deploy');
    assert.equal(json.code, 1);
    assert.deepEqual(json.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line).sequence), [2, 4, 5]);
  });

  const wrong = [
    [['show', '--since', 'yesterday'], /--since takes a day such as 2026-01-31, or a time such as .*not 'yesterday'/],
    [['show', '--until', '2026-13-01'], /--until takes/],
    [['show', '--until', '2026-02-29'], /--until takes/],
    [['show', '--user', ''], /--user is empty/],
    [['show', '--path', '', '--kind', 'deploy'], /--path is empty/],
    [['show', '--key', 'default|0123'], /takes the id of a key, 16 hex digits/],
    [['verify', '--user', 'ada'], /--user is for `cordon audit show`; verify takes all records/],
    [['export', '--since', '2026-01-31'], /--since is for `cordon audit show`; export takes all records/],
    [['export', '--kind', 'deploy'], /--kind is for/],
  ];
  for (const [[deed, ...words], says] of wrong) {
    test(`${deed} ${words.join(' ')} is refused`, async () => {
      const { code, stderr } = await audit(deed, '--file', file, ...words);
      assert.equal(code, 2, stderr);
      assert.match(stderr, says);
    });
  }
});

describe('what can not be read', () => {
  const none = newFolder();
  const cases = [
    [['verify', '--data', none], 2, /there is no store in/],
    [['verify', '--file', join(none, 'nothing')], 2, /cannot read .*export/],
    [['verify', '--file', '/dev/null', '--key', 'abc'], 2, /64 hex digits/],
    [['verify', '--file', '/dev/null', '--checkpoint', '/proc/version'], 2, /line 1 is no checkpoint/],
    [['verify', '--file', '/dev/null', '--checkpoint', '/dev/null'], 2, /no checkpoint in '\/dev\/null'/],
    [['mend'], 2, /verify, show, export and prune/],
    [[], 2, /verify\|show\|export/],
    [['show', '--file', '/proc/version'], 1, /no audit record/],
  ];
  for (const [words, wanted, says] of cases) {
    test(words.join(' '), async () => {
      const { code, stderr } = await audit(...words);
      assert.equal(code, wanted, stderr);
      assert.match(stderr, says);
    });
  }
});
