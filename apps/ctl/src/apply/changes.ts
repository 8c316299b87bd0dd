// What a change changed, as the control plane tells it, for people and for programs.
import type { Diagnostic, Origin } from '@xebec/std';
import { diagnosticsOf, originOf } from '../admin/control-plane.ts';
import { at, numberOf, objectsOf, textOf } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import { paletteFor } from '../output/colour.ts';
import { inOneLine } from '../output/printable.ts';

export interface Change {
  readonly key: string;
  /** `created`, `configured`, `unchanged` or `deleted`. */
  readonly change: string;
  readonly origin: Origin;
}

export interface Applied {
  /** Absent when nothing changed. */
  readonly revision?: number;
  readonly changes: readonly Change[];
  readonly warnings: readonly Diagnostic[];
}

export function readApplied(value: unknown): Applied {
  const revision = numberOf(at(value, 'revision'));
  return {
    ...(revision === undefined ? {} : { revision }),
    changes: objectsOf(at(value, 'changes')).map((change) => ({
      key: textOf(change['key']),
      change: textOf(change['change']),
      origin: originOf(change['origin']),
    })),
    warnings: diagnosticsOf(at(value, 'warnings')),
  };
}

/** `virtualservice/reviews configured`, with the namespace where it is not the default one. */
export function printChanges(cli: Cli, applied: Applied, note = ''): void {
  const palette = paletteFor(cli, cli.stdout);
  const paints: Readonly<Record<string, (text: string) => string>> = {
    created: palette.green,
    configured: palette.yellow,
    deleted: palette.red,
  };
  for (const { key, change } of applied.changes) {
    const paint = paints[change] ?? palette.dim;
    cli.stdout.write(`${inOneLine(shownKey(key))} ${paint(change)}${note}\n`);
  }
}

/** `virtualservice/reviews`, or `virtualservice/reviews -n shop`. */
export function shownKey(key: string): string {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  const where = namespace === '' || namespace === 'default' ? '' : ` -n ${namespace}`;
  return `${kind.toLowerCase()}/${name}${where}`;
}
