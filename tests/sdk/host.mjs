/*
 * A host for guests, made of JavaScript: what sdk/abi.md promises, in the least code, over tables in
 * memory. SDKs are tested against it without the real host, and so that an error in the one cannot
 * hide an error in the other. It is strict where the ABI lets a host end the run.
 */
import assert from "node:assert/strict";
import { documentsOf, pageOf } from "./queries.mjs";

const utf8 = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

export class GuestFailure extends Error {
  constructor(code, message, data) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

class Refusal extends Error {
  constructor(code, message, data) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

class Exit extends Error {}

/* Values as the encoded JSON has them; what is not a value is an error. */
export function checkValue(value, path = "value") {
  if (value === null || ["boolean", "string", "number"].includes(typeof value)) {
    return;
  }
  if (Array.isArray(value)) {
    value.forEach((item, i) => checkValue(item, `${path}[${i}]`));
    return;
  }
  const names = Object.keys(value);
  if (names.length === 1 && names[0].startsWith("$")) {
    checkEncoded(names[0], value[names[0]], path);
    return;
  }
  for (const name of names) {
    if (name.startsWith("$")) {
      throw new Error(`${path}: the field name ${name} is reserved`);
    }
    checkValue(value[name], `${path}.${name}`);
  }
}

function checkEncoded(name, text, path) {
  const bytes = typeof text === "string" ? Buffer.from(text, "base64") : null;
  const canonical = bytes !== null && bytes.toString("base64") === text;
  if (name === "$bytes" && canonical) {
    return;
  }
  if (name === "$integer" && canonical && bytes.length === 8) {
    return;
  }
  if (name === "$float" && canonical && bytes.length === 8) {
    const number = bytes.readDoubleLE();
    if (!Number.isFinite(number) || Object.is(number, -0)) {
      return;
    }
  }
  throw new Error(`${path}: ${JSON.stringify({ [name]: text })} is no value`);
}

function typeOf(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value !== "object") return typeof value;
  if ("$integer" in value) return "bigint";
  if ("$float" in value) return "number";
  if ("$bytes" in value) return "bytes";
  return "object";
}

/* Undefined if the value matches, else where it does not. */
export function mismatch(validator, value, path = "") {
  const type = typeOf(value);
  const no = () => `${path || "."}: ${JSON.stringify(value)} is no ${JSON.stringify(validator)}`;
  switch (validator.type) {
    case "any":
      return undefined;
    case "null": case "number": case "bigint": case "boolean": case "string": case "bytes":
      return type === validator.type ? undefined : no();
    case "id":
      return type === "string" && value.startsWith(`${validator.tableName}|`) ? undefined : no();
    case "literal":
      return JSON.stringify(value) === JSON.stringify(validator.value) ? undefined : no();
    case "array":
      if (type !== "array") return no();
      return value.map((item, i) => mismatch(validator.value, item, `${path}[${i}]`)).find(Boolean);
    case "union":
      return validator.value.some((each) => !mismatch(each, value, path)) ? undefined : no();
    case "record":
      if (type !== "object") return no();
      assert.equal(validator.values.optional, false);
      return Object.entries(value)
        .map(([name, item]) => mismatch(validator.keys, name, `${path}.${name}`)
          ?? mismatch(validator.values.fieldType, item, `${path}.${name}`))
        .find(Boolean);
    case "object":
      if (type !== "object") return no();
      return mismatchedField(validator.value, value, path);
    default:
      throw new Error(`unknown validator ${JSON.stringify(validator)}`);
  }
}

function mismatchedField(fields, value, path) {
  for (const [name, { fieldType, optional }] of Object.entries(fields)) {
    assert.equal(typeof optional, "boolean");
    const found = name in value
      ? mismatch(fieldType, value[name], `${path}.${name}`)
      : optional ? undefined : `${path}.${name} is missing`;
    if (found) return found;
  }
  const extra = Object.keys(value).find((name) => !(name in fields));
  return extra === undefined ? undefined : `${path}.${extra} is not in the validator`;
}

const KINDS = {
  "convex/core": ["query", "mutation", "action"],
  "convex/db-read": ["query", "mutation"],
  "convex/db-write": ["mutation"],
  "convex/run 1.0/runUdf": ["query", "mutation"],
  "convex/run": ["action"],
  "convex/effect": ["action"],
  env: ["query", "mutation", "action"],
  wasi_snapshot_preview1: ["query", "mutation", "action"],
};
const CALL_DEPTH = 8;
const IN_IMPORT_PHASE = ["log", "random_fill", "now_ms"];

/* Ids name their table, so that a validator can tell. */
class Store {
  constructor() {
    this.tables = new Map();
    this.created = 0;
  }

