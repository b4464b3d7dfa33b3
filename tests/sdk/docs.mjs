/*
 * The examples in the comments of the Rust SDK are code: the crate's own tests compile them, but there
 * is no host where those run. Here all that have functions become one module, which is run against the
 * host of host.mjs. Each is a module of its own, such as `lib_1`, and its functions are called by that.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { Deployment, GuestFailure } from "./host.mjs";

const sources = "sdk/rust/cordon/src";

/* The blocks of a file that are compiled and not marked to fail, without the marks of hidden lines. */
function blocksOf(file) {
  const comments = readFileSync(join(sources, file), "utf8")
    .split("\n").map((line) => line.match(/^ *\/\/[/!] ?(.*)$/)?.[1] ?? "").join("\n");
  return [...comments.matchAll(/^```(.*)\n([^]*?)^```$/gm)].filter(([, mark]) => mark === "")
    .map(([, , block]) => block.replace(/^#( |$)/gm, "").replace("fn main() {}\n", ""));
}

const FUNCTION = /^ *#\[(?:internal_)?(?:query|mutation|action)\]\n *(?:pub )?fn (\w+)/gm;
const TABLE = /#\[cordon::table\(.*\n#\[index\(.*\npub struct (\w+)/g;

/* What a block lists in a macro, which is taken out; else what it has at its own level. */
function take(block, macro, pattern) {
  const list = new RegExp(`^cordon::${macro}!\\[([^\\]]*)\\];\n`, "m");
  const names = block.match(list)?.[1].split(",").map((name) => name.trim());
  return { names: names ?? [...block.matchAll(pattern)].map(([, name]) => name), rest: block.replace(list, "") };
}

const modules = readdirSync(sources).filter((file) => file.endsWith(".rs")).sort().flatMap((file) =>
  blocksOf(file).filter((block) => /#\[(query|mutation|action)\]/.test(block)).map((block, i) => {
    const name = `${file.replace(".rs", "")}_${i + 1}`;
    const functions = take(block, "functions", FUNCTION);
    const tables = take(functions.rest, "schema", TABLE);
    const at = (path) => `${name}::${path}`;
    const text = tables.rest.replace(/^(fn|mod|struct) /gm, "pub $1 ");
    return { name, text, functions: functions.names.map(at), tables: tables.names.map(at) };
  }));

const all = (key) => modules.flatMap((module) => module[key]).join(",\n    ");
const program = `#![allow(dead_code)]

${modules.map(({ name, text }) => `mod ${name} {\n${text}}\n`).join("\n")}
cordon::schema![
    ${all("tables")},
];

cordon::functions![
    ${all("functions")},
];
`;

const folder = mkdtempSync(join(tmpdir(), "cordon-docs-"));
after(() => rmSync(folder, { recursive: true }));

let deployment;
before(() => {
  const template = "sdk/templates/rust";
  for (const part of [".cargo", "Cargo.lock", "src"]) cpSync(join(template, part), join(folder, part), { recursive: true });
  const manifest = readFileSync(join(template, "Cargo.toml"), "utf8");
  writeFileSync(join(folder, "Cargo.toml"), manifest.replace("sdk/cordon", resolve("sdk/rust/cordon")));
  writeFileSync(join(folder, "src/lib.rs"), program);
  const output = join(folder, "docs.wasm");
  execFileSync("sh", ["sdk/rust/build", folder, output, "--locked"], { stdio: ["ignore", "ignore", "inherit"] });
  deployment = new Deployment(readFileSync(output));
});

test("no example is left out", () => {
  const names = ["context_1", "context_2", "effect_1", "lib_1", "lib_2", "lib_3", "query_1", "query_2"];
  assert.deepEqual(modules.map(({ name }) => name), names);
});

test("messages are sent and listed", () => {
  const id = deployment.call("lib_1/messages:send", { author: "Ada", body: "hi" });
  assert.deepEqual(deployment.call("lib_1/messages:list").map(({ _id, body }) => [_id, body]), [[id, "hi"]]);
});

test("an index knows who is best", () => {
  const best = (team) => deployment.call("lib_2/users:best", { team })?.name ?? null;
  assert.equal(best("red"), null);
  for (const [name, team, score] of [["Ada", "red", 2], ["Bob", "red", 3], ["Eve", "blue", 9]]) {
    deployment.store.insert("users", { name, team, score });
  }
  assert.deepEqual([best("red"), best("blue")], ["Bob", "Eve"]);
});

test("a transfer is both entries, or none", () => {
  const transfer = (amount) => deployment.call("lib_3/ledger:transfer", { from: "a", to: "b", amount });
  const entries = () => [...(deployment.store.tables.get("entries")?.values() ?? [])];
  assert.equal(transfer(100), false);
  assert.deepEqual(entries().map(({ account, amount }) => [account, amount]), [["a", -100], ["b", 100]]);
  assert.throws(() => transfer(101), (error) => error instanceof GuestFailure && error.data === "too much at once");
  assert.equal(entries().length, 2);
});

test("an author's newest messages with a star", () => {
  for (const stars of [0, 1, 2, 0, 3, 4]) deployment.store.insert("messages", { author: "Fay", body: "", stars });
  const starred = deployment.call("query_1:starred", { author: "Fay" });
  assert.deepEqual(starred.map(({ stars }) => stars), [4, 3, 2]);
});

test("pages follow each other", () => {
  const page = (cursor) => deployment.call("query_2:page", { paginationOpts: { numItems: 1, cursor } });
  const first = page(null);
  assert.deepEqual([first.page.length, first.isDone], [1, false]);
  assert.notEqual(page(first.continueCursor).page[0]._id, first.page[0]._id);
});

test("a key is drawn", () => {
  assert.equal(Buffer.from(deployment.call("effect_1:new_key").$bytes, "base64").length, 32);
});

test("a greeting is a setting of the deployment", () => {
  assert.equal(deployment.call("context_1:greeting"), "hello");
  deployment.setEnv({ GREETING: "moin" });
  assert.equal(deployment.call("context_1:greeting"), "moin");
});

test("who has signed in is greeted, and nobody else", () => {
  assert.throws(() => deployment.call("context_2:greeting"), ({ data }) => data === "not signed in");
  deployment.setIdentity({ issuer: "https://i", subject: "ada" });
  assert.equal(deployment.call("context_2:greeting"), "hello, you");
  deployment.setIdentity({ issuer: "https://i", subject: "ada", name: "Ada" });
  assert.equal(deployment.call("context_2:greeting"), "hello, Ada");
});
