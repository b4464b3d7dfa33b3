/*
 * Every command of docs/operating.md, in its order: those in blocks for the shell and those in the
 * text. A service manager stands in for systemd and starts what the unit says; `sudo`, `apt`, an editor
 * and `journalctl` are stand-ins, too. Changed on the way are only places and ports, and what the page
 * leaves open (a key, a date, a file). A command that this test does not know how to run fails it.
 *
 * `cordon WORD` alone is the name of a command, and must have a help.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { cordon, example, newFolder } from '../support/cordon.mjs';

const PAGE = readFileSync('docs/operating.md', 'utf8');
const folder = newFolder();
const places = Object.fromEntries(['bin', 'data', 'etc', 'state'].map((name) => [name, join(folder, name)]));
for (const place of Object.values(places)) mkdirSync(place);
symlinkSync(places.data, join(folder, 'cordon-data'));

const port = await new Promise((done) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port: free } = server.address();
    server.close(() => done(free));
  });
});
const url = `http://127.0.0.1:${port}`;

/* -- The machine ---------------------------------------------------------------------------- */

const inPlace = (text) =>
  text.replaceAll('/var/lib/cordon', places.data).replaceAll('/etc/cordon', places.etc).replaceAll('127.0.0.1:3210', `127.0.0.1:${port}`);

const unit = inPlace(readFileSync('packaging/cordon.service.in', 'utf8')
  .replaceAll('@CORDON_BIN@', places.bin).replaceAll('@CORDON_ETC@/cordon', places.etc));
const [, start] = unit.match(/^ExecStart=(.*)$/m);