  copy() {
    const copy = new Store();
    copy.tables = new Map([...this.tables].map(([name, rows]) => [name, new Map(rows)]));
    copy.created = this.created;
    return copy;
  }

  tableOf(id, table) {
    const [name] = String(id).split("|");
    if (table !== undefined && table !== name) {
      throw new Refusal("InvalidArgument", `expected to be an Id<"${table}">, got Id<"${name}">`);
    }
    return this.tables.get(name) ?? new Map();
  }

  existing(id, table, verb) {
    const rows = this.tableOf(id, table);
    if (!rows.has(id)) {
      throw new Refusal("NonexistentDocument", `${verb} on nonexistent document ID ${id}`);
    }
    return rows;
  }

  checkFields(value) {
    if (typeOf(value) !== "object") {
      throw new Refusal("InvalidArgument", "Value must be an Object");
    }
    for (const name of Object.keys(value)) {
      if (name.startsWith("_")) throw new Refusal("InvalidArgument", `Field '${name}' is reserved`);
    }
  }

  insert(table, value) {
    this.checkFields(value);
    checkValue(value);
    const rows = this.tables.get(table) ?? new Map();
    this.tables.set(table, rows);
    const id = `${table}|${this.created++}`;
    rows.set(id, { _creationTime: 1732541000123.25 + this.created / 8, _id: id, ...value });
    return id;
  }

  write(id, table, value, merge) {
    this.checkFields(value);
    const rows = this.existing(id, table, merge ? "Update" : "Replace");
    const { _id, _creationTime, ...old } = rows.get(id);
    const fields = { ...(merge ? old : {}), ...value };
    for (const [name, field] of Object.entries(fields)) {
      if (field !== null && typeof field === "object" && "$undefined" in field) delete fields[name];
    }
    checkValue(fields);
    rows.set(id, { _creationTime, _id, ...fields });
    return rows.get(id);
  }
}

/* A module and its data: what a deployment is. */
export class Deployment {
  constructor(bytes, { now = 1_732_541_000_000, env = {} } = {}) {
    this.module = new WebAssembly.Module(bytes);
    const sections = WebAssembly.Module.customSections(this.module, "convex.functions");
    assert.equal(sections.length, 1, "exactly one section convex.functions");
    this.metadata = JSON.parse(utf8.decode(sections[0]));
    assert.equal(this.metadata.abi, 1);
    this.functions = new Map(this.metadata.functions.map((row) => [row.path, row]));
    assert.equal(this.functions.size, this.metadata.functions.length, "each path once");
    for (const { path, args = { type: "any" } } of this.metadata.functions) {
      assert.ok(["object", "any"].includes(args.type), `${path}: arguments are an object or any`);
    }
    for (const { kind } of WebAssembly.Module.imports(this.module)) {
      assert.equal(kind, "function");
    }
    this.schema = this.readSchema();
    this.store = new Store();
    this.now = now;
    this.env = env;
    this.identity = null;
  }

  /* Documents are checked by the host of others; here it is who has the indexes. */
  readSchema() {
    const sections = WebAssembly.Module.customSections(this.module, "convex.schema");
    assert.ok(sections.length <= 1, "one section convex.schema at most");
    return sections.length === 0 ? { tables: [] } : JSON.parse(utf8.decode(sections[0]));
  }

  setEnv(env) {
    this.env = env;
  }

  /* Who calls from now on; null: nobody. */
  setIdentity(attributes) {
    this.identity = attributes === null
      ? null
      : { ...attributes, tokenIdentifier: `${attributes.issuer}|${attributes.subject}` };
  }

  /* The value, or a GuestFailure. What the run left behind is in `lastRun`. */
  call(path, args = {}) {
    assert.ok(this.functions.has(path), `no function ${path}`);
    const row = this.find(path, args);
    const run = new Run(this, row, args);
    this.lastRun = run;
    const value = run.finish();
    if (row.kind === "mutation") this.store = run.store;
    return value;
  }

