// The text of the guard: a process that outlives its owner by a moment, to end what the owner would leave behind.
// It is a text so that it stays one piece when the command is bundled.

/**
 * Arguments: the mark and the milliseconds between SIGTERM and SIGKILL. Standard input: lines `+ PID START` and
 * `- PID`. When the input ends, the owner is gone: the process groups named by the lines are ended if their leader is
 * still the process it was, and so is every process that carries the mark in its environment (Linux only).
 */
export const guardProgram = String.raw`
const { readFileSync, readdirSync } = require('node:fs');
const { execFileSync } = require('node:child_process');
const [mark, graceMs] = process.argv.slice(1);
const isLinux = process.platform === 'linux';
const leaders = new Map();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => {});

function startOf(pid) {
  try {
    if (!isLinux) return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 5_000, killSignal: 'SIGKILL' }).trim();
    const text = readFileSync('/proc/' + pid + '/stat', 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function marked() {
  if (!isLinux) return [];
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return false;
    try {
      return readFileSync('/proc/' + name + '/environ', 'latin1').split('\0').includes('XEBEC_GUARD=' + mark);
    } catch {
      return false;
    }
  });
}

function signalAll(signal) {
  let left = 0;
  const send = (pid) => {
    try {
      process.kill(pid, signal);
      left += 1;
    } catch {}
  };
  for (const [pid, start] of leaders) if (startOf(pid) === start) send(-pid);
  for (const pid of marked()) if (startOf(pid) !== undefined) send(Number(pid));
  return left;
}

function end() {
  if (signalAll('SIGTERM') === 0) process.exit(0);
  const deadline = Date.now() + Number(graceMs);
  const look = () => {
    if (signalAll(Date.now() < deadline ? 0 : 'SIGKILL') === 0) process.exit(0);
    if (Date.now() > deadline + 5000) process.exit(1);
    setTimeout(look, 50);
  };
  look();
}

let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (text) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop();
  for (const line of lines) {
    const [sign, pid, ...start] = line.split(' ');
    if (sign === '+') leaders.set(Number(pid), start.join(' '));
    else leaders.delete(Number(pid));
  }
});
process.stdin.on('error', end);
process.stdin.on('end', end);
`;
