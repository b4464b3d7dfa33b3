/*
 * What the SDKs promise, seen from outside through the functions of probe_c and probe_rust: values and
 * their JSON, the database, the run, and how each kind of failure ends. They have most functions in
 * common; what only one of them has is tested for that one.
 *
 *     node probes.mjs c|rust mock|real PROBE.wasm
 *
 * They run against the host made of JavaScript, and against a server: the one is strict where the
 * ABI lets a host be, the other is what guests meet. What only one of them tells is tested there.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, describe, test } from "node:test";
import { Deployment, GuestFailure } from "./host.mjs";
import { RealDeployment } from "./real.mjs";

const [language, host, file] = process.argv.slice(2);
assert.ok(
  ["c", "rust"].includes(language) && ["mock", "real"].includes(host) && file !== undefined,
  "usage: node probes.mjs c|rust mock|real PROBE.wasm");
const inC = language === "c";
const testC = inC ? test : () => {};
const testRust = inC ? () => {} : test;
const isReal = host === "real";
const testMock = isReal ? () => {} : test;
const testReal = isReal ? test : () => {};
const bytes = readFileSync(file);

/* With nothing in its tables; the test that opened it need not close it. */
const opened = [];
const openOne = async () => (isReal ? RealDeployment.open(file) : new Deployment(bytes));
async function open() {
  const deployment = await openOne();
  if (isReal) opened.push(deployment);
  return deployment;
}
afterEach(async () => {
  for (const deployment of opened.splice(0)) await deployment.close();
});

const once = async (path, args) => (await open()).call(path, args);

async function failure(deployment, path, args) {
  try {
    await deployment.call(path, args);
  } catch (error) {
    assert.ok(error instanceof GuestFailure, error.stack);
    return error;
  }
  return assert.fail(`${path} does not fail`);
}

const float = (number) => {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleLE(number);
  return { $float: buffer.toString("base64") };
};
const integer = (number) => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64LE(number);
  return { $integer: buffer.toString("base64") };
};
const nested = (depth) => "[".repeat(depth) + "]".repeat(depth);