const script = (name, text) => {
  writeFileSync(join(places.bin, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(places.bin, name), 0o755);
};
symlinkSync(resolve(cordon), join(places.bin, 'cordon'));
script('sudo', '[ "$1" != -u ] || shift 2\nexec "$@"');
script('apt', `
case "$*" in
    'install ./'*.deb) ;;
    'remove cordon' | 'purge cordon') systemctl stop cordon ;; # as the package's prerm does
    *) exit 1 ;;
esac`);
script('userdel', '[ "$*" = cordon ]');
script('editor', `[ -f "$1" ] && grep -q listen "$1"`);
script('make', 'case $1 in deb) ;; install) [ -n "${2#PREFIX=}" ] ;; *) exit 1 ;; esac');
script('journalctl', `[ "$*" = "-u cordon -o cat" ] && cat '${folder}/log'`);
script('dmesg', ':');
script('chown', '[ "$1" = -R ] && [ "$2" = cordon: ] && [ -d "$3" ]');
script('systemctl', `
go() {
    ${start} >'${folder}/out' 2>>'${folder}/log' </dev/null &
    echo $! >'${places.state}/pid'
    for tries in $(seq 600); do
        curl -sf -o '${folder}/up' ${url}/version && return
        kill -0 $! || exit 1
        sleep 0.1
    done
    exit 1
}
end() {
    [ -f '${places.state}/pid' ] || return 0
    pid=$(cat '${places.state}/pid')
    rm '${places.state}/pid'
    kill "$pid" && while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}
case "$*" in
    'enable --now cordon' | 'start cordon') [ -f '${places.state}/pid' ] || go ;;
    'restart cordon') end; go ;;
    'stop cordon') end ;;
    'reload cordon') kill -HUP "$(cat '${places.state}/pid')" ;;
    'edit cordon') ;;
    *) echo "unknown: $*" >&2; exit 1 ;;
esac`);
writeFileSync(join(places.etc, 'config.json'), JSON.stringify({
  ...JSON.parse(inPlace(readFileSync('packaging/config.json', 'utf8'))),
  audit_checkpoint_file: join(places.data, 'checkpoints'),
  audit_interval_ms: 100,
}));
writeFileSync(join(folder, 'api-key.txt'), 'secret\n');

/* -- The commands --------------------------------------------------------------------------- */

const WORDS = /^(?:[A-Z_]+=\S+ )?(?:sudo|cordon|curl|systemctl|journalctl|make|dmesg|kill|apt)(?: |$)/;

function commandsOf(page) {
  const found = [];
  let block;
  for (const [, language, lines, inline] of page.matchAll(/^```(\w*)\n([\s\S]*?)^```$|`([^`]+)`/gm)) {
    if (inline !== undefined) {
      const command = inline.replace(/\s+/g, ' ');
      if (WORDS.test(command) && command !== 'cordon') found.push(command);
    } else if (language === '' || language === 'sh') {
      block = lines.replace(/\\\n\s*/g, '').split('\n').map((line) => line.replace(/\s+#.*$/, '').trim()).filter((line) => line !== '');
      found.push(...block);
    }
  }
  return found;
}

let key = '';

/* The id of a key that nobody needs. */
function spareKey() {
  assert.equal(shell(`cordon keygen admin --data ${places.data}`).code, 0);
  const keys = JSON.parse(shell(`cordon key list --data ${places.data} --format json`).said);
  return keys.sort((a, b) => a.madeMs - b.madeMs).at(-1).id;
}

/* What the page leaves open, and what only this machine has otherwise. */
function written(command) {
  const open = [
    [/^CORDON_ADMIN_KEY=… /, ''],
    [/https:\/\/functions\.example\.org/, url],
    [/\bmessages\.wasm\b/, resolve(example('messages_c'))],
    [/--checkpoint FILE/, `--checkpoint ${places.data}/checkpoints`],
    [/^((?:sudo )?cordon (?:backup|restore) .*) FILE$/, `$1 ${folder}/backup`],
    [/NAME=VALUE/, 'GREETING=hello'],
    [/unset NAME/, 'unset GREETING'],
    [/revoke ID/, () => `revoke ${spareKey()}`],
    [/show --key ID/, () => `show --key ${spareKey()}`],
    [/--before DATE/, '--before 2020-01-01'],
    [/--data DIR/, `--data ${places.data}`],
  ];
  const text = open.reduce((line, [from, to]) => line.replace(from, to), inPlace(command));
  const asks = /^cordon (rollback|env|logs|deploy|tenant)\b/.test(text) && !/--(url|data)\b/.test(text);
  return asks ? `${text} --url ${url}` : text;
}

/* What comes of a command, where that is not exit code 0 and anything said. */
const EXPECTED = {
  'cordon logs --follow': { code: 124, before: 'timeout 2 ' }, /* it goes on until somebody ends it */
  'cordon env list': { says: /GREETING=hello/ },
  'cordon rollback --list': { says: /^\* 1 / },
  'journalctl -u cordon -o cat': { says: /"event":|"path":|cordon/ },
  'cordon audit show --kind deploy': { says: /deploy/ },
  'cordon verify --data DIR': { stopped: true },
};

function shell(line) {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', line], {
    cwd: folder,
    env: { ...process.env, PATH: `${places.bin}:${process.env.PATH}`, CORDON_ADMIN_KEY: key },
    encoding: 'utf8',
    timeout: 100000,
  });
  return { code: status, said: stdout, all: stdout + stderr };
}

const commands = commandsOf(PAGE);

test('the page has commands', () => {
  assert.ok(commands.length > 15, commands.join('\n'));
});

for (const command of commands) {
  test(command, () => {
    const name = command.match(/^cordon (\w+)$/)?.[1] ?? command.match(/^cordon help (\w+)$/)?.[1];
    const flag = command.match(/^cordon (\w+) (--\w+)$/);
    const expected = { ...EXPECTED[command] };
    if (name !== undefined) {
      assert.equal(shell(`cordon help ${name}`).code, 0, command);
      return;
    }
    if (flag !== null && EXPECTED[command] === undefined) { /* a flag of a command, in the text */
      assert.ok(shell(`cordon help ${flag[1]}`).said.includes(flag[2]), command);
      return;
    }
    if (expected.stopped) shell('systemctl stop cordon');
    const { code, said, all } = shell((expected.before ?? '') + written(command));
    assert.equal(code, expected.code ?? 0, `${written(command)}\n${all}`);
    if (expected.says !== undefined) assert.match(said, expected.says);
    if (/keygen admin(?! --tenant)/.test(command)) key = said.trim().split(/\s+/).at(-1);
    if (/systemctl stop|^kill/.test(command) || expected.stopped) assert.equal(shell('systemctl start cordon').code, 0);
  });
}

test('and the service stops', () => assert.equal(shell('systemctl stop cordon').code, 0));