  /* The function, if it is there, of that kind, and takes these arguments. */
  find(path, args, kind = undefined) {
    const row = this.functions.get(path);
    if (!row) throw new GuestFailure("FunctionNotFound", `Could not find function for '${path}'.`);
    if (kind !== undefined && row.kind !== kind) {
      throw new GuestFailure("FunctionNotFound", `${path} as ${kind}, but it is defined as ${row.kind}`);
    }
    const wrong = mismatch(row.args ?? { type: "any" }, args);
    if (wrong) throw new GuestFailure("InvalidArguments", wrong);
    return row;
  }
}

class Run {
  constructor(deployment, row, args, { store = deployment.store, depth = 1 } = {}) {
    this.deployment = deployment;
    this.row = row;
    this.depth = depth;
    this.schema = deployment.schema;
    this.store = store.copy();
    this.now = deployment.now;
    this.env = deployment.env;
    this.input = encoder.encode(JSON.stringify([args]));
    this.reply = new Uint8Array();
    this.output = null;
    this.logLines = [];
    this.stdio = ["", "", ""];
    this.scans = new Map();
    this.calls = [];
    this.random = 1;
    this.importPhase = true;
    this.instance = new WebAssembly.Instance(deployment.module, this.imports(deployment.module));
  }

  finish() {
    try {
      this.instance.exports._initialize?.();
      this.importPhase = false;
      this.instance.exports[this.row.export]();
    } catch (error) {
      if (!(error instanceof Exit)) throw this.asFailure(error);
    } finally {
      this.stdio.forEach((rest, fd) => rest && this.addLine(fd === 2 ? "ERROR" : "LOG", rest));
      this.memoryBytes = this.instance.exports.memory.buffer.byteLength;
    }
    return this.result();
  }

  asFailure(error) {
    if (error instanceof GuestFailure) return error;
    if (!(error instanceof WebAssembly.RuntimeError || error instanceof RangeError)) return error;
    const failure = new GuestFailure("Trapped", error.message);
    failure.stack = error.stack;
    return failure;
  }

  result() {
    if (this.output === null) {
      this.output = "null";
    }
    let value;
    try {
      value = JSON.parse(this.output);
      checkValue(value);
    } catch (error) {
      throw new GuestFailure("InvalidReturn", `${error.message} in ${this.output}`);
    }
    const wrong = mismatch(this.row.returns ?? { type: "any" }, value);
    if (wrong) throw new GuestFailure("InvalidReturn", wrong);
    return value;
  }

  memory(ptr, len) {
    const buffer = this.instance.exports.memory.buffer;
    if ((ptr >>> 0) + (len >>> 0) > buffer.byteLength) {
      throw new GuestFailure("InvalidHostCall", "a range outside memory");
    }
    return new Uint8Array(buffer, ptr >>> 0, len >>> 0);
  }

  copyOut(bytes, ptr, len) {
    this.memory(ptr, len).set(bytes.subarray(0, len >>> 0));
    return BigInt(bytes.length);
  }

  json(ptr, len) {
    try {
      return JSON.parse(utf8.decode(this.memory(ptr, len)));
    } catch (error) {
      if (error instanceof GuestFailure) throw error;
      throw new GuestFailure("InvalidHostCall", error.message);
    }
  }

  addLine(level, text) {
    this.logLines.push(`[${level}] ${text}`);
  }

  imports(module) {
    const table = { ...this.core(), ...this.database(), ...this.functions(), ...this.effects(), ...this.wasi() };
    const imports = {};
    for (const { module: group, name } of WebAssembly.Module.imports(module)) {
      const call = table[`${group} ${name}`];
      assert.ok(call, `an import that the ABI does not have: ${group} ${name}`);
      imports[group] ??= {};
      imports[group][name] = (...values) => this.enter(group, name, call, values);
    }
    return imports;
  }

  enter(group, name, call, values) {
    this.calls.push(name);
    if (!(KINDS[`${group} ${name}`] ?? KINDS[group]).includes(this.row.kind)) {
      throw new GuestFailure("CapabilityDenied", `${group} ${name} in a ${this.row.kind}`);
    }
    if (this.importPhase && group.startsWith("convex/") && !IN_IMPORT_PHASE.includes(name)) {
      throw new GuestFailure("CapabilityDenied", `${name} in the import phase`);
    }
    return call(...values);
  }

  fill(ptr, len) {
    if (len >>> 0 > 65536) throw new GuestFailure("InvalidHostCall", "over the cap");
    const bytes = this.memory(ptr, len);
    for (let i = 0; i < bytes.length; i++) {
      this.random = (this.random * 48271) % 2147483647;
      bytes[i] = this.random >> 8;
    }
    return 0n;
  }

