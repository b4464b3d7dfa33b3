/* Sections of a module: writing custom ones, and finding them. */

function leb128(number) {
  const bytes = [];
  do {
    bytes.push((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
    number >>>= 7;
  } while (number > 0);
  return Buffer.from(bytes);
}

/* [the number at that place, where it ends]. */
function readLeb128(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

export function customSection(name, content) {
  const rest = Buffer.concat([leb128(Buffer.byteLength(name)), Buffer.from(name), Buffer.from(content)]);
  return Buffer.concat([Buffer.from([0]), leb128(rest.length), rest]);
}

/* Each custom section: its name, where it starts, and [from, to) of its content. */
export function* customSections(bytes) {
  for (let at = 8; at < bytes.length;) {
    const start = at;
    const [size, content] = readLeb128(bytes, at + 1);
    at = content + size;
    if (bytes[start] === 0) {
      const [length, name] = readLeb128(bytes, content);
      yield { name: bytes.toString('latin1', name, name + length), start, from: name + length, to: at };
    }
  }
}
