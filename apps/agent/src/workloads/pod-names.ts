// Names of Pods: the workload, a hash of its template, and a suffix that is the same for the same replica after every start.
import { hashText, stableStringify } from '@xebec/std';

/** Kubernetes' alphabet: no vowels, so no words, and nothing that looks like something else. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const longestName = 63;

const letters = (hex: string, length: number): string => {
  let rest = BigInt(`0x${hex}`);
  let text = '';
  while (text.length < length) {
    text += alphabet[Number(rest % BigInt(alphabet.length))] ?? '';
    rest /= BigInt(alphabet.length);
  }
  return text;
};

/** Of everything that makes one Pod differ from another of the same workload. */
export const templateHash = (namespace: string, template: unknown): string =>
  letters(hashText(`${namespace}\n${stableStringify(template)}`), 9);

/** The name of the replica with this number; long names of workloads are cut, their hash keeps them apart. */
export function podName(workload: string, hash: string, replica: number): string {
  const tail = `-${hash}-${letters(hashText(`${workload}/${hash}/${replica}`), 5)}`;
  return `${workload.slice(0, longestName - tail.length)}${tail}`;
}

/** The first replica's name that is not in use. */
export function freePodName(workload: string, hash: string, isTaken: (name: string) => boolean): string {
  for (let replica = 0; ; replica += 1) {
    const name = podName(workload, hash, replica);
    if (!isTaken(name)) return name;
  }
}
