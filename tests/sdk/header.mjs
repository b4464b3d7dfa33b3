/*
 * The examples in the comments of cordon.h are code: they are compiled, as a program that holds them
 * all, and run against the host of host.mjs.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Deployment } from "./host.mjs";

/* The indented lines of a comment, in their order; shell commands are not ours. */
const header = readFileSync("sdk/c/cordon.h", "utf8");
const examples = header
  .match(/\/\*[^]*?\*\//g)
  .flatMap((comment) => comment.match(/(?:^ \* {4}.*\n(?: \*\n(?= \* {4}))*)+/gm) ?? [])
  .map((example) => example.replace(/^ \*(?: {5})?/gm, ""))
  .filter((example) => !example.startsWith("clang-"));

const only = (pattern) => {
  const found = examples.filter((example) => pattern.test(example));
  assert.equal(found.length, 1, `${pattern}`);
  return found[0];
};

const program = only(/CORDON_FUNCTIONS/);
const inTable = (row) => program.replace("CORDON_FUNCTIONS(\n", `CORDON_FUNCTIONS(\n${row}`);
const more = ["newest", "starred", "sum"].map((name) => `CORDON_QUERY("more:${name}", ${name}, CORDON_ANY, CORDON_ANY),\n`);
more.push('CORDON_MUTATION("more:forward", forward, CORDON_ANY, CORDON_ANY),\n');
const source = `${inTable(more.join(""))}
${only(/CORDON_SCHEMA\(/)}
cordon_value *newest(void)
{
${only(/cordon_query_take/)}}

cordon_value *starred(void)
{
    cordon_query *query = cordon_query_table("messages");
${only(/cordon_query_filter/)}    return cordon_query_collect(query);
}

cordon_value *forward(void)
{
${only(/cordon_run_mutation/)}}

cordon_value *sum(void)
{
    double sum = 0;
    cordon_scan *scan = cordon_query_scan(cordon_query_table("payments"));
${only(/cordon_release/)}    return cordon_number(sum);
}
`;

const folders = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

function deploy(text) {
  const folder = mkdtempSync(join(tmpdir(), "cordon-header-"));
  folders.push(folder);
  writeFileSync(join(folder, "program.c"), text);
  const module = join(folder, "program.wasm");
  execFileSync("sh", ["sdk/c/build", folder, module, "-Werror"]);
  return new Deployment(readFileSync(module));
}

let deployment;
before(() => {
  deployment = deploy(source);
});

test("no example is left out", () => assert.equal(examples.length, 8, examples.join("---\n")));

test("each function of the header is called by a test, an example or the header itself", () => {
  const comment = /\/\*[^]*?\*\//g;
  const called = [...examples, ...["tests/sdk/probe_c/probe.c", "examples/messages_c/messages.c"]
    .map((file) => readFileSync(file, "utf8"))].join("\n").match(/\bcordon_\w+/g);
  const declared = header.replace(comment, "").match(/^[^#\n]*?\bcordon_\w+(?=\()/gm).map((line) => line.match(/cordon_\w+$/)[0]);
  const isInner = (name) => name === "cordon_finish_" || name.startsWith("cordon_host_");
  assert.ok(declared.length > 90, `${declared.length}`);
  assert.deepEqual(declared.filter((name) => !called.includes(name) && !isInner(name)), []);
});

test("messages are sent, listed, and found by their author", () => {
  const ids = ["Ada", "Bob", "Ada"].map((author) => deployment.call("messages:send", { author, body: "hi" }));
  const idsOf = (path, args) => deployment.call(path, args).map(({ _id }) => _id);
  assert.deepEqual(idsOf("messages:list"), ids);
  assert.deepEqual(idsOf("more:newest", { author: "Ada" }), [ids[2], ids[0]]);
});

test("a filter leaves out what it says", () => {
  for (const stars of [3, 4]) deployment.store.insert("messages", { author: "Eve", body: "", stars });
  assert.deepEqual(deployment.call("more:starred").map(({ stars }) => stars), [4]);
});

test("a call of another function has its value, or a failure that is handled", () => {
  const message = { author: "Fay", body: "forwarded" };
  const id = deployment.call("more:forward", message);
  assert.equal(deployment.call("messages:list").at(-1)._id, id);
  assert.equal(deployment.call("more:forward", { ...message, body: 1 }), null);
  assert.match(deployment.lastRun.logLines.join(), /^\[WARN\] .*body/);
});

test("a long walk sums up", () => {
  for (let amount = 0; amount < 100; amount++) deployment.store.insert("payments", { amount });
  assert.equal(deployment.call("more:sum"), 4950);
});

test("a schema may have tables without indexes, and documents that are not checked", () => {
  const { schema } = deploy(`#include "cordon.h"
    CORDON_SCHEMA_OF_INDEXES(
        CORDON_TABLE("rooms", CORDON_ANY),
        CORDON_TABLE("places", CORDON_ANY,
            CORDON_INDEX("by_room", "room", "stars"),
            CORDON_INDEX("by_city", "address.city")),
        CORDON_TABLE_WITH_STAGED("users", CORDON_OBJECT(CORDON_FIELD("name", CORDON_STRING)),
            CORDON_STAGED(CORDON_INDEX("by_name", "name", "age"), CORDON_INDEX("by_age", "age"))),
        ${only(/CORDON_TABLE_WITH_STAGED/)})
    CORDON_FUNCTIONS(CORDON_QUERY("a:b", nothing, CORDON_NO_ARGS, CORDON_NULL))
    cordon_value *nothing(void)
    {
        return NULL;
    }`);
  const list = (indexes) =>
    Object.entries(indexes).map(([indexDescriptor, fields]) => ({ indexDescriptor, fields }));
  const table = (tableName, indexes, staged, documentType = { type: "any" }) => ({
    tableName,
    indexes: list(indexes),
    ...(staged && { stagedDbIndexes: list(staged) }),
    searchIndexes: [],
    vectorIndexes: [],
    documentType,
  });
  const user = { type: "object", value: { name: { fieldType: { type: "string" }, optional: false } } };
  assert.deepEqual(schema, {
    tables: [
      table("rooms", {}),
      table("places", { by_room: ["room", "stars"], by_city: ["address.city"] }),
      table("users", {}, { by_name: ["name", "age"], by_age: ["age"] }, user),
      table("messages", { by_author: ["author"] }, { by_stars: ["stars", "author"] }),
    ],
    schemaValidation: false,
  });
});