describe("values", () => {
  const numbers = [
    0, 1, -1, 0.1, -0.25, 1e15, 999999999999999, 2 ** 53, 2 ** 53 + 2, 1e21, 1e300, -1e-300, 5e-324,
    Number.MAX_VALUE, Number.MIN_VALUE, Math.PI, 1 / 3, 1732541000123.5, 123456.789, 0.000001, 1e-7,
  ];
  const values = {
    null: null, true: true, false: false,
    numbers,
    special: [NaN, Infinity, -Infinity, -0].map(float),
    integers: [0n, 42n, -1n, 2n ** 63n - 1n, -(2n ** 63n)].map(integer),
    strings: ["", "a", "\"\\/\b\f\n\r\t", "\u0000\u001f\u007f", "ü€𝄞", "x".repeat(20_000)],
    bytes: [0, 1, 2, 3, 4, 1000].map((size) => ({ $bytes: Buffer.alloc(size, 0xfb).toString("base64") })),
    ...(isReal ? {} : { "": { "": {}, "n\"ame": [] } }), // no field has such a name
    deep: JSON.parse(nested(60)),
    long: Array.from({ length: 5000 }, (_, i) => i),
  };
  /* The real host gives the fields of an object in the order of their names. */
  for (const path of inC ? ["values:same", "values:rebuild"] : ["values:same"]) {
    test(`${path}: all come back as they went`, async () => {
      assert.deepEqual(await once(path, values), values);
    });
    if (!isReal) testC(`${path}: the order of fields is kept`, async () => {
      const fields = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${(i * 7) % 50}`, i]));
      assert.deepEqual(Object.keys(await once(path, fields)), Object.keys(fields));
    });
  }

  test("numbers of all sizes are read and written exactly", async () => {
    const bits = new BigUint64Array(1);
    const numbers = [];
    for (let i = 0n; numbers.length < 2000; i++) {
      bits[0] = (i * 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
      const number = new Float64Array(bits.buffer)[0];
      if (Number.isFinite(number)) numbers.push(number, Math.fround(number % 1e6), Math.round(number % 1e9) / 1000);
    }
    const args = { numbers: numbers.map((number) => (Number.isFinite(number) && !Object.is(number, -0) ? number : 0)) };
    assert.deepEqual(await once(inC ? "values:rebuild" : "values:same", args), args);
  });

  testC("fields are replaced in place and removed", async () => {
    const names = isReal ? [0, 12, 15, 18, 3, 6, 9] : [0, 3, 6, 9, 12, 15, 18];
    assert.deepEqual(
      Object.entries(await once("values:edit")),
      names.map((i) => [`field${i}`, integer(BigInt(i))]));
  });

  test("JSON is read as it is written", async () => {
    const deployment = await open();
    for (const [json, printed] of [
      [" { \"a\" : [ 1 , true ] }\n", '{"a":[1,true]}'],
      ['"\\u00fc\\ud834\\udd1e\\/"', '"ü𝄞/"'],
      ["-0", JSON.stringify(float(-0))], ["1.50", inC ? "1.50" : "1.5"], ["1e2", inC ? "1e2" : "100"],
      [nested(80), nested(80)],
    ]) {
      assert.equal(await deployment.call("values:parse", { json }), printed);
    }
  });

  test("what is no value is not read", async () => {
    const deployment = await open();
    for (const json of [
      "", " ", "nul", "truefalse", "01", "+1", "1.", ".5", "1e", "--1", "1e999", "NaN", "\"", "\"\n\"",
      '"\\x"', '"\\u12"', '"\\ud800"', '"\\udc00"', '"\\ud800\\u0041"', '"\\', "[", "[1", "[1,", "[1,]", "[1 2]",
      "]", "{", '{"a"', '{"a":', '{"a":1', '{"a":1,}', '{"a" 1}', "{1:1}", "1 2", '{"a":1,"a":2}', nested(81),
      "[".repeat(100_000), '{"$integer":"KgAAAAAAAA=="}', '{"$integer":42}', '{"$integer":"KgAAAAAAAAA=","a":1}',
      '{"$float":"AAAAAAAA8D8="}', '{"$bytes":"AP8"}', '{"$bytes":"AP9="}', '{"$bytes":"===="}',
      '{"$other":"AP8="}', '{"a":1,"$b":2}',
    ]) {
      assert.equal(await deployment.call("values:parse", { json }), null, json.slice(0, 40));
    }
  });

  testC("a value of another type ends the run, and says so", async () => {
    for (const [number, found] of [["1", "a string"], [null, "null"], [true, "a boolean"], [[], "an array"], [{}, "an object"], [integer(1n), "an Int64"]]) {
      assert.equal((await failure(await open(), "values:wrong", { number })).message, `expected a number, found ${found}`);
    }
    assert.equal((await failure(await open(), "values:wrong", {})).message, "expected a number, found nothing");
  });
});

describe("the database", () => {
  const withThings = async (count) => {
    const deployment = await open();
    const ids = [];
    for (let n = 0; n < count; n++) ids.push(await deployment.call("db:insert", { n }));
    return { deployment, ids };
  };

  test("documents are written, read and removed", async () => {
    const deployment = await open();
    const id = await deployment.call("db:insert", { a: 1, b: "x" });
    const { _id, _creationTime } = await deployment.call("db:get", { id });
    const system = { _id, _creationTime };
    assert.equal(_id, id);
    assert.deepEqual(await deployment.call("db:patch", { id, fields: { b: "y" } }), { ...system, a: 1, b: "y" });
    assert.deepEqual(await deployment.call("db:forget", { id }), { ...system, b: "y" });
    assert.deepEqual(await deployment.call("db:replace", { id, fields: { c: [] } }), { ...system, c: [] });
    assert.deepEqual(await deployment.call("db:get", { id }), { ...system, c: [] });
    assert.deepEqual(await deployment.call("db:delete", { id }), { ...system, c: [] });
    assert.equal(await deployment.call("db:get", { id }), null);
  });

  test("a refusal ends the run, unless it is asked for", async () => {
    const deployment = await open();
    const id = await deployment.call("db:insert", {});
    await deployment.call("db:delete", { id });
    for (const [path, args] of [["db:delete", {}], ["db:patch", { fields: {} }], ["db:replace", { fields: {} }]]) {
      const { code, message } = await failure(deployment, path, { id, ...args });
      assert.equal(code, "Failed");
      assert.match(message, /nonexistent document/);
    }
    const { code, done } = await deployment.call("db:refused", { id });
    assert.deepEqual([code, done], ["NonexistentDocument", false]);
  });

  test("a walk goes either way, up to its limit, and ends early", async () => {
    const { deployment, ids } = await withThings(5);
    assert.deepEqual(await deployment.call("db:newest", { count: 2 }), [ids[4], ids[3]]);
    assert.deepEqual(await deployment.call("db:newest", { count: 9 }), [...ids].reverse());
    assert.deepEqual(await deployment.call("db:newest", { count: 0 }), []);
    assert.equal(await deployment.call("db:stopped"), null);
    if (isReal) return;
    assert.deepEqual(deployment.lastRun.calls.filter((name) => name === "1.0/queryCleanup"), ["1.0/queryCleanup"]);
  });

  test("a long walk needs little memory", async () => {
    const deployment = await open();
    const things = Array.from({ length: 3000 }, (_, n) => ({ n, filler: "x".repeat(1000) }));
    if (isReal) await deployment.callAll("db:insert", things);
    else things.forEach((thing) => deployment.store.insert("things", thing));
    assert.equal(await deployment.call("db:sum"), (2999 * 3000) / 2);
    assert.ok(deployment.lastRun.memoryBytes <= 256 * 1024, `${deployment.lastRun.memoryBytes} bytes`);
  });

  if (isReal) testC("a table of the schema takes what fits", async () => {
    const deployment = await open();
    await deployment.call("db:strict", { n: 1 });
    const { code, message } = await failure(deployment, "db:strict", { n: "one" });
    assert.equal(code, "Failed");
    assert.match(message, /"strict"[^]*does not match/);
  });

  testC("a query cannot write", async () => {
    assert.equal((await failure(await open(), "db:writes")).code, "CapabilityDenied");
  });
});

describe("queries", () => {
  let deployment;
  let things;

  /* Ten things numbered from 0: the even ones have a `b`, those from 3 on an `a`. */
  before(async () => {
    deployment = await openOne();
    things = [];
    for (let n = 0; n < 10; n++) {
      const more = { ...(n % 2 === 0 ? { b: "x" } : {}), ...(n >= 3 ? { a: n % 3 } : {}) };
      const id = await deployment.call("db:insert", { n, ...more });
      things.push(await deployment.call("db:get", { id }));
    }
  });
  after(async () => isReal && (await deployment.close()));

  const ask = (name, args) => deployment.call(`query:${name}`, args);
  const time = (n) => things[n]._creationTime;

  test("a range of an index has its ends, in either order", async () => {
    assert.deepEqual(await ask("since", { from: time(7), to: 0 }), [7, 8, 9]);
    assert.deepEqual(await ask("since", { from: time(9) + 1, to: 0 }), []);
    assert.deepEqual(await ask("between", { from: time(3), to: time(6) }), [6, 5, 4]);
    assert.deepEqual(await ask("between", { from: time(6), to: time(3) }), []);
    assert.deepEqual(await ask("by_id", { id: things[4]._id }), [4]);
  });

  test("an index of the schema is on its fields, missing ones too", async () => {
    assert.deepEqual(await ask("by_a_and_n", { a: 0 }), [3, 6, 9]);
    assert.deepEqual(await ask("by_a_and_n", { a: 0, above: 3 }), [6, 9]);
    assert.deepEqual(await ask("by_a_and_n", { a: 3 }), []);
    assert.deepEqual(await ask("by_a_and_n", {}), [0, 1, 2]);
    assert.deepEqual(await ask("by_a_and_n", { above: 0 }), [1, 2]);
  });

  test("a range has an upper end alone", async () => {
    assert.deepEqual(await ask("before", { from: 0, to: time(3) }), [0, 1, 2]);
  });

  test("all operators compute", async () => {
    assert.deepEqual(await ask("computed"), [3, 4, 5, 6, 7, 9]);
  });

  testC("a query has its JSON", async () => {
    assert.deepEqual(JSON.parse(await ask("json")), {
      source: { type: "FullTableScan", tableName: "things", order: "asc" },
      operators: [{ limit: 2 }],
    });
  });

  test("filters and limits hold in their order", async () => {
    assert.deepEqual(await ask("odd"), [1, 7, 9]);
    assert.deepEqual(await ask("without_b"), [1, 3, 5, 7, 9]);
    assert.deepEqual(await ask("limited"), [2]);
  });

  test("the first, or nothing", async () => {
    assert.deepEqual(await ask("first"), things[9]);
    assert.equal(await once("query:first"), null);
  });

  test("the only one, or nothing; a second ends the run", async () => {
    assert.deepEqual(await ask("unique", { count: 3 }), things[3]);
    assert.equal(await ask("unique", { count: 10 }), null);
    const twice = await open();
    const ids = [await twice.call("db:insert", { n: 1 }), await twice.call("db:insert", { n: 1 })];
    assert.equal(
      (await failure(twice, "query:unique", { count: 1 })).message,
      `unique() query returned more than one result from table things:\n [${ids.join(", ")}, ...]`);
  });

  testReal("no more is read than is needed", async () => {
    assert.deepEqual(await ask("cost"), [1, 2, 1, 4]);
  });

  testReal("what a filter cannot evaluate is refused", async () => {
    assert.match((await failure(deployment, "query:evil")).message, /Cannot use value 0\.0 .* as a Boolean/);
  });

  testC("a condition needs an index", async () => {
    assert.match((await failure(deployment, "query:no_index")).message, /cordon_query_index/);
  });

  test("pages follow each other, and a page has the end it is given", async () => {
    const pages = [];
    let cursor = null;
    for (let isDone = false; !isDone;) {
      const { page, continueCursor, ...rest } = await ask("page", { paginationOpts: { numItems: 4, cursor, id: 1 } });
      ({ isDone } = rest);
      assert.deepEqual({ ...rest, splitCursor: null }, { isDone, splitCursor: null, pageStatus: null });
      assert.equal(rest.splitCursor === null, page.length < 3);
      if (rest.splitCursor !== null) {
        const half = await ask("page", { paginationOpts: { numItems: 4, cursor, endCursor: rest.splitCursor } });
        assert.ok(half.page.length > 0 && half.page.length < page.length);
        assert.deepEqual(half.page, page.slice(0, half.page.length));
      }
      pages.push({ page, from: cursor, to: continueCursor });
      cursor = continueCursor;
    }
    assert.deepEqual(pages.flatMap(({ page }) => page), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(pages[0].page, [0, 1, 2, 3]);
    const again = { numItems: 1, cursor: pages[0].from, endCursor: pages[1].to };
    assert.deepEqual((await ask("page", { paginationOpts: again })).page, [0, 1, 2, 3, 4, 5, 6, 7]);
    const bounded = { numItems: 4, cursor: null, endCursor: null, maximumRowsRead: 2, maximumBytesRead: 1e6 };
    assert.deepEqual((await ask("page", { paginationOpts: bounded })).page, [0, 1]);
  });

  testReal("what is no page is refused", async () => {
    for (const [options, words] of [
      [{ numItems: 0, cursor: null }, /at least 1 document/],
      [{ numItems: 1, cursor: "no cursor" }, /Failed to parse cursor/],
    ]) {
      assert.match((await failure(deployment, "query:page", { paginationOpts: options })).message, words);
    }
  });

  test("an id is one of its table, or none", async () => {
    const id = things[0]._id;
    assert.equal(await ask("normalize", { text: id }), id);
    assert.equal(await ask("normalize", { text: "nothing" }), null);
  });
});

describe("calls of other functions", () => {
  const numbers = async (deployment) => (await deployment.call("db:newest", { count: 9 })).length;
  const tell = (deployment, where, kind, name, args = {}) =>
    deployment.call(`call:in_${where}`, { kind, name, args });
  const MAY_CALL = { query: ["query"], mutation: ["query", "mutation"], action: ["query", "mutation", "action"] };
  const eachCall = Object.entries(MAY_CALL).flatMap(([where, kinds]) => kinds.map((kind) => [where, kind]));
  const CALLEES = {
    query: ["values:same", { a: [1, "ü", null] }, { a: [1, "ü", null] }],
    mutation: ["call:goes_on", {}, [1, 7]],
    action: ["effect:draws", { count: 0 }, { $bytes: "" }],
  };

  test("a call has the function's value", async () => {
    for (const [where, kind] of eachCall) {
      const [name, args, value] = CALLEES[kind];
      assert.deepEqual(await tell(await open(), where, kind, name, args), { value }, `${kind} in ${where}`);
    }
  });

  test("what is not there, of another kind, or does not take this, is refused and says why", async () => {
    const deployment = await open();
    for (const [where, kind] of eachCall) {
      const other = kind === "query" ? "db:insert" : "query:first";
      for (const [name, args, code, words] of [
        ["values:nothing", {}, "FunctionNotFound", /Could not find (public )?function for 'values:nothing'/],
        [other, {}, "FunctionNotFound", /as .*, but it is defined as /],
        [CALLEES[kind][0], [1], "InvalidArgument", /Invalid argument `args`/],
        ...(kind === "query" ? [["values:parse", { json: 1 }, "InvalidArguments", /json/]] : []),
      ]) {
        const told = await tell(deployment, where, kind, name, args);
        assert.equal(told.code, code, `${name} as ${kind} in ${where}: ${JSON.stringify(told)}`);
        assert.match(told.message, words);
        assert.equal("data" in told || "value" in told, false);
      }
    }
  });

  test("a failure has its data, of any type, and no data where it had none", async () => {
    const deployment = await open();
    for (const where of ["mutation", "action"]) {
      for (const data of [{ code: 7 }, "text", null, [], integer(2n ** 60n)]) {
        const told = await tell(deployment, where, "mutation", "call:fails", { n: 1, data });
        assert.deepEqual([told.code, told.data, "data" in told], ["Failed", data, true]);
      }
    }
    const { code, message, ...rest } = await tell(deployment, "action", "action", "run:fails", {});
    assert.deepEqual([code, rest], ["Failed", {}]);
    assert.match(message, /a "message"/);
    assert.equal(await numbers(deployment), 0);
  });

  test("who handles a failure goes on, without what the callee wrote and with all else", async () => {
    const deployment = await open();
    assert.deepEqual(await deployment.call("call:goes_on"), [1, 7]);
    assert.deepEqual(deployment.lastRun.logLines, ["[INFO] fails"]);
    assert.equal(await numbers(deployment), 2);
  });

  test("who does not fails with it, and loses all", async () => {
    const deployment = await open();
    const error = await failure(deployment, "call:passes_on", { n: 2, data: { code: "x" } });
    assert.deepEqual([error.code, error.data], ["Failed", { code: "x" }]);
    assert.equal(await numbers(deployment), 0);
  });

  test("what an action called stays, though it fails", async () => {
    const deployment = await open();
    const error = await failure(deployment, "call:stays", { n: 2, data: "x" });
    assert.deepEqual([error.code, error.data], ["Failed", "x"]);
    assert.equal(await numbers(deployment), 1);
  });

  test("a document comes whole", async () => {
    const deployment = await open();
    assert.equal(await deployment.call("call:newest"), null);
    const id = await deployment.call("db:insert", { n: 1, b: "x" });
    assert.deepEqual(await deployment.call("call:newest"), await deployment.call("db:get", { id }));
  });

  testC("a function that may not call so is ended", async () => {
    const deployment = await open();
    for (const [path, args] of [
      ["call:in_query", { kind: "mutation", name: "call:goes_on", args: {} }],
      ["call:action_in_query", {}],
      ["call:transaction_in_action", {}],
    ]) {
      assert.equal((await failure(deployment, path, args)).code, "CapabilityDenied", path);
    }
  });
});

describe("effects", () => {
  test("an action sleeps for as long as it says", async () => {
    for (const ms of [0, 1, 50, ...(isReal ? [] : [2147483647])]) {
      const deployment = await open();
      const slept = await deployment.call("effect:sleeps", { ms });
      assert.ok(isReal ? slept >= ms && slept < ms + 5000 : slept === ms, `${slept}`);
    }
  });

  test("a sleep that is too long is refused", async () => {
    const { code, message } = await failure(await open(), "effect:sleeps", { ms: 2147483648 });
    assert.equal(code, "Failed");
    assert.match(message, /Invalid argument `ms`/);
  });

  test("an action draws as many bytes as it wants, in calls of 64 KiB", async () => {
    const deployment = await open();
    for (const [count, calls] of [[0, 0], [1, 1], [65536, 1], [65537, 2], [200000, 4]]) {
      const { $bytes } = await deployment.call("effect:draws", { count });
      const bytes = Buffer.from($bytes, "base64");
      assert.equal(bytes.length, count);
      assert.ok(count < 64 || bytes.subarray(-8).some((byte) => byte !== 0), "up to the end");
      if (isReal) continue;
      assert.equal(deployment.lastRun.calls.filter((name) => name === "crypto_random").length, calls);
    }
  });

  testC("a query cannot sleep", async () => {
    assert.equal((await failure(await open(), "effect:sleeps_in_query")).code, "CapabilityDenied");
  });
});

describe("the run", () => {
  test("lines of all levels reach the log", async () => {
    const deployment = await open();
    await deployment.call("run:logs");
    assert.deepEqual(
      [...deployment.lastRun.logLines].sort(),
      ["[DEBUG] one", "[ERROR] four", "[ERROR] t\"w\"o\n", "[LOG] three 3"]);
  });

  test("a failure has a message, or data too", async () => {
    const { message, data } = await failure(await open(), "run:fails", {});
    assert.deepEqual([message, data], ["a \"message\"", undefined]);
    const told = await failure(await open(), "run:fails", { text: "ü\n" });
    assert.deepEqual([told.message, told.data], ["ü\n", "ü\n"]);
  });

  test("what is left of the limits is told", async () => {
    const { fuel, documents_read } = await once("run:left");
    assert.equal(documents_read, 32000);
    assert.ok(isReal ? fuel > 9.9e9 && fuel < 1e10 : fuel === 1e10, `${fuel}`);
  });

  test("environment variables are read, and one that is not there is none", async () => {
    const deployment = await open();
    const value = "ü \"quoted\" \\ \n".repeat(500);
    await deployment.setEnv({ VALUE: value, EMPTY: "" });
    const read = (name) => deployment.call("run:env", { name });
    assert.deepEqual([await read("VALUE"), await read("EMPTY"), await read("MISSING")], [value, "", null]);
    const { code, message } = await failure(deployment, "run:env", { name: "no name" });
    assert.equal(code, "Failed");
    assert.match(message, /no name/);
  });

  test("who has signed in is told, to those who are called too", async () => {
    const deployment = await open();
    const attributes = {
      issuer: "https://i", subject: "ü \"s\"", emailVerified: true, "properties.id": "1", list: [1, { a: null }],
    };
    deployment.setIdentity(null);
    assert.equal(await deployment.call("run:identity"), null);
    deployment.setIdentity(attributes);
    const wanted = { ...attributes, tokenIdentifier: "https://i|ü \"s\"" };
    assert.deepEqual(await deployment.call("run:identity"), wanted);
    assert.deepEqual(await deployment.call("run:identity_of_called"), wanted);
    deployment.setIdentity(null);
    assert.equal(await deployment.call("run:identity_of_called"), null);
  });

  testC("random bytes are as many as wanted", async () => {
    const bytes = Buffer.from((await once("run:random")).$bytes, "base64");
    assert.equal(bytes.length, 100000);
    assert.ok(bytes.subarray(-8).some((byte) => byte !== 0), "up to the end");
  });

  testC("memory that is not there is a failure", async () => {
    assert.equal((await failure(await open(), "run:hungry")).message, "out of memory");
  });

  testReal("what is internal is not public", async () => {
    const deployment = await open();
    for (const path of ["run:fails", "run:left", inC ? "run:hungry" : "run:panics"]) {
      await assert.rejects(deployment.call(path, {}, { isPublic: true }), /Could not find/);
    }
    assert.notEqual(await deployment.call("run:left"), null);
  });

  testMock("the internal kinds are not public", async () => {
    const internal = (await open()).metadata.functions.filter(({ visibility }) => visibility === "internal");
    assert.deepEqual(
      internal.map(({ path, kind }) => [path, kind]),
      [
        ["call:fails", "mutation"], ["run:fails", "action"], ["run:left", "query"],
        [inC ? "run:hungry" : "run:panics", "mutation"],
      ]);
  });

  testRust("a panic is a trap, with its reason in the log", async () => {
    const deployment = await open();
    assert.equal((await failure(deployment, "run:panics", {})).code, "Trapped");
    assert.match(
      deployment.lastRun.logLines.join(),
      /^\[ERROR\] panicked at .*run\.rs:\d+:\d+: index out of bounds: .*$/);
  });

  /* A replay is what the command's tests do with the real host, where each run has its own order. */
  if (!isReal) testRust("hash maps have an order that a replay repeats", async () => {
    assert.deepEqual(await once("run:hashes"), await once("run:hashes"));
  });
});
