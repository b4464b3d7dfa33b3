// Makes tests/golden/source_map.h: maps at random, and what Node's own reader says about places in
// them. Run by hand when the cases change: node tests/golden/make_source_map.mjs > tests/golden/source_map.h
import { SourceMap } from "node:module";

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function encode(number) {
  let rest = number < 0 ? (-number * 2) + 1 : number * 2;
  let text = "";
  do {
    const digit = rest % 32;
    rest = Math.floor(rest / 32);
    text += digits[rest > 0 ? digit + 32 : digit];
  } while (rest > 0);
  return text;
}

// A generator of our own, so that the file comes out the same each time.
let state = 0x9e3779b97f4a7c15n;
function random(below) {
  state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
  return Number((state >> 33n) % BigInt(below));
}

function makeMap(lineCount, segmentsMax, stride) {
  const map = {
    version: 3,
    sources: ["a.ts", "b/c.ts", "d.ts"],
    names: ["one", "two", "three", "four"],
    mappings: "",
  };
  let [source, line, column, name] = [0, 0, 0, 0];
  const sourced = new Set(); // the generated positions that have a source, or a name
  const named = new Set();
  const difference = (before, below) => {
    const now = random(below);
    return [now, encode(now - before)];
  };
  for (let i = 0; i < lineCount; i++) {
    const segments = [];
    let at = 0;
    for (let k = random(segmentsMax + 1); k > 0; k--) {
      const step = 1 + random(stride);
      at += step;
      let text = encode(step);
      if (random(5) > 0) {
        sourced.add(`${i}:${at}`);
        let part;
        for (const below of [3, 3000, 200]) {
          if (below === 3) [source, part] = difference(source, below);
          else if (below === 3000) [line, part] = difference(line, below);
          else [column, part] = difference(column, below);
          text += part;
        }
        if (random(2) > 0) {
          [name, part] = difference(name, 4);
          text += part;
          named.add(`${i}:${at}`);
        }
      }
      segments.push(text);
    }
    map.mappings += (i > 0 ? ";" : "") + segments.join(",");
  }
  return [map, sourced, named];
}

// Where no name or no source is given, Node's reader goes on with the last one, as it does from one line
// to the next; a map means that there is none.
function answer(reader, [, sourced, named], line, column) {
  const entry = reader.findEntry(line, column);
  const position = `${line}:${entry.generatedColumn}`;
  if (entry.generatedLine !== line || !sourced.has(position)) return "";
  const name = named.has(position) ? entry.name : "";
  return `${entry.originalSource} ${entry.originalLine + 1} ${entry.originalColumn + 1} ${name}`;
}

function print(label, made, places) {
  const reader = new SourceMap(made[0]);
  places.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const text = JSON.stringify(made[0]);
  console.log(`static const char ${label}_json[] =`);
  for (let at = 0; at < text.length; at += 64) {
    const end = at + 64 >= text.length ? ";" : "";
    console.log(`    ${JSON.stringify(text.slice(at, at + 64))}${end}`);
  }
  console.log(`static const struct vector ${label}_vectors[] = {`);
  for (const [line, column] of places) {
    console.log(`    {${line}, ${column}, "${answer(reader, made, line, column)}"},`);
  }
  console.log("};\n");
}

console.log(`/*
 * Maps at random, and what Node's own reader says about them; made by make_source_map.mjs.
 */
#ifndef GOLDEN_SOURCE_MAP_H
#define GOLDEN_SOURCE_MAP_H

#include <stdint.h>

struct vector {
    uint32_t line;
    uint32_t column;
    const char *wanted; /* SOURCE LINE COLUMN NAME, or nothing */
};

/* clang-format off */
`);
print("bundle", makeMap(24, 9, 12), Array.from({ length: 64 }, () => [random(26), random(60)]));
print("module", makeMap(1, 300, 40), Array.from({ length: 64 }, () => [0, random(3000)]));
console.log("/* clang-format on */\n\n#endif");
