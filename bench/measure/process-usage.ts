// CPU and memory of a process with its children, as Linux accounts for them under /proc.
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  /** Sum of each process's highest. */
  readonly peakRssBytes: number;
}

const ticksPerSecond = 100;

/** Gone processes read as empty. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Fields of /proc/PID/stat after the name, which may hold anything. */
const statFields = (pid: number): string[] => {
  const text = read(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};

/** CPU of children that ended and were waited for; in ticks of 10 ms. */
const endedChildrenSeconds = (pid: number): number => {
  const fields = statFields(pid);
  return (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) / ticksPerSecond;
};

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** utime+stime, from the scheduler's own count in nanoseconds where the kernel keeps it. */
export function cpuSeconds(pid: number): number {
  const fields = statFields(pid);
  const ticks = (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond;
  let nanoseconds = 0;
  for (const thread of threadsOf(pid))
    nanoseconds += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] ?? 0);
  const exact = nanoseconds / 1e9;
  // Threads that ended are missing in the exact count; ticks tell when that matters.
  return exact > 0 && exact > ticks - 0.5 ? exact : ticks;
}

function memory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(read(`/proc/${pid}/status`));
  return Number(line?.[1] ?? 0) * 1024;
}

/** A process and everything it started. */
export function processTree(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statFields(Number(name))[1] ?? 0);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = [root];
  for (let i = 0; i < found.length; i++) found.push(...(children.get(found[i] ?? 0) ?? []));
  return found;
}

/** One process by itself: cheap enough to ask often. */
export const measureOne = (pid: number): ProcessUsage => ({
  cpuSeconds: cpuSeconds(pid),
  rssBytes: memory(pid, 'VmRSS'),
  peakRssBytes: memory(pid, 'VmHWM'),
});

export function measureProcess(root: number): ProcessUsage {
  const usage = { cpuSeconds: 0, rssBytes: 0, peakRssBytes: 0 };
  for (const pid of processTree(root)) {
    usage.cpuSeconds += cpuSeconds(pid) + endedChildrenSeconds(pid);
    usage.rssBytes += memory(pid, 'VmRSS');
    usage.peakRssBytes += memory(pid, 'VmHWM');
  }
  return usage;
}
