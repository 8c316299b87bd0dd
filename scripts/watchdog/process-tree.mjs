// What a process and those it started are doing, as the kernel tells it, and their end. Without /proc: only the process.
import { readdirSync, readFileSync } from 'node:fs';

const lineLimit = 200;

const read = (pid, file) => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
};

/** A process with the moment it began: a pid alone may mean another one later. */
function look(pid) {
  const stat = read(pid, 'stat');
  // The name in parentheses may hold anything; fields count from after the last one.
  const [state, parent, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' ? undefined : { pid, state, parent: Number(parent), start: rest[17] };
}

function allProcesses() {
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (look(Number(name)) ?? []) : []));
  } catch {
    return [];
  }
}

/** A process and all that it started, the first one first; those that left their parents are not found. */
export function treeOf(pid) {
  const all = allProcesses();
  const root = all.find((each) => each.pid === pid);
  if (root === undefined) return [];
  const tree = [root];
  for (const each of tree) tree.push(...all.filter(({ parent }) => parent === each.pid));
  return tree;
}

/** One line a process: pid, state, where in the kernel it waits, how it was called. */
export function describeTree(tree) {
  return tree.map(({ pid, state }) => {
    const line = read(pid, 'cmdline').replaceAll('\0', ' ').replace(/\s+/g, ' ').trim();
    const called = line === '' ? `(${read(pid, 'comm').trim()})` : line.slice(0, lineLimit);
    const waits = read(pid, 'wchan').trim();
    return `pid ${pid} ${state ?? '?'} ${waits === '' || waits === '0' ? '-' : waits} ${called}`;
  });
}

function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone.
  }
}

/** Ends the first of a tree at once, and after a moment for guards to clean up what is still left of the others. */
export async function endTree(tree, graceMs = 3_000) {
  const [first, ...others] = tree;
  if (first === undefined) return;
  send(first.pid, 'SIGKILL');
  await new Promise((resolve) => setTimeout(resolve, graceMs));
  for (const { pid, start } of others) if (look(pid)?.start === start) send(pid, 'SIGKILL');
}
