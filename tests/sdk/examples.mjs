/*
 * The examples in C and in Rust, against the host of host.mjs: the same functions give the same
 * answers, and the modules are as small and as readable for debuggers as they are meant to be.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Deployment, GuestFailure } from "./host.mjs";

const examples = join(process.env.CORDON_BUILD_DIR ?? "build", "examples");
const MESSAGE = { author: "Ada", body: "a \"quoted\" \\ line\n\u0000 ü 𝄞" };

/* Every host call that one of the two makes; a new one is a decision, not an accident. */
const MAY_IMPORT = new Set([
  "convex/core env_get", "convex/core fail", "convex/core input_read", "convex/core now_ms", "convex/core output_write",
  "convex/core random_fill", "convex/core reply_read",
  "convex/db-read 1.0/queryCleanup", "convex/db-read 1.0/queryPage", "convex/db-read 1.0/queryStream",
  "convex/db-read 1.0/queryStreamNext",
  "convex/db-write 1.0/insert", "convex/db-write 1.0/replace", "convex/db-write 1.0/shallowMerge",
  "convex/run 1.0/actions/action", "convex/run 1.0/actions/mutation", "convex/run 1.0/actions/query",
  "convex/run 1.0/runUdf",
  "wasi_snapshot_preview1 fd_close", "wasi_snapshot_preview1 fd_seek",
  "wasi_snapshot_preview1 fd_write",
]);

const field = (fieldType) => ({ fieldType: { type: fieldType }, optional: false });
const table = (tableName, index, indexed, value) => ({
  tableName,
  indexes: [{ indexDescriptor: index, fields: [indexed] }],
  searchIndexes: [],
  vectorIndexes: [],
  documentType: { type: "object", value },
});
const SCHEMA = {
  tables: [
    table("messages", "by_author", "author", { author: field("string"), body: field("string") }),
    table("counters", "by_name", "name", { name: field("string"), value: field("number") }),
  ],
  schemaValidation: true,
};

const FUNCTIONS = [
  ["calls:act", "action", { author: "string", body: "string" }, "object"],
  ["calls:count", "query", { author: "string" }, "number"],
  ["calls:depth", "query", {}, "number"],
  ["calls:fail", "mutation", { author: "string", body: "string" }, "null"],
  ["calls:send", "mutation", { author: "string", body: "string" }, "object"],
  ["counters:add", "mutation", { name: "string", by: "number" }, "number"],
  ["echo:env", "query", { name: "string" }, "union"],
  ["echo:now", "action", {}, "object"],
  ["math:fib", "query", { n: "number" }, "number"],
  ["messages:by_author", "query", { author: "string" }, "array"],
  ["messages:fail", "mutation", { author: "string", body: "string" }, "null"],
  ["messages:list", "query", {}, "array"],
  ["messages:page", "query", { paginationOpts: "object" }, "object"],
  ["messages:send", "mutation", { author: "string", body: "string" }, "id"],
  ["noop:noop", "query", {}, "null"],
];

function fails(deployment, path, args, expected) {
  assert.throws(() => deployment.call(path, args), (error) => {
    assert.ok(error instanceof GuestFailure, error.stack);
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(error[name], value);
    return true;
  });
}

