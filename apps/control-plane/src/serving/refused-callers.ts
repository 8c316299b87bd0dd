// Who was not let in, as lines of the log. The rule: every refusal is counted, and a flood of them writes little.
import type { Diagnostic } from '@xebec/std';
import type { StreamEvent } from '@xebec/xds';

const burst = 20;
const perSecond = 1;

export function watchRefusedCallers(
  onProblem: (diagnostic: Diagnostic) => void,
  clock: () => number = Date.now,
): { readonly observe: (event: StreamEvent) => void } {
  let [untold, left, filledAtMs] = [0, burst, clock()];
  return {
    observe(event) {
      if (event.kind !== 'refused') return;
      const nowMs = clock();
      left = Math.min(burst, left + (Math.max(0, nowMs - filledAtMs) * perSecond) / 1_000);
      filledAtMs = nowMs;
      if (left < 1) {
        untold += 1;
        return;
      }
      left -= 1;
      onProblem(refusalOf(event, untold));
      untold = 0;
    },
  };
}

const quote = (text: string): string => JSON.stringify(text.slice(0, 200));

type Refused = Extract<StreamEvent, { kind: 'refused' }>;

function refusalOf({ peer, node, reason }: Refused, untold: number): Diagnostic {
  const proven = peer.identities.length === 0 ? 'nothing proven' : peer.identities.map(quote).join(', ');
  const said = node === undefined ? '' : `, node ${quote(node)}`;
  const more = untold === 0 ? '' : ` (and ${untold} more since the last line)`;
  return {
    severity: 'warning',
    code: 'xds-refused',
    message: `discovery refused to ${peer.address} (${peer.isPlaintext ? 'plaintext' : proven}${said}): ${reason}${more}`,
    remedy: 'if it is one of yours, give it a certificate and a node of one namespace and service account',
  };
}
