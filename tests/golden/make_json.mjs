// Makes tests/golden/json.h: how JavaScript prints and reads numbers and strings. Run by hand when
// the set of cases changes: node tests/golden/make_json.mjs > tests/golden/json.h

const view = new DataView(new ArrayBuffer(8));

function bits(number) {
  view.setFloat64(0, number);
  return "0x" + view.getBigUint64(0).toString(16).padStart(16, "0");
}

function fromBits(big) {
  view.setBigUint64(0, BigInt.asUintN(64, big));
  return view.getFloat64(0);
}

// A generator of our own, so that the file comes out the same each time.
let state = 0x9e3779b97f4a7c15n;
function next() {
  state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
  return BigInt.asUintN(64, (state >> 29n) ^ (state << 13n));
}

const numbers = new Set();
function add(...list) {
  for (const number of list) {
    if (Number.isFinite(number) && !Object.is(number, -0)) {
      numbers.add(number);
    }
  }
}

add(0, 1, -1, 9, 10, 99, 100, 12345, -12345, 0.1, 0.2, 0.1 + 0.2, 1 / 3, -2 / 3, Math.PI, 5e-324);
add(Number.MAX_VALUE, Number.MIN_VALUE, Number.EPSILON, 2.2250738585072014e-308, 1700000000000.5);
for (const power of [7, 8, 16, 24, 31, 32, 52, 53, 54, 62, 63, 64, 69, 70, 71, 100, 1023]) {
  const number = 2 ** power;
  add(number, -number, number - 1, number + 1, 1 / number, number * 1.1);
}
for (let exponent = -324; exponent <= 308; exponent += exponent > -30 && exponent < 30 ? 1 : 13) {
  add(Number(`1e${exponent}`), Number(`-9.87654321e${exponent}`), Number(`1.5e${exponent}`));
}
for (let i = 0; i < 120; i++) {
  add(fromBits(next()));
  add(Number(next() % 10n ** BigInt(i % 19)) / 10 ** (i % 23));
}

const readings = [
  "0", "-0", "-0.0", "0e0", "0.0", "1.0", "1E2", "1e+2", "1e-2", "10e-1", "123456789012345678",
  "9007199254740993", "-9007199254740993", "9223372036854775807", "9223372036854775808",
  "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
  "123456789012345678901234567890", "0.1", "0.30000000000000004", "1e-400", "-1e-400", "5e-324",
  "2.4703282292062327e-324", "2.4703282292062328e-324", "1.7976931348623157e308",
  "1.7976931348623158e308", "0.000001", "1e22", "1e23", "8.41e21", "2.2250738585072011e-308",
  "0.5000000000000000000000000000000000000000000000000001",
];

const characters = [];
for (let code = 0; code < 0x100; code++) {
  characters.push(code);
}
characters.push(0x7ff, 0x800, 0x2028, 0x2029, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xffff, 0x10000);
characters.push(0x1f600, 0x10ffff);

const cString = (bytes) => {
  let text = '"';
  for (const byte of bytes) {
    text += `\\${byte.toString(8).padStart(3, "0")}`;
  }
  return `${text}"`;
};
const utf8 = (text) => new TextEncoder().encode(text);
const cText = (text) => {
  const bytes = utf8(text);
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f)
    ? JSON.stringify(text)
    : cString(bytes);
};

const lines = [
  "/*",
  " * How JavaScript prints and reads numbers and strings; made by tests/golden/make_json.mjs.",
  " */",
  "#ifndef GOLDEN_JSON_H",
  "#define GOLDEN_JSON_H",
  "",
  "#include <stddef.h>",
  "#include <stdint.h>",
  "",
  "struct golden_number {",
  "    uint64_t bits; /* of the double */",
  "    const char *text;",
  "};",
  "",
  "/* JSON.stringify(number). */",
  "static const struct golden_number golden_printed[] = {",
  ...[...numbers].map((number) => `    {${bits(number)}, ${cText(JSON.stringify(number))}},`),
  "};",
  "",
  "/* JSON.parse(text). */",
  "static const struct golden_number golden_read[] = {",
  ...readings.map((text) => `    {${bits(JSON.parse(text))}, ${cText(text)}},`),
  "};",
  "",
  "struct golden_string {",
  "    const char *bytes; /* UTF-8 of one character */",
  "    size_t size;",
  "    const char *text; /* JSON.stringify(string) */",
  "};",
  "",
  "static const struct golden_string golden_strings[] = {",
  ...characters.map((code) => {
    const text = String.fromCodePoint(code);
    const bytes = utf8(text);
    return `    {${cString(bytes)}, ${bytes.length}, ${cText(JSON.stringify(text))}},`;
  }),
  "};",
  "",
  "#endif",
];
console.log(lines.join("\n"));