  core() {
    return {
      "convex/core input_read": (ptr, len) => this.copyOut(this.input, ptr, len),
      "convex/core reply_read": (ptr, len) => this.copyOut(this.reply, ptr, len),
      "convex/core output_write": (ptr, len) => {
        this.output = utf8.decode(this.memory(ptr, len));
        return 0n;
      },
      "convex/core fail": (ptr, len) => {
        const { message, data } = this.json(ptr, len);
        assert.equal(typeof message, "string");
        if (data !== undefined) checkValue(data);
        throw new GuestFailure("Failed", message, data);
      },
      "convex/core log": (ptr, len) => {
        const { level, messages } = this.json(ptr, len);
        assert.ok(["DEBUG", "LOG", "INFO", "WARN", "ERROR"].includes(level), level);
        this.addLine(level, messages.join(" "));
        return 0n;
      },
      "convex/core random_fill": (ptr, len) => this.fill(ptr, len),
      "convex/core now_ms": () => BigInt(this.now),
      "convex/core left": () => this.answer({ fuel: 1e10, documents_read: 32000 }),
      "convex/core env_get": this.operation(({ name }) => {
        if (typeof name !== "string") throw new Refusal("InvalidArgument", "`name`: it is a string.");
        if (!/^[a-zA-Z_]+[a-zA-Z0-9_]*$/.test(name)) {
          throw new Refusal("EnvironmentVariableNameInvalid", `'${name}' is none.`);
        }
        return this.env[name] ?? null;
      }),
      "convex/core 1.0/getUserIdentity": this.operation(() => this.deployment.identity),
      "env __convex_now_ms": () => BigInt(this.now),
      "env __convex_random_bytes_deterministic": (ptr, len) => void this.fill(ptr, len),
    };
  }

  answer(reply, status = 0n) {
    this.reply = encoder.encode(JSON.stringify(reply));
    return (status << 32n) | BigInt(this.reply.length);
  }

  /* A host call of the database: takes an object, has a reply or a refusal. */
  operation(work) {
    return (ptr, len) => {
      const args = this.json(ptr, len);
      if (typeOf(args) !== "object") throw new GuestFailure("InvalidHostCall", "no object");
      try {
        return this.answer(work(args));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return this.answer({ code: error.code, message: error.message, data: error.data }, 1n);
      }
    };
  }

  scanOf(queryId) {
    const scan = this.scans.get(queryId);
    if (!scan) throw new Refusal("QueryNotFound", "in-progress query not found");
    return scan;
  }

  documents(query) {
    const documents = documentsOf(query, this.schema, this.store.tables);
    if (!documents) throw new Refusal("IndexNotFoundError", `Index ${query.source.indexName} not found.`);
    return documents;
  }

  startScan({ query }) {
    const queryId = this.scans.size + 1;
    this.scans.set(queryId, this.documents(query));
    return { queryId };
  }

  page(args) {
    if (this.hasPage) throw new Refusal("MultiplePaginatedDatabaseQueries", "one page is read already");
    this.hasPage = true;
    return pageOf(args, this.documents(args.query));
  }

  database() {
    const calls = {
      "convex/db-read 1.0/get": ({ id, table }) => this.store.tableOf(id, table).get(id) ?? null,
      "convex/db-read 1.0/queryStream": (args) => this.startScan(args),
      "convex/db-read 1.0/queryStreamNext": ({ queryId }) => {
        const value = this.scanOf(queryId).shift() ?? null;
        if (value === null) this.scans.set(queryId, undefined);
        return { value, done: value === null };
      },
      "convex/db-read 1.0/queryCleanup": ({ queryId }) => {
        const open = this.scans.get(queryId) !== undefined;
        this.scans.set(queryId, undefined);
        return open;
      },
      "convex/db-read 1.0/queryPage": (args) => this.page(args),
      "convex/db-read 1.0/db/normalizeId": ({ table, idString }) =>
        ({ id: idString.startsWith(`${table}|`) ? idString : null }),
      "convex/db-write 1.0/insert": ({ table, value }) => ({ _id: this.store.insert(table, value) }),
      "convex/db-write 1.0/shallowMerge": ({ id, table, value }) =>
        this.store.write(id, table, value, true),
      "convex/db-write 1.0/replace": ({ id, table, value }) =>
        this.store.write(id, table, value, false),
      "convex/db-write 1.0/remove": ({ id, table }) => {
        const rows = this.store.existing(id, table, "Delete");
        const document = rows.get(id);
        rows.delete(id);
        return document;
      },
    };
    return Object.fromEntries(
      Object.entries(calls).map(([name, work]) => [name, this.operation(work)]));
  }

