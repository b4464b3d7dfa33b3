/*
 * The queries of host.mjs: which documents a query JSON gives, of what sdk/abi.md says of sources,
 * ranges, filters, limits and pages. All documents are at hand, so nothing here is clever.
 */
import assert from "node:assert/strict";

const UNDEFINED = Symbol("undefined");
const ORDER = ["undefined", "null", "bigint", "number", "boolean", "string", "bytes", "array", "object"];

/* A value in a form that can be compared: its type, and what tells it from others of the type. */
function keyOf(value) {
  if (value === UNDEFINED) return ["undefined"];
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["array", ...value.map(keyOf)];
  if (typeof value !== "object") return [typeof value, value];
  if ("$undefined" in value) return ["undefined"];
  if ("$integer" in value) return ["bigint", Buffer.from(value.$integer, "base64").readBigInt64LE()];
  if ("$float" in value) return ["number", Buffer.from(value.$float, "base64").readDoubleLE()];
  if ("$bytes" in value) return ["bytes", Buffer.from(value.$bytes, "base64").toString("latin1")];
  return ["object", ...Object.entries(value).sort().map(([name, field]) => [name, keyOf(field)])];
}

const less = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function compareKeys(a, b) {
  if (!Array.isArray(a)) return less(a, b);
  if (typeof a[0] === "string" && a[0] !== b[0]) return less(ORDER.indexOf(a[0]), ORDER.indexOf(b[0]));
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareKeys(a[i], b[i]);
    if (order !== 0) return order;
  }
  return less(a.length, b.length);
}

export const compare = (a, b) => compareKeys(keyOf(a), keyOf(b));

const fieldOf = (document, path) =>
  path.split(".").reduce((value, name) => value?.[name] ?? (value?.[name] === null ? null : UNDEFINED), document);

function boolean(value) {
  assert.equal(typeof value, "boolean", "a filter is of booleans");
  return value;
}

function number(value) {
  assert.equal(typeof value, "number", "arithmetic is tested with Float64");
  return value;
}

const OPERATIONS = {
  $eq: (a, b) => compare(a, b) === 0,
  $neq: (a, b) => compare(a, b) !== 0,
  $lt: (a, b) => compare(a, b) < 0,
  $lte: (a, b) => compare(a, b) <= 0,
  $gt: (a, b) => compare(a, b) > 0,
  $gte: (a, b) => compare(a, b) >= 0,
  $add: (a, b) => number(a) + number(b),
  $sub: (a, b) => number(a) - number(b),
  $mul: (a, b) => number(a) * number(b),
  $div: (a, b) => number(a) / number(b),
  $mod: (a, b) => number(a) % number(b),
  $and: (...all) => all.every(boolean),
  $or: (...all) => all.some(boolean),
  $neg: (a) => -number(a),
  $not: (a) => !boolean(a),
};

function evaluate(expression, document) {
  const names = Object.keys(expression);
  assert.equal(names.length, 1, JSON.stringify(expression));
  const [name] = names;
  const operand = expression[name];
  if (name === "$field") return fieldOf(document, operand);
  if (name === "$literal") return operand;
  assert.ok(name in OPERATIONS, name);
  assert.equal(Array.isArray(operand), !["$neg", "$not"].includes(name), JSON.stringify(expression));
  return OPERATIONS[name](...[operand].flat().map((part) => evaluate(part, document)));
}

const HOLDS = {
  Eq: (order) => order === 0,
  Gt: (order) => order > 0,
  Gte: (order) => order >= 0,
  Lt: (order) => order < 0,
  Lte: (order) => order <= 0,
};

/* The rule of ranges: equalities on the first fields, then at most two bounds on the next one. */
function checkRange(range, fields) {
  const equal = range.filter(({ type }) => type === "Eq").map(({ fieldPath }) => fieldPath);
  const bounds = range.filter(({ type }) => type !== "Eq");
  assert.deepEqual([...equal].sort(), fields.slice(0, equal.length).sort(), "equalities on the first fields");
  for (const { fieldPath } of bounds) assert.equal(fieldPath, fields[equal.length]);
  assert.equal(new Set(bounds.map(({ type }) => type[0])).size, bounds.length, "one bound on each side");
}

/* The fields of an index, or undefined. */
function fieldsOf(schema, table, index) {
  if (index === "by_id") return ["_id"];
  if (index === "by_creation_time") return ["_creationTime", "_id"];
  const { indexes = [] } = schema.tables.find(({ tableName }) => tableName === table) ?? {};
  const fields = indexes.find(({ indexDescriptor }) => indexDescriptor === index)?.fields;
  return fields && [...fields, "_creationTime", "_id"];
}

function sourceDocuments(source, schema, tables) {
  assert.ok(["asc", "desc", null].includes(source.order));
  const all = (table) => [...(tables.get(table)?.values() ?? [])];
  if (source.type === "FullTableScan") {
    return all(source.tableName);
  }
  assert.equal(source.type, "IndexRange");
  const [table, index] = source.indexName.split(".");
  const fields = fieldsOf(schema, table, index);
  if (fields === undefined) return undefined;
  checkRange(source.range, fields);
  const isIn = (document) => source.range.every(({ type, fieldPath, value }) =>
    HOLDS[type](compare(fieldOf(document, fieldPath), value)));
  const key = (document) => fields.map((field) => keyOf(fieldOf(document, field)));
  return all(table).filter(isIn).sort((a, b) => compareKeys(key(a), key(b)));
}

/* The documents of a query; undefined if there is no such index. */
export function documentsOf({ source, operators }, schema, tables) {
  const documents = sourceDocuments(source, schema, tables);
  if (source.order === "desc") documents?.reverse();
  return operators.reduce((left, operator) => {
    assert.equal(Object.keys(operator).length, 1);
    if ("limit" in operator) return left?.slice(0, operator.limit);
    return left?.filter((document) => boolean(evaluate(operator.filter, document)));
  }, documents);
}

/* A page of them. A cursor is the query and how many documents of it lie behind. */
export function pageOf({ query, cursor = null, endCursor = null, pageSize, ...more }, documents) {
  assert.ok(Number.isInteger(pageSize) && pageSize >= 1, "pageSize");
  for (const name of Object.keys(more)) assert.ok(["maximumRowsRead", "maximumBytesRead"].includes(name), name);
  const positionOf = (text, otherwise) => {
    if (text === null) return otherwise;
    const [of, position] = JSON.parse(Buffer.from(text, "base64url"));
    assert.deepEqual(of, query, "a cursor of this query");
    return position;
  };
  const from = positionOf(cursor, 0);
  const size = Math.min(pageSize, more.maximumRowsRead ?? pageSize);
  const to = positionOf(endCursor, Math.min(from + size, documents.length));
  const cursorAt = (position) => Buffer.from(JSON.stringify([query, position])).toString("base64url");
  return {
    page: documents.slice(from, to),
    isDone: to === documents.length,
    continueCursor: cursorAt(to),
    splitCursor: to - from < 3 ? null : cursorAt((from + to) >> 1),
    pageStatus: null,
  };
}