for (const language of ["c", "rust"]) {
  const bytes = readFileSync(join(examples, `messages_${language}.wasm`));
  const open = () => new Deployment(bytes);

  describe(language, () => {
    test("has its functions, described", () => {
      const rows = open().metadata.functions.map(({ path, kind, visibility, args, returns }) => {
        assert.equal(visibility, "public");
        const fields = Object.entries(args.value).map(([name, { fieldType, optional }]) => {
          assert.equal(optional, false);
          return [name, fieldType.type];
        });
        return [path, kind, Object.fromEntries(fields), returns.type];
      });
      assert.deepEqual(rows.sort(), FUNCTIONS);
    });

    test("has a schema", () => {
      assert.deepEqual(open().schema, SCHEMA);
    });

    test("what an author wrote, the newest first", () => {
      const deployment = open();
      const [ada, bob] = ["Ada", "Bob"];
      for (const [author, body] of [[ada, "1"], [bob, "2"], [ada, "3"], ["Ad", "4"], ["Ada ", "5"]]) {
        deployment.call("messages:send", { author, body });
      }
      const bodiesOf = (author) => deployment.call("messages:by_author", { author }).map(({ body }) => body);
      assert.deepEqual(bodiesOf(ada), ["3", "1"]);
      assert.deepEqual(bodiesOf(bob), ["2"]);
      assert.deepEqual(bodiesOf("Eve"), []);
    });

    test("messages come in pages, the newest first", () => {
      const deployment = open();
      for (let i = 0; i < 5; i++) deployment.call("messages:send", { author: "Ada", body: `${i}` });
      const pages = [];
      for (let cursor = null, isDone = false; !isDone;) {
        const paginationOpts = { numItems: 2, cursor, id: 7 };
        const result = deployment.call("messages:page", { paginationOpts });
        pages.push(result.page.map(({ body }) => body));
        ({ isDone, continueCursor: cursor } = result);
      }
      assert.deepEqual(pages, [["4", "3"], ["2", "1"], ["0"]]);
    });

    test("messages are sent and listed, oldest first", () => {
      const deployment = open();
      assert.deepEqual(deployment.call("messages:list"), []);
      const first = deployment.call("messages:send", MESSAGE);
      const second = deployment.call("messages:send", { author: "Bob", body: "" });
      const list = deployment.call("messages:list");
      assert.deepEqual(list.map(({ _id }) => _id), [first, second]);
      const { _id, _creationTime, ...fields } = list[0];
      assert.deepEqual(fields, MESSAGE);
      assert.equal(_creationTime, deployment.store.tables.get("messages").get(first)._creationTime);
    });

    test("a long list arrives whole", () => {
      const deployment = open();
      for (let i = 0; i < 500; i++) {
        deployment.store.insert("messages", { author: `${i}`, body: "x".repeat(i) });
      }
      const stored = [...deployment.store.tables.get("messages").values()];
      assert.deepEqual(deployment.call("messages:list"), stored);
    });

    test("a failure has its data, and leaves nothing", () => {
      const deployment = open();
      fails(deployment, "messages:fail", MESSAGE, { code: "Failed", data: { code: "refused" } });
      assert.ok(deployment.lastRun.calls.includes("1.0/insert"));
      assert.deepEqual(deployment.call("messages:list"), []);
    });

    test("fib computes", () => {
      for (const [n, value] of [[0, 0], [1, 1], [2, 1], [10, 55], [20, 6765]]) {
        assert.equal(open().call("math:fib", { n }), value);
      }
      for (const n of [-1, 1.5, 4294967296, { $float: "AAAAAAAA8H8=" }]) {
        fails(open(), "math:fib", { n }, { code: "Failed" });
      }
    });

    test("the stack ends in a trap", () => {
      fails(open(), "math:fib", { n: 4294967295 }, { code: "Trapped" });
    });

    test("the clock and the dice are the host's", () => {
      const { now, random, ...rest } = open().call("echo:now");
      assert.deepEqual([now, rest], [1_732_541_000_000, {}]);
      assert.ok(random >= 0 && random < 1);
      assert.equal(open().call("echo:now").random, random);
    });

    test("an environment variable is the host's", () => {
      const deployment = open();
      deployment.setEnv({ GREETING: "ü \"quoted\"\n", EMPTY: "" });
      const read = (name) => deployment.call("echo:env", { name });
      assert.deepEqual(["GREETING", "EMPTY", "MISSING"].map(read), ["ü \"quoted\"\n", "", null]);
      fails(deployment, "echo:env", { name: "no name" }, { code: "Failed" });
    });

    test("a counter is made at its first use", () => {
      const deployment = open();
      const calls = [["a", 2, 2], ["b", 0.5, 0.5], ["a", -3, -1], ["b", 1e300, 1e300]];
      for (const [name, by, value] of calls) {
        assert.equal(deployment.call("counters:add", { name, by }), value);
      }
      const counters = [...deployment.store.tables.get("counters").values()];
      assert.deepEqual(counters.map(({ name, value }) => [name, value]), [["a", -1], ["b", 1e300]]);
    });

    const bodies = (deployment) => deployment.call("messages:list").map(({ body }) => body);

    test("a query calls a query", () => {
      const deployment = open();
      for (const author of ["Ada", "Bob", "Ada"]) deployment.call("messages:send", { author, body: "" });
      assert.equal(deployment.call("calls:count", { author: "Ada" }), 2);
      assert.deepEqual(deployment.lastRun.calls.filter((name) => name.startsWith("1.0/")), ["1.0/runUdf"]);
    });

    test("a failure that is handled takes back what that call wrote, and no more", () => {
      const deployment = open();
      deployment.call("messages:send", { author: "Bob", body: "before" });
      const { sent, refused } = deployment.call("calls:send", { author: "Ada", body: "sent" });
      assert.equal(refused, "refused");
      const list = deployment.call("messages:list");
      assert.deepEqual(list.map(({ body }) => body), ["before", "sent"]);
      assert.equal(list[1]._id, sent);
    });

    test("one that is not takes all, and has the data of the one that failed", () => {
      const deployment = open();
      fails(deployment, "calls:fail", MESSAGE, { code: "Failed", data: { code: "refused" } });
      assert.deepEqual(deployment.lastRun.calls.filter((name) => name === "1.0/runUdf").length, 2);
      assert.deepEqual(bodies(deployment), []);
    });

    test("an action calls functions of all kinds, one after the other", () => {
      const deployment = open();
      for (const count of [1, 2]) {
        const { sent, ...rest } = deployment.call("calls:act", MESSAGE);
        assert.deepEqual(rest, { count, now: 1_732_541_000_000 });
        assert.equal(deployment.call("messages:list").at(-1)._id, sent);
      }
    });

    test("calls nest as deep as the limit says", () => {
      assert.equal(open().call("calls:depth"), 8);
    });

    test("doing nothing calls nothing", () => {
      const deployment = open();
      assert.equal(deployment.call("noop:noop"), null);
      assert.deepEqual(deployment.lastRun.calls, []);
    });

    test("imports what it needs", () => {
      const imports = WebAssembly.Module.imports(open().module);
      for (const { module, name } of imports) {
        assert.ok(MAY_IMPORT.has(`${module} ${name}`), `${module} ${name}`);
      }
    });

    test("its stack and its data lie in the first 256 KiB", () => {
      const deployment = open();
      deployment.call("noop:noop");
      assert.ok(deployment.lastRun.memoryBytes <= 256 * 1024, `${deployment.lastRun.memoryBytes}`);
      deployment.call("messages:send", MESSAGE);
      assert.ok(deployment.lastRun.memoryBytes <= 256 * 1024, `${deployment.lastRun.memoryBytes}`);
    });

    test("keeps names and lines, and no path of this machine", () => {
      for (const section of ["name", ".debug_line", ".debug_info"]) {
        const found = WebAssembly.Module.customSections(open().module, section);
        assert.equal(found.length, 1, section);
        assert.ok(found[0].byteLength > 0, section);
      }
      for (const path of [process.cwd(), process.env.HOME, process.env.CORDON_CACHE]) {
        if (path && path !== "/") assert.ok(!bytes.includes(path), path);
      }
    });
  });
}