  /*
   * Another function: in a transaction a part of it, which is undone if it fails; in an action a run
   * of its own.
   */
  callFunction(kind, { name, args = {}, ...rest }) {
    assert.deepEqual(rest, {});
    if (typeof name !== "string") throw new Refusal("InvalidArgument", "Invalid argument `name`");
    if (typeOf(args) !== "object") throw new Refusal("InvalidArgument", "Invalid argument `args`");
    const { deployment, depth } = this;
    if (depth === CALL_DEPTH) throw new Refusal("MaximumCallDepthExceeded", "calls nest too deep");
    const owner = this.row.kind === "action" ? deployment : this;
    try {
      const row = deployment.find(name, args, kind);
      const run = new Run(deployment, row, args, { store: owner.store, depth: depth + 1 });
      try {
        const value = run.finish();
        if (kind === "mutation") owner.store = run.store;
        return value;
      } finally {
        if (owner === this) this.logLines.push(...run.logLines);
      }
    } catch (error) {
      if (!(error instanceof GuestFailure)) throw error;
      throw new Refusal(error.code, error.message, error.data);
    }
  }

  functions() {
    const inTransaction = ({ udfType, ...call }) => {
      if (!["query", "mutation"].includes(udfType)) throw new Refusal("InvalidArgument", "Invalid argument `udfType`");
      if (udfType === "mutation" && this.row.kind === "query") {
        throw new GuestFailure("CapabilityDenied", "a query calls a mutation");
      }
      return this.callFunction(udfType, call);
    };
    return {
      "convex/run 1.0/runUdf": this.operation(inTransaction),
      "convex/run 1.0/actions/query": this.operation((call) => this.callFunction("query", call)),
      "convex/run 1.0/actions/mutation": this.operation((call) => this.callFunction("mutation", call)),
      "convex/run 1.0/actions/action": this.operation((call) => this.callFunction("action", call)),
    };
  }

  /* Sleeps by setting the clock. */
  effects() {
    return {
      "convex/effect crypto_random": (ptr, len) => this.fill(ptr, len),
      "convex/effect sleep": this.operation(({ ms }) => {
        if (typeof ms !== "number" || !(ms >= 0 && ms <= 2147483647)) {
          throw new Refusal("InvalidArgument", "Invalid argument `ms` for `sleep`");
        }
        this.now += Math.floor(ms);
        return null;
      }),
    };
  }

  view() {
    return new DataView(this.instance.exports.memory.buffer);
  }

  write(fd, vectors, count, written) {
    if (fd !== 1 && fd !== 2) return 8;
    let total = 0;
    for (let i = 0; i < count; i++) {
      const at = this.view().getUint32(vectors + 8 * i, true);
      const size = this.view().getUint32(vectors + 8 * i + 4, true);
      this.stdio[fd] += utf8.decode(this.memory(at, size));
      total += size;
    }
    const lines = this.stdio[fd].split("\n");
    this.stdio[fd] = lines.pop();
    lines.forEach((line) => this.addLine(fd === 2 ? "ERROR" : "LOG", line));
    this.view().setUint32(written, total, true);
    return 0;
  }

  wasi() {
    const none = (count, size) => {
      this.view().setUint32(count, 0, true);
      this.view().setUint32(size, 0, true);
      return 0;
    };
    const calls = {
      args_get: () => 0,
      args_sizes_get: none,
      environ_get: () => 0,
      environ_sizes_get: none,
      clock_time_get: (clock, precision, at) => {
        this.view().setBigUint64(at, BigInt(this.now) * 1_000_000n, true);
        return 0;
      },
      clock_res_get: (clock, at) => {
        this.view().setBigUint64(at, 1n, true);
        return 0;
      },
      random_get: (ptr, len) => Number(this.fill(ptr, len)),
      fd_write: (...values) => this.write(...values),
      fd_read: () => 8,
      fd_close: (fd) => (fd <= 2 ? 0 : 8),
      fd_seek: (fd) => (fd <= 2 ? 70 : 8),
      fd_fdstat_get: (fd, at) => {
        if (fd > 2) return 8;
        this.memory(at, 24).fill(0);
        this.view().setUint8(at, 2);
        return 0;
      },
      fd_prestat_get: () => 8,
      fd_prestat_dir_name: () => 8,
      proc_exit: (code) => {
        throw code === 0 ? new Exit() : new GuestFailure("Failed", `exit code ${code}`);
      },
      sched_yield: () => 0,
    };
    return Object.fromEntries(
      Object.entries(calls).map(([name, call]) => [`wasi_snapshot_preview1 ${name}`, call]));
  }
}
