// The processor time a process has used, as the kernel counts it: what others do on the machine is not in it.
import { readFileSync } from 'node:fs';

/** The kernel counts in hundredths of a second. */
const tickMs = 10;

/** Milliseconds of user and system time of all its threads. */
export const cpuMsOf = (pid: number): number => cpuMsIn(`/proc/${pid}/stat`);

/** Of its first thread alone: where Node runs its event loop. */
export const mainThreadMsOf = (pid: number): number => cpuMsIn(`/proc/${pid}/task/${pid}/stat`);

function cpuMsIn(file: string): number {
  const text = readFileSync(file, 'utf8');
  // The name of the program, in parentheses, may have spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  return (userTicks + systemTicks) * tickMs;
}

/** Milliseconds that all processors of this machine were not idle. */
export function machineBusyMs(): number {
  const [, ...ticks] = (readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '').split(/\s+/);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = ticks.map(Number);
  return (user + nice + system + irq + softIrq + steal) * tickMs;
}
