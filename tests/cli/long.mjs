/* The time limits as they stand in the table, waited for: 30 seconds, and 5 minutes for an action. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { guest, runError } from '../support/cordon.mjs';

describe('the clock by default', { concurrency: true }, () => {
  for (const [path, ms] of [
    ['spin:query', 30000],
    ['spin:mutation', 30000],
    ['spin:host', 30000],
    ['spin:action', 300000],
  ]) {
    test(`${path} is stopped after ${ms / 1000} s`, async () => {
      const before = performance.now();
      const flags = ['--limit', 'fuel=18446744073709551615'];
      const { limit, usage } = await runError('TimedOut', 3, guest('spin'), path, {}, flags);
      const waited = performance.now() - before;
      assert.deepEqual([limit.name, limit.allowed], ['user_time_ms', ms]);
      assert.ok(limit.used >= ms && usage.user_time_ms >= ms);
      assert.ok(waited >= ms && waited < ms * 1.5 + 5000, `${waited} ms`);
    });
  }
});
