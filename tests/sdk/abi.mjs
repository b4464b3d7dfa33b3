/*
 * sdk/abi.md is the contract: whoever reads only it writes a guest. So its tables must say of each
 * host call what the host's own table says, and the guest it shows must run.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Deployment } from "./host.mjs";
import { customSection } from "../support/wasm.mjs";

const page = readFileSync("sdk/abi.md", "utf8");
const WASI = "wasi_snapshot_preview1";
const DATABASE = ["convex/db-read", "convex/db-write"];
const UNITS = { KIB: 2 ** 10, MIB: 2 ** 20, KiB: 2 ** 10, MiB: 2 ** 20 };

/* "64 * KIB" or "64 KiB"; Infinity for a call without a cap. */
function bytesOf(text) {
  if (["UINT32_MAX", "none"].includes(text)) return Infinity;
  const [, count, unit] = text.match(/^(\d+)[ *]*([KM]iB|[KM]IB)?$/i);
  return Number(count) * (unit ? UNITS[unit] : 1);
}

/* The list of src/host/table.c, by "module name". */
function hostCalls() {
  const source = readFileSync("src/host/table.c", "utf8").replace(/\\\n\s*/g, " ");
  const list = source.slice(source.indexOf("#define HOST_IMPORTS(X)")).split("\n")[0];
  const calls = new Map();
  for (const [, row] of list.matchAll(/X\(([^)]*)\)/g)) {
    const [, , module, name, params, result, , , importPhase, , , cap] =
      row.split(",").map((cell) => cell.trim());
    const at = module === "WASI" ? WASI : JSON.parse(module);
    calls.set(`${at} ${JSON.parse(name)}`, {
      type: typeOf(JSON.parse(params), JSON.parse(result)),
      importPhase: importPhase === "true",
      cap: bytesOf(cap),
    });
  }
  return calls;
}

function typeOf(params, result) {
  const name = (letter) => ({ i: "i32", I: "i64" })[letter];
  return `(${[...params].map(name).join(", ")}) -> ${result ? name(result) : "()"}`;
}

/* The rows of the tables below a heading that starts with a name of a call. */
function pageRows(heading) {
  const start = page.indexOf(`\n## ${heading}`);
  assert.notEqual(start, -1, heading);
  const section = page.slice(start + 1).split("\n## ")[0];
  return section.split("\n").filter((line) => line.startsWith("| `"))
    .map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim().replace(/^`(.*)`$/, "$1")));
}

const plain = (type) => type.replace(/\b(ptr|len) /g, "");

function pageCalls() {
  const calls = new Map();
  for (const [name, type, , importPhase, cap] of pageRows("5. `convex/core`")) {
    calls.set(`convex/core ${name}`, { type, importPhase: importPhase === "yes", cap });
  }
  DATABASE.forEach((module, i) => {
    for (const [name, , , cap] of pageRows(`${6 + i}. \`${module}\``)) {
      calls.set(`${module} ${name}`, { type: "(i32, i32) -> i64", importPhase: false, cap });
    }
  });
  for (const [name, , , cap] of pageRows("8. `convex/run`")) {
    calls.set(`convex/run ${name}`, { type: "(i32, i32) -> i64", importPhase: false, cap });
  }
  for (const [name, , , cap] of pageRows("9. `convex/effect`")) {
    calls.set(`convex/effect ${name}`, { type: "(i32, i32) -> i64", importPhase: false, cap });
  }
  for (const [first, second, ...rest] of pageRows("10. `env` and WASI")) {
    if (first === "env") {
      calls.set(`env ${second}`, { type: rest[0], importPhase: rest[2] === "yes", cap: rest[3] });
    } else {
      calls.set(`${WASI} ${first}`, { type: second, importPhase: true });
    }
  }
  return calls;
}

test("each call of the host is on the page, with its type, its phase and its cap", () => {
  const host = hostCalls();
  const onPage = pageCalls();
  assert.ok(host.size > 30, `${host.size} rows in src/host/table.c`);
  assert.deepEqual([...onPage.keys()].sort(), [...host.keys()].sort());
  for (const [name, { type, importPhase, cap }] of onPage) {
    const inHost = host.get(name);
    assert.equal(plain(type), inHost.type, name);
    assert.equal(importPhase, inHost.importPhase, `${name} in the import phase`);
    if (cap) assert.equal(bytesOf(cap), inHost.cap, `cap of ${name}`);
  }
});

test("the whole guest runs", () => {
  const guest = page.match(/```wat\n([^]*?)```/)[1];
  const metadata = guest.match(/\(@custom "convex\.functions"\s+"([^]*?)"\)/);
  const folder = mkdtempSync(join(tmpdir(), "cordon-abi-"));
  try {
    const [text, module] = [join(folder, "guest.wat"), join(folder, "guest.wasm")];
    writeFileSync(text, guest.replace(metadata[0], ""));
    execFileSync("wat2wasm", [text, "-o", module]);
    const bytes = Buffer.concat([
      readFileSync(module), customSection("convex.functions", metadata[1].replaceAll("\\22", '"'))]);
    const deployment = new Deployment(bytes);
    const value = { name: "echo", list: [1, null, { deep: "ü" }] };
    assert.deepEqual(deployment.call("echo:echo", value), value);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
