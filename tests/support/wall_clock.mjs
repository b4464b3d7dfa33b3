/* A wall clock that a test moves under a server that runs (tests/support/wall_clock.c). */
import { closeSync, existsSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { build, newFolder } from './cordon.mjs';

const library = join(build, 'tests/server/libwall_clock.so');
export const sanitized = /^CORDON_SANITIZE:\w+=\w/m.test(readFileSync(join(build, 'CMakeCache.txt'), 'utf8'));

/* False: there is none here. A sanitizer wants to be loaded first itself. */
export const hasWallClock = !sanitized && existsSync(library);

/* The file by which one is moved; nobody has moved it yet. */
export function newWallClock() {
  const clock = join(newFolder(), 'clock');
  writeFileSync(clock, Buffer.alloc(8));
  return clock;
}

/* What a server's environment has for it. */
export const wallClockEnv = (clock) => ({ LD_PRELOAD: library, CORDON_TEST_WALL_CLOCK: clock });

/* In place: the file is mapped, and must not be shorter for a moment. Nanoseconds, as a BigInt. */
export function moveWallClock(clock, offset_ns) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(offset_ns);
  const file = openSync(clock, 'r+');
  writeSync(file, bytes, 0, 8, 0);
  closeSync(file);
}
