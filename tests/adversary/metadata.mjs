/* The list of functions that a module carries, and the module with another one. */
import assert from 'node:assert/strict';

const SECTION = 'convex.functions';

function readLeb(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

function leb(number) {
  const bytes = [];
  do {
    bytes.push((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
    number >>>= 7;
  } while (number > 0);
  return Buffer.from(bytes);
}

/* Where the section is: [from, to) of all of it, and where its content begins. */
function find(bytes) {
  for (let at = 8; at < bytes.length;) {
    const [length, content] = readLeb(bytes, at + 1);
    if (bytes[at] === 0) {
      const [nameSize, name] = readLeb(bytes, content);
      if (bytes.toString('utf8', name, name + nameSize) === SECTION) return { from: at, to: content + length, content: name + nameSize };
    }
    at = content + length;
  }
  return assert.fail(`there is no section ${SECTION}`);
}

export function functionsOf(bytes) {
  const { content, to } = find(bytes);
  return JSON.parse(bytes.toString('utf8', content, to)).functions;
}

export function withFunctions(bytes, functions) {
  const { from, to } = find(bytes);
  const section = Buffer.concat([leb(SECTION.length), Buffer.from(SECTION), Buffer.from(JSON.stringify({ abi: 1, functions }))]);
  return Buffer.concat([bytes.subarray(0, from), Buffer.from([0]), leb(section.length), section, bytes.subarray(to)]);
}
