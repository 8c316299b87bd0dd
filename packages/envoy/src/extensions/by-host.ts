// A filter for requests to some ports, in a listener of all ports: requests that name another port pass it by.
import type { Any } from '@bufbuild/protobuf/wkt';
import { skipFilter } from './skip-filter.ts';

/** Who writes no port means 80. */
const pattern = (ports: readonly number[]): string =>
  [`.*:(${ports.join('|')})`, ...(ports.includes(80) ? ['[^:]*', '\\[.*\\]'] : [])].join('|');

export const byHost = (name: string, typedConfig: Any, ports: readonly number[]): Any =>
  skipFilter({ name, typedConfig }, { regex: pattern(ports), isInverted: true });
