/* The list of functions that a module carries, and the module with another one. */
import assert from 'node:assert/strict';
import { customSection, customSections } from '../support/wasm.mjs';

const SECTION = 'convex.functions';

function find(bytes) {
  for (const section of customSections(bytes)) if (section.name === SECTION) return section;
  return assert.fail(`there is no section ${SECTION}`);
}

export function functionsOf(bytes) {
  const { from, to } = find(bytes);
  return JSON.parse(bytes.toString('utf8', from, to)).functions;
}

export function withFunctions(bytes, functions) {
  const { start, to } = find(bytes);
  const section = customSection(SECTION, JSON.stringify({ abi: 1, functions }));
  return Buffer.concat([bytes.subarray(0, start), section, bytes.subarray(to)]);
}
