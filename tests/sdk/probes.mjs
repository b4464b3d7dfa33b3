/*
 * What the SDKs promise, seen from outside through the functions of probe_c and probe_rust: values and
 * their JSON, the database, the run, and how each kind of failure ends. They have most functions in
 * common; what only one of them has is tested for that one.
 *
 *     node probes.mjs c|rust PROBE.wasm
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Deployment, GuestFailure } from "./host.mjs";

const language = process.argv[2];
assert.ok(["c", "rust"].includes(language), "usage: node probes.mjs c|rust PROBE.wasm");
const inC = language === "c";
const testC = inC ? test : () => {};
const testRust = inC ? () => {} : test;
const bytes = readFileSync(process.argv[3]);
const open = () => new Deployment(bytes);

function failure(deployment, path, args) {
  try {
    deployment.call(path, args);
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
    "": { "": {}, "n\"ame": [] },
    deep: JSON.parse(nested(60)),
    long: Array.from({ length: 5000 }, (_, i) => i),
  };
  for (const path of inC ? ["values:same", "values:rebuild"] : ["values:same"]) {
    test(`${path}: all come back as they went`, () => {
      assert.deepEqual(open().call(path, values), values);
    });
    testC(`${path}: the order of fields is kept`, () => {
      const fields = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${(i * 7) % 50}`, i]));
      assert.deepEqual(Object.keys(open().call(path, fields)), Object.keys(fields));
    });
  }

  test("numbers of all sizes are read and written exactly", () => {
    const bits = new BigUint64Array(1);
    const numbers = [];
    for (let i = 0n; numbers.length < 2000; i++) {
      bits[0] = (i * 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
      const number = new Float64Array(bits.buffer)[0];
      if (Number.isFinite(number)) numbers.push(number, Math.fround(number % 1e6), Math.round(number % 1e9) / 1000);
    }
    const args = { numbers: numbers.map((number) => (Number.isFinite(number) && !Object.is(number, -0) ? number : 0)) };
    assert.deepEqual(open().call(inC ? "values:rebuild" : "values:same", args), args);
  });

  testC("fields are replaced in place and removed", () => {
    const names = [0, 3, 6, 9, 12, 15, 18];
    assert.deepEqual(
      Object.entries(open().call("values:edit")),
      names.map((i) => [`field${i}`, integer(BigInt(i))]));
  });

  test("JSON is read as it is written", () => {
    const deployment = open();
    for (const [json, printed] of [
      [" { \"a\" : [ 1 , true ] }\n", '{"a":[1,true]}'],
      ['"\\u00fc\\ud834\\udd1e\\/"', '"ü𝄞/"'],
      ["-0", JSON.stringify(float(-0))], ["1.50", inC ? "1.50" : "1.5"], ["1e2", inC ? "1e2" : "100"],
      [nested(80), nested(80)],
    ]) {
      assert.equal(deployment.call("values:parse", { json }), printed);
    }
  });

  test("what is no value is not read", () => {
    const deployment = open();
    for (const json of [
      "", " ", "nul", "truefalse", "01", "+1", "1.", ".5", "1e", "--1", "1e999", "NaN", "\"", "\"\n\"",
      '"\\x"', '"\\u12"', '"\\ud800"', '"\\udc00"', '"\\ud800\\u0041"', '"\\', "[", "[1", "[1,", "[1,]", "[1 2]",
      "]", "{", '{"a"', '{"a":', '{"a":1', '{"a":1,}', '{"a" 1}', "{1:1}", "1 2", '{"a":1,"a":2}', nested(81),
      "[".repeat(100_000), '{"$integer":"KgAAAAAAAA=="}', '{"$integer":42}', '{"$integer":"KgAAAAAAAAA=","a":1}',
      '{"$float":"AAAAAAAA8D8="}', '{"$bytes":"AP8"}', '{"$bytes":"AP9="}', '{"$bytes":"===="}',
      '{"$other":"AP8="}', '{"a":1,"$b":2}',
    ]) {
      assert.equal(deployment.call("values:parse", { json }), null, json.slice(0, 40));
    }
  });

  testC("a value of another type ends the run, and says so", () => {
    for (const [number, found] of [["1", "a string"], [null, "null"], [true, "a boolean"], [[], "an array"], [{}, "an object"], [integer(1n), "an Int64"]]) {
      assert.equal(failure(open(), "values:wrong", { number }).message, `expected a number, found ${found}`);
    }
    assert.equal(failure(open(), "values:wrong", {}).message, "expected a number, found nothing");
  });
});

describe("the database", () => {
  const withThings = (count) => {
    const deployment = open();
    const ids = Array.from({ length: count }, (_, n) => deployment.call("db:insert", { n }));
    return { deployment, ids };
  };

  test("documents are written, read and removed", () => {
    const deployment = open();
    const id = deployment.call("db:insert", { a: 1, b: "x" });
    const { _id, _creationTime } = deployment.call("db:get", { id });
    const system = { _id, _creationTime };
    assert.equal(_id, id);
    assert.deepEqual(deployment.call("db:patch", { id, fields: { b: "y" } }), { ...system, a: 1, b: "y" });
    assert.deepEqual(deployment.call("db:forget", { id }), { ...system, b: "y" });
    assert.deepEqual(deployment.call("db:replace", { id, fields: { c: [] } }), { ...system, c: [] });
    assert.deepEqual(deployment.call("db:get", { id }), { ...system, c: [] });
    assert.deepEqual(deployment.call("db:delete", { id }), { ...system, c: [] });
    assert.equal(deployment.call("db:get", { id }), null);
  });

  test("a refusal ends the run, unless it is asked for", () => {
    const deployment = open();
    for (const [path, args] of [["db:delete", {}], ["db:patch", { fields: {} }], ["db:replace", { fields: {} }]]) {
      const { code, message } = failure(deployment, path, { id: "things|404", ...args });
      assert.equal(code, "Failed");
      assert.match(message, /nonexistent document/);
    }
    const { code, done } = deployment.call("db:refused");
    assert.deepEqual([code, done], ["NonexistentDocument", false]);
  });

  test("a walk goes either way, up to its limit, and ends early", () => {
    const { deployment, ids } = withThings(5);
    assert.deepEqual(deployment.call("db:newest", { count: 2 }), [ids[4], ids[3]]);
    assert.deepEqual(deployment.call("db:newest", { count: 9 }), [...ids].reverse());
    assert.deepEqual(deployment.call("db:newest", { count: 0 }), []);
    assert.equal(deployment.call("db:stopped"), null);
    assert.deepEqual(deployment.lastRun.calls.filter((name) => name === "1.0/queryCleanup"), ["1.0/queryCleanup"]);
  });

  test("a long walk needs little memory", () => {
    const deployment = open();
    for (let n = 0; n < 3000; n++) deployment.store.insert("things", { n, filler: "x".repeat(1000) });
    assert.equal(deployment.call("db:sum"), (2999 * 3000) / 2);
    assert.ok(deployment.lastRun.memoryBytes <= 256 * 1024, `${deployment.lastRun.memoryBytes} bytes`);
  });

  testC("a query cannot write", () => {
    assert.equal(failure(open(), "db:writes").code, "CapabilityDenied");
  });
});

describe("effects", () => {
  test("an action sleeps for as long as it says", () => {
    for (const ms of [0, 1, 50, 2147483647]) {
      const deployment = open();
      assert.equal(deployment.call("effect:sleeps", { ms }), ms);
      assert.ok(deployment.lastRun.calls.includes("sleep"));
    }
  });

  test("a sleep that is too long is refused", () => {
    const { code, message } = failure(open(), "effect:sleeps", { ms: 2147483648 });
    assert.equal(code, "Failed");
    assert.match(message, /Invalid argument `ms`/);
  });

  test("an action draws as many bytes as it wants, in calls of 64 KiB", () => {
    for (const [count, calls] of [[0, 0], [1, 1], [65536, 1], [65537, 2], [200000, 4]]) {
      const deployment = open();
      const { $bytes } = deployment.call("effect:draws", { count });
      const bytes = Buffer.from($bytes, "base64");
      assert.equal(bytes.length, count);
      assert.ok(count < 2 || bytes.subarray(-2).some((byte) => byte !== 0), "up to the end");
      assert.equal(deployment.lastRun.calls.filter((name) => name === "crypto_random").length, calls);
    }
  });

  testC("a query cannot sleep", () => {
    assert.equal(failure(open(), "effect:sleeps_in_query").code, "CapabilityDenied");
  });
});

describe("the run", () => {
  test("lines of all levels reach the log", () => {
    const deployment = open();
    deployment.call("run:logs");
    assert.deepEqual(
      [...deployment.lastRun.logLines].sort(),
      ["[DEBUG] one", "[ERROR] four", "[ERROR] t\"w\"o\n", "[LOG] three 3"]);
  });

  test("a failure has a message, or data too", () => {
    const { message, data } = failure(open(), "run:fails", {});
    assert.deepEqual([message, data], ["a \"message\"", undefined]);
    const told = failure(open(), "run:fails", { text: "ü\n" });
    assert.deepEqual([told.message, told.data], ["ü\n", "ü\n"]);
  });

  test("what is left of the limits is told", () => {
    assert.deepEqual(open().call("run:left"), { fuel: 1e10, documents_read: 32000 });
  });

  testC("memory that is not there is a failure", () => {
    assert.equal(failure(open(), "run:hungry").message, "out of memory");
  });

  test("the internal kinds are not public", () => {
    const internal = open().metadata.functions.filter(({ visibility }) => visibility === "internal");
    assert.deepEqual(
      internal.map(({ path, kind }) => [path, kind]),
      [["run:fails", "action"], ["run:left", "query"], [inC ? "run:hungry" : "run:panics", "mutation"]]);
  });

  testRust("a panic is a trap, with its reason in the log", () => {
    const deployment = open();
    assert.equal(failure(deployment, "run:panics", {}).code, "Trapped");
    assert.match(
      deployment.lastRun.logLines.join(),
      /^\[ERROR\] panicked at .*run\.rs:\d+:\d+: index out of bounds: .*$/);
  });

  testRust("hash maps have an order that a replay repeats", () => {
    assert.deepEqual(open().call("run:hashes"), open().call("run:hashes"));
  });
});
