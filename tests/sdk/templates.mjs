/*
 * The templates of `cordon new` are copies of a few things; here is what must not come apart.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (path) => readFileSync(path, "utf8");

/* The crates of a lock file that come from the registry, with their versions and checksums. */
const registryCrates = (path) =>
  read(path).split("[[package]]\n").filter((entry) => entry.includes("\nsource = ")).map((entry) => entry.trim());

test("a new project has the versions of crates that the SDK is tested with", () => {
  const crates = registryCrates("sdk/rust/Cargo.lock");
  assert.ok(crates.length > 0);
  assert.deepEqual(registryCrates("sdk/templates/rust/Cargo.lock"), crates);
});

test("it is compiled as the examples are", () => {
  const profile = (path) => {
    const [, text] = read(path).split("[profile.release]\n");
    assert.ok(text, path);
    return text.trim();
  };
  assert.equal(profile("sdk/templates/rust/Cargo.toml"), profile("sdk/rust/Cargo.toml"));
  const flags = ".cargo/config.toml";
  assert.equal(read(`sdk/templates/rust/${flags}`), read(`examples/messages_rust/${flags}`));
});

test("what to install is said in the same words where it is written and where it is printed", () => {
  for (const language of ["c", "rust"]) {
    const lines = read(`sdk/${language}/build`).match(/^ {4}(sudo apt-get install|rustup target add) .*$/gm);
    assert.ok(lines, language);
    for (const line of lines) {
      const written = line.replace("$target", "wasm32-wasip1");
      assert.ok(read(`sdk/templates/${language}/README.md`).includes(`${written}\n`), written);
    }
  }
});

test("one command builds it", () => {
  for (const language of ["c", "rust"]) {
    const [, commands] = read(`sdk/templates/${language}/README.md`).match(/```sh\n([^]*?)```/);
    assert.equal(commands.split("\n")[0], "sh build");
  }
});
