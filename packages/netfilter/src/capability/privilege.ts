// What this process may do to the kernel.
import { readFileSync } from 'node:fs';

/** Their numbers in the kernel's header linux/capability.h. */
const numbers = { CAP_SETGID: 6n, CAP_SETUID: 7n, CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n } as const;

export type Capability = keyof typeof numbers;

/** Whether it holds all of them. */
export function hasCapabilities(...needed: readonly Capability[]): boolean {
  try {
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    const held = BigInt(`0x${effective ?? '0'}`);
    return needed.every((name) => (held & (1n << numbers[name])) !== 0n);
  } catch {
    return false;
  }
}
