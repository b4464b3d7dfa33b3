/*
 * The scripts that build a module: the same sources give the same bytes wherever they lie, and what is
 * kept between builds never puts one project's module in another's place.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";

const scratch = mkdtempSync(join(tmpdir(), "cordon-build-"));
after(() => rmSync(scratch, { recursive: true }));

/* Settings as the examples', so that they share a standard library. */
const [, PROFILE] = readFileSync("sdk/rust/Cargo.toml", "utf8").split("[profile.release]\n");
const FLAGS = readFileSync("examples/messages_rust/.cargo/config.toml");
const CARGO_TOML = `[package]
name = "one_name_for_two"
version = "0.1.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]

[workspace]

[profile.release]
${PROFILE}`;

/* Writes a project whose only function returns `answer`. */
const PROJECTS = {
  c(folder, answer) {
    mkdirSync(folder, { recursive: true });
    const declaration = '__attribute__((export_name("answer"))) int answer(void);';
    const definition = `int answer(void)\n{\n    return ${answer};\n}\n`;
    writeFileSync(join(folder, "answer.c"), `${declaration}\n\n${definition}`);
  },
  rust(folder, answer) {
    mkdirSync(join(folder, "src"), { recursive: true });
    mkdirSync(join(folder, ".cargo"), { recursive: true });
    writeFileSync(join(folder, ".cargo", "config.toml"), FLAGS);
    writeFileSync(join(folder, "Cargo.toml"), CARGO_TOML);
    const definition = `pub extern "C" fn answer() -> u32 {\n    ${answer}\n}\n`;
    writeFileSync(join(folder, "src", "lib.rs"), `#[unsafe(no_mangle)]\n${definition}`);
  },
};

function build(language, folder) {
  const module = join(folder, "out.wasm");
  const script = `sdk/${language}/build`;
  const { status, stderr } = spawnSync("sh", [script, folder, module], { encoding: "utf8" });
  return { status, stderr, module };
}

async function answerOf(language, folder) {
  const { status, stderr, module } = build(language, folder);
  assert.equal(status, 0, stderr);
  const compiled = await WebAssembly.compile(readFileSync(module));
  const imports = {};
  for (const { module: group, name } of WebAssembly.Module.imports(compiled)) {
    imports[group] ??= {};
    imports[group][name] = () => 0;
  }
  return (await WebAssembly.instantiate(compiled, imports)).exports.answer();
}

for (const language of ["c", "rust"]) {
  describe(language, () => {
    const first = join(scratch, language, "first project");
    const second = join(scratch, language, "second");

    test("two projects of one name keep apart", async () => {
      PROJECTS[language](first, 11);
      PROJECTS[language](second, 22);
      for (let round = 0; round < 2; round++) {
        assert.equal(await answerOf(language, first), 11);
        assert.equal(await answerOf(language, second), 22);
      }
    });

    test("the same sources in two places give the same bytes", async () => {
      PROJECTS[language](second, 11);
      assert.equal(await answerOf(language, second), 11);
      assert.equal(await answerOf(language, first), 11);
      assert.ok(readFileSync(join(first, "out.wasm")).equals(readFileSync(join(second, "out.wasm"))));
    });

    test("what cannot be compiled fails, and leaves the module before it alone", async () => {
      const before = readFileSync(join(first, "out.wasm"));
      const entries = readdirSync(first).sort();
      PROJECTS[language](first, "no number");
      const { status, stderr, module } = build(language, first);
      assert.notEqual(status, 0);
      assert.match(stderr, /error/);
      assert.ok(readFileSync(module).equals(before));
      assert.deepEqual(readdirSync(first).sort(), entries);
    });

    test("a folder without functions is named", () => {
      const empty = join(scratch, language, "empty");
      mkdirSync(empty);
      const { status, stderr } = build(language, empty);
      assert.notEqual(status, 0);
      assert.ok(stderr.includes(empty), stderr);
      assert.deepEqual(readdirSync(empty), []);
    });
  });
}

/*
 * A project in one workspace with the library beside it, as the examples are with the SDK, all files
 * a day old. Cargo knows what is in a workspace by its path there, which is the same in each copy.
 */
function copyWithLibrary(copy, answer) {
  const files = {
    "sdk/Cargo.toml": `[workspace]\nresolver = "2"\nmembers = ["library", "../project"]\n\n[profile.release]\n${PROFILE}`,
    "sdk/library/Cargo.toml": '[package]\nname = "library_beside"\nversion = "0.1.0"\nedition = "2024"\n',
    "sdk/library/src/lib.rs": `pub const ANSWER: u32 = ${answer};\n`,
    "project/Cargo.toml":
      `${CARGO_TOML.split("[workspace]")[0].replace("\n\n[lib]", '\nworkspace = "../sdk"\n\n[lib]')}` +
      '[dependencies]\nlibrary_beside = { path = "../sdk/library" }\n',
  };
  PROJECTS.rust(join(copy, "project"), "library_beside::ANSWER");
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    writeFileSync(join(copy, file), text);
  }
  const yesterday = Date.now() / 1000 - 86400;
  for (const file of [...Object.keys(files), "project/src/lib.rs"]) utimesSync(join(copy, file), yesterday, yesterday);
  return join(copy, "project");
}

test("two copies of a library beside its project keep apart", async () => {
  const projects = [11, 22].map((answer) => copyWithLibrary(join(scratch, `copy ${answer}`), answer));
  for (let round = 0; round < 2; round++) {
    assert.equal(await answerOf("rust", projects[0]), 11);
    assert.equal(await answerOf("rust", projects[1]), 22);
  }
});
