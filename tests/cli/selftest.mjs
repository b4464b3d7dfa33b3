/* `cordon selftest`: runs that pass, in memory and on a disk, and histories that do not. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { newFolder, parseOne, run } from '../support/cordon.mjs';

const folder = newFolder();
const few = ['--transactions', '2000'];

describe('a run', () => {
  test('in memory says what was done', async () => {
    const { code, stdout } = await run(['selftest', ...few, '--seed', '7', '--threads', '4']);
    assert.equal(code, 0);
    const [, transactions] = stdout.match(/^transactions: (\d+)$/m);
    assert.ok(Number(transactions) >= 2000);
    assert.match(stdout, /^conflicts: \d+\nreserved reruns: \d+\ntime: \d+ ms, and \d+ ms to check\nrate: \d+ a second\nseed: 7\nanomalies: none\n$/m);
  });
  test('on a disk is over a new folder alone', async () => {
    const data = join(folder, 'data');
    const { code, stdout, stderr } = await run(['selftest', ...few, '--data', data, '--threads', '32', '--format', 'json']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    const { status, transactions, conflicts, reserved, workMs, checkMs, ...rest } = parseOne(stdout);
    assert.equal(status, 'passed');
    assert.ok(transactions >= 2000 && conflicts >= 0 && reserved >= 0 && workMs >= 0 && checkMs >= 0);
    assert.deepEqual(rest, { seed: 0, anomalies: {}, findings: [] });

    const again = await run(['selftest', ...few, '--data', data]);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /has a store already; name a new folder/);
  });
  test('ends when its time is up', async () => {
    const { code } = await run(['selftest', '--transactions', '1000000000', '--seconds', '1']);
    assert.equal(code, 0);
  });
});

const line = (process, ops, { begin = 0, end = 9, status = 'committed' } = {}) =>
  JSON.stringify({ process, begin, end, status, ops }) + '\n';

function history(name, ...lines) {
  const path = join(folder, name);
  writeFileSync(path, lines.join(''));
  return path;
}

describe('a recorded history', () => {
  const skew = () =>
    history('skew', line(1, [['list', 5, []], ['append', 6, 1]]), line(2, [['list', 6, []], ['append', 5, 2]]),
      line(3, [['list', 5, [2]], ['list', 6, [1]]]));
  const words = [
    'G2: a cycle of 2 transactions, each of which must come before the next:',
    '  T1 read list 5 empty, without the 2 that T2 appended [rw]',
    '  T2 read list 6 empty, without the 1 that T1 appended [rw]',
    '    T1 (process 1, committed): list 5: empty, append 1 to 6',
    '    T2 (process 2, committed): list 6: empty, append 2 to 5',
  ].join('\n');

  test('that is not serializable is told with its cycle', async () => {
    const { code, stdout } = await run(['selftest', '--check', skew()]);
    assert.equal(code, 5);
    assert.match(stdout, /^transactions: 3\nanomalies: 1\nG2: 1 \(.*\)\n\n/);
    assert.ok(stdout.endsWith(`\n\n${words}\n`));
  });
  test('is told as JSON too', async () => {
    const { code, stdout } = await run(['selftest', '--check', skew(), '--format', 'json']);
    assert.equal(code, 5);
    assert.deepEqual(parseOne(stdout), { status: 'failed', transactions: 3, anomalies: { G2: 1 }, findings: [words] });
  });
  test('that is serializable passes', async () => {
    const path = history('good', line(1, [['write', 5, 1]]), line(2, [['read', 5, 1]]), line(3, [['write', 5, 2]], { status: 'aborted' }));
    const { code, stdout } = await run(['selftest', '--check', path]);
    assert.equal(code, 0);
    assert.equal(stdout, 'transactions: 2\nanomalies: none\n');
  });
  test('that is none is refused', async () => {
    for (const [text, wanted] of [
      ['{', /BadJson: line 1: /],
      [line(1, []) + '[]', /line 2: a line is an object/],
      [line(1, [['write', 5, 1]]) + line(2, [['write', 5, 1]]), /1 is written twice to key 5/],
    ]) {
      const { code, stdout, stderr } = await run(['selftest', '--check', history('bad', text)]);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, wanted);
    }
  });
});
