// Hears from the control plane what to trust and who signs, and says what is in force here, so that an exchange of authorities waits for policy services, too.
import { decodeBundle, encodeReport, FOLLOW_PATH } from '@xebec/ca';
import type { PolicyIdentity } from './identity.ts';
import type { StreamUse } from './upstream.ts';

/** `node`: as that of a proxy, `policy~IP~NAME.NAMESPACE~DOMAIN`. */
export function followTrust(identity: PolicyIdentity, node: string): StreamUse & Disposable {
  let write: ((message: Buffer) => void) | undefined;
  let bundle = '';
  const report = (): void => {
    const { issuer, serial, notBefore, notAfter } = identity.current;
    if (bundle !== '')
      write?.(encodeReport({ node, bundle, issuer, serial, notBefore, notAfter, problem: '' }));
  };
  const changes = identity.subscribe(report);
  return {
    path: FOLLOW_PATH,
    opened(send) {
      write = send;
    },
    received(message) {
      const told = decodeBundle(message);
      if (told === undefined) return;
      bundle = told.hash;
      identity.trust(told);
      report();
    },
    lost() {
      write = undefined;
    },
    [Symbol.dispose]: () => changes[Symbol.dispose](),
  };
}
