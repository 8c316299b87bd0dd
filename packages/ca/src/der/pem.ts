// PEM (RFC 7468), read strictly: blocks and blank lines only, so that damage anywhere in a file is seen.
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { refuse } from '../refusal.ts';

export interface PemBlock {
  readonly label: string;
  readonly der: Buffer;
}

/** One block with lines of 64 characters and a final newline. */
export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** Every block of `text` in order; text outside blocks is refused. */
export function parsePem(text: string): Result<readonly PemBlock[]> {
  const blocks: PemBlock[] = [];
  let open: { readonly label: string; readonly lines: string[] } | undefined;
  for (const line of text.split(/\r?\n/)) {
    const mark = /^-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----$/.exec(line);
    if (open === undefined) {
      if (line.trim() === '') continue;
      if (mark?.[1] !== 'BEGIN' || mark[2] === undefined) return malformed('text outside the blocks');
      open = { label: mark[2], lines: [] };
    } else if (mark === null) {
      open.lines.push(line);
    } else {
      const der = decodeBase64(open.lines.join(''));
      if (mark[1] !== 'END' || mark[2] !== open.label || der === undefined)
        return malformed('a broken block');
      blocks.push({ label: open.label, der });
      open = undefined;
    }
  }
  return open === undefined ? succeed(blocks) : malformed('a block without its end');
}

const malformed = (why: string): Result<never> =>
  refuse({
    code: 'malformed-pem',
    message: `the PEM text is malformed: ${why}`,
    remedy: 'write it again as whole PEM blocks with nothing around them',
  });

/** Canonical base64 only: padding present, no stray bits. */
function decodeBase64(text: string): Buffer | undefined {
  if (text.length === 0) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
