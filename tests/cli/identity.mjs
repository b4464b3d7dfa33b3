/*
 * Who has signed in, as `cordon run` is told: for each kind of function, for those that others call,
 * and again when a record is replayed.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { guest, newFolder, run, runValue } from '../support/cordon.mjs';

const folder = newFolder();
const module = guest('identity');
const ADA = { issuer: 'https://i', subject: 'ada', email: 'ada@example.org', role: { x: [1] } };
const TOLD = { ...ADA, tokenIdentifier: 'https://i|ada' };
const as = (identity) => ['--identity', typeof identity === 'string' ? identity : JSON.stringify(identity)];

describe('cordon run --identity', () => {
  for (const path of ['get', 'get_mutation', 'get_action', 'inner', 'across', 'secret']) {
    test(`identity:${path}`, async () => {
      assert.equal(await runValue(module, `identity:${path}`, {}), null);
      assert.deepEqual(await runValue(module, `identity:${path}`, {}, as(ADA)), TOLD);
    });
  }

  test('what it says of itself is not what makes it another', async () => {
    assert.deepEqual(await runValue(module, 'identity:get', {}, as({ ...ADA, tokenIdentifier: 'x|y' })), TOLD);
  });

  for (const [what, identity] of [
    ['no JSON', '{'], ['no object', '[]'], ['no subject', { issuer: 'i' }], ['no issuer', { subject: 's' }],
    ['an issuer with a bar', { issuer: 'i|j', subject: 's' }], ['a subject with a newline', { issuer: 'i', subject: 's\n' }],
  ]) {
    test(`${what} is refused`, async () => {
      const { code, stdout, stderr } = await run(['run', ...as(identity), module, 'identity:get']);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /request\.identity: /);
    });
  }
});

describe('a record', () => {
  for (const path of ['get', 'get_mutation', 'get_action', 'inner']) {
    test(`of identity:${path} has the identity, and a replay is told the same`, async () => {
      const file = join(folder, `${path}.record`);
      assert.deepEqual(await runValue(module, `identity:${path}`, {}, [...as(ADA), '--record', file]), TOLD);
      const { code, stdout, stderr } = await run(['replay', '--format', 'json', file]);
      assert.equal(code, 0, stderr);
      assert.deepEqual(JSON.parse(stdout).value, TOLD);
      const nobody = join(folder, `${path}.nobody`);
      assert.equal(await runValue(module, `identity:${path}`, {}, ['--record', nobody]), null);
      assert.equal((await run(['replay', nobody])).stdout, 'null\n');
    });
  }

  test('of a function that does not ask has it not', async () => {
    const file = join(folder, 'silent.record');
    await runValue(guest('basic'), 'basic:echo', {}, [...as(ADA), '--record', file]);
    assert.ok(!readFileSync(file).includes('ada@example.org'));
  });
});
